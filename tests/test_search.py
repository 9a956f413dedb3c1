"""LOESearchCV against scikit-learn's own searches, on the same folds."""

import pickle
import time
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from packaging.version import parse
from scipy import sparse, stats
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.metrics import get_scorer as scikit_learns_scorer
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    StandardScaler,
)
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, TrainingDivergedError
from lofe_sklearn._progress import _displays
from lofe_sklearn._search import _candidates
from lofe_sklearn.inspection import drift_report
from lofe_sklearn.metrics import get_scorer

FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)
GRID = {
    "contamination": [0.05, 0.2],
    "method": ["soft", "hard"],
    "estimator__lr": [1e-3, 1e-2],
}
SMALL_GRID = {"contamination": [0.05, 0.2]}
INNER_GRID = {"loe__contamination": [0.05, 0.2]}


def loe(**params):
    quick = LOE(DeepSVDD(max_epochs=3), contamination=0.1, init=None, random_state=0)
    return quick.set_params(**params)


def mean_score(estimator, X, y=None):
    """A continuous score, which shows small differences."""
    return float(estimator.score_samples(X).mean())


def assert_equal_results(ours, theirs):
    """All of `cv_results_` but the times; scores up to the rounding of a stack."""
    assert list(ours) == list(theirs)
    for key, expected in theirs.items():
        if key == "params":
            assert ours[key] == expected
        elif key.startswith("param_"):
            assert isinstance(ours[key], np.ma.MaskedArray)
            assert ours[key].dtype == expected.dtype
            np.testing.assert_array_equal(ours[key].mask, expected.mask)
            np.testing.assert_array_equal(ours[key].filled(None), expected.filled(None))
        elif key.startswith("rank_"):
            np.testing.assert_array_equal(ours[key], expected)
        elif "time" not in key:
            np.testing.assert_allclose(ours[key], expected, rtol=1e-3, atol=1e-6, err_msg=key)


def compare(estimator, grid, X, y=None, *, fit_params=None, scoring=mean_score, **options):
    """Both searches on the same folds; returns them fitted."""
    options = {"cv": FOLDS, "error_score": "raise"} | options
    theirs = GridSearchCV(estimator, grid, scoring=scoring, **options)
    ours = LOESearchCV(estimator, grid, scoring=scoring, **options)
    theirs.fit(X, y, **(fit_params or {}))
    ours.fit(X, y, **(fit_params or {}))
    assert_equal_results(ours.cv_results_, theirs.cv_results_)
    assert ours.n_splits_ == theirs.n_splits_
    assert ours.multimetric_ == theirs.multimetric_
    for name in ("best_index_", "best_params_"):
        assert getattr(ours, name, None) == getattr(theirs, name, None)
    assert hasattr(ours, "best_score_") == hasattr(theirs, "best_score_")
    if hasattr(theirs, "best_score_"):
        assert ours.best_score_ == pytest.approx(theirs.best_score_, rel=1e-3)
    if ours.refit:
        np.testing.assert_array_equal(ours.score_samples(X), theirs.score_samples(X))
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        assert type(ours.best_estimator_) is type(theirs.best_estimator_)
        assert ours.refit_time_ > 0
    return ours, theirs


@pytest.fixture
def training_calls(monkeypatch):
    """Collect the calls of `fit_many`."""
    calls = []

    def fit_many(estimators, X, **options):
        calls.append((list(estimators), X, options))
        return original(estimators, X, **options)

    original = _candidates.fit_many
    monkeypatch.setattr(_candidates, "fit_many", fit_many)
    return calls


def test_a_grid_over_loe(contaminated, training_calls):
    X, y = contaminated
    ours, _ = compare(loe(), GRID, X, y, return_train_score=True)
    [(detectors, rows, _)] = training_calls
    assert len(detectors) == 24
    assert rows is X  # folds are numbers of its rows
    assert (ours.cv_results_["mean_fit_time"] > 0).all()
    assert ours.score(X) == pytest.approx(mean_score(ours.best_estimator_, X))


@pytest.mark.parametrize("backbone", [DeepSVDD, AutoEncoder])
def test_a_backbone_alone(backbone, contaminated):
    X, y = contaminated
    compare(backbone(max_epochs=3, random_state=0), {"lr": [1e-3, 1e-2]}, X, y)


@pytest.mark.filterwarnings("error::sklearn.exceptions.FitFailedWarning")
def test_roc_auc_by_default(contaminated):
    X, y = contaminated
    for labels in (y, y == 1, np.where(y == 1, -1, 1)):
        search = LOESearchCV(loe(), SMALL_GRID, cv=FOLDS).fit(X, labels)
        folds = list(FOLDS.split(X, labels))
        expected = cross_val_score(
            loe(**search.best_params_), X, 1 - y, scoring="roc_auc", cv=folds
        )
        found = [
            search.cv_results_[f"split{i}_test_score"][search.best_index_]
            for i in range(len(folds))
        ]
        np.testing.assert_allclose(found, expected, atol=0.01)
        auc = roc_auc_score(1 - y, search.score_samples(X))
        assert search.score(X, labels) == pytest.approx(auc)


