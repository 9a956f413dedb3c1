import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lofe_sklearn.metrics import is_anomaly

ENCODINGS = {
    "bool": lambda a: a,
    "zero_one": lambda a: a.astype(int),
    "unsigned": lambda a: a.astype(np.uint8),
    "float": lambda a: a.astype(float),
    "signed": lambda a: np.where(a, -1, 1),
    "signed_float": lambda a: np.where(a, -1.0, 1.0),
    "object_bool": lambda a: a.astype(object),
    "object_int": lambda a: a.astype(int).astype(object),
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(a.astype(int).tolist()),
    "pandas": lambda a: pd.Series(a.astype(int), index=np.arange(len(a)) + 7),
    "pandas_nullable": lambda a: pd.Series(a, dtype="boolean"),
    "pandas_signed_nullable": lambda a: pd.Series(np.where(a, -1, 1), dtype="Int64"),
    "polars": lambda a: pl.Series(a),
}
both = st.lists(st.booleans(), min_size=2, max_size=20).filter(lambda a: len(set(a)) == 2)


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@settings(max_examples=20, deadline=None)
@given(anomalous=both)
def test_every_encoding_is_read_alike(encode, anomalous):
    read = is_anomaly(encode(np.array(anomalous)))
    assert read.dtype == bool
    assert read.tolist() == anomalous


@pytest.mark.parametrize(
    ("y", "expected"), [([0, 0], False), ([-1, -1], True), ([True], True), ([False], False)]
)
def test_one_class_that_is_not_ambiguous(y, expected):
    assert is_anomaly(y).tolist() == [expected] * len(y)


def test_the_result_is_a_copy():
    y = np.array([True, False])
    is_anomaly(y)[:] = False
    assert y.tolist() == [True, False]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            [1, 1],
            "holds only the label 1, which means an anomaly if labels are 0 and 1, and normal",
        ),
        ([1.0], "Pass booleans"),
        ([-1, 0, 1], r"both -1 and 0\. 0 means unknown only in fit\(\.\.\., known_labels="),
        ([-1, 0], "Drop the rows of unknown label"),
        ([0, 2], r"must hold booleans .* got 2\. .* y == label_of_anomalies"),
        ([0.5, 1], "got 0.5"),
        ([0, np.inf], "got inf"),
        ([1, 2, 3, 4, 5, 6, 7], "got 2, 3, 4, 5, 6. Turn"),
        (["a", "b"], "got .*'a'.*y == label_of_anomalies"),
        (["0", "1"], "got .*'0'"),
        (np.array(["1", 0], dtype=object), "got '1'"),
        ([0, 1j], "got "),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "got "),
        ([0, np.nan, 1], "missing label in row 1"),
        ([0, None, 1], "missing label in row 1"),
        ([True, None], "booleans and None"),
        (pd.Series([True, None], dtype="boolean"), "booleans and <NA>"),
        (pd.Series([1, None, 0], dtype="Int64"), "missing label in row 1|got <NA>"),
        (None, "must be a list, an array or a Series.*got None"),
        ([[0], [1]], r"one-dimensional.*shape \(2, 1\).*ravel"),
        (pd.DataFrame({"y": [0, 1]}), r"column of the frame by its name"),
        (1, "must be a list, an array or a Series.*got 1"),
        ([], "at least one label"),
    ],
)
def test_it_refuses(y, message):
    with pytest.raises(ValueError, match=message):
        is_anomaly(y)


def test_errors_use_the_name():
    with pytest.raises(ValueError, match="^labels holds only the label 1"):
        is_anomaly([1], name="labels")
