"""Columns of a table whose numbers differ by rounding only, as sums of other columns do."""

import numpy as np
import pandas as pd
import pytest

from lofe_sklearn.tabular import TableFeatures

N = 60
RNG = np.random.default_rng(0)
SHARES = RNG.dirichlet(np.ones(3), N)
TOTAL = SHARES[:, 0] + SHARES[:, 1] + SHARES[:, 2]
SIZES = RNG.normal(size=N)
COLUMNS = {
    "shares": TOTAL,
    "one bit in some rows": np.where(np.arange(N) < 4, np.nextafter(0.3, 1), 0.3),
    "large": 7.1e9 * (1 + RNG.integers(-2, 3, N) * np.finfo(float).eps),
    "text": [repr(value) for value in TOTAL.tolist()],
}


def test_the_sums_differ():
    assert len(np.unique(TOTAL)) > 1


@pytest.mark.parametrize("name", COLUMNS)
def test_they_are_one_value(name):
    table = pd.DataFrame({"size": SIZES, "total": COLUMNS[name]})
    features = TableFeatures()
    with pytest.warns(UserWarning, match="'total' .one value only"):
        features.fit(table)
    assert features.dropped_ == {"total": "one value only"}


@pytest.mark.parametrize("name", ["shares", "one bit in some rows", "large"])
def test_beside_gaps_only_these_count(name):
    table = pd.DataFrame({"size": SIZES, "total": COLUMNS[name]})
    table.loc[5:9, "total"] = np.nan
    equal = table.assign(total=table["total"].where(table["total"].isna(), table["total"].median()))
    expected = TableFeatures().fit_transform(equal)
    pd.testing.assert_frame_equal(TableFeatures().fit_transform(table), expected)


def test_a_column_that_is_kept_is_zero_but_for_other_numbers():
    table = pd.DataFrame({"size": SIZES, "total": TOTAL})
    features = TableFeatures(keep=["total"]).fit(table)
    assert (features.transform(table)["total"] == 0).all()
    assert features.transform(table.assign(total=1.7))["total"].min() > 0.1


@pytest.mark.parametrize(
    "numbers",
    [
        14.62 * (1 + RNG.integers(-2, 3, N) * 1e-11),
        RNG.permutation(np.repeat(2**52 + np.arange(N // 2), 2)),
    ],
    ids=["small, but none of rounding", "whole numbers are exact"],
)
def test_other_small_differences_count(numbers):
    features = TableFeatures().fit(pd.DataFrame({"size": SIZES, "total": numbers}))
    assert list(features.feature_origin_) == ["size", "total"]
    assert features.transform(pd.DataFrame({"size": SIZES, "total": numbers}))["total"].std() > 0.5
