import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    ValidationCurveDisplay,
    cross_val_score,
    cross_validate,
)
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.metrics import (
    OutlierScorer,
    average_precision,
    average_precision_scorer,
    excess_mass_scorer,
    f1_at_true_ratio,
    f1_at_true_ratio_scorer,
    get_scorer,
    get_scorer_names,
    precision_at_n,
    precision_at_n_scorer,
    roc_auc,
    roc_auc_scorer,
)
from lofe_sklearn.model_selection import OutlierStratifiedKFold

WITH_LABELS = {
    roc_auc_scorer: roc_auc,
    average_precision_scorer: average_precision,
    f1_at_true_ratio_scorer: f1_at_true_ratio,
    precision_at_n_scorer: precision_at_n,
}
FOLDS = OutlierStratifiedKFold(3, random_state=0)


def quick():
    backbone = DeepSVDD(max_epochs=2)
    return LOE(backbone, contamination=0.15, init=None, warmup_epochs=1, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(80, 3)), rng.uniform(-9, 9, (10, 3))])
    return IsolationForest(random_state=0).fit(X), X, np.repeat([0, 1], [80, 10])


@pytest.mark.parametrize("scorer", WITH_LABELS, ids=repr)
def test_a_scorer_is_its_metric_of_the_scores(scorer, fitted):
    detector, X, y = fitted
    expected = WITH_LABELS[scorer](y, detector.score_samples(X))
    assert scorer(detector, X, y) == expected
    assert scorer(detector, X, 1 - 2 * y) == expected
    assert scorer(detector, X, pd.Series(y == 1)) == expected
    assert type(expected) is float


def test_keywords_go_to_the_metric(fitted):
    detector, X, y = fitted
    scorer = OutlierScorer(precision_at_n, n=3)
    assert scorer(detector, X, y) == precision_at_n(y, detector.score_samples(X), n=3)
    assert repr(scorer) == "OutlierScorer(precision_at_n, n=3)"


@pytest.mark.parametrize("name", get_scorer_names())
def test_curves_of_scikit_learn_take_scorers_without_a_name_for_the_axis(name, fitted):
    pytest.importorskip("matplotlib")
    X, y = fitted[1:]
    display = ValidationCurveDisplay.from_estimator(
        IsolationForest(random_state=0),
        X,
        y,
        param_name="n_estimators",
        param_range=[2, 4],
        scoring=get_scorer(name),
        cv=FOLDS,
    )
    assert display.ax_.get_ylabel().lower() == name.replace("_", " ")


@pytest.mark.parametrize("name", get_scorer_names())
def test_scorers_survive_pickle_and_clone(name, fitted):
    scorer, args = get_scorer(name), fitted
    for copy in (pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)):
        assert repr(copy) == repr(scorer)
        assert copy(*args) == scorer(*args)


def test_cross_val_score_is_the_same_for_all_encodings(contaminated):
    X, y = contaminated
    ours = [
        cross_val_score(quick(), X, labels, scoring=roc_auc_scorer, cv=FOLDS, error_score="raise")
        for labels in (y, y == 1, 1 - 2 * y)
    ]
    assert ours[0].tolist() == ours[1].tolist() == ours[2].tolist()
    # scikit-learn's own is right for {-1, +1}, and silently turned round for {0, 1}.
    theirs = cross_val_score(quick(), X, 1 - 2 * y, scoring="roc_auc", cv=FOLDS)
    turned = cross_val_score(quick(), X, y, scoring="roc_auc", cv=FOLDS)
    np.testing.assert_allclose(theirs, ours[0])
    np.testing.assert_allclose(turned, 1 - ours[0])


def test_a_search_over_a_pipeline_with_several_scorers(contaminated):
    X, y = contaminated
    search = GridSearchCV(
        make_pipeline(StandardScaler(), quick()),
        {"loe__contamination": [0.05, 0.1]},
        scoring={name: get_scorer(name) for name in get_scorer_names()},
        refit="average_precision",
        cv=FOLDS,
        error_score="raise",
    ).fit(X, y)
    for name in get_scorer_names():
        assert np.isfinite(search.cv_results_[f"mean_test_{name}"]).all()
    best = search.best_estimator_
    assert search.score(X, y) == average_precision(y, best.score_samples(X))
    # A search is itself a detector that can be scored.
    assert roc_auc_scorer(search, X, y) == roc_auc_scorer(best, X, y)


def test_metadata_routing_goes_past_the_scorers(contaminated):
    X, y = contaminated
    known = np.where(y == 1, -1, 0)
    with sklearn.config_context(enable_metadata_routing=True):
        result = cross_validate(
            quick().set_fit_request(known_labels=True),
            X,
            y,
            params={"known_labels": known},
            scoring={"auc": roc_auc_scorer, "mass": excess_mass_scorer},
            cv=FOLDS,
            error_score="raise",
        )
    assert np.isfinite(result["test_auc"]).all()
    assert np.isfinite(result["test_mass"]).all()


