"""table_pipeline: scikit-learn's Pipeline, known labels, and what is in its last step."""

import pickle
import warnings

import numpy as np
import pytest
from conftest import slow_but
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, load, save
from lofe_sklearn.datasets import make_transactions
from lofe_sklearn.inspection import explain
from lofe_sklearn.metrics import roc_auc
from lofe_sklearn.tabular import TableFeatures, table_pipeline

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")

X, Y = make_transactions(300, contamination=0.1, random_state=0)
X = X.drop(columns=["transaction_id", "currency"])
METHODS = ("score_samples", "decision_function", "predict")


def loe():
    return LOE(DeepSVDD(max_epochs=3), contamination=0.1, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return table_pipeline(loe()).fit(X)


def test_the_typical_row_is_kept_so_that_reasons_need_no_training_table(fitted):
    typical = fitted[0].typical_row_
    assert typical.shape == (1, X.shape[1])
    assert typical["amount"].iloc[0] in X["amount"].to_numpy()
    assert typical["category"].iloc[0] == X["category"].mode()[0]
    assert typical["time"].iloc[0] in X["time"].to_numpy()
    assert typical["online"].iloc[0] is (X["online"].mean() > 0.5)
    own, given = explain(fitted, X[:5]), explain(fitted, X[:5], background=X)
    np.testing.assert_allclose(own.contributions, given.contributions, atol=1e-6)


@pytest.mark.parametrize("zone", slow_but(["Europe/Paris"], [None, "Europe/Paris", "UTC"]))
def test_a_fitted_pipeline_in_a_file_that_holds_no_code(zone, tmp_path):
    pytest.importorskip("skops", reason="skops is not installed")
    table = X.assign(time=X["time"].dt.tz_localize(zone)) if zone else X
    pipeline = table_pipeline(loe()).fit(table)
    save(pipeline, tmp_path / "m.lofe")
    loaded = load(tmp_path / "m.lofe")
    np.testing.assert_array_equal(loaded.score_samples(table), pipeline.score_samples(table))
    assert loaded[0].typical_row_.equals(pipeline[0].typical_row_)


@pytest.mark.all_trees  # as the fixture, which is of the module
def test_it_is_a_pipeline(fitted):
    assert isinstance(fitted, Pipeline)
    assert list(fitted.named_steps) == ["tablefeatures", "loe"]
    rows = TableFeatures().fit_transform(X)
    alone = loe().fit(rows)
    for method in METHODS:
        np.testing.assert_array_equal(getattr(fitted, method)(X), getattr(alone, method)(rows))
    names = fitted[:-1].get_feature_names_out().tolist()
    assert names == list(fitted[0].feature_origin_) == fitted[-1].feature_names_in_.tolist()
    for again in (clone(fitted).fit(X), pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(again.score_samples(X), fitted.score_samples(X))
    np.testing.assert_array_equal(fitted[-1].labels_, alone.labels_)
    assert set(fitted.predict(X.iloc[:9])) <= {-1, 1}


def test_it_finds_planted_anomalies():
    pipeline = table_pipeline(LOE(AutoEncoder(), contamination=0.1, random_state=0)).fit(X)
    assert roc_auc(Y, pipeline.score_samples(X)) > 0.7


def test_known_labels(fitted):
    anomalies = Y == 1
    known = clone(fitted).fit(X, loe__known_anomalies=anomalies)
    assert (known[-1].labels_[anomalies] == -1).all()
    # The index of the table goes with the features, so that masks in another order are noticed.
    with pytest.raises(ValueError, match="LOE: known_anomalies must have the index of X"):
        clone(fitted).fit(X, loe__known_anomalies=anomalies[::-1])


def test_cleaning(fitted):
    detector = loe()
    kept, _ = detector.fit_resample(TableFeatures().fit_transform(X))
    assert kept.index.equals(X.index[detector.sample_indices_])


def test_parameters():
    pipeline = table_pipeline(loe(), keep=["amount"])
    pipeline.set_params(loe__estimator__max_epochs=1, tablefeatures__keep=[])
    assert pipeline[-1].estimator.max_epochs == 1
    assert pipeline[0].keep == []
    assert isinstance(table_pipeline()[-1], LOE)
    of_steps = table_pipeline(make_pipeline(StandardScaler(), IsolationForest(random_state=0)))
    assert of_steps.fit(X).score_samples(X).shape == (len(X),)


@pytest.mark.parametrize("detector", [LOE, IsolationForest])
def test_a_class_is_refused(detector):
    name = detector.__name__
    with pytest.raises(TypeError, match=rf"got the class {name}. Write {name}\(\)"):
        table_pipeline(detector)


def test_what_is_no_detector_is_refused():
    with pytest.raises(TypeError, match="detector must be LOE.*got str"):
        table_pipeline("LOE")


def test_searches():
    grid = {"loe__contamination": [0.05, 0.1]}
    for make in (GridSearchCV, LOESearchCV):
        search = make(table_pipeline(loe()), grid, scoring="roc_auc", cv=2, error_score="raise")
        if make is GridSearchCV:
            search.set_params(scoring=lambda pipeline, X, y: roc_auc(y, pipeline.score_samples(X)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "TableFeatures: there were no missing values")
            search.fit(X, Y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert search.predict(X).shape == (len(X),)


def test_errors_come_through(fitted):
    with pytest.raises(ValueError, match="^TableFeatures: .*'amount' is missing"):
        fitted.predict(X.drop(columns="amount"))
    with pytest.raises(ValueError, match="^TableFeatures: column 'amount' must hold"):
        table_pipeline(loe()).fit(X.assign(amount=[[1]] * len(X)))


def test_warnings_of_steps_point_to_the_line_of_the_user():
    table = make_transactions(60, random_state=0)[0].drop(columns=["transaction_id", "merchant"])
    detector = LOE(AutoEncoder(max_epochs=1), contamination=0.1, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipeline = table_pipeline(detector).fit(table)
        more = table.assign(d=1)
        for method in ("predict", "score_samples", "decision_function", "predict_proba"):
            getattr(pipeline, method)(more)
        pipeline[:-1].transform(more)
    texts = [str(warning.message) for warning in caught]
    assert len([text for text in texts if "dropped columns" in text]) == 1
    assert len([text for text in texts if "not there in the fit" in text]) == 5
    assert {warning.filename for warning in caught} == {__file__}
