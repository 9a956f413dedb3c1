"""The scale on which members' losses are averaged."""

import numpy as np
import pytest
from conftest import in_units_of_normal_rows
from torch import nn

from lofe_sklearn._loe._scale import CommonScale

RNG = np.random.default_rng(0)


def log_losses(n_far, far, spread=1.0, n=100):
    """Normal rows, and some that are far from them."""
    return spread * np.concatenate([RNG.normal(size=n - n_far), RNG.normal(far, 1, n_far)])


def scale_of(logs, shares):
    return CommonScale.of([np.exp(own) for own in logs], [nn.Identity()] * len(logs), shares)


def units(logs, shares):
    return scale_of(logs, shares).units(np.exp(logs))


class TestWhereTheRatioIsKnown:
    def test_a_unit_is_the_spread_of_the_normal_rows(self):
        logs = [log_losses(10, 5), log_losses(10, 50, spread=3)]
        expected = in_units_of_normal_rows(logs, logs, 0.1)
        np.testing.assert_allclose(units(logs, [0.1, 0.1]), expected, rtol=1e-9)

    def test_who_separates_better_counts_more(self):
        logs = [log_losses(10, 5), log_losses(10, 50)]
        well, better = np.abs(units(logs, [0.1, 0.1])[:, 90:].mean(axis=1))
        assert better > 5 * well

    def test_normal_rows_have_one_spread(self):
        logs = [log_losses(10, 5), log_losses(10, 50, spread=7)]
        spreads = [np.sort(own)[:90].std() for own in units(logs, [0.1, 0.1])]
        assert spreads[0] == pytest.approx(spreads[1])

    def test_does_not_depend_on_units(self):
        logs = np.array([log_losses(10, 5), log_losses(10, 50)])
        other = logs * [[3.0], [0.1]] + [[1.0], [-2.0]]
        np.testing.assert_allclose(units(other, [0.1] * 2), units(logs, [0.1] * 2), rtol=1e-6)

    def test_of_one_member_the_unit_is_that_of_all_rows(self):
        logs = [log_losses(10, 50)]
        np.testing.assert_allclose(units(logs, [0.1]), units(logs, [0.0]), rtol=1e-12)
        np.testing.assert_allclose(units(logs, [0.0]).std(), 1)

    @pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.999])
    @pytest.mark.parametrize("n", [2, 3, 100])
    def test_rows_that_are_equal_decide_nothing(self, share, n):
        same, one_apart = np.zeros(n), np.zeros(n)
        one_apart[-1] = 1.0
        logs = np.array([same, one_apart, RNG.normal(size=n)])
        scale = scale_of(logs, [share] * 3)
        assert np.isfinite(scale.spread).all()
        assert (scale.spread > 0).all()
        # The member whose normal rows are all equal counts at most a hundred times as much.
        assert np.ptp(scale.units(np.exp(logs))[1]) <= 100 * np.ptp(one_apart) / one_apart.std()


def test_where_it_is_not_known_all_rows_have_unit_spread():
    logs = [log_losses(10, 5), log_losses(10, 50)]
    own = units(logs, [0.0, 0.0])
    np.testing.assert_allclose(own.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(own.std(axis=1), 1)
