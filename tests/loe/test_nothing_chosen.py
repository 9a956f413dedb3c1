"""LOE() as it is, on made-up rows of known truth: clean, rare, clustered, small and wide ones."""

import warnings
from itertools import product

import numpy as np
import pytest
from conftest import slow_but
from sklearn.ensemble import IsolationForest

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn.exceptions import NoSeparateGroupWarning
from lofe_sklearn.metrics import average_precision, roc_auc


def small(**parameters):
    """Return the default's backbones, with less to train."""
    pair = [DeepSVDD(max_epochs=8), AutoEncoder(max_epochs=8)]
    return LOE(pair, n_estimators=6, **{"random_state": 0, **parameters})


def clean(kind, rng):
    if kind == "normal":
        return rng.normal(size=(600, 6))
    if kind == "correlated":
        return rng.normal(size=(600, 6)) @ rng.normal(size=(6, 6))
    if kind == "uniform":
        return rng.uniform(size=(600, 6))
    return rng.standard_t(4, size=(600, 6))


@pytest.mark.parametrize(
    "kind",
    ["normal", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("correlated", "uniform"))],
)
def test_of_clean_rows_few_are_flagged(kind):
    X = clean(kind, np.random.default_rng(0))
    with pytest.warns(NoSeparateGroupWarning, match="There may be few anomalies, or none"):
        detector = LOE(random_state=0).fit(X)
    assert (detector.predict(X) == -1).mean() <= 0.05
    low, high = detector.contamination_interval_
    assert low < 0.02
    assert (detector.anomaly_proba(X) > 0.5).mean() <= high < 0.5


@pytest.mark.filterwarnings("ignore::lofe_sklearn.exceptions.NoSeparateGroupWarning")
def test_of_heavy_tails_few_are_flagged():
    X = clean("t", np.random.default_rng(0))
    detector = LOE(random_state=0).fit(X)
    assert (detector.predict(X) == -1).mean() <= 0.05
    assert detector.contamination_interval_[0] < 0.02


@pytest.mark.all_trees
@pytest.mark.parametrize(
    ("n_outliers", "n", "distance"),
    slow_but([(30, 300, 3), (30, 600, 5)], product([30], [300, 600], [3, 5])),
)
def test_a_group_of_anomalies(n_outliers, n, distance):
    rng = np.random.default_rng(0)
    group = rng.normal(distance, 1, (n_outliers, 8))
    X = np.concatenate([rng.normal(size=(n - n_outliers, 8)), group])
    y = np.arange(n) >= n - n_outliers
    with warnings.catch_warnings():
        # At a distance of 3 it is a close decision whether the group is separate.
        warnings.simplefilter("error" if distance > 3 else "ignore", NoSeparateGroupWarning)
        detector = LOE(random_state=0).fit(X)
    low, high = detector.contamination_interval_
    assert low <= n_outliers / n <= high
    assert n_outliers / 3 < (detector.predict(X) == -1).sum() < 3 * n_outliers
    assert roc_auc(y, detector.score_samples(X)) > 0.98
    proba = detector.anomaly_proba(X)
    assert (proba > 0.5).mean() <= high
    np.testing.assert_array_equal(detector.labels_, detector.predict(X))


@pytest.mark.parametrize("n_equal", slow_but([400], [250, 400]))
@pytest.mark.filterwarnings("ignore::lofe_sklearn.exceptions.NoSeparateGroupWarning")
def test_anomalies_where_most_rows_are_equal(n_equal):
    """Rows of a default value, say, or of zeros: all others are not anomalies for that."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(490, 6)), rng.normal(5, 1, (10, 6))])
    X[:n_equal] = X[0]
    detector = LOE(random_state=0).fit(X)
    low, high = detector.contamination_interval_
    assert low <= 0.02 <= high < 0.2
    assert (detector.predict(X[490:]) == -1).sum() >= 8
    assert (detector.predict(X) == -1).mean() <= 0.05


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::lofe_sklearn.exceptions.NoSeparateGroupWarning")
@pytest.mark.parametrize("n_outliers", [30, 60])
def test_anomalies_close_together(n_outliers):
    """More of them than neighbours are counted, so that one of the detectors is blind for them."""
    rng = np.random.default_rng(0)
    far = rng.normal(5, 0.7, (n_outliers, 6))
    X = np.concatenate([rng.normal(size=(600 - n_outliers, 6)), far])
    detector = LOE(random_state=0).fit(X)
    low, high = detector.contamination_interval_
    assert low <= n_outliers / 600 <= high
    assert roc_auc(np.arange(600) >= 600 - n_outliers, detector.score_samples(X)) > 0.98


@pytest.mark.filterwarnings("ignore::lofe_sklearn.exceptions.NoSeparateGroupWarning")
@pytest.mark.parametrize("contamination", ["auto", 0.0625])
@pytest.mark.parametrize("spread", slow_but([0.1], [0.1, 0.3]))
def test_anomalies_that_are_nearly_equal(contamination, spread):
    """As one fraud that was tried often: nowhere do rows lie as densely as there."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(375, 6)), rng.normal(2.45, spread, (25, 6))])
    detector = LOE(contamination=contamination, random_state=0).fit(X)
    assert roc_auc(np.arange(400) >= 375, detector.score_samples(X)) > 0.98