def test_without_labels_it_says_what_it_chooses_by(contaminated):
    X, _ = contaminated
    grid = {"estimator__lr": [1e-3, 1e-2]}
    with pytest.warns(UserWarning, match="without y.*excess mass"):
        search = LOESearchCV(loe(), grid, cv=2).fit(X)
    assert search.scorer_ is get_scorer("excess_mass")
    with pytest.raises(ValueError, match="needs labels; pass them as y"):
        LOESearchCV(loe(), grid, scoring="roc_auc").fit(X)


class CountingScaler(StandardScaler):
    fits = 0

    def fit(self, X, y=None, sample_weight=None):
        type(self).fits += 1
        return super().fit(X, y, sample_weight)


def test_a_pipeline_inside(contaminated, training_calls):
    X, y = contaminated
    pipeline = make_pipeline(CountingScaler(), loe())
    grid = {"loe__contamination": [0.05, 0.2], "loe__estimator__lr": [1e-3, 1e-2]}
    CountingScaler.fits = 0
    LOESearchCV(pipeline, grid, cv=FOLDS, refit=False, scoring=mean_score).fit(X, y)
    assert CountingScaler.fits == 3
    [(detectors, rows, _)] = training_calls
    assert len(detectors) == 12
    assert rows.shape == (400, 5)
    ours, _ = compare(pipeline, grid, X, y)
    assert isinstance(ours.best_estimator_, Pipeline)
    assert ours.n_features_in_ == 5


def test_transformers_in_the_grid(contaminated, training_calls):
    X, y = contaminated
    pipeline = Pipeline(
        [("scaler", StandardScaler()), ("select", SelectKBest(k=4)), ("pca", PCA()), ("loe", loe())]
    )
    grid = [
        {"pca__n_components": [2, 3], "scaler__with_mean": [True, False]},
        {"scaler": ["passthrough", MinMaxScaler()], "loe__method": ["hard"]},
        {"loe": [DeepSVDD(max_epochs=2, random_state=1)]},
    ]
    ours = LOESearchCV(pipeline, grid, cv=FOLDS, scoring=mean_score).fit(X, y)
    theirs = GridSearchCV(pipeline, grid, cv=FOLDS, scoring=mean_score).fit(X, y)
    assert {rows.shape[1] for _, rows, _ in training_calls} == {2, 3, 4}
    for fold in range(3):
        key = f"split{fold}_test_score"
        np.testing.assert_allclose(ours.cv_results_[key], theirs.cv_results_[key], rtol=1e-3)
    assert isinstance(pipeline[0], StandardScaler)
    assert not hasattr(pipeline[0], "mean_")


def test_transformers_whose_parameters_are_lists(contaminated):
    X, y = contaminated
    pipeline = make_pipeline(KBinsDiscretizer(encode="ordinal"), loe())
    # Equal lists are different objects, and a list cannot be looked up by its values.
    grid = {"kbinsdiscretizer__n_bins": [[3] * X.shape[1], [9] * X.shape[1], [3] * X.shape[1]]}
    compare(pipeline, grid, X, y)


class SlowScaler(StandardScaler):
    def fit(self, X, y=None, sample_weight=None):
        time.sleep(0.2)
        return super().fit(X, y, sample_weight)


def test_candidates_share_the_time_of_their_transformers(contaminated):
    search = LOESearchCV(
        make_pipeline(SlowScaler(), loe()),
        {"loe__contamination": [0.05, 0.1, 0.15, 0.2]},
        scoring=mean_score,
        cv=2,
        refit=False,
    )
    start = time.perf_counter()
    search.fit(contaminated[0])
    elapsed = time.perf_counter() - start
    times = search.cv_results_["mean_fit_time"]
    assert (times >= 0.2 / 4).all()
    assert 2 * times.sum() <= elapsed


def test_a_candidate_has_its_share_of_the_time(contaminated):
    search = LOESearchCV(
        AutoEncoder(random_state=0), {"max_epochs": [2, 8]}, scoring=mean_score, cv=2, refit=False
    ).fit(contaminated[0])
    short, long = search.cv_results_["mean_fit_time"]
    assert long == pytest.approx(4 * short)


def test_a_pipeline_around(contaminated):
    X, y = contaminated
    scaled = StandardScaler().fit_transform(X)
    search = LOESearchCV(loe(), GRID, cv=FOLDS)
    around = make_pipeline(StandardScaler(), search).fit(X, y)
    alone = clone(search).fit(scaled, y)
    np.testing.assert_array_equal(around.score_samples(X), alone.score_samples(scaled))
    assert around[-1].best_params_ == alone.best_params_
    assert make_pipeline(loe()).fit(X).score_samples(X).shape == (200,)
    compare(make_pipeline(loe()), INNER_GRID, X, y)


