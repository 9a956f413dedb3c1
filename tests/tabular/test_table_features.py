"""TableFeatures: every kind of column and container, other tables, and what it refuses."""

import datetime
import io
import pickle
import re
import sys
import uuid
import warnings
import zoneinfo
from decimal import Decimal

import dateutil.tz
import numpy as np
import pytest
from conftest import slow_but
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import IsolationForest

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
from lofe_sklearn.datasets import make_transactions
from lofe_sklearn.tabular import TableFeatures, table_pipeline
from lofe_sklearn.tabular._clock_texts import seconds_in

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")
import pandas as pd
import polars as pl
import pyarrow as pa
from skrub import StringEncoder, TableVectorizer

N = 60
RNG = np.random.default_rng(0)
SIZES = RNG.normal(size=N)
DAYS = pd.date_range("2024-01-01", periods=N, freq="5h")
WORDS = [f"{first} street {number}" for first in ("north", "south", "east") for number in range(20)]
KINDS = {
    "float": (SIZES, "number"),
    "float32": (SIZES.astype(np.float32), "number"),
    "integer": (np.arange(N) % 7, "number"),
    "unsigned": (np.arange(N, dtype=np.uint8) % 7, "number"),
    "large, small differences": (1.7e18 + 1e6 * (np.arange(N) % 7), "number"),
    "very large": (1e300 * SIZES, "number"),
    "very small": (1e-300 * SIZES, "number"),
    "with gaps": (np.where(SIZES > 1, np.nan, SIZES), "number"),
    "nullable": (pd.array([None, *range(5)] * 10, dtype="Int64"), "number"),
    "truth values": (np.arange(N) % 3 == 0, "number"),
    "nullable truth values": (pd.array([None, True, False] * 20, dtype="boolean"), "number"),
    "objects of truth values": ([None, True, False] * 20, "number"),
    "decimals": ([Decimal("1.50"), Decimal("2.25"), None] * 20, "number"),
    "durations": (pd.to_timedelta(np.arange(N) % 7, unit="h"), "number"),
    "python durations": ([datetime.timedelta(hours=i % 7) for i in range(N)], "number"),
    "times of day": ([datetime.time(i % 24, 30) for i in range(N)], "number"),
    "sparse": (pd.arrays.SparseArray([0.0, 0.0, 2.0] * 20), "number"),
    "arrow numbers": (pd.array([1, None, 3] * 20, dtype=pd.ArrowDtype(pa.int32())), "number"),
    "numbers as text": ([f"{value:.3f}" for value in SIZES], "number"),
    "few words": (["red", "green", None] * 20, "text"),
    "two words": (["yes", "no"] * 30, "text"),
    "many words": (WORDS, "text"),
    "numbers and words": ([1, "red", 2.5] * 20, "text"),
    "arrow text": (pd.array(["u", "v", None] * 20, dtype="string"), "text"),
    "emoji": (["🙂", "né", "\u202etext"] * 20, "text"),
    "categories": (pd.Categorical(["u", "v", None] * 20), "category"),
    "categories of numbers": (pd.Categorical([10, 20, 30] * 20), "category"),
    "categories of intervals": (pd.cut(SIZES, 3), "category"),
    "dates": (DAYS, "time"),
    "dates with a zone": (DAYS.tz_localize("Europe/Paris"), "time"),
    "dates with gaps": (DAYS.to_series().where(SIZES < 1).to_numpy(), "time"),
    "python dates": ([datetime.date(2024, 1, 1 + i % 28) for i in range(N)], "time"),
    "dates with offsets": (
        [
            datetime.datetime(
                2024, 1, 1 + i % 28, tzinfo=datetime.timezone(datetime.timedelta(hours=i % 3))
            )
            for i in range(N)
        ],
        "time",
    ),
    "periods": (pd.period_range("2020-01", periods=N, freq="M"), "time"),
    "dates as text": (DAYS.strftime("%d.%m.%Y %H:%M").tolist(), "time"),
}


def table_of(values):
    return pd.DataFrame({"size": SIZES, "column": values})


