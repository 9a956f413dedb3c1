"""Every numeric parameter of the functions around the detectors refuses what is no such number."""

import re
from functools import partial

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import IsolationForest

from lofe_sklearn import (
    DTE,
    GOAD,
    LOE,
    TCCM,
    AutoEncoder,
    DeepSVDD,
    MHRot,
    NeuTraL,
    RealNVP,
    datasets,
    features,
    fit_many,
    metrics,
)
from lofe_sklearn._validation import Described, Number
from lofe_sklearn.active import estimate_contamination, query
from lofe_sklearn.model_selection import OutlierStratifiedKFold, check_cv

ROWS = np.random.default_rng(0).normal(size=(20, 3))
LABELS = np.repeat([0, 1], [16, 4])
IMAGES = np.zeros((20, 4, 4))


def excess_mass(**parameters):
    return metrics.ExcessMassScorer(**parameters)(IsolationForest().fit(ROWS), ROWS)


def images(**parameters):
    return features.ImageFeatures(**parameters).fit(IMAGES)


def smoothing(**parameters):
    return features.TemporalSmoothing(IsolationForest(), **parameters).fit(ROWS)


def ask(**parameters):
    return query(DeepSVDD(max_epochs=1).fit(ROWS), ROWS, **parameters)


def threshold(**parameters):
    return DeepSVDD(max_epochs=1).fit(ROWS).set_threshold(**parameters)


def one_vs_rest(**parameters):
    return datasets.image_one_vs_rest(IMAGES, LABELS, IMAGES, LABELS, normal_class=0, **parameters)


estimate = partial(estimate_contamination, ROWS[:, 0], np.repeat([1, -1, 0], [2, 2, 16]))
ON_LABELS = [
    ("adbench_split", datasets.adbench_split),
    ("adbench_unsupervised", datasets.adbench_unsupervised),
    ("one_class_split", datasets.one_class_split),
    ("bootstrap_unsupervised", datasets.bootstrap_unsupervised),
]
# Who says so, what is called, and which of its parameters must be numbers; a question mark after
# those that may be None.
NUMERIC = [
    ("precision_at_n", partial(metrics.precision_at_n, LABELS, ROWS[:, 0]), "n?"),
    ("ExcessMassScorer", excess_mass, "n_draws"),
    ("contaminate", partial(datasets.contaminate, ROWS, ROWS), "contamination noise"),
    ("make_outliers", partial(datasets.make_outliers, ROWS), "n_samples? scale"),
    (
        "make_mulcross",
        partial(datasets.make_mulcross, **{"n_samples": 10}),
        "n_samples n_features n_clusters contamination distance cluster_std",
    ),
    ("make_transactions", datasets.make_transactions, "n_samples contamination missing"),
    ("loe_tabular_split", partial(datasets.loe_tabular_split, ROWS, LABELS), "contamination"),
    ("image_one_vs_rest", one_vs_rest, "contamination"),
    ("adbench_split", partial(datasets.adbench_split, ROWS, LABELS), "test_size"),
    (
        "contaminated_one_class_split",
        partial(datasets.contaminated_one_class_split, ROWS, LABELS),
        "contamination max_contamination max_train_samples? max_test_samples?",
    ),
    *((name, partial(call, ROWS, LABELS), "max_samples? min_samples?") for name, call in ON_LABELS),
    ("fetch_odds", partial(datasets.fetch_odds, "thyroid"), "n_retries delay"),
    ("fetch_adbench", partial(datasets.fetch_adbench, "cardio"), "n_retries delay"),
    ("fetch_cifar10", datasets.fetch_cifar10, "n_retries delay"),
    ("fetch_fashion_mnist", datasets.fetch_fashion_mnist, "n_retries delay"),
    ("video_windows", partial(features.video_windows, [IMAGES]), "length step"),
    (
        "smooth_scores",
        partial(features.smooth_scores, ROWS[:, 0], np.zeros(20), sigma=1),
        "sigma",
    ),
    ("TemporalSmoothing", smoothing, "sigma"),
    ("ImageFeatures", images, "grid_size image_size? batch_size? verbose image_shape?"),
    ("query", ask, "n_queries"),
    ("DeepSVDD", threshold, "contamination? n_flagged? false_discovery_rate?"),
    ("estimate_contamination", estimate, "prior?"),
    ("OutlierStratifiedKFold", OutlierStratifiedKFold, "n_splits"),
    ("check_cv", check_cv, "cv?"),
]
CASES = [
    pytest.param(owner, call, name.rstrip("?"), name.endswith("?"), id=f"{owner}-{name}")
    for owner, call, names in NUMERIC
    for name in names.split()
]
BAD = [True, np.True_, np.nan, np.inf, -np.inf, -1, 1 + 2j, "a", "3", None]