FAILING = {"contamination": [0.05, 0.9], "estimator__lr": [1e-3, 1e30]}


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("error_score", [np.nan, -1000.0])
def test_a_failing_candidate_costs_only_itself(contaminated, error_score):
    X, y = contaminated
    with pytest.warns(FitFailedWarning, match="9 fits failed out of a total of 12"):
        compare(loe(), FAILING, X, y, error_score=error_score)
    with pytest.warns(FitFailedWarning, match="(?s)Lower lr.*contamination must be a number"):
        search = LOESearchCV(loe(), FAILING, cv=FOLDS).fit(X, y)
    assert search.best_params_ == {"contamination": 0.05, "estimator__lr": 1e-3}


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("pipeline", [False, True])
def test_rows_that_cannot_be_used_cost_only_their_folds(contaminated, pipeline):
    X = contaminated[0].copy()
    X[199, 0] = np.nan
    test = np.arange(150, 199)
    folds = [(np.arange(70), test), (np.append(np.arange(70, 150), 199), test)]
    estimator, grid = (make_pipeline(loe()), INNER_GRID) if pipeline else (loe(), SMALL_GRID)
    search = LOESearchCV(estimator, grid, cv=folds, scoring=mean_score, refit=False)
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        found = search.fit(X).cv_results_
    expected = search.set_params(cv=folds[:1]).fit(X[:199]).cv_results_
    np.testing.assert_allclose(found["split0_test_score"], expected["split0_test_score"], rtol=1e-3)
    assert np.isnan(found["split1_test_score"]).all()


def test_errors_on_request(contaminated):
    X, y = contaminated
    search = LOESearchCV(loe(), {"contamination": [0.1, 0.9]}, cv=FOLDS, error_score="raise")
    with pytest.raises(ValueError, match="contamination must be"):
        search.fit(X, y)
    with pytest.raises(TrainingDivergedError):
        search.set_params(param_grid={"estimator__lr": [1e30]}).fit(X, y)
    with pytest.raises(ValueError, match="All the 3 fits failed"):
        search.set_params(error_score=np.nan).fit(X, y)
    with pytest.raises(NotFittedError):
        check_is_fitted(search)


class Break(TransformerMixin, BaseEstimator):
    """What a transformer can do wrong."""

    def __init__(self, how="not at all"):
        self.how = how

    def fit(self, X, y=None):
        if self.how == "raise":
            raise RuntimeError("broken")
        return self

    def transform(self, X):
        if self.how == "nan":
            return np.where(X > 0, X, np.nan)
        return X[:-1] if self.how == "drop" else X


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("how", ["raise", "nan"])
def test_a_failing_transformer_costs_only_its_candidates(contaminated, how):
    X, y = contaminated
    grid = {"break__how": ["not at all", how], "loe__contamination": [0.05, 0.2]}
    with pytest.warns(FitFailedWarning, match="6 fits failed"):
        compare(make_pipeline_of_break(), grid, X, y, error_score=np.nan)


def make_pipeline_of_break(how="not at all"):
    return Pipeline([("break", Break(how)), ("loe", loe())])


def test_steps_that_drop_rows(contaminated):
    X, y = contaminated
    with pytest.raises(ValueError, match="made 132 rows of 133"):
        LOESearchCV(make_pipeline_of_break("drop"), {}, cv=FOLDS, error_score="raise").fit(X, y)


def test_several_scores(contaminated):
    X, y = contaminated
    scoring = {"auc": get_scorer("roc_auc"), "mean": mean_score}
    ours, _ = compare(loe(), GRID, X, y, scoring={"mean": mean_score}, refit="mean")
    ours = LOESearchCV(loe(), GRID, scoring=scoring, cv=FOLDS, refit="mean").fit(X, y)
    assert ours.multimetric_
    assert ours.scorer_ == scoring
    assert ours.score(X, y) == mean_score(ours.best_estimator_, X)
    assert {"mean_test_auc", "rank_test_mean"} <= set(ours.cv_results_)
    names = LOESearchCV(loe(), {}, scoring=["roc_auc", "average_precision"], cv=FOLDS, refit=False)
    names.fit(X, y)
    assert {"mean_test_roc_auc", "mean_test_average_precision"} <= set(names.cv_results_)
    assert not hasattr(names, "best_index_")
    assert not hasattr(names, "predict")
    with pytest.raises(AttributeError, match="n_features_in_"):
        names.n_features_in_  # noqa: B018


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_a_callable_that_returns_several_scores(contaminated):
    X, y = contaminated

    def several(estimator, X, y):
        return {
            "mean": mean_score(estimator, X),
            "spread": -float(estimator.score_samples(X).std()),
        }

    ours, theirs = compare(loe(), GRID, X, y, scoring=several, refit="spread")
    assert ours.score(X, y) == theirs.score(X, y)
    with pytest.warns(FitFailedWarning):
        compare(loe(), FAILING, X, y, scoring=several, refit=lambda results: 0, error_score=np.nan)


