"""Auxiliary outliers in ``fit``: what holds for every detector."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import FEW_TREES, few_backbones, few_detectors, slow_but
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, MHRot, fit_many
from lofe_sklearn.datasets import make_outliers
from lofe_sklearn.metrics import roc_auc


@pytest.fixture
def outliers():
    return np.random.default_rng(1).uniform(-12, 12, (40, 5))


def name_of(detector):
    return type(detector).__name__.lower()


def mixed_rows(seed):
    """Rows whose features are each like those of one of the two normal clusters."""
    return np.random.default_rng(seed).normal([4, 4, 0, 0, 4], 1.0, (40, 5))


def found(detector, normal, **fit_params):
    """ROC AUC of mixed rows that were not seen in training."""
    new = mixed_rows(2)
    scores = detector.fit(normal, **fit_params).score_samples(np.concatenate([normal, new]))
    return roc_auc(np.repeat([0, 1], [len(normal), 40]), scores)


@few_backbones
def test_rows_like_them_are_found(backbone_class, contaminated):
    X, y = contaminated
    detector = backbone_class(max_epochs=40, random_state=0)
    without = found(detector, X[y == 0])
    assert found(detector, X[y == 0], outliers=mixed_rows(1)) > max(0.7, min(0.95, without))


def test_they_are_no_training_rows(detector, contaminated, outliers):
    X, _ = contaminated
    fitted = clone(detector).set_params(contamination=0.2).fit(X, outliers=outliers)
    assert (fitted.predict(X) == -1).sum() == 40
    assert not np.allclose(fitted.score_samples(X), clone(detector).fit(X).score_samples(X))
    if isinstance(fitted, LOE):
        assert fitted.labels_.shape == (200,)
        assert (fitted.labels_ == -1).sum() == 40
        assert fitted.estimator_.history_.labels.shape == (4, 1, 200)


@few_detectors
def test_forms(detector, contaminated, outliers):
    X, _ = contaminated
    names = list("abcde")
    frame = pd.DataFrame(X, columns=names)
    expected = clone(detector).fit(X, outliers=outliers).score_samples(X)
    for rows, given in [
        (X, outliers.tolist()),
        (frame, pd.DataFrame(outliers, columns=names)),
        (sparse.csr_matrix(X), sparse.csr_matrix(outliers)),
        (sparse.csr_matrix(X), outliers),
        (X, sparse.csr_matrix(outliers)),
    ]:
        fitted = clone(detector).fit(rows, outliers=given)
        np.testing.assert_allclose(fitted.score_samples(rows), expected, rtol=1e-5, atol=1e-5)
    predicted = clone(detector).fit_predict(X, outliers=outliers)
    np.testing.assert_array_equal(predicted, clone(detector).fit(X, outliers=outliers).predict(X))


@few_detectors
@pytest.mark.parametrize("kind", ["uniform", "shuffled", "gaussian"])
def test_synthetic_ones(detector, contaminated, kind):
    X, _ = contaminated
    made = make_outliers(X, kind=kind, random_state=0)
    expected = clone(detector).fit(X, outliers=made).score_samples(X)
    fitted = clone(detector).fit(X, outliers=kind)
    np.testing.assert_array_equal(fitted.score_samples(X), expected)
    again = clone(detector).set_params(random_state=1).fit(X, outliers=kind).score_samples(X)
    assert not np.allclose(again, expected)


def test_integer_rows_and_float32(contaminated, outliers):
    X, _ = contaminated
    for dtype in (np.float32, np.int64):
        fitted = DeepSVDD(max_epochs=2, random_state=0).fit(X.astype(dtype), outliers=outliers)
        assert np.isfinite(fitted.score_samples(X.astype(dtype))).all()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            np.zeros((4, 3)),
            r"outliers must be rows with the features of X.*5\); got shape \(4, 3\)",
        ),
        (np.zeros(5), r"got shape \(5,\)"),
        (np.zeros((0, 5)), "outliers has no rows"),
        (np.full((4, 5), np.nan), "outliers cannot be used.*NaN"),
        (np.full((4, 5), 1e30), "magnitude.*too large"),
        ("noise", "kind must be one of 'uniform'.*got 'noise'"),
    ],
)
def test_bad_outliers(contaminated, bad, message):
    X, _ = contaminated
    for detector in (LOE(AutoEncoder(scaling=None), n_estimators=2), DeepSVDD(scaling=None)):
        with pytest.raises(ValueError, match=message):
            detector.fit(X, outliers=bad)
        with pytest.raises(ValueError, match="is not fitted"):
            check_is_fitted(detector)


def test_names_must_be_those_of_X(contaminated, outliers):
    X, _ = contaminated
    frame = pd.DataFrame(X, columns=list("abcde"))
    with pytest.raises(ValueError, match="outliers cannot be used. The feature names should match"):
        DeepSVDD().fit(frame, outliers=pd.DataFrame(outliers, columns=list("bacde")))


def test_images(contaminated):
    images = np.random.default_rng(0).random((30, 8, 8))
    small = MHRot(depth=10, width=1, n_views=1, max_epochs=2, random_state=0)
    expected = clone(small).fit(images, outliers=images[:5] ** 3).score_samples(images)
    rows = images.reshape(30, 64)
    flat = clone(small).fit(rows, outliers=rows[:5] ** 3).score_samples(rows)
    np.testing.assert_array_equal(flat, expected)


@pytest.mark.parametrize("kind", slow_but(["rows"], ["gaussian", "rows"]))
def test_pixels_of_whole_numbers(kind):
    images = np.random.default_rng(0).integers(0, 256, (30, 64), dtype=np.uint8)
    given = images[:5] / 3.0 - 20 if kind == "rows" else kind
    small = MHRot(depth=10, width=1, n_views=1, max_epochs=2, random_state=0)
    # Not wrapped round at 0 and 255, so that they are what they are beside pixels of floats.
    expected = clone(small).fit(images.astype(float), outliers=given).score_samples(images)
    scores = clone(small).fit(images, outliers=given).score_samples(images)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


def test_a_stack_equals_single_fits(contaminated, outliers):
    X, _ = contaminated
    few_trees = partial(LOE, DeepSVDD(max_epochs=4), init=FEW_TREES)
    detectors = [
        few_trees(contamination=0.1, random_state=0),
        few_trees(contamination=0.2, outlier_weight=3.0, random_state=1),
        few_trees(max_features=0.6, n_estimators=2, random_state=0),
        DeepSVDD(max_epochs=4, random_state=5),
    ]
    rows = [np.arange(150), np.arange(20, 170), np.arange(30, 180), np.arange(50, 200)]
    for given in (outliers, "shuffled"):
        together = fit_many(detectors, X, rows=rows, outliers=given)
        for detector, own, fitted in zip(detectors, rows, together, strict=True):
            alone = clone(detector).fit(X[own], outliers=given)
            np.testing.assert_allclose(
                fitted.score_samples(X), alone.score_samples(X), rtol=1e-5, atol=1e-5
            )


def test_the_weight(contaminated, outliers):
    X, _ = contaminated
    blind = LOE(DeepSVDD(max_epochs=10), method="blind", contamination=0.1, random_state=0)
    without = clone(blind).fit(X).score_samples(X)
    little, much = (
        clone(blind).set_params(outlier_weight=w).fit(X, outliers=outliers).score_samples(X)
        for w in (1e-7, 1.0)
    )
    assert np.abs(little - without).max() < 0.01 * without.std()
    assert np.abs(much - without).max() > without.std()
    with pytest.raises(ValueError, match="outlier_weight must be.*got 0"):
        LOE(outlier_weight=0).fit(X)


def test_with_known_labels(contaminated, outliers):
    X, y = contaminated
    known = np.zeros(200, dtype=int)
    known[[0, 1, 2]], known[np.flatnonzero(y)[:3]] = 1, -1
    loe = LOE(DeepSVDD(max_epochs=4), contamination=0.1, random_state=0)
    fitted = loe.fit(X, known_labels=known, outliers=outliers)
    assert (fitted.labels_[known != 0] == known[known != 0]).all()
    assert (fitted.labels_ == -1).sum() == 20


@few_detectors
def test_in_a_pipeline_and_a_search(detector, contaminated, outliers):
    X, y = contaminated
    step = name_of(detector)
    scaler = StandardScaler().fit(X)
    scaled = scaler.transform(outliers)
    expected = (
        clone(detector).fit(scaler.transform(X), outliers=scaled).score_samples(scaler.transform(X))
    )
    plain = make_pipeline(StandardScaler(), clone(detector))
    plain.fit(X, **{f"{step}__outliers": scaled})
    np.testing.assert_array_equal(plain.score_samples(X), expected)
    with config_context(enable_metadata_routing=True):
        requesting = clone(detector).set_fit_request(outliers=True)
        routed = Pipeline(
            [("scale", StandardScaler()), (step, requesting)], transform_input=["outliers"]
        )
        # What the detector is exposed to goes through the scaler too.
        np.testing.assert_array_equal(routed.fit(X, outliers=outliers).score_samples(X), expected)
    search = GridSearchCV(
        plain,
        {f"{step}__contamination": [0.2]},
        cv=KFold(2),
        scoring="roc_auc",
        error_score="raise",
    )
    search.fit(X, 1 - 2 * y, **{f"{step}__outliers": "uniform"})
    plain.set_params(**{f"{step}__contamination": 0.2}).fit(X, **{f"{step}__outliers": "uniform"})
    np.testing.assert_array_equal(search.score_samples(X), plain.score_samples(X))


@pytest.mark.parametrize("given", slow_but(["uniform"], ["uniform", "rows"]))
def test_loe_search_equals_grid_search(contaminated, outliers, given):
    X, y = contaminated
    given = outliers if given == "rows" else given
    loe = LOE(DeepSVDD(max_epochs=3), contamination=0.1, init=FEW_TREES, random_state=0)
    pipeline = make_pipeline(StandardScaler(), loe)
    grid = {"loe__contamination": [0.05, 0.2]}
    ours, theirs = (
        search(pipeline, grid, cv=KFold(3, shuffle=True, random_state=0), scoring="roc_auc").fit(
            X, 1 - 2 * y, loe__outliers=given
        )
        for search in (LOESearchCV, GridSearchCV)
    )
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=1e-6
    )
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-5)


def test_loe_search_says_what_it_cannot_do(contaminated, outliers):
    X, _ = contaminated
    with config_context(enable_metadata_routing=True):
        detector = LOE(DeepSVDD(max_epochs=2)).set_fit_request(outliers=True)
        pipeline = Pipeline(
            [("scale", StandardScaler()), ("loe", detector)], transform_input=["outliers"]
        )
        search = LOESearchCV(pipeline, {"loe__contamination": [0.1]}, scoring="excess_mass")
        with pytest.raises(ValueError, match="do not pass through a Pipeline's transformers"):
            search.fit(X, outliers=outliers)