def test_without_labels(contaminated):
    X, _ = contaminated
    search = GridSearchCV(
        quick(), {"method": ["soft", "hard"]}, scoring=excess_mass_scorer, error_score="raise"
    )
    assert 0 <= search.fit(X).best_score_ <= 1
    with pytest.raises(ValueError, match=r"OutlierScorer\(roc_auc\) needs labels.*label-"):
        search.set_params(scoring=roc_auc_scorer).fit(X)


class SignUnknown(BaseEstimator):
    """As PyOD's detectors, whose decision_function is high for anomalies."""

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def decision_function(self, X):
        return np.asarray(X)[:, 0]


class Tagged(OutlierMixin, SignUnknown):
    pass


class OfPyOD(Tagged):
    """As PyOD's detectors since version 3, which are tagged, and yet score the other way round."""

    def fit(self, X, y=None):
        self.decision_scores_ = self.decision_function(X)
        return super().fit(X)


class NotFinite(Tagged):
    def decision_function(self, X):
        return np.array([0.0, np.nan])


def test_the_sign_has_to_be_sure(fitted):
    _, X, y = fitted
    assert roc_auc_scorer(Tagged(), X, y) == roc_auc_score(y, -X[:, 0])
    assert roc_auc_scorer(make_pipeline(Tagged()).fit(X), X, y) == roc_auc_score(y, -X[:, 0])
    untagged = type("NoScikitLearnAtAll", (), {"decision_function": lambda self, X: X[:, 0]})()
    classifier = LogisticRegression().fit(X, y)
    neighbours = LocalOutlierFactor().fit(X)
    of_pyod = OfPyOD().fit(X)
    in_search = GridSearchCV(OfPyOD(), {}, scoring=lambda e, X: 0.0, cv=2).fit(X)
    in_pipeline = make_pipeline(OfPyOD()).fit(X)
    fitted = (neighbours, of_pyod, in_search, in_pipeline)
    for estimator in (SignUnknown(), untagged, classifier, *fitted):
        with pytest.raises(TypeError, match=f"{type(estimator).__name__} has no scores .* PyOD"):
            roc_auc_scorer(estimator, X, y)


@pytest.mark.parametrize("metric", ["roc_auc", roc_auc_scorer, OutlierScorer, None])
def test_what_is_no_metric(metric):
    with pytest.raises(TypeError, match="OutlierScorer: metric must be a function.*get_scorer"):
        OutlierScorer(metric)


@pytest.mark.parametrize(
    ("found", "got"), [(None, "NoneType"), ("a", "str"), (np.ones(3), "ndarray"), (1j, "complex")]
)
def test_a_metric_that_gives_no_number(found, got):
    def mine(y_true, scores):
        return found

    X = np.random.default_rng(0).normal(size=(20, 2))
    detector = IsolationForest(n_estimators=3).fit(X)
    with pytest.raises(
        TypeError, match=rf"OutlierScorer\(mine\): metric must .* number; got {got}"
    ):
        OutlierScorer(mine)(detector, X, np.repeat([0, 1], 10))


def test_scores_that_are_not_finite():
    with pytest.raises(ValueError, match=r"roc_auc\): NotFinite gave row 1 the score nan"):
        roc_auc_scorer(NotFinite(), np.zeros((2, 1)), [0, 1])


@pytest.mark.parametrize("metric", [roc_auc_score, average_precision_score])
def test_a_metric_of_scikit_learn_needs_its_labels(fitted, metric):
    """Of labels {0, 1} it would rank candidates from worst to best."""
    detector, X, y = fitted
    for labels in (y, y == 1, list(y)):
        with pytest.raises(ValueError, match="would take the anomalies, 1 in y, for the rows that"):
            OutlierScorer(metric)(detector, X, labels)
    scores = detector.score_samples(X)
    labels = 1 - 2 * y
    assert OutlierScorer(metric)(detector, X, labels) == metric(labels, scores)


def test_get_scorer():
    assert get_scorer("roc_auc") is roc_auc_scorer
    assert get_scorer("excess_mass") is excess_mass_scorer
    assert get_scorer(len) is len
    assert get_scorer_names() == sorted(get_scorer_names())


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ("roc-auc", "got 'roc-auc'. Did you mean 'roc_auc'"),
        ("ROC_AUC", "Did you mean 'roc_auc'"),
        ("precision_at_k", "Did you mean 'precision_at_n'"),
        ("zzz", r"'excess_mass', .* got 'zzz'\.$"),
        (None, "or a callable .* got None"),
        (OutlierScorer, "got <class"),
        (roc_auc, "roc_auc is a metric .* use roc_auc_scorer or 'roc_auc'"),
    ],
)
def test_get_scorer_refuses(scoring, message):
    with pytest.raises(ValueError, match=message):
        get_scorer(scoring)


def test_a_metric_of_scikit_learn_is_known_behind_partial(fitted):
    detector, X, y = fitted
    metric = partial(partial(roc_auc_score, max_fpr=0.5), average="macro")
    scorer = OutlierScorer(metric)
    expected = metric(np.where(y == 1, -1, 1), detector.score_samples(X))
    assert scorer(detector, X, np.where(y == 1, -1, 1)) == expected
    with pytest.raises(ValueError, match="would take the anomalies, 1 in y, for the rows"):
        scorer(detector, X, y)