def test_a_callable_refit_gets_the_results(contaminated):
    X, y = contaminated
    seen = []

    def refit(results):
        seen.append(results)
        return 3

    ours, _ = compare(loe(), GRID, X, y, refit=refit)
    assert ours.best_index_ == 3
    assert ours.best_params_ == ours.cv_results_["params"][3]
    assert_equal_results(seen[1], seen[0])
    assert seen[1]["mean_fit_time"].min() > 0
    several = {"a": mean_score, "b": mean_score}
    search = LOESearchCV(loe(), {}, cv=FOLDS, scoring=several, refit=lambda results: 0).fit(X, y)
    with pytest.raises(ValueError, match=r"LOESearchCV\.score: a callable refit.*scorer_"):
        search.score(X, y)


def test_no_refit(contaminated):
    X, y = contaminated
    ours, _ = compare(loe(), GRID, X, y, refit=False)
    assert ours.best_params_
    with pytest.raises(AttributeError, match="has no attribute 'predict'"):
        ours.predict(X)
    check_is_fitted(ours)


def test_random_search(contaminated):
    X, y = contaminated
    space = {"contamination": stats.uniform(0.01, 0.3), "method": ["soft", "hard"]}
    ours = LOESearchCV(loe(), space, n_iter=4, random_state=3, scoring=mean_score, cv=FOLDS)
    theirs = RandomizedSearchCV(
        loe(), space, n_iter=4, random_state=3, scoring=mean_score, cv=FOLDS
    )
    assert_equal_results(ours.fit(X, y).cv_results_, theirs.fit(X, y).cv_results_)
    np.testing.assert_array_equal(ours.score_samples(X), theirs.score_samples(X))
    with pytest.raises(TypeError, match="distribution for 'contamination'.*n_iter"):
        LOESearchCV(loe(), space).fit(X, y)


def test_a_list_of_grids(contaminated):
    X, y = contaminated
    grid = [
        SMALL_GRID,
        {"estimator": [DeepSVDD(max_epochs=2), AutoEncoder(max_epochs=3)], "warmup_epochs": [1]},
        {"contamination": ["auto"], "n_estimators": [2]},
        {"estimator__hidden_sizes": [(8,), (8, 4)]},
    ]
    fitted = LOESearchCV(loe(), grid, cv=FOLDS, scoring=mean_score).fit(X, y)
    theirs = GridSearchCV(loe(), grid, cv=FOLDS, scoring=mean_score).fit(X, y)
    for name in ("split0_test_score", "mean_test_score"):
        np.testing.assert_allclose(fitted.cv_results_[name], theirs.cv_results_[name], rtol=1e-3)
    for key in fitted.cv_results_:
        if key.startswith("param_"):
            np.testing.assert_array_equal(
                fitted.cv_results_[key].mask, theirs.cv_results_[key].mask
            )


def test_groups(contaminated):
    X, y = contaminated
    groups = np.arange(200) % 4
    compare(loe(), GRID, X, y, cv=GroupKFold(4), fit_params={"groups": groups})


def test_other_folds(contaminated):
    X, y = contaminated
    rng = np.random.default_rng(0)
    mask = rng.random(200) < 0.7
    folds = [(mask, ~mask), (list(range(100)), list(range(100, 200)))]
    compare(loe(), SMALL_GRID, X, y, cv=folds)
    once = LOESearchCV(loe(), {}, cv=iter(folds), scoring=mean_score).fit(X)
    assert once.n_splits_ == 2
    one_array = np.array(list(KFold(2, shuffle=True, random_state=0).split(X)))
    compare(loe(), {}, X, y, cv=one_array)
    with pytest.raises(ValueError, match="fold 0 has no test rows"):
        LOESearchCV(loe(), {}, cv=[(np.arange(200), [])]).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the times are divided by the work done, here none
        with pytest.raises(ValueError, match="(?s)All the 1 fits failed.*0 sample"):
            LOESearchCV(loe(), {}, cv=[([], np.arange(200))]).fit(X, y)
    # Sorted by class, plain folds would have no anomalies.
    order = np.argsort(y)
    assert LOESearchCV(loe(), {}, cv=4).fit(X[order], y[order]).n_splits_ == 4