def quiet(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*dropped columns")
        return function(*arguments, **options)


# Of each path that values take to numbers; what Arrow, pandas and Python call the same is slow.
TELLING_KINDS = [
    *("float", "integer", "large, small differences", "very large", "with gaps", "nullable"),
    *("objects of truth values", "decimals", "durations", "times of day", "sparse"),
    *("arrow numbers", "numbers as text", "few words", "many words", "numbers and words"),
    *("categories", "categories of intervals", "dates with a zone", "dates with gaps"),
    *("python dates", "periods", "dates as text"),
]


@pytest.mark.parametrize("kind", slow_but(TELLING_KINDS, KINDS))
def test_kinds_of_columns(kind):
    values, expected = KINDS[kind]
    table = table_of(values)
    features = TableFeatures()
    rows = quiet(features.fit_transform, table)
    assert features.column_kinds_ == {"size": "number", "column": expected}
    assert list(rows.columns) == features.get_feature_names_out().tolist()
    assert list(features.feature_origin_) == list(rows.columns)
    assert set(features.feature_origin_.values()) == {"size", "column"}
    assert np.isfinite(rows).all(axis=None)
    assert rows.shape[0] == N
    of_column = rows[
        [name for name, origin in features.feature_origin_.items() if origin == "column"]
    ]
    assert (of_column.std() > 0).all()
    np.testing.assert_array_equal(features.transform(table), rows)
    for row in (0, 17, N - 1):  # no row depends on those beside it
        alone = quiet(features.transform, table.iloc[[row]])
        np.testing.assert_allclose(alone, rows.iloc[[row]], atol=1e-6)
    again = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(again.transform(table), rows)
    np.testing.assert_array_equal(TableFeatures().fit_transform(table), rows)


def plain_table():
    X, _ = make_transactions(200, random_state=0)
    return X.drop(columns=["transaction_id", "currency"])


CONTAINERS = {
    "polars": pl.from_pandas,
    "table of Arrow": pa.Table.from_pandas,
    "record batch": pa.RecordBatch.from_pandas,
    "list of dicts": lambda table: table.to_dict("records"),
    "other order": lambda table: table[table.columns[::-1]],
    "arrow types": lambda table: table.convert_dtypes(dtype_backend="pyarrow"),
    "nullable types": lambda table: table.convert_dtypes(),
    "own index": lambda table: table.set_axis([f"r{i % 9}" for i in range(len(table))]),
}


@pytest.mark.parametrize(
    "container",
    slow_but(["polars", "record batch", "other order", "nullable types", "own index"], CONTAINERS),
)
def test_containers(container):
    table = plain_table()
    expected = TableFeatures().fit(table)
    rows = expected.transform(table)
    other = CONTAINERS[container](table)
    np.testing.assert_array_equal(quiet(expected.transform, other), rows)
    fitted = TableFeatures()
    np.testing.assert_array_equal(quiet(fitted.fit_transform, other)[rows.columns], rows)
    np.testing.assert_array_equal(quiet(fitted.transform, table)[rows.columns], rows)
    if container == "own index":
        assert fitted.transform(other).index.equals(other.index)


def test_polars_types():
    table = pl.DataFrame(
        {
            "day": pl.Series([datetime.date(2024, 1, 1 + i % 28) for i in range(N)]),
            "hour": pl.Series([datetime.time(i % 24) for i in range(N)]),
            "zone": pl.Series(DAYS.to_pydatetime().tolist()).dt.replace_time_zone("Asia/Tokyo"),
            "span": pl.Series([datetime.timedelta(hours=i % 5) for i in range(N)]),
            "money": pl.Series(["1.50", "2.25", None] * 20).cast(pl.Decimal(10, 2)),
            "colour": pl.Series(["red", "green", None] * 20, dtype=pl.Categorical),
            "size": pl.Series(["S", "M", "L"] * 20, dtype=pl.Enum(["S", "M", "L"])),
            "on": pl.Series([True, None, False] * 20),
        }
    )
    features = TableFeatures()
    rows = quiet(features.fit_transform, table)
    kinds = ["time", "number", "time", "number", "number", "category", "category", "number"]
    assert list(features.column_kinds_.values()) == kinds
    assert np.isfinite(rows).all(axis=None)
    np.testing.assert_array_equal(quiet(features.transform, table.to_pandas()), rows)


def test_truth_values_of_numpy_as_objects_are_shown_as_such():
    table = pd.DataFrame({"size": SIZES, "on": pd.Series([np.True_, None, np.True_] * 20)})
    assert table["on"].dtype == object
    assert TableFeatures().fit(table).typical_row_["on"].tolist() == [True]
    assert isinstance(TableFeatures().fit(table)._typical["on"][1], bool)


def test_categories_of_any_library_are_categories():
    # Text of digits is read as numbers, categories are names.
    classes = [str(i % 5) if i % 7 else None for i in range(N)]
    table = pd.DataFrame({"size": SIZES, "class": pd.Categorical(classes)})
    arrow = pa.Table.from_pandas(table)
    of_polars = pl.DataFrame({"size": SIZES, "class": pl.Series(classes, dtype=pl.Categorical)})
    enum = of_polars.with_columns(pl.col("class").cast(pl.Enum(list("01234"))))
    expected = TableFeatures().fit_transform(table)
    for other in (arrow, arrow.to_pandas(types_mapper=pd.ArrowDtype), of_polars, enum):
        features = TableFeatures().fit(other)
        assert features.column_kinds_ == {"size": "number", "class": "category"}
        for each in (table, other):
            np.testing.assert_array_equal(features.transform(each), expected)


def test_integers_of_polars_that_64_bits_do_not_hold():
    values = [10**20 + 10**19 * (i % 7) for i in range(N)]
    long = pl.DataFrame({"size": SIZES, "column": pl.Series(values, dtype=pl.Int128)})
    expected = TableFeatures().fit_transform(table_of([float(value) for value in values]))
    np.testing.assert_array_equal(TableFeatures().fit_transform(long), expected)


def test_arrays_and_lists():
    rows = RNG.normal(size=(N, 2))
    features = TableFeatures()
    expected = features.fit_transform(rows)
    assert features.feature_names_in_.tolist() == ["x0", "x1"]
    np.testing.assert_array_equal(features.transform(rows.tolist()), expected)
    mixed = np.array([[1, "red"], [2, "green"], [None, "red"]] * 9, dtype=object)
    assert np.isfinite(TableFeatures().fit_transform(mixed)).all(axis=None)


def test_a_table_read_from_a_file(tmp_path):
    table = plain_table()
    table.to_csv(tmp_path / "table.csv", index=False)
    read = pd.read_csv(tmp_path / "table.csv")
    for fitted, scored in ((table, read), (read, table)):
        features = TableFeatures().fit(fitted)
        np.testing.assert_array_equal(quiet(features.transform, scored), features.transform(fitted))


def test_missing_values_are_imputed_and_flagged():
    table = pd.DataFrame({"a": [1.0, np.nan, 3.0, 5.0], "b": [1.0, 2.0, 3.0, 5.0]})
    features = TableFeatures()
    rows = features.fit_transform(table)
    assert rows.columns.tolist() == ["a", "b", "a_missing"]
    assert rows["a_missing"].tolist() == [0, 1, 0, 0]
    assert rows["a"][1] == rows["a"][2]  # the median
    with pytest.warns(UserWarning, match="no missing values in the fit in .* 'b'"):
        new = features.transform(pd.DataFrame({"a": [np.nan], "b": [None]}))
    assert np.isfinite(new).all(axis=None)


def test_scales():
    table = pd.DataFrame({"a": RNG.normal(size=999), "b": ["u", "v", "w"] * 333})
    table.loc[5, "a"] = 1e9
    rows = TableFeatures().fit_transform(table)
    np.testing.assert_allclose(rows.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(rows.std(ddof=0), 1, atol=1e-6)
    assert rows["a"].idxmax() == 5
    assert rows["a"].drop(5).std() > 0.5  # the others are not squeezed together
    shifted = TableFeatures().fit_transform(table.assign(a=3 + 1000 * table["a"]))
    np.testing.assert_allclose(shifted["a"], rows["a"], atol=1e-4)


def test_dates_do_not_grow_without_end():
    table = pd.DataFrame({"when": DAYS, "a": SIZES})
    features = TableFeatures().fit(table)
    later = features.transform(table.assign(when=DAYS + pd.Timedelta(days=7 * 52)))
    assert np.abs(later).max(axis=None) < 6
    assert not any(name.endswith(("_year", "_seconds")) for name in features.feature_origin_)


def test_dates_far_outside_those_of_one_year_are_warned_of():
    days = pd.Series(pd.date_range("2026-01-05", periods=N, freq="D"))
    late = days.where(days.index != 3, pd.Timestamp("2031-05-01 10:30"))
    words = "dates are far outside .* 'when' \\(1 row, such as 2031-05-01; in the fit 2026-01-05 to"
    for forms in (
        *(
            lambda times: times,
            lambda times: times.dt.strftime("%Y-%m-%d"),
            lambda times: times.dt.date,
        ),
        *(
            lambda times: times.dt.strftime("%d.%m.%Y"),
            lambda times: times.dt.tz_localize("Asia/Tokyo"),
        ),
    ):
        features = TableFeatures().fit(pd.DataFrame({"when": forms(days), "a": SIZES}))
        with pytest.warns(UserWarning, match=words):
            features.transform(pd.DataFrame({"when": forms(late), "a": SIZES}))
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of next year's rows nothing is said
            features.transform(
                pd.DataFrame({"when": forms(days + pd.Timedelta(days=365)), "a": SIZES})
            )


def test_the_first_days_of_a_year_are_no_anomalies():
    # Ten days of January after eleven months, or after two years.
    for first in ("2025-02-10", "2024-01-01"):
        days = pd.Series(pd.date_range(first, "2026-01-10", freq="D"))
        table = pd.DataFrame({"when": days, "a": RNG.normal(size=len(days))})
        rows = TableFeatures().fit_transform(table).filter(like="when")
        assert np.abs(rows).max(axis=None) < 2
        # Another century still stands out.
        table.loc[5, "when"] = pd.Timestamp("1926-03-01")
        rows = TableFeatures().fit_transform(table)
        assert np.abs(rows.loc[5]).max() == np.abs(rows).max(axis=None) > 10


def test_a_vectorizer_of_the_user_keeps_its_years():
    table = pd.DataFrame({"when": pd.date_range("2025-11-01", periods=N, freq="2D"), "a": SIZES})
    features = TableFeatures(TableVectorizer()).fit(table)
    assert {"when_year", "when_total_seconds"} <= set(features.feature_origin_)


@pytest.mark.parametrize("several_years", [True, False])
def test_a_year_that_is_a_feature_needs_no_warning(several_years):
    step = 20 if several_years else 1
    days = pd.Series(pd.date_range("2026-01-05", periods=N, freq=f"{step}D"))
    keep = [] if several_years else ["when"]
    features = TableFeatures(keep=keep).fit(pd.DataFrame({"when": days, "a": SIZES}))
    late = days.where(days.index != 3, pd.Timestamp("2041-05-01"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = features.transform(pd.DataFrame({"when": late, "a": SIZES}))
    assert rows["when_total_seconds"].iloc[3] > 10
    assert "when_year" not in rows


@pytest.mark.parametrize(
    "codes",
    [
        np.array([2**60 + i % 3 for i in range(N)]),
        [2**60 + i % 3 for i in range(N)],
        [2**200 + i % 3 for i in range(N)],
        [str(2**60 + i % 3) for i in range(N)],
        pd.Categorical([2**60 + i % 3 for i in range(N)]),
    ],
    ids=["int64", "integers", "beyond int64", "text", "categories"],
)
def test_large_numbers_that_float64_does_not_tell_apart(codes):
    table = pd.DataFrame({"a": SIZES, "code": codes})
    gaps = table.assign(code=table["code"].astype(object).mask(table.index % 7 == 0, None))
    if isinstance(codes, pd.Categorical):
        gaps["code"] = gaps["code"].astype("category")
    for given in (table, gaps):
        with pytest.warns(
            UserWarning, match="'code' .numbers so large that float64 rounds them to one"
        ):
            features = TableFeatures().fit(given)
        assert list(features.dropped_) == ["code"]
        assert list(features.feature_origin_) == ["a"]
    # The remedies that the message names.
    words = table.assign(code="c" + table["code"].astype(str))
    assert len(TableFeatures().fit(words).get_feature_names_out()) == 4
    differences = table.assign(code=[float(int(code) - int(codes[0])) for code in codes])
    assert len(TableFeatures().fit(differences).get_feature_names_out()) == 2


UNINFORMATIVE = {
    "constant": ([3.0] * N, "one value only"),
    "one word": (["EUR"] * N, "one value only"),
    "empty": ([None] * N, "all values are missing"),
    "empty numbers": ([np.nan] * N, "all values are missing"),
    "not available": (["N/A"] * N, "one value only"),
    "blank": ([" "] * N, "all values are missing"),
    "row numbers": (np.arange(N), "looks like an identifier"),
    "shuffled numbers": (RNG.permutation(N) + 1000, "looks like an identifier"),
    "numbers as text": ([str(i) for i in range(N)], "looks like an identifier"),
    "codes": ([f"T{i:05d}" for i in range(N)], "looks like an identifier"),
    "uuids": ([str(uuid.UUID(int=i**9)) for i in range(N)], "looks like an identifier"),
    "mails": ([f"user{i}@example.org" for i in range(N)], "looks like an identifier"),
}


@pytest.mark.parametrize("kind", UNINFORMATIVE)
def test_columns_that_say_nothing_of_a_row(kind):
    values, reason = UNINFORMATIVE[kind]
    features = TableFeatures()
    with pytest.warns(UserWarning, match=rf"dropped columns .* 'column' \({reason}\)"):
        features.fit(table_of(values))
    assert features.dropped_ == {"column": reason}
    assert set(features.feature_origin_.values()) == {"size"}
    # It need not be there any more, and may hold anything.
    expected = features.transform(table_of(values))
    for other in (table_of(values)[["size"]], table_of([[1]] * N)):
        np.testing.assert_array_equal(quiet(features.transform, other), expected)
    if "missing" not in reason and kind != "not available":
        kept = quiet(TableFeatures(keep=["column"]).fit, table_of(values))
        assert "column" in kept.feature_origin_.values()
        assert np.isfinite(kept.transform(table_of(values))).all(axis=None)
    with pytest.raises(ValueError, match=r"tells rows apart; none is left: 'column'"):
        TableFeatures().fit(table_of(values)[["column"]])


WITH_UNITS = {
    "prices": [f"{100 + i} €" for i in range(N)],
    "shares": [f"{i / 10} %" for i in range(0, 10 * N, 10)],
    "durations": pd.to_timedelta(np.arange(N), unit="s"),
    "times of day": [f"08:{i // 60:02}:{i % 60:02}" for i in range(N)],
}


@pytest.mark.parametrize("kind", WITH_UNITS)
def test_numbers_with_a_unit_are_no_identifiers_though_all_differ(kind):
    features = quiet(TableFeatures().fit, table_of(WITH_UNITS[kind]))
    assert features.column_kinds_["column"] == "number"


@pytest.mark.parametrize(
    ("name", "is_dropped"), [("customer_id", True), ("customerID", True), ("paid", False)]
)
def test_whole_numbers_of_a_wide_range(name, is_dropped):
    numbers = np.random.default_rng(1).choice(10**9, size=N, replace=False)
    table = pd.DataFrame({"size": SIZES, name: numbers})
    assert (name in quiet(TableFeatures().fit, table).dropped_) == is_dropped


@pytest.mark.parametrize("first", [2**53, 2**60, -(2**62), 2**70])
def test_identifiers_that_double_precision_does_not_tell_apart(first):
    numbers = [first + 3 * i for i in range(N)]
    features = quiet(TableFeatures().fit, table_of(numbers))
    assert features.dropped_ == {"column": "looks like an identifier"}


REFUSED = {
    "lists": ([[1, 2]] * N, r"lists \(\[1, 2\] in row 0\).*Make a column of each entry"),
    "arrays": ([np.ones(2)] * N, "lists"),
    "dicts": ([{"a": 1}] * N, "dicts.*Make a column of each key"),
    "bytes": ([b"x"] * N, "bytes.*decode"),
    "complex": (SIZES + 1j, "complex numbers"),
    "infinity": (np.where(SIZES > 1, np.inf, SIZES), "infinity.*Replace it by NaN"),
    "objects": ([object()] * N, "values of the type object.*astype"),
    "intervals": (pd.interval_range(0, N), "values of the type Interval"),
    "some zones": (
        [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2024, 1, 1)] * 30,
        "times with and without a time zone",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_columns_that_are_refused(kind):
    values, message = REFUSED[kind]
    expected = rf"^TableFeatures: column 'column' must hold numbers, text.*{message}"
    with pytest.raises(ValueError, match=expected):
        TableFeatures().fit(table_of(values))
    fitted = TableFeatures().fit(table_of(SIZES[::-1]))
    with pytest.raises(ValueError, match=expected):
        fitted.transform(table_of(values))


class Stored:
    """Rows on disk, as those of HDF5, Zarr and Parquet."""

    shape, dtype = (60, 2), np.dtype(float)


NO_TABLES = {
    "path": ("file.csv", "Read the file first"),
    "series": (pd.Series(SIZES), r"to_frame\(\); one row is .*table\.iloc\[\[0\]\]"),
    "lazy": (pl.DataFrame({"a": [1]}).lazy(), "collect"),
    "stored": (Stored(), r"got Stored\. Read its rows first, with X\[:\]"),
    "number": (3, "pandas.DataFrame"),
    "none": (None, "pandas.DataFrame"),
    "flat array": (SIZES, "2-D array"),
    "flat list": ([1, 2], "list of rows"),
}


@pytest.mark.parametrize("kind", NO_TABLES)
def test_what_is_no_table(kind):
    X, message = NO_TABLES[kind]
    with pytest.raises(TypeError, match=f"^TableFeatures: X must be a table.*{message}"):
        TableFeatures().fit(X)


def test_a_frame_of_dask_is_to_be_computed():
    dask = pytest.importorskip("dask.dataframe", reason="needs dask")
    X = dask.from_pandas(pd.DataFrame({"a": SIZES}), npartitions=2)
    with pytest.raises(TypeError, match=r"got dask\.DataFrame\. Compute .* with X\.compute\(\)"):
        TableFeatures().fit(X)


def test_tables_of_no_size():
    with pytest.raises(ValueError, match="at least one row; .*'a', 'b'"):
        TableFeatures().fit(pd.DataFrame({"a": [], "b": []}))
    for empty in (pd.DataFrame(), pd.DataFrame(index=range(3)), pl.DataFrame(), np.ones((3, 0))):
        with pytest.raises(ValueError, match="at least one column"):
            TableFeatures().fit(empty)
    with pytest.raises(ValueError, match="at least 2 rows.*got 1 sample"):
        TableFeatures().fit(pd.DataFrame({"a": [1.0], "b": ["u"]}))
    fitted = TableFeatures().fit(table_of(SIZES[::-1]))
    with pytest.raises(ValueError, match="at least one row"):
        fitted.transform(table_of(SIZES[::-1]).iloc[:0])
    assert TableFeatures().fit_transform(pd.DataFrame({"a": SIZES})).shape == (N, 1)


def test_columns_of_one_name():
    table = pd.DataFrame(np.ones((3, 3)), columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="different names; 'a' comes more than once. Rename"):
        TableFeatures().fit(table)
    with pytest.raises(ValueError, match="'1' comes more than once"):
        TableFeatures().fit(pd.DataFrame([[1, 2]] * 3, columns=[1, "1"]))


def test_missing_and_new_columns():
    table = plain_table()
    features = TableFeatures().fit(table)
    with pytest.raises(ValueError, match="must have the columns .*; 'amount', 'items' are missing"):
        features.transform(table.drop(columns=["amount", "items"]))
    with pytest.raises(ValueError, match=r"'amount' is missing. Did you mean 'Amount'\?"):
        features.transform(table.rename(columns={"amount": "Amount"}))
    with pytest.warns(UserWarning, match="which are ignored: 'label'"):
        rows = features.transform(table.assign(label=1))
    np.testing.assert_array_equal(rows, features.transform(table))


def test_new_categories():
    table = pd.DataFrame({"a": SIZES, "b": ["u", "v"] * 30, "c": WORDS})
    features = TableFeatures().fit(table)
    new = quiet(features.transform, table.assign(b="new", c="something else"))
    assert np.isfinite(new).all(axis=None)
    known = features.transform(table)[["b_u", "b_v"]].drop_duplicates()
    assert not (known == new[["b_u", "b_v"]].iloc[0]).all(axis=1).any()


def test_other_types_in_another_table():
    table = pd.DataFrame({"n": np.arange(N) % 7 + 0.5, "c": [str(i % 5) + "k" for i in range(N)]})
    table["when"] = DAYS.tz_localize("Europe/Paris")
    features = TableFeatures().fit(table)
    rows = features.transform(table)
    as_text = table.assign(n=table["n"].astype(str), when=table["when"].astype(str))
    np.testing.assert_array_equal(quiet(features.transform, as_text), rows)
    moved = table.assign(when=table["when"].dt.tz_convert("America/Lima"))
    np.testing.assert_array_equal(quiet(features.transform, moved), rows)
    with pytest.warns(UserWarning, match=r"treated as missing: 'n' \(1, such as 'many'\)"):
        odd = features.transform(as_text.assign(n=["many", *as_text["n"][1:]]))
    np.testing.assert_array_equal(odd.iloc[1:], rows.iloc[1:])
    for change, message in (
        ({"n": DAYS}, "column 'n' must hold numbers, as .*; it holds dates"),
        ({"when": SIZES}, "column 'when' must hold dates, as .*; it holds numbers"),
        ({"when": DAYS}, "times in column 'when' have no time zone"),
    ):
        with pytest.raises(ValueError, match=message):
            features.transform(table.assign(**change))
    assert np.isfinite(quiet(features.transform, table.assign(c=3))).all(axis=None)


@pytest.mark.parametrize("fitted", [SIZES, [f"{i} min" for i in range(N)]], ids=["plain", "unit"])
def test_durations_do_not_become_numbers_of_another_unit(fitted):
    features = TableFeatures().fit(table_of(fitted))
    message = "column 'column' must hold numbers, as .*; it holds durations or times of day"
    for new in (pd.to_timedelta(SIZES, unit="min"), [datetime.time(i % 24) for i in range(N)]):
        with pytest.raises(ValueError, match=message):
            features.transform(table_of(new))


SPANS = pd.Series(pd.to_timedelta(np.arange(N) % 7 * 5403.5, unit="s"))
CLOCKS = [datetime.time(i % 24, 30 * (i % 2), 0) for i in range(N)]
IN_SECONDS = [time.hour * 3600 + time.minute * 60 for time in CLOCKS]
# What is written, and the seconds that it means.
CLOCK_TEXTS = {
    "durations of pandas": (SPANS.astype(str), SPANS.dt.total_seconds()),
    "negative ones of pandas": ((-SPANS).astype(str), -SPANS.dt.total_seconds()),
    "durations of Python": ([str(s.to_pytimedelta()) for s in SPANS], SPANS.dt.total_seconds()),
    "durations of ISO 8601": ([s.isoformat() for s in SPANS], SPANS.dt.total_seconds()),
    "more than a day in hours": (
        [f"{i % 9 * 10}:05:30" for i in range(N)],
        [i % 9 * 36_000 + 330 for i in range(N)],
    ),
    "times of day": (list(map(str, CLOCKS)), IN_SECONDS),
    "hours and minutes": ([f"{time:%H:%M}" for time in CLOCKS], IN_SECONDS),
    "am and pm": ([f"{time:%I:%M %p}" for time in CLOCKS], IN_SECONDS),
}


@pytest.mark.parametrize("kind", CLOCK_TEXTS)
def test_times_of_day_and_durations_as_text(kind):
    texts, seconds = CLOCK_TEXTS[kind]
    as_text, as_numbers = table_of(texts), table_of(np.asarray(seconds, dtype=float))
    features = TableFeatures().fit(as_text)
    assert features.column_kinds_["column"] == "number"
    rows = features.transform(as_text)
    np.testing.assert_array_equal(TableFeatures().fit_transform(as_numbers), rows)
    # Tables of other types, one row alone, and a word among them.
    durations = table_of(pd.to_timedelta(np.asarray(seconds, dtype=float), unit="s"))
    np.testing.assert_allclose(features.transform(durations), rows, atol=1e-6)
    np.testing.assert_allclose(TableFeatures().fit(durations).transform(as_text), rows, atol=1e-6)
    np.testing.assert_array_equal(features.transform(as_text.iloc[[3]]), rows.iloc[[3]])
    with pytest.warns(UserWarning, match=r"treated as missing: 'column' \(1, such as 'noon'\)"):
        odd = features.transform(table_of(["noon", *list(texts)[1:]]))
    np.testing.assert_array_equal(odd.iloc[1:], rows.iloc[1:])


def test_times_of_day_among_words_are_text():
    values = ["08:30", "noon", "16:00", "08:30:00"] * (N // 4)
    table = table_of(values)
    features = TableFeatures().fit(table)
    assert features.column_kinds_["column"] == "text"
    rows = features.transform(table)
    for row in range(4):
        np.testing.assert_array_equal(features.transform(table.iloc[[row]]), rows.iloc[[row]])
    # Numbers that are no durations are not read from such texts.
    numbers = TableFeatures().fit(table_of(SIZES * 7.5))
    with pytest.warns(UserWarning, match="treated as missing: 'column'"):
        numbers.transform(table_of(["08:30"] * N))


@pytest.mark.parametrize("text", ["24:30", "13:00 pm", "8:5", "P", "PT", "-", "3 dogs", "1:60:00"])
def test_texts_that_are_no_time(text):
    texts = [text, f"{text}!"] * (N // 2)
    assert quiet(TableFeatures().fit, table_of(texts)).column_kinds_["column"] != "number"
    assert seconds_in(text) is None


def test_a_row_of_a_mixed_column_alone():
    when = datetime.datetime(2024, 1, 2, 3, 4)
    values = [True, 3, 3.5, "red", Decimal("7.0"), when, when.date(), None] * 5
    table = table_of([*values, *values[:20]])
    features = TableFeatures().fit(table)
    rows = features.transform(table)
    for row in range(8):
        np.testing.assert_array_equal(features.transform(table.iloc[[row]]), rows.iloc[[row]])


SECONDS = pd.date_range("2024-01-01", periods=N, freq="7321s")
MIXED = [f"{time}{'Z' if i % 2 else '+02:00'}" for i, time in enumerate(SECONDS)]


@pytest.mark.parametrize(
    ("fitted", "new", "message"),
    [
        (SECONDS, MIXED, "have a time zone, but those of the fit had none. Read them with pandas"),
        (SECONDS, [f"{SECONDS[0]}Z", *SECONDS[1:].astype(str)], "have a time zone, but"),
        (SECONDS.tz_localize("Europe/Rome"), SECONDS.astype(str), "have no time zone, but"),
        (SECONDS.astype(str), SECONDS.tz_localize("UTC"), "have a time zone, but .* Set or drop"),
        (MIXED, SECONDS, "have no time zone, but those of the fit had one. Set or drop"),
    ],
)
def test_times_with_and_without_a_zone_do_not_go_together(fitted, new, message):
    features = TableFeatures().fit(table_of(fitted))
    with pytest.raises(ValueError, match=f"the times in column 'column' {message}"):
        features.transform(table_of(new))


def test_times_as_text_of_any_offset():
    utc = SECONDS.tz_localize("UTC")
    features = TableFeatures().fit(table_of(utc.tz_convert("Europe/Rome")))
    moved = [str(time.tz_convert(("Asia/Tokyo", "UTC")[i % 2])) for i, time in enumerate(utc)]
    rows = features.transform(table_of(utc))
    np.testing.assert_array_equal(features.transform(table_of(moved)), rows)


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        (dateutil.tz.gettz("Asia/Tokyo"), 0),  # pandas does not find it by its name
        (dateutil.tz.tzoffset("odd", 7200), 2),
        (datetime.timezone(datetime.timedelta(hours=2), "CET"), 2),
        (zoneinfo.ZoneInfo("Etc/GMT-2"), 2),
    ],
    ids=repr,
)
def test_time_zones_of_other_libraries(zone, hours):
    utc = SECONDS.tz_localize("UTC")
    features = TableFeatures().fit(table_of(utc.tz_convert(zone)))
    shifted = table_of(utc.tz_localize(None) + pd.Timedelta(hours=hours))
    expected = TableFeatures().fit_transform(shifted)
    np.testing.assert_allclose(features.transform(table_of(utc)), expected)


def rows_as_read(table, **options):
    """Return each row as a table that was read from a CSV file of this row."""
    files = [io.StringIO(table.iloc[[i]].to_csv(index=False)) for i in range(len(table))]
    return [pd.read_csv(file, **options) for file in files]


@pytest.mark.parametrize(
    "values",
    [
        ["True", "False", "unknown"],
        ["true", "FALSE", "?"],
        ["01234", "D-10115", "7"],
        ["1.50", "n.s.", "2"],
        ["2024-05-01", "open", "2024-06-01"],
        [True, "unknown", False],
        [datetime.date(2024, 5, 1), "open", datetime.date(2024, 6, 1)],
        pd.Categorical([True, False, True]),
        pd.Categorical(pd.to_datetime(["2024-05-01", "2024-06-01", "2024-06-01"])),
    ],
    ids=str,
)
def test_a_row_of_text_that_a_file_of_this_row_alone_holds_as_another_type(values):
    values = values.repeat(20) if isinstance(values, pd.Categorical) else values * 20
    table = table_of(values)
    features = TableFeatures().fit(table)
    rows = features.transform(table)
    for row, alone in enumerate(rows_as_read(table.iloc[::15])):
        np.testing.assert_allclose(features.transform(alone), rows.iloc[[15 * row]], atol=1e-12)
    if "2024-05-01" in table["column"].astype(str).tolist():
        for row, alone in enumerate(rows_as_read(table.iloc[:3], parse_dates=["column"])):
            np.testing.assert_allclose(features.transform(alone), rows.iloc[[row]], atol=1e-12)


def test_texts_that_mean_the_same_are_told_apart_if_the_fit_has_both():
    table = table_of(["1", "1.0", "true", "x"] * 15)
    features = TableFeatures().fit(table)
    rows = features.transform(table)
    assert len(np.unique(rows.iloc[:4, 1:], axis=0)) == 4
    # Text is exact: 1.10 is another version than 1.1.
    versions = TableFeatures().fit(table_of(["1.10", "x"] * 30))
    new = versions.transform(table_of(["1.1", "x"] * 30))
    assert new["column_1.10"].nunique() == 1


def test_names_of_features_are_different():
    table = pd.DataFrame({"a": [1.0, None, 3.0] * 9, "a_missing": [1.0, 2.0, 5.0] * 9})
    table["when"], table["when_hour_circular_0"] = DAYS[:27], SIZES[:27]
    names = [TableFeatures().fit(table).get_feature_names_out().tolist() for _ in range(2)]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0])
    assert {"a_missing", "a_missing_2"} < set(names[0])
    assert not any("skrub" in name for name in names[0])


def test_a_number_beyond_single_precision_is_an_error_and_no_warning():
    features = TableFeatures().fit(table_of(SIZES))
    with pytest.raises(ValueError, match="row 0 of the feature 'column' is too large"):
        quiet(features.transform, table_of([1e300, *SIZES[1:]]))


@pytest.mark.parametrize("value", [1e100, -np.finfo(np.float64).max])
@pytest.mark.parametrize("n_rows", [1, len(SIZES) - 5])
def test_a_number_beside_which_others_vanish_is_an_error_of_the_fit(value, n_rows):
    # The feature would be constant, and no amount of new rows too large.
    amounts = np.array(SIZES, dtype=np.float64)
    amounts[2 : 2 + n_rows] = value
    with pytest.raises(ValueError, match="in row 2 of column 'column' is so large that other"):
        TableFeatures().fit(table_of(amounts))


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1e400"])
@pytest.mark.parametrize("as_text_in_the_fit", [False, True])
def test_infinity_in_text_is_no_missing_value(text, as_text_in_the_fit):
    # It was one, so that the median stood for it and the row was a typical one.
    sizes = [str(size) for size in SIZES]
    features = TableFeatures().fit(table_of(sizes if as_text_in_the_fit else SIZES))
    with pytest.raises(ValueError, match="row 3 of the feature 'column'|infinity .-?inf in row 3"):
        features.transform(table_of([*sizes[:3], text, *sizes[4:]]))


def test_the_largest_number_of_single_precision_is_told_from_the_others():
    amounts = np.array(SIZES, dtype=np.float64)
    amounts[2] = np.finfo(np.float32).max
    features = TableFeatures().fit_transform(table_of(amounts))["column"]
    assert features.nunique() == len(set(amounts))
    assert features.idxmax() == 2


def test_columns_that_the_vectorizer_drops():
    table = plain_table().assign(na=["n/a", ""] * (len(plain_table()) // 2))
    with pytest.warns(UserWarning, match="'merchant' .the vectorizer makes no feature of it"):
        features = TableFeatures(TableVectorizer(high_cardinality="drop")).fit(table)
    assert features.dropped_["merchant"] == "the vectorizer makes no feature of it"
    assert features.dropped_["na"] == "all values are missing"


def test_parameters():
    table = plain_table()
    few = TableFeatures(TableVectorizer(high_cardinality=StringEncoder(5, random_state=0))).fit(
        table
    )
    assert sum(origin == "merchant" for origin in few.feature_origin_.values()) == 5
    assert clone(few).get_params()["vectorizer__high_cardinality__n_components"] == 5
    with pytest.raises(TypeError, match="vectorizer must be skrub's TableVectorizer"):
        TableFeatures(StringEncoder()).fit(table)
    for keep in ("amount", [1], (name for name in ["amount"])):
        with pytest.raises(ValueError, match="keep must be a list of column names; got"):
            TableFeatures(keep=keep).fit(table)
    with pytest.raises(ValueError, match=r"X has no 'amuont'. Did you mean 'amount'\?"):
        TableFeatures(keep=["amuont"]).fit(table)
    kept = TableVectorizer(low_cardinality="passthrough")
    with pytest.raises(ValueError, match="vectorizer must turn all columns into numbers"):
        TableFeatures(kept).fit(table)


def test_without_skrub(monkeypatch):
    monkeypatch.setitem(sys.modules, "skrub", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'lofe-sklearn[table]'")):
        TableFeatures().fit(plain_table())


@pytest.mark.parametrize("first_label", [None, 0, 1])
def test_the_users_table_stays_as_it_is(first_label):
    """Also one whose columns are numbered, which are given names here."""
    table = plain_table()
    if first_label is not None:
        table.columns = range(first_label, first_label + table.shape[1])
    before = table.copy()
    TableFeatures().fit(table).transform(table)
    pd.testing.assert_frame_equal(table, before, check_column_type="exact")


def test_a_failed_fit_changes_nothing():
    features = TableFeatures().fit(plain_table())
    before = features.transform(plain_table())
    with pytest.raises(ValueError, match="lists"):
        features.fit(table_of([[1]] * N))
    np.testing.assert_array_equal(features.transform(plain_table()), before)


def in_the_other_byte_order(values):
    return values.astype(values.dtype.newbyteorder(">" if sys.byteorder == "little" else "<"))


def test_numbers_in_the_other_byte_order():
    """As files of FITS and NetCDF 3 have them."""
    rows = np.column_stack([SIZES, RNG.normal(size=N)])
    for plain in (rows, rows.astype(np.float32), np.round(10 * rows).astype(int)):
        expected = TableFeatures().fit_transform(plain)
        features = TableFeatures().fit(in_the_other_byte_order(plain))
        assert features.transform(plain).equals(expected)
        assert features.transform(in_the_other_byte_order(plain)).equals(expected)
    frame = pd.DataFrame({"a": rows[:, 0], "b": rows[:, 1], "word": WORDS[:N]})
    other = frame.assign(a=in_the_other_byte_order(rows[:, 0]))
    assert TableFeatures().fit_transform(other).equals(TableFeatures().fit_transform(frame))
    assert other["a"].dtype.isnative is False


def test_a_search_over_a_table_in_the_other_byte_order():
    rows = np.column_stack([SIZES, RNG.normal(size=N)])
    frame = pd.DataFrame(rows, columns=["a", "b"])
    y = np.arange(N) % 6 == 0
    best = []
    for table in (frame, pd.DataFrame(in_the_other_byte_order(rows), columns=["a", "b"])):
        detector = LOE(DeepSVDD(max_epochs=1), contamination=0.1, random_state=0)
        search = LOESearchCV(table_pipeline(detector), {"loe__contamination": [0.1, 0.2]}, cv=2)
        best.append(search.fit(table, y).cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*best)


def test_set_output():
    features = TableFeatures().set_output(transform="polars")
    assert isinstance(features.fit_transform(plain_table()), pl.DataFrame)


@pytest.mark.parametrize("of_vectorizer", [None, "polars"])
@pytest.mark.parametrize("of_all", ["default", "pandas", "polars"])
def test_output_that_scikit_learn_is_set_to(of_all, of_vectorizer):
    table, _ = make_transactions(100, random_state=0)  # with text of many values
    table = table.drop(columns=["transaction_id", "currency"])
    encoder = StringEncoder(n_components=5, random_state=0)
    vectorizer = TableVectorizer(high_cardinality=encoder) if of_vectorizer else None
    expected = TableFeatures(vectorizer, random_state=0).fit_transform(table)
    if of_vectorizer:
        vectorizer.set_output(transform=of_vectorizer)
    with config_context(transform_output=of_all):
        found = TableFeatures(vectorizer, random_state=0).fit(table).transform(table)
    assert isinstance(found, pl.DataFrame if of_all == "polars" else pd.DataFrame)
    assert list(found.columns) == list(expected.columns)
    np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy())


def test_a_wide_table():
    table = pd.DataFrame(RNG.normal(size=(30, 300)))
    pipeline = table_pipeline(IsolationForest(n_estimators=5)).fit(table)
    assert pipeline.score_samples(table).shape == (30,)


TRUTHS = {
    "yes": (["Yes", "yes ", "YES", "Yes"], ["No", "no", "NO", "No"]),
    "true": (["True", "TRUE", "true", "True"], ["False", " FALSE", "false", "False"]),
    "letters": (["Y", "y", "Y ", "Y"], ["N", "n", "N", "N"]),
    "German": (["Ja", "ja", "JA", "Ja"], ["Nein", "nein", "NEIN", "Nein"]),
}


@pytest.mark.parametrize("category", [False, True])
@pytest.mark.parametrize("kind", TRUTHS)
def test_truth_values_in_several_spellings_are_one(kind, category):
    for_true, for_false = TRUTHS[kind]
    is_true = np.arange(N) % 3 == 0
    rng = np.random.default_rng(0)
    texts = pd.Series([rng.choice(for_true if true else for_false) for true in is_true])
    plain = pd.Series(np.where(is_true, for_true[0], for_false[0]))
    dtype = "category" if category else object
    table = pd.DataFrame({"size": np.arange(N) ** 1.5, "column": texts.astype(dtype)})
    features = TableFeatures()
    rows = features.fit_transform(table)
    expected = TableFeatures().fit_transform(table.assign(column=plain.astype(dtype)))
    pd.testing.assert_frame_equal(rows, expected)
    pd.testing.assert_frame_equal(features.transform(table), rows)
    pd.testing.assert_frame_equal(features.transform(table.iloc[[4]]), rows.iloc[[4]])
    # Nor does another table's spelling matter, where the fit has one spelling only.
    features = TableFeatures().fit(table.assign(column=plain))
    pd.testing.assert_frame_equal(features.transform(table), rows)


@pytest.mark.parametrize(
    "texts", [("N", "n", "S", "Y"), ("NO", "no", "SE"), ("Red", "red", "blue")]
)
def test_other_texts_differ_by_their_letters(texts):
    table = pd.DataFrame({"size": np.arange(N) ** 1.5, "column": (list(texts) * N)[:N]})
    rows = TableFeatures().fit_transform(table)
    assert len(rows.drop(columns="size").drop_duplicates()) == len(texts)
