"""Numbers that stand for missing values, -999 for one: the user is told, and nobody else."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from lofe_sklearn import LOE, DeepSVDD, fit_many
from lofe_sklearn._missing_codes import code_in
from lofe_sklearn.tabular import TableFeatures, table_pipeline

DETECTORS = [
    DeepSVDD(max_epochs=1, random_state=0),
    LOE(DeepSVDD(max_epochs=1), contamination=0.1, evidence=None, init=None, random_state=0),
]


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"age": rng.integers(18, 91, 60).astype(float), "size": rng.normal(170, 10, 60)}
    )
    rows.loc[[3, 20, 21, 50], "size"] = -999.0
    return rows


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, -999, -999, -999], (-999, 3)),
        ([1, 2, 3, -99, -99, -99, -99], (-99, 4)),
        ([20.5, 30.0, 999.0, 999.0, 999.0], (999, 3)),
        ([1, -2, 3, -9999, -9999, -9999, 20_000], None),  # long tails, not a code beside values
        ([0.5, 70_000, 3, -999, -999, -999], (-999, 3)),  # no other value is negative
        ([-0.5, 70_000, 3, -999, -999, -999], None),
        ([1, 2, 3, -999, -999], None),  # two rows may be mistakes
        ([1, 2, 3, 99, 99, 99], None),  # may be an age
        ([900, 950, 999, 999, 999], None),  # the end of a scale
        ([1, 2, 3, -998, -998, -998], None),
        ([1, 2, 3, -999.5, -999.5, -999.5], None),
        ([5, 5, 5, -999, -999, -999], None),  # two values of which either may be meant
        ([-999, -999, -999], None),
        ([np.inf, 1, 2], None),
        ([], None),
    ],
)
def test_what_is_a_code(values, expected):
    assert code_in(np.array(values, dtype=float)) == expected


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: type(d).__name__)
def test_a_fit_tells_which_column(detector, table):
    message = rf"{type(detector).__name__}: .*: 'size' \(-999 in 4 rows\)\. .* SimpleImputer"
    with pytest.warns(UserWarning, match=message):
        detector.fit(table)
    with pytest.warns(UserWarning, match=r": 1 \(-999 in 4 rows\)\. "):
        detector.fit(table.to_numpy())
    with pytest.warns(UserWarning, match=r"'size' \(-999 in 4 rows\)"):
        clone(detector).partial_fit(table)
    with pytest.warns(UserWarning, match=r"'size' \(-999 in 4 rows\)"):
        fit_many([detector], table)


def test_the_remedy_silences_it(table):
    imputer = SimpleImputer(missing_values=-999.0, add_indicator=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_pipeline(imputer, DETECTORS[0]).fit(table.to_numpy())
        DETECTORS[0].fit(sparse.csr_matrix(table))
        DETECTORS[0].fit(table.replace(-999.0, 170.0))


def test_long_codes_are_shown_whole():
    rows = np.random.default_rng(0).normal(size=(50, 2))
    rows[:3, 1] = 99_999_999.0
    with pytest.warns(UserWarning, match=r": 1 \(99999999 in 3 rows\)\."):
        DETECTORS[0].fit(rows)


def test_many_columns_are_counted():
    rows = np.random.default_rng(0).normal(size=(50, 6))
    rows[:3] = -999.0
    with pytest.warns(UserWarning, match=r": 0 \(-999 in 3 rows\), 1 .*, 2 \(.*\) and 3 more\."):
        DETECTORS[0].fit(rows)


def test_tables(table):
    pytest.importorskip("skrub", reason="skrub is not installed")
    with pytest.warns(UserWarning, match=r"TableFeatures: .*'size' \(-999 in 4 rows\).* missing"):
        TableFeatures().fit(table)
    with pytest.warns(UserWarning, match=r"TableFeatures: .*'size' \(-999 in 4 rows\)"):
        table_pipeline(DETECTORS[1]).fit(table)
    with pytest.warns(UserWarning, match=r"TableFeatures: .*'size' \(-999 in 4 rows\)"):
        TableFeatures().fit(table.astype(str))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableFeatures().fit(table.replace(-999.0, np.nan))