def test_known_labels(contaminated):
    X, y = contaminated
    known = np.where(y == 1, -1, 0)
    known[np.flatnonzero(known)[4:]] = 0  # fewer than any of the ratios says
    plain, _ = compare(loe(), SMALL_GRID, X, y)
    for labels in (known, known.tolist(), pd.Series(known, index=np.arange(200)[::-1])):
        ours, _ = compare(loe(), SMALL_GRID, X, y, fit_params={"known_labels": labels})
        assert not np.allclose(
            ours.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
        )
    pipeline = make_pipeline(StandardScaler(), loe())
    weights = np.linspace(0.1, 1, 200)
    compare(
        pipeline,
        INNER_GRID,
        X,
        y,
        fit_params={"loe__known_labels": known, "standardscaler__sample_weight": weights},
    )
    predicted = LOESearchCV(loe(), SMALL_GRID, cv=FOLDS).fit_predict(X, y, known_labels=known)
    fitted = LOESearchCV(loe(), SMALL_GRID, cv=FOLDS).fit(X, y, known_labels=known)
    np.testing.assert_array_equal(predicted, fitted.predict(X))


def test_fit_parameters_that_are_for_nobody(contaminated):
    X, y = contaminated
    with pytest.raises(TypeError, match="LOE.fit.*'weights'"):
        LOESearchCV(loe(), {}).fit(X, y, weights=y)
    with pytest.raises(ValueError, match="as in loe__known_labels"):
        LOESearchCV(make_pipeline(StandardScaler(), loe()), {}).fit(X, y, known_labels=y)
    with pytest.raises(ValueError, match="as in loe__known_labels; got 'other__known_labels'"):
        LOESearchCV(make_pipeline(StandardScaler(), loe()), {}).fit(X, y, other__known_labels=y)
    with pytest.raises(ValueError, match=r"known_labels must hold one label.*\(3,\)"):
        LOESearchCV(loe(), {}).fit(X, y, known_labels=[0, 1, 0])
    with pytest.raises(ValueError, match="metadata routing"):
        LOESearchCV(loe(), {}, cv=FOLDS).fit(X, y).score(X, y, sample_weight=y)


class Squashed(StandardScaler):
    """A scaler whose weights count: detectors undo one that is linear."""

    def transform(self, X, copy=None):
        return np.tanh(super().transform(X, copy))


@pytest.mark.parametrize("inside", [False, True], ids=["LOE", "Pipeline"])
def test_metadata_routing(contaminated, inside):
    X, y = contaminated
    known = np.where(y == 1, -1, 0)
    known[np.flatnonzero(known)[4:]] = 0  # fewer than any of the ratios says
    weights = np.linspace(0.1, 1, 200)
    groups = np.arange(200) % 4
    with config_context(enable_metadata_routing=True):
        detector = loe().set_fit_request(known_labels=True)
        if inside:
            scaler = Squashed().set_fit_request(sample_weight="scaler_weight")
            detector = make_pipeline(scaler, detector)
        scorer = make_scorer(weighted_share, response_method="decision_function")
        scorer.set_score_request(sample_weight=True)
        grid = {f"{'loe__' if inside else ''}contamination": [0.05, 0.2]}
        metadata = {"known_labels": known, "sample_weight": weights, "groups": groups}
        if inside:
            metadata["scaler_weight"] = weights[::-1]
        ours, theirs = compare(
            detector, grid, X, y, cv=GroupKFold(4), scoring=scorer, fit_params=metadata
        )
        # LOE's random_state=0 makes the same models of the same rows, weights and known labels.
        assert ours.score(X, y, sample_weight=weights) == pytest.approx(
            theirs.score(X, y, sample_weight=weights)
        )
        compare(
            detector,
            grid,
            X,
            y,
            cv=GroupKFold(4),
            scoring={"weighted": scorer, "mean": mean_score},
            refit="weighted",
            fit_params=metadata,
        )
        with pytest.raises(TypeError, match="nonsense"):
            LOESearchCV(detector, grid, scoring=scorer, cv=3).fit(X, y, nonsense=y)
        nested = make_pipeline(StandardScaler(), LOESearchCV(detector, grid, cv=FOLDS))
        assert nested.fit(X, y, known_labels=known).predict(X).shape == (200,)


def weighted_share(y, scores, sample_weight=None):
    return float(np.average(scores, weights=sample_weight))


def test_data_frames(contaminated):
    X, y = contaminated
    frame = pd.DataFrame(X, columns=list("abcde"), index=np.arange(200)[::-1])
    labels = pd.Series(y, index=frame.index)
    ours, _ = compare(loe(), SMALL_GRID, frame, labels)
    assert ours.feature_names_in_.tolist() == list("abcde")
    inside = make_pipeline(StandardScaler(), loe())
    compare(inside, INNER_GRID, frame, labels)
    inside.set_output(transform="pandas")
    ours, _ = compare(inside, INNER_GRID, frame, labels)
    assert ours.best_estimator_[-1].feature_names_in_.tolist() == list("abcde")


