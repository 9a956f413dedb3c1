"""`PyODDetector`: PyOD's own interface, end to end, on PyOD as installed."""

import importlib
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import FEW_TREES
from pyod.models.base import BaseDetector
from pyod.models.iforest import IForest
from pyod.utils.data import evaluate_print
from pyod.utils.utility import check_detector, score_to_label
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone, is_outlier_detector
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from lofe_sklearn import ICL, LOE, AutoEncoder, DeepSVDD, NeuTraL
from lofe_sklearn.adapters.pyod import PyODDetector
from lofe_sklearn.metrics import roc_auc, roc_auc_scorer


def loe(random_state=0, **parameters):
    parameters = {"n_estimators": 2, "contamination": 0.1, "init": FEW_TREES, **parameters}
    return LOE(DeepSVDD(max_epochs=4), random_state=random_state, **parameters)


@pytest.fixture
def fitted(contaminated):
    return PyODDetector(loe()).fit(contaminated[0])


ESTIMATORS = {
    "loe": loe(),
    "auto": loe(contamination="auto"),
    "DeepSVDD": DeepSVDD(max_epochs=4, random_state=0),
    "AutoEncoder": AutoEncoder(max_epochs=4, random_state=0),
    "NeuTraL": NeuTraL(max_epochs=2, random_state=0),
    "ICL": ICL(max_epochs=2, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), loe()),
    "sklearn": IsolationForest(random_state=0),
}


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_scores_are_the_estimators_with_the_other_sign(estimator, contaminated):
    X, _ = contaminated
    clf = PyODDetector(estimator).fit(X)
    want = -clone(estimator).fit(X).score_samples(X)
    np.testing.assert_array_equal(clf.decision_scores_, want)
    np.testing.assert_allclose(clf.decision_function(X[::2]), clf.decision_scores_[::2], rtol=1e-5)


def test_it_is_one_of_pyods(fitted):
    assert isinstance(fitted, BaseDetector)
    assert isinstance(fitted.fit(np.eye(5)), PyODDetector)
    check_detector(fitted)
    assert is_outlier_detector(fitted)


def test_scorers_of_the_other_sign_refuse_pyods_detectors(fitted, contaminated):
    X, y = contaminated
    for detector in (fitted, IForest(n_estimators=5).fit(X)):
        with pytest.raises(TypeError, match=f"{type(detector).__name__} has no scores .* PyOD"):
            roc_auc_scorer(detector, X, y)


def test_outliers_score_high(fitted, contaminated):
    X, y = contaminated
    assert fitted.decision_scores_[y == 1].mean() > fitted.decision_scores_[y == 0].mean()
    assert roc_auc(y, -fitted.decision_function(X)) > 0.7


@pytest.mark.parametrize("contamination", [0.01, 0.1, 0.33, 0.5])
def test_contamination_sets_the_threshold_and_nothing_else(contamination, contaminated):
    X, _ = contaminated
    clf = PyODDetector(loe(), contamination=contamination).fit(X)
    assert clf.labels_.sum() == pytest.approx(contamination * len(X), abs=1)
    assert clf.threshold_ == np.percentile(clf.decision_scores_, 100 * (1 - contamination))
    np.testing.assert_array_equal(clf.labels_, clf.decision_scores_ > clf.threshold_)
    np.testing.assert_array_equal(clf.labels_, score_to_label(clf.decision_scores_, contamination))
    np.testing.assert_array_equal(clf.decision_scores_, PyODDetector(loe()).fit(X).decision_scores_)


def test_predict_says_0_and_1(fitted, contaminated):
    X, _ = contaminated
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)
    assert set(fitted.predict(X)) == {0, 1}
    assert fitted.labels_.dtype.kind == "i"