@pytest.mark.filterwarnings("ignore::lofe_sklearn.exceptions.NoSeparateGroupWarning")
def test_members_count_by_what_is_believed_of_their_ratios():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(570, 6)), rng.normal(3, 1, (30, 6))])
    detector = small().fit(X)
    losses = np.stack([-member.score_samples(X) for member in detector.estimators_])
    ensemble = detector._ensemble
    kinds = [i % 2 for i in range(len(losses))]
    expected = ensemble.believe(losses, kinds, None).weights(detector.contaminations_)
    np.testing.assert_allclose(ensemble.scale.weights, expected, rtol=1e-6)
    assert expected.mean() == pytest.approx(1)
    assert np.ptp(expected) > 0.1
    # Of an interval that was given, each member counts the same.
    np.testing.assert_array_equal(
        small(contamination=(0.02, 0.1)).fit(X)._ensemble.scale.weights, 1
    )


def test_known_anomalies_bound_the_ratio_and_silence_the_warning():
    X = np.random.default_rng(0).normal(size=(300, 6))
    known = np.arange(300) < 30
    with warnings.catch_warnings():
        warnings.simplefilter("error", NoSeparateGroupWarning)
        detector = small().fit(X, known_anomalies=known)
    low, high = detector.contamination_interval_
    assert 0.1 <= low <= detector.contamination_ <= high
    assert (detector.labels_[known] == -1).all()


@pytest.mark.parametrize("shape", [(30, 5), (80, 5), (40, 100), (25, 300)], ids=str)
@pytest.mark.filterwarnings("ignore::lofe_sklearn.exceptions.NoSeparateGroupWarning")
def test_small_and_wide_sets_are_ranked_as_well_as_by_the_evidence(shape):
    ours, evidence = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        y = np.arange(shape[0]) < max(3, shape[0] // 10)
        X = rng.normal(size=shape) + 1.5 * y[:, None] * rng.choice([-1, 1], size=shape)
        detector = small(random_state=seed).fit(X)
        ours.append(roc_auc(y, detector.score_samples(X)))
        evidence.append(roc_auc(y, -detector._ensemble.evidence.score(X)))
    assert np.mean(ours) > np.mean(evidence) - 0.03


@pytest.mark.slow
@pytest.mark.all_trees
@pytest.mark.filterwarnings("ignore::lofe_sklearn.exceptions.NoSeparateGroupWarning")
def test_frauds():
    """0.17 % of 12,000 rows, and a feature of long tails that looks like anomalies."""
    rng = np.random.default_rng(0)
    n, n_frauds = 12_000, 20
    X = rng.normal(size=(n, 28)) * np.linspace(2, 0.3, 28)
    X[:n_frauds] += rng.normal(0, 3, (n_frauds, 28)) + np.sign(rng.normal(size=28)) * 2
    X = np.column_stack([X, rng.lognormal(3, 1.5, n)])
    y = np.arange(n) < n_frauds
    detector = LOE(random_state=0).fit(X)
    scores = detector.score_samples(X)
    assert roc_auc(y, scores) > 0.99
    assert average_precision(y, scores) > 100 * y.mean()
    low, high = detector.contamination_interval_
    assert low < 1.5 * y.mean() < high  # its lower end, .0022, is a step above the truth
    is_flagged = detector.predict(X) == -1
    assert is_flagged[y].mean() > 0.9
    assert is_flagged.mean() < 10 * y.mean()


def test_the_order_of_the_rows_does_not_decide():
    """More rows than the neighbours are sought among: which of them are kept does not show."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5_600, 3))
    X[5_300:] = X[:300]
    pair = [DeepSVDD(max_epochs=1), AutoEncoder(max_epochs=1)]
    few = IsolationForest(n_estimators=5, random_state=0)
    detector = LOE(pair, contamination=0.05, init=few, random_state=0).fit(X)
    scores = detector.score_samples(X)
    np.testing.assert_allclose(scores[5_300:], scores[:300], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(scores, detector._training_scores, rtol=1e-7, atol=1e-7)
    shuffled = rng.permutation(len(X))
    np.testing.assert_allclose(
        detector.score_samples(X[shuffled]), scores[shuffled], rtol=1e-7, atol=1e-7
    )


def test_the_docstring_states_the_constants():
    from lofe_sklearn._loe import _find_ratio, _members, _parameters, _ratio

    notes = " ".join(LOE.__doc__.split())
    assert f"its median is {_find_ratio.PRIOR_MEAN:g}," in notes
    assert f"standard deviation of {_find_ratio.PRIOR_DEVIATION:g}. It" in notes
    known, unknown = _members._WHERE_KNOWN, _members._WHERE_UNKNOWN
    assert known[1] == 0
    assert f"w is {known[0]:g} / n_samples if a single ratio is given" in notes
    assert f"and {unknown[0]:g} / n_samples + {unknown[1]:g} otherwise" in notes
    assert f"from {_ratio._LEAST:g}, or two rows of a small set, to {_ratio._MOST:g}" in notes
    n_steps, largest = _parameters._STEPS_OF_AN_EPOCH, _parameters._MOST_GROWTH
    assert f"Of n > {128 * n_steps:,} rows" in notes
    assert f"batches of n / {n_steps}, at most {128 * largest}" in notes
    assert _find_ratio.MOST_UNSEEN == 0.05  # "one row in twenty"


def test_in_clean_rows_of_one_category_no_group_is_found():
    X = np.eye(10)[np.random.default_rng(2).integers(0, 10, 500)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the covariance is singular
        detector = LOE(random_state=0).fit(X)
    assert not detector._belief.is_separate
    assert (detector.predict(X) == -1).mean() <= 0.05