@pytest.mark.skipif(
    parse(sklearn.__version__) < parse("1.9"),
    reason="scikit-learn before 1.9 does not read polars 2",
)
def test_polars(contaminated):
    X, y = contaminated
    frame = pl.DataFrame(dict(zip("abcde", X.T, strict=True)))
    ours, _ = compare(loe(), SMALL_GRID, frame, pl.Series(y))
    assert ours.feature_names_in_.tolist() == list("abcde")


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.coo_array])
def test_sparse_rows(contaminated, container):
    X, y = contaminated
    X = container(np.where(np.abs(X) > 1, X, 0.0))
    compare(loe(), SMALL_GRID, X, y)
    scaled = make_pipeline(StandardScaler(with_mean=False), loe())
    compare(scaled, INNER_GRID, X, y)
    dense = make_pipeline(FunctionTransformer(sparse.csr_matrix.toarray, accept_sparse=True), loe())
    if container is sparse.csr_matrix:
        compare(dense, INNER_GRID, X, y)


def test_lists(contaminated):
    X, y = contaminated
    expected = LOESearchCV(loe(), SMALL_GRID, cv=FOLDS).fit(X, y)
    listed = LOESearchCV(loe(), SMALL_GRID, cv=FOLDS).fit(X.tolist(), y.tolist())
    np.testing.assert_array_equal(listed.predict(X.tolist()), expected.predict(X))


def test_scorers_get_the_real_estimator_and_rows(contaminated):
    X, y = contaminated
    frame = pd.DataFrame(X, columns=list("abcde"))
    seen = []

    def scorer(estimator, X, y):
        seen.append((type(estimator), estimator.contamination, X, y))
        return mean_score(estimator, X)

    LOESearchCV(loe(), SMALL_GRID, scoring=scorer, cv=FOLDS).fit(frame, y)
    assert [kind for kind, *_ in seen] == [LOE] * 6
    assert [ratio for _, ratio, *_ in seen] == [0.05] * 3 + [0.2] * 3
    for (_, _, rows, labels), (_, test) in zip(seen, 2 * list(FOLDS.split(X, y)), strict=True):
        pd.testing.assert_frame_equal(rows, frame.iloc[test])
        np.testing.assert_array_equal(labels, y[test])


def test_scikit_learns_scorers_only_when_asked_for(contaminated):
    X, y = contaminated
    with pytest.raises(ValueError, match="'balanced_accuracy' is a scorer of scikit-learn"):
        LOESearchCV(loe(), {}, scoring="balanced_accuracy").fit(X, y)
    with pytest.raises(ValueError, match="scoring must be one of"):
        LOESearchCV(loe(), {}, scoring=["auc"], refit=False).fit(X, y)
    theirs = scikit_learns_scorer("roc_auc")
    upside_down = LOESearchCV(loe(), {}, scoring=theirs, cv=FOLDS).fit(X, y)
    right = LOESearchCV(loe(), {}, scoring="roc_auc", cv=FOLDS).fit(X, y)
    assert upside_down.best_score_ == pytest.approx(1 - right.best_score_)


@pytest.mark.parametrize(
    ("labels", "upside_down"),
    [((0, 1), True), ((False, True), True), ((0.0, 1.0), True), ((1, -1), False), ("ab", False)],
    ids=str,
)
def test_only_labels_by_which_scikit_learns_scorers_are_wrong_are_warned_of(
    contaminated, labels, upside_down
):
    X, y = contaminated
    y = np.array(list(labels))[y]
    scorer = make_scorer(roc_auc_score, response_method="decision_function")
    search = LOESearchCV(DeepSVDD(max_epochs=1), {}, scoring=scorer, cv=FOLDS, refit=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
        LOESearchCV(DeepSVDD(max_epochs=1), {}, scoring=mean_score, cv=FOLDS, refit=False).fit(X, y)
    told = [str(each.message) for each in caught if "worst to best" in str(each.message)]
    assert len(told) == upside_down


def test_folds_have_their_share_of_anomalies_if_one_of_several_scorers_looks_at_labels(
    contaminated,
):
    X, _ = contaminated
    y = np.repeat([1, 0], [6, 194])
    scoring = {"mass": get_scorer("excess_mass"), "n": lambda e, X, y: float(y.sum())}
    for each in (scoring, dict(reversed(scoring.items()))):
        found = LOESearchCV(loe(), {}, scoring=each, cv=3, refit=False).fit(X, y).cv_results_
        assert [found[f"split{fold}_test_n"][0] for fold in range(3)] == [2, 2, 2]


def test_how_to_train_is_handed_on(contaminated, training_calls):
    X, y = contaminated
    for estimator, grid in ((loe(), SMALL_GRID), (make_pipeline(loe()), INNER_GRID)):
        LOESearchCV(estimator, grid, cv=FOLDS, n_jobs=1, max_memory=1e9, refit=False).fit(X, y)
        assert {options["n_jobs"] for _, _, options in training_calls} == {1}
        assert {options["max_memory"] for _, _, options in training_calls} == {1e9}
        training_calls.clear()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.repeat(["normal", "odd"], 100), "y must hold"),
        (np.zeros(200), "y holds .*anomalies.*n_splits=3"),
        (np.ones(200), "holds only the label 1"),
        (np.arange(200), "y must hold"),
        (np.repeat([0, 1], [199, 1]), "anomalies.*n_splits=3"),
        ([0, 1], "inconsistent numbers"),
    ],
)
def test_labels_that_cannot_be_scored_by(contaminated, labels, message, training_calls):
    X, _ = contaminated
    with pytest.raises(ValueError, match=message):
        LOESearchCV(loe(), GRID, cv=3).fit(X, labels)
    assert not training_calls  # it does not train first