@pytest.mark.parametrize("method", ["linear", "unify"])
def test_predict_proba(method, fitted, contaminated):
    X, _ = contaminated
    proba = fitted.predict_proba(X, method=method)
    assert proba.shape == (len(X), 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    order = np.argsort(fitted.decision_scores_)
    assert (np.diff(proba[order, 1]) >= 0).all()
    _, confidence = fitted.predict_proba(X, method=method, return_confidence=True)
    assert confidence.shape == (len(X),)


@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize("method", ["linear", "unify", "loe"])
def test_probabilities_where_transformers_return_frames(method, output, fitted, contaminated):
    X, _ = contaminated
    expected = fitted.predict_proba(X, method, return_confidence=True)
    with config_context(transform_output=output):
        found = fitted.predict_proba(X, method, return_confidence=True)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_probabilities_of_a_pipeline_that_needs_frames(contaminated):
    frame = pd.DataFrame(contaminated[0]).rename(columns="x{}".format)
    with config_context(transform_output="pandas"):
        one = ColumnTransformer([("of", "passthrough", ["x1"])], verbose_feature_names_out=False)
        clf = PyODDetector(make_pipeline(StandardScaler(), one, loe())).fit(frame)
        assert clf.predict_proba(frame).shape == (len(frame), 2)


@pytest.mark.parametrize("name", ["loe", "pipeline"])
def test_calibrated_probabilities(name, contaminated):
    X, _ = contaminated
    clf = PyODDetector(ESTIMATORS[name]).fit(X)
    proba = clf.predict_proba(X, method="loe")
    np.testing.assert_array_equal(proba, clf.estimator_.predict_proba(X))
    order = np.argsort(clf.decision_scores_)
    assert (np.diff(proba[order, 1]) >= 0).all()
    again, confidence = clf.predict_proba(X, method="loe", return_confidence=True)
    np.testing.assert_array_equal(again, proba)
    assert confidence.shape == (len(X),)


def test_probabilities_that_there_are_not(fitted, contaminated):
    X, _ = contaminated
    with pytest.raises(ValueError, match="method must be 'linear', 'unify' or 'loe'; got 'odds'"):
        fitted.predict_proba(X, method="odds")
    with pytest.raises(ValueError, match="IsolationForest gives none"):
        PyODDetector(ESTIMATORS["sklearn"]).fit(X).predict_proba(X, method="loe")


def test_predict_confidence(fitted, contaminated):
    X, _ = contaminated
    confidence = fitted.predict_confidence(X)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    labels, again = fitted.predict(X, return_confidence=True)
    np.testing.assert_array_equal(labels, fitted.labels_)
    np.testing.assert_array_equal(again, confidence)


def test_predict_with_rejection(fitted, contaminated):
    labels = fitted.predict_with_rejection(contaminated[0], c_r=0.1)
    assert set(labels) <= {-2, 0, 1}


def test_fit_predict(contaminated):
    X, _ = contaminated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyOD deprecates it
        labels = PyODDetector(loe()).fit_predict(X)
    np.testing.assert_array_equal(labels, PyODDetector(loe()).fit(X).labels_)


def test_ranks(fitted, contaminated):
    ranks = fitted._predict_rank(contaminated[0], normalized=True)
    assert (ranks.min(), ranks.max()) == (0, 1)


def test_evaluate_print(fitted, contaminated, capsys):
    evaluate_print("LOE", contaminated[1], fitted.decision_scores_)
    assert "LOE ROC:" in capsys.readouterr().out


def test_a_thresholder_in_place_of_the_share(contaminated):
    class Gap:
        """What PyOD asks of PyThresh's thresholders; up to PyOD 3.0 only `eval`."""

        def fit(self, scores):
            self.thresh_ = scores.mean() + scores.std()
            self.labels_ = self.predict(scores)

        def predict(self, scores):
            return (scores > self.thresh_).astype(int)

        def eval(self, scores):
            if not hasattr(self, "thresh_"):
                self.fit(scores)
            return self.predict(scores)

    X, _ = contaminated
    clf = PyODDetector(loe(), contamination=Gap()).fit(X)
    assert 0 < clf.labels_.sum() < len(X) / 2
    np.testing.assert_array_equal(clf.predict(X), clf.labels_)
    assert ((clf.predict_confidence(X) >= 0) & (clf.predict_confidence(X) <= 1)).all()


def test_the_estimator_keeps_its_contamination_unless_asked(contaminated):
    X, _ = contaminated
    kept = PyODDetector(loe(), contamination=0.3).fit(X)
    assert kept.estimator_.contamination_ == 0.1
    given = PyODDetector(loe(), contamination=0.3, share_contamination=True).fit(X)
    assert given.estimator_.contamination_ == 0.3
    assert not np.array_equal(given.decision_scores_, kept.decision_scores_)
    assert given.estimator.contamination == 0.1
    # Both then cut at the same place: as many outliers, up to PyOD's strict inequality.
    assert abs(given.labels_.sum() - (given.estimator_.predict(X) == -1).sum()) <= 1


def test_contamination_is_shared_through_a_pipeline(contaminated):
    pipeline = make_pipeline(StandardScaler(), loe())
    clf = PyODDetector(pipeline, contamination=0.2, share_contamination=True).fit(contaminated[0])
    assert clf.estimator_[-1].contamination == 0.2


def test_none_is_loe():
    assert PyODDetector().get_params() == {
        "estimator": None,
        "contamination": 0.1,
        "share_contamination": False,
    }
    rng = np.random.default_rng(0)
    clf = PyODDetector().fit(rng.normal(size=(30, 3)))  # too few rows for models of folds
    assert isinstance(clf.estimator_, LOE)
    assert clf.estimator_.contamination == "auto"


def test_nested_parameters():
    clf = PyODDetector(loe())
    assert clf.get_params()["estimator__estimator__max_epochs"] == 4
    assert clf.set_params(estimator__method="soft", contamination=0.2) is clf
    clf.set_params(estimator__estimator__lr=0.5)
    assert (clf.estimator.method, clf.contamination, clf.estimator.estimator.lr) == (
        "soft",
        0.2,
        0.5,
    )
    with pytest.raises(ValueError, match="Invalid parameter nothing"):
        clf.set_params(nothing=1)


def test_clone_and_repr(fitted):
    copy = clone(fitted)
    assert copy.estimator is not fitted.estimator
    assert repr(copy) == repr(fitted)
    assert not hasattr(copy, "decision_scores_")
    assert "PyODDetector(contamination=0.1" in repr(fitted)


def test_pickle(fitted, contaminated):
    X, _ = contaminated
    restored = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(restored.decision_function(X), fitted.decision_scores_)
    np.testing.assert_array_equal(restored.predict(X), fitted.labels_)


def test_the_estimator_given_is_never_changed(contaminated):
    given = loe()
    PyODDetector(given, share_contamination=True, contamination=0.3).fit(contaminated[0])
    assert given.contamination == 0.1
    assert not hasattr(given, "offset_")


def test_y_is_ignored(contaminated):
    X, y = contaminated
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = PyODDetector(loe()).fit(X, np.zeros(len(X)))
    np.testing.assert_array_equal(
        clf.decision_scores_, PyODDetector(loe()).fit(X, y).decision_scores_
    )
    assert clf.predict_proba(X).shape == (len(X), 2)


def test_sparse_rows_and_frames(contaminated):
    pd = pytest.importorskip("pandas", reason="rows with names need pandas")
    X, _ = contaminated
    want = PyODDetector(loe()).fit(X)
    assert get_tags(want).input_tags.sparse
    rows = sparse.csr_matrix(X)
    clf = PyODDetector(loe()).fit(rows)
    np.testing.assert_allclose(clf.decision_scores_, want.decision_scores_, rtol=1e-4)
    assert clf.predict_proba(rows).shape == (len(X), 2)
    frame = pd.DataFrame(X, columns=list("abcde"))
    clf = PyODDetector(loe()).fit(frame)
    np.testing.assert_array_equal(clf.decision_function(frame), want.decision_scores_)
    assert list(clf.estimator_.feature_names_in_) == list("abcde")


def test_number_of_features(fitted, contaminated):
    X, _ = contaminated
    assert fitted.n_features_in_ == X.shape[1]
    assert not hasattr(PyODDetector(loe()), "n_features_in_")
    with pytest.raises(ValueError, match="features"):
        fitted.predict(X[:, :2])


@pytest.mark.parametrize(
    "method", ["decision_function", "predict", "predict_proba", "predict_confidence"]
)
def test_scoring_needs_a_fit(method, contaminated):
    with pytest.raises(NotFittedError):
        getattr(PyODDetector(loe()), method)(contaminated[0])


def test_a_failed_fit_leaves_the_earlier_one(fitted, contaminated):
    X, _ = contaminated
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(np.full((5, 5), np.nan))
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)


