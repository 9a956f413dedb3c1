"""P-values, percentiles and false discovery rates: by hand, and what always holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, percentileofscore

from lofe_sklearn._conformal import (
    conformal_p_values,
    percentiles,
    rates_of_p_values,
    rates_of_probabilities,
)
from lofe_sklearn._cut import clean_cuts, share_of_repeated, threshold

# Scores on a grid, so that there are ties.
SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=30).map(
    lambda values: np.array(values, dtype=float)
)
QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def test_p_values_by_hand():
    # Of four calibration scores, those at least as low as -9, 1, 2.5 and 9: none, 1, 3 and all.
    # The scores 2 tie.
    calibration = np.array([2.0, 1.0, 4.0, 2.0])
    scores = np.array([-9.0, 1.0, 2.5, 9.0, 2.0])
    expected = [1 / 5, 2 / 5, 4 / 5, 1.0, 4 / 5]
    np.testing.assert_allclose(conformal_p_values(scores, calibration, 1e-9), expected)


def test_rounding_decides_no_p_value():
    calibration = np.array([1.0, 2.0])
    for score in (1.0 - 1e-12, 1.0, 1.0 + 1e-12):
        assert conformal_p_values(np.array([score]), calibration, 1e-9) == [2 / 3]


def test_percentiles_by_hand():
    # Low scores are anomalous. Of 1, 2, 2, 4: less anomalous than 2 is 4, and both 2 count half.
    others = np.array([2.0, 1.0, 4.0, 2.0])
    scores = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    found = percentiles(scores, others, np.full(6, 1e-9))
    np.testing.assert_allclose(found, [100.0, 87.5, 50.0, 25.0, 12.5, 0.0])


@pytest.mark.parametrize("rounding", [0.0, 1e-9])
def test_a_row_alone_and_among_many(rounding):
    scores, others = np.round(np.random.default_rng(0).normal(size=(2, 50)), 1)
    near = np.full(50, rounding)
    for of_all, count in (
        (percentiles(scores, others, near), lambda i: percentiles(scores[i], others, near[i])),
        (
            conformal_p_values(scores, others, near),
            lambda i: conformal_p_values(scores[i], others, near[i]),
        ),
    ):
        assert of_all.tolist() == [float(count([i])[0]) for i in range(50)]


def test_rates_by_hand():
    # Of three p-values: .02 * 3 / 1, .03 * 3 / 2, .9 * 3 / 3. What allows two allows one.
    np.testing.assert_allclose(rates_of_p_values(np.array([0.9, 0.02, 0.03])), [0.045, 0.045, 0.9])
    # Of the probabilities .9, .6, .3 to be an anomaly the means of .1, .4, .7.
    rates = rates_of_probabilities(np.array([0.3, 0.9, 0.6]))
    np.testing.assert_allclose(rates, [0.1, 0.25, 0.4])


NORMAL = np.random.default_rng(0).normal(size=94)


@pytest.mark.parametrize(
    ("scores", "share"),
    [
        (np.r_[[-9.0] * 6, NORMAL], 0.06),
        (np.r_[[-9.0] * 3, [-8.0] * 3, NORMAL], 0.06),  # two different rows
        (np.r_[-9.0, -8.9, -8.8, -8.7, -8.6, -8.5, NORMAL], 0.0),  # none is repeated
        (np.r_[[-2.5] * 6, NORMAL], 0.0),  # close to the others
        (np.r_[[-9.0] * 6, np.repeat(NORMAL[:47], 2)], 0.0),  # the others are repeated too
        (np.r_[np.repeat(-np.arange(9.0, 17.0), 2), NORMAL], 0.0),  # eight different rows
        (np.zeros(10), 0.0),
    ],
)
def test_the_share_of_repeated_rows_by_hand(scores, share):
    assert share_of_repeated(np.random.default_rng(1).permutation(scores)) == share


def test_clean_cuts_in_single_precision():
    scores = np.array([1.0, 1.0 + 3e-6, 2.0, 2.0 + 5e-6, 2.0 + 3e-5, 2.0 + 6e-5, 3.0])
    assert clean_cuts(scores, in_single=True).tolist() == [2, 3, 4, 5, 6, 7]
    assert clean_cuts(scores).tolist() == [1, 2, 3, 4, 5, 6, 7]
    for n_below in (2, 4, 6):
        offset = threshold(scores, n_below / 7, in_single=True)
        assert (scores < offset).sum() == n_below


def test_clean_cuts_by_hand():
    assert clean_cuts(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [1, 2, 4]
    assert clean_cuts(np.ones(5)).tolist() == []
    assert clean_cuts(np.array([1.0, 1.0 + 1e-13, 2.0])).tolist() == [2, 3]


@QUICK
@given(SCORES, SCORES)
def test_p_values_count(scores, calibration):
    found = conformal_p_values(scores, calibration, 1e-9)
    by_hand = [(1 + (calibration <= score).sum()) / (len(calibration) + 1) for score in scores]
    np.testing.assert_allclose(found, by_hand)
    assert ((found > 0) & (found <= 1)).all()
    # A more anomalous row has no larger p-value.
    assert (np.diff(found[np.argsort(scores)]) >= 0).all()


@QUICK
@given(SCORES, SCORES)
def test_percentiles_are_scipys(scores, others):
    found = percentiles(scores, others, np.full(len(scores), 1e-9))
    np.testing.assert_allclose(found, percentileofscore(-others, -scores, kind="mean"))


@QUICK
@given(SCORES)
def test_every_clean_cut_is_met_exactly(scores):
    cuts = clean_cuts(scores)
    values = np.unique(scores)
    ends = [int((scores <= value).sum()) for value in values]
    assert cuts.tolist() == (ends if len(values) > 1 else [])
    for cut in cuts:
        assert (scores < threshold(scores, cut / len(scores))).sum() == cut


@QUICK
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array), st.floats(0.01, 0.99))
def test_benjamini_and_hochberg(p_values, rate):
    rates = rates_of_p_values(p_values)
    allowed = np.flatnonzero(rates <= rate)
    n_rejected = allowed[-1] + 1 if len(allowed) else 0
    ascending, n = np.sort(p_values), len(p_values)
    below = [k for k in range(1, n + 1) if ascending[k - 1] * n / k <= rate]
    assert n_rejected == max(below, default=0)
    np.testing.assert_allclose(rates, np.sort(false_discovery_control(p_values)))


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_clean_calibration_keeps_the_false_discovery_rate(share):
    """Bates et al.: BH over conformal p-values, whatever the scores are. 400 tables of 50 rows."""
    rng, rate, found = np.random.default_rng(0), 0.2, []
    for _ in range(400):
        n_anomalies = round(50 * share)
        calibration, normal = rng.normal(size=200), rng.normal(size=50 - n_anomalies)
        scores = np.concatenate([normal, rng.normal(-3, 1, n_anomalies)])
        p_values = conformal_p_values(scores, calibration, 1e-9)
        allowed = np.flatnonzero(rates_of_p_values(p_values) <= rate)
        rejected = np.argsort(p_values, kind="stable")[: allowed[-1] + 1 if len(allowed) else 0]
        found.append((np.mean(rejected < len(normal)) if len(rejected) else 0.0, len(rejected)))
    false_discoveries, n_rejected = np.mean(found, axis=0)
    # Its expectation is at most rate * (1 - share); the mean of 400 has an error of about .01.
    assert rate * (1 - share) / 2 < false_discoveries <= rate * (1 - share) + 0.03
    assert n_rejected > 0.5 * 50 * share


def test_contaminated_calibration_is_conservative():
    rng = np.random.default_rng(0)
    normal, new = rng.normal(size=2000), rng.normal(size=2000)
    anomalies = rng.normal(-4, 1, 200)
    clean = conformal_p_values(new, normal, 1e-9)
    contaminated = conformal_p_values(new, np.concatenate([normal, anomalies]), 1e-9)
    for q in (0.01, 0.05, 0.1, 0.5):
        assert (clean <= q).mean() == pytest.approx(q, abs=0.03)
        assert (contaminated <= q).mean() <= (clean <= q).mean()
    assert (contaminated <= 0.05).mean() < 0.01