@pytest.mark.filterwarnings("ignore:Scoring failed:UserWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_a_fold_without_anomalies(contaminated, training_calls):
    X, y = contaminated
    order = np.argsort(y)
    X, y = X[order], y[order]
    with pytest.raises(ValueError, match="those of fold 0 are all normal.*OutlierStratifiedKFold"):
        LOESearchCV(loe(), GRID, cv=KFold(3)).fit(X, y)
    assert not training_calls
    search = LOESearchCV(loe(), GRID, cv=KFold(3), refit="excess_mass")
    search.set_params(scoring=["roc_auc", "excess_mass"])
    with pytest.warns(UserWarning, match="fold 0 are all normal.*The score will be NaN") as caught:
        search.fit(X, y)
    assert caught[0].filename == __file__
    assert np.isfinite(search.cv_results_["split2_test_roc_auc"]).all()
    assert np.isnan(search.cv_results_["split0_test_roc_auc"]).all()
    assert np.isfinite(search.cv_results_["mean_test_excess_mass"]).all()


@pytest.mark.filterwarnings("ignore:LOESearchCV. without y:UserWarning")
@pytest.mark.parametrize("scoring", [None, {"a": get_scorer("excess_mass"), "b": mean_score}])
def test_rows_that_have_no_excess_mass(contaminated, scoring, training_calls):
    X = pd.DataFrame(contaminated[0]).add_prefix("x").assign(text="t")
    pipeline = make_pipeline(make_column_transformer((StandardScaler(), [0, 1])), loe())
    refit = "a" if scoring else True
    with pytest.raises(ValueError, match="ExcessMassScorer: X must hold finite numbers"):
        LOESearchCV(pipeline, INNER_GRID, scoring=scoring, refit=refit, cv=3).fit(X)
    assert not training_calls


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_a_scorer_that_fails(contaminated):
    X, y = contaminated

    def picky(estimator, X, y):
        if estimator.contamination > 0.1:
            raise ArithmeticError("too many")
        return 1.0

    with pytest.warns(UserWarning, match="too many"):
        search = LOESearchCV(loe(), GRID, scoring=picky, cv=FOLDS).fit(X, y)
    assert search.best_params_["contamination"] == 0.05


class FailsOnAllRows(DeepSVDD):
    def fit(self, X, y=None, *, known_labels=None):
        if X.shape[0] == 200:
            raise TrainingDivergedError("too many rows")
        return super().fit(X, y, known_labels=known_labels)


def test_results_survive_a_failing_refit(contaminated):
    X, y = contaminated
    search = LOESearchCV(loe(), {"contamination": [0.05]}, cv=FOLDS).fit(X, y)
    search.set_params(estimator=FailsOnAllRows(max_epochs=2))
    with pytest.raises(TrainingDivergedError, match="too many rows"):
        search.set_params(param_grid={"contamination": [0.1, 0.2]}).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    assert search.best_params_["contamination"] in (0.1, 0.2)
    with pytest.raises(NotFittedError, match="results of its search, but no .*interrupted"):
        search.predict(X)
    # It was not made with refit=False.
    with pytest.raises(NotFittedError, match="^drift_report: this LOESearchCV has the results"):
        drift_report(search, X)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"estimator": IsolationForest()}, TypeError, "must be LOE.*got IsolationForest"),
        ({"estimator": LOE}, TypeError, "got the class LOE.*GridSearchCV"),
        (
            {"estimator": make_pipeline(StandardScaler(), IsolationForest())},
            TypeError,
            "a Pipeline that ends in IsolationForest",
        ),
        ({"param_grid": []}, ValueError, "0 candidates"),
        ({"param_grid": {"contamination": []}}, ValueError, "contamination"),
        ({"param_grid": {"nonsense": [1]}}, ValueError, "nonsense"),
        ({"param_grid": "contamination"}, TypeError, "grid"),
        ({"cv": []}, ValueError, "got an empty list"),
        ({"cv": 1}, ValueError, "k-fold"),
        ({"max_memory": "2 GB"}, ValueError, "max_memory must be"),
        ({"n_iter": 0}, ValueError, "n_iter must be"),
        ({"refit": None}, ValueError, "refit must be"),
        ({"error_score": "ignore"}, ValueError, "error_score must be.*'raise'"),
        ({"scoring": ["roc_auc"]}, ValueError, "refit must name the one.*'roc_auc'"),
        ({"scoring": ["roc_auc"], "refit": "auc"}, ValueError, "refit must name.*got 'auc'"),
        ({"scoring": {}}, ValueError, "at least one"),
        ({"scoring": 3}, ValueError, "scoring must be"),
        ({"scoring": [mean_score]}, ValueError, "Name it with a dict"),
        ({"scoring": {1: mean_score}}, ValueError, "named by strings"),
        ({"scoring": {"mean": mean_score, 1: mean_score}}, ValueError, "named by strings"),
        ({"scoring": ["roc_auc", "roc_auc"]}, ValueError, "twice"),
    ],
)
def test_bad_parameters_change_nothing(contaminated, params, error, message, training_calls):
    X, y = contaminated
    search = LOESearchCV(loe(), {"contamination": [0.1]}, cv=FOLDS).fit(X, y)
    before = dict(vars(search))
    training_calls.clear()
    with pytest.raises(error, match=message):
        search.set_params(**params).fit(X, y)
    assert not training_calls
    assert {n: v for n, v in vars(search).items() if n.endswith("_")} == {
        n: v for n, v in before.items() if n.endswith("_")
    }