@pytest.mark.parametrize("contamination", [0.0, -0.1, 0.6, 1.0])
def test_contamination_out_of_range(contamination, contaminated):
    with pytest.raises(ValueError, match=r"contamination must be in \(0, 0.5\]"):
        PyODDetector(loe(), contamination=contamination)
    clf = PyODDetector(loe()).set_params(contamination=contamination)
    with pytest.raises(
        ValueError, match=r"PyODDetector: contamination must be a float in \(0, 0.5"
    ):
        clf.fit(contaminated[0])


@pytest.mark.parametrize("contamination", ["auto", None, np.float32(0.1)])
def test_contamination_of_another_kind(contamination, contaminated):
    clf = PyODDetector(loe(), contamination=contamination)
    with pytest.raises(ValueError, match="contamination must be a float"):
        clf.fit(contaminated[0])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LOE, "got the class LOE"),
        (IForest(), "IForest has no score_samples"),
        (LocalOutlierFactor(), "novelty=True"),
    ],
)
def test_what_is_no_detector(estimator, message, contaminated):
    with pytest.raises(TypeError, match=f"PyODDetector: .*{message}"):
        PyODDetector(estimator).fit(contaminated[0])


def test_contamination_that_cannot_be_shared(contaminated):
    class Scores(LOE):
        def get_params(self, deep=True):
            return {}

    with pytest.raises(TypeError, match="share_contamination=True needs"):
        PyODDetector(Scores(), share_contamination=True).fit(contaminated[0])
    with pytest.raises(
        ValueError, match="share_contamination must be one of True, False; got 'no'"
    ):
        PyODDetector(Scores(), share_contamination="no").fit(contaminated[0])


def test_without_pyod_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyod.models.base", None)
    monkeypatch.delitem(sys.modules, "lofe_sklearn.adapters.pyod")
    with pytest.raises(ImportError, match=r"pip install 'lofe-sklearn\[pyod\]'"):
        importlib.import_module("lofe_sklearn.adapters.pyod")


def test_names_of_features_are_those_of_the_estimator():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["b", "a"])
    for estimator in (loe(), make_pipeline(StandardScaler(), loe()), IsolationForest()):
        fitted = PyODDetector(estimator).fit(X)
        assert fitted.feature_names_in_.tolist() == ["b", "a"]
        with pytest.raises(ValueError, match="feature names should match"):
            fitted.predict(X[["a", "b"]])
        ordered = X[["a", "b"]][fitted.feature_names_in_]  # as the message advises
        np.testing.assert_array_equal(fitted.predict(ordered), fitted.labels_)
        assert not hasattr(fitted.fit(X.to_numpy()), "feature_names_in_")
