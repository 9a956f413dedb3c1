"""The typical value of columns: of numbers in an array as of the same numbers one by one."""

from __future__ import annotations

import numpy as np
import pytest

from lofe_sklearn.inspection._typical_row import row_of_typical_value, typical_row

pd = pytest.importorskip("pandas")

COLUMNS = {
    "odd": [3.0, 1.0, 2.0],
    "even": [4.0, 1.0, 3.0, 2.0],
    "ties": [2.0, 1.0, 2.0, 2.0],
    "gaps": [np.nan, 5.0, np.nan, 1.0, 9.0],
    "half missing": [np.nan, 5.0, np.nan, 1.0],
    "mostly missing": [1.0, np.nan, np.nan],
    "all missing": [np.nan, np.nan],
    "infinite": [np.inf, -np.inf, 0.0],
    "integers": [2**62, 1, 2**62 + 1],
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_columns_of_numbers_as_their_values_one_by_one(values):
    table = pd.DataFrame({"column": values})
    expected = table.take([row_of_typical_value(list(table["column"]))]).reset_index(drop=True)
    pd.testing.assert_frame_equal(typical_row(table), expected)


def test_the_typical_values_themselves():
    table = pd.DataFrame({"a": [4.0, 1.0, 3.0, 2.0], "b": [np.nan, np.nan, 1.0, np.nan]})
    assert typical_row(table)["a"].tolist() == [2.0]
    assert typical_row(table)["b"].isna().all()


def test_numbers_that_name_classes_have_no_median():
    table = pd.DataFrame({"class": pd.Categorical([1, 1, 2, 3, 4])})
    assert typical_row(table)["class"].tolist() == [1]