@pytest.mark.parametrize(("owner", "call", "name", "optional"), CASES)
def test_what_is_no_number_is_refused(owner, call, name, optional):
    for bad in BAD[:-1] if optional else BAD:
        with pytest.raises(ValueError, match=f"^{owner}: {name} must be ") as raised:
            call(**{name: bad})
        assert re.search(rf"; got {re.escape(repr(bad))}\.", str(raised.value)), raised.value


@pytest.mark.parametrize("fetch", [datasets.fetch_cifar10, datasets.fetch_fashion_mnist])
@pytest.mark.parametrize("bad", [True, np.True_, [0, True], 1.0, np.nan, -1, 10])
def test_classes_are_numbers_or_names(fetch, bad):
    with pytest.raises(ValueError, match=f"^{fetch.__name__}: classes must be numbers from 0 to 9"):
        fetch(classes=bad)


@pytest.mark.parametrize("bad", ["layer1", [], [1], 3])
def test_layers_are_a_list_of_names(bad):
    with pytest.raises(ValueError, match="^ImageFeatures: layers must be a list of names"):
        images(layers=bad)


def test_intervals():
    share = Number(low=0, high=1, exclude_high=True)
    assert [share.accepts(x) for x in (-0.1, 0, 0.5, 1)] == [False, True, True, False]
    assert str(share) == "a number in [0, 1)"
    assert str(Number(low=0, high=1, exclude_low=True, exclude_high=True)) == "a number in (0, 1)"
    share = Described(share, "the share of it")
    assert [share.accepts(x) for x in (0.5, 1)] == [True, False]
    assert str(share) == "the share of it"


def test_choices_as_numpy_has_them():
    """As a search over an array of values sets them."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    given = {"label_update": np.str_("epoch"), "warm_start": np.True_, "keep": np.str_("partial")}
    plain = {"label_update": "epoch", "warm_start": True, "keep": "partial"}
    own, expected = (
        LOE(DeepSVDD(max_epochs=2), contamination=0.1, random_state=0, **each).fit(X)
        for each in (given, plain)
    )
    np.testing.assert_array_equal(own.score_samples(X), expected.score_samples(X))


HUGE = [10**30, 2**62]
SIZES = [
    (LOE, "n_estimators"),
    (NeuTraL, "n_transforms"),
    (NeuTraL, "encoder_sizes"),
    (GOAD, "n_transforms"),
    (GOAD, "transform_size"),
    (DTE, "n_bins"),
    (DTE, "n_draws"),
    (TCCM, "n_times"),
    (RealNVP, "n_layers"),
    (MHRot, "width"),
    (MHRot, "depth"),
    (AutoEncoder, "hidden_sizes"),
]


@pytest.mark.parametrize("huge", HUGE)
@pytest.mark.parametrize(("detector", "name"), SIZES)
def test_sizes_beyond_any_memory_are_refused(detector, name, huge):
    """They ended in errors of torch or Python that name no parameter, or took all memory."""
    value = [huge] if name.endswith("_sizes") else huge
    value = huge - (huge - 10) % 6 if name == "depth" else value
    with pytest.raises(ValueError, match=rf"{detector.__name__}: {name} must be .* are too many"):
        detector(**{name: value}).fit(IMAGES if detector is MHRot else ROWS)


@pytest.mark.parametrize("huge", HUGE)
def test_functions_refuse_sizes_beyond_any_memory(huge):
    for make in (partial(datasets.make_outliers, ROWS), datasets.make_transactions):
        with pytest.raises(ValueError, match="n_samples must be .* are too many"):
            make(n_samples=huge)


@pytest.mark.parametrize("huge", HUGE)
def test_numbers_without_a_limit(huge):
    """More rows than there are, or more jobs, are all of them."""
    backbone = DeepSVDD(max_epochs=1, random_state=0)
    expected = clone(backbone).set_params(batch_size=20).fit(ROWS).score_samples(ROWS)
    detector = clone(backbone).set_params(batch_size=huge, n_iter_no_change=huge)
    np.testing.assert_array_equal(detector.fit(ROWS).score_samples(ROWS), expected)
    [fitted] = fit_many([backbone], ROWS, n_jobs=huge)
    alone = clone(backbone).fit(ROWS).score_samples(ROWS)
    np.testing.assert_allclose(fitted.score_samples(ROWS), alone, rtol=1e-5)
    members = LOE(backbone, n_estimators=2, contamination=0.1, evidence=None, random_state=0)
    with joblib.parallel_config(backend="threading"):
        many = clone(members).set_params(n_jobs=huge).fit(ROWS)
    np.testing.assert_allclose(
        many.score_samples(ROWS), members.fit(ROWS).score_samples(ROWS), rtol=1e-5
    )