def test_a_second_fit_leaves_nothing_of_the_first(contaminated):
    X, y = contaminated
    search = LOESearchCV(loe(), {}, cv=FOLDS).fit(X, y)
    search.set_params(refit=False).fit(X[:, :3], y)
    assert not hasattr(search, "best_estimator_")
    assert not hasattr(search, "refit_time_")


def test_nested_cross_validation(contaminated):
    X, y = contaminated
    scores = cross_val_score(
        LOESearchCV(loe(), SMALL_GRID, cv=2), X, y, cv=FOLDS, error_score="raise"
    )
    assert scores.min() > 0.9


def test_pickles(contaminated):
    X, y = contaminated
    search = LOESearchCV(loe(), GRID, cv=FOLDS).fit(X, y)
    copied = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(copied.score_samples(X), search.score_samples(X))
    assert copied.best_params_ == search.best_params_


def test_progress_is_shown_on_request(contaminated, capsys, monkeypatch):
    X, y = contaminated
    LOESearchCV(loe(), {}, cv=FOLDS).fit(X, y)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(_displays, "FIRST_LINE", 0.0)
    monkeypatch.setattr(_displays, "LONGEST_GAP", 0.0)
    LOESearchCV(loe(), GRID, cv=FOLDS, verbose=1).fit(X, y)
    out, shown = capsys.readouterr()
    assert out == ""
    assert "scoring 24/24" in shown


def test_a_search_that_was_fitted_without_a_refit_and_is_asked_for_one_later(contaminated):
    X, y = contaminated
    search = LOESearchCV(loe(), {}, refit=False, cv=FOLDS).fit(X, y).set_params(refit=True)
    with pytest.raises(NotFittedError, match=r"it was fitted with refit=False, or its last train"):
        search.predict(X)


@pytest.mark.parametrize(
    ("steps", "value"),
    [((), np.nan), ((), 1e200), ((FunctionTransformer(),), 1e200), ((StandardScaler(),), np.nan)],
)
def test_errors_name_rows_by_their_numbers_in_all_rows(steps, value):
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[37, 1] = value
    folds = [(np.arange(20, 60), np.arange(20)), (np.r_[0:20, 30:60], np.arange(20, 30))]
    detector = AutoEncoder(max_epochs=1)
    estimator = make_pipeline(*steps, detector) if steps else detector
    name = "autoencoder__lr" if steps else "lr"
    for grid in ([0.1], [0.1, 0.2]):
        for error_score in (np.nan, "raise"):
            search = LOESearchCV(
                estimator, {name: grid}, cv=folds, scoring=mean_score, error_score=error_score
            )
            with pytest.raises(ValueError, match="row 37") as raised:
                search.fit(X)
            assert "row 17" not in str(raised.value)
            assert "row 27" not in str(raised.value)


def test_rows_of_outliers_keep_their_numbers():
    X, outliers = np.random.default_rng(0).normal(size=(2, 60, 3))
    outliers[4, 0] = np.nan
    search = LOESearchCV(AutoEncoder(max_epochs=1), {"lr": [0.1]}, cv=3, scoring=mean_score)
    with pytest.raises(ValueError, match=r"outliers contains missing .* \(row 4\)"):
        search.fit(X, outliers=outliers)
