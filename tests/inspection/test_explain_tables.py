"""Reasons of `table_pipeline`: columns of all kinds, in tables of all libraries."""

import datetime
import decimal

import dateutil.tz
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import OF_MEMORY, raises, slow_but
from sklearn.pipeline import make_pipeline

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.inspection import explain
from lofe_sklearn.plotting import ReasonsDisplay
from lofe_sklearn.tabular import table_pipeline

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")

N = 60
DAYS = np.random.default_rng(1).integers(1, 20, N)


def base():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=N), "c": rng.choice(list("xyz"), N)})
    table.loc[3, "a"] = 9.0
    return table


def pipeline():
    detector = LOE(DeepSVDD(max_epochs=2), contamination=0.1, n_estimators=1, random_state=0)
    return table_pipeline(detector.set_params(init=None, evidence=None))


def middle(values):
    return sorted(values)[(N - 1) // 2]


NUMPY_DAYS = DAYS.astype("timedelta64[D]")
TIMES = [datetime.time(int(day), 30, 0, 5) for day in DAYS]
DATES = [datetime.date(2024, 1, int(day)) for day in DAYS]
FAR_DATES = [date + 41 * datetime.timedelta(date.day) for date in DATES]
ALL_DATES = [DATES[0] + datetime.timedelta(37 * i % N) for i in range(N)]
MONTHS = pd.period_range("2024-01", periods=N, freq="M")
KINDS = {
    "integers": (DAYS, middle(DAYS)),
    "nullable": (pd.array(DAYS, dtype="Int64"), middle(DAYS)),
    "truth values": (DAYS < 15, True),
    "decimals": ([decimal.Decimal(int(day)) / 2 for day in DAYS], middle(DAYS) / 2),
    "durations": (pd.to_timedelta(NUMPY_DAYS), pd.Timedelta(days=int(middle(DAYS)))),
    "Python's durations": (
        pd.Series([datetime.timedelta(int(day)) for day in DAYS], dtype=object),
        datetime.timedelta(int(middle(DAYS))),
    ),
    "times of day": (TIMES, middle(TIMES)),
    "dates": (DATES, middle(DATES)),
    "times": (pd.to_datetime(DATES), pd.Timestamp(middle(DATES))),
    "times of a zone": (
        pd.to_datetime(DATES).tz_localize("Europe/Berlin"),
        pd.Timestamp(middle(DATES), tz="Europe/Berlin"),
    ),
    "times of a zone of dateutil": (
        pd.to_datetime(DATES).tz_localize(dateutil.tz.gettz("Asia/Tokyo")),
        pd.Timestamp(middle(DATES), tz="Asia/Tokyo"),
    ),
    "periods": (MONTHS, MONTHS[(N - 1) // 2]),
    "intervals": (pd.cut(DAYS, [0, 2, 18, 20]), "(2, 18]"),
    "categories": (pd.Categorical(np.where(DAYS < 15, "u", "v")), "u"),
    "truth values as categories": (pd.Categorical(DAYS > 15), False),
    "numbers as categories": (pd.Categorical(np.where(DAYS < 15, 7, 8)), "7"),
    "numbers and text": (pd.Series([7, "u", 7] * (N // 3), dtype=object), "7"),
    "numbers as text": ([str(int(day) * 7) for day in DAYS], str(middle(DAYS) * 7)),
    "dates as text": (
        [f"{date:%d.%m.%Y}" for date in FAR_DATES],
        f"{middle(FAR_DATES):%d.%m.%Y}",
    ),
    "times as text of offsets": (
        [f"{date} 0{i % 3}:00:00+0{i % 3}:00" for i, date in enumerate(ALL_DATES)],
        f"{middle(ALL_DATES)} 0{ALL_DATES.index(middle(ALL_DATES)) % 3}:00:00"
        f"+0{ALL_DATES.index(middle(ALL_DATES)) % 3}:00",
    ),
    "durations as text": (
        pd.Series(pd.to_timedelta(NUMPY_DAYS)).astype(str),
        f"{int(middle(DAYS))} days",
    ),
    "times of day as text": (list(map(str, TIMES)), str(middle(TIMES))),
    "hours as text": ([f"{time:%H:%M}" for time in TIMES], f"{middle(TIMES):%H:%M}"),
    "hours of am and pm": ([f"{time:%I:%M %p}" for time in TIMES], f"{middle(TIMES):%I:%M %p}"),
    "sparse": (pd.arrays.SparseArray(np.where(DAYS < 15, 0.0, DAYS)), 0.0),
}


TELLING_KINDS = [
    *("integers", "truth values", "decimals", "Python's durations", "times of day as text"),
    *("dates", "times of a zone", "intervals", "numbers as categories", "numbers and text"),
]


@pytest.mark.parametrize("kind", slow_but(TELLING_KINDS, KINDS))
def test_columns_of_all_kinds(kind):
    values, typical = KINDS[kind]
    table = base().assign(v=values)
    fitted = pipeline().fit(table)
    for background in (None, table):
        found = explain(fitted, table.iloc[:6], background=background)
        np.testing.assert_allclose(found.scores, fitted.score_samples(table.iloc[:6]), atol=1e-9)
        assert found.typical[2] == typical
        assert list(found.values[:, 2]) == list(table["v"].iloc[:6])
        same = np.array([str(value) == str(typical) for value in found.values[:, 2]])
        assert (found.contributions[same, 2] == 0).all()
        assert (found.contributions[~same, 2] != 0).all()


@pytest.mark.parametrize(
    "kind",
    slow_but(
        ["nullable", "truth values", "durations", "times of day", "times", "periods", "categories"],
        [kind for kind in KINDS if kind != "sparse"],
    ),
)
def test_a_missing_value_of_all_kinds(kind):
    table = base().assign(v=KINDS[kind][0])
    of_numpy = isinstance(table["v"].dtype, np.dtype) and table["v"].dtype.kind not in "mM"
    table["v"] = table["v"].astype(object if of_numpy else table["v"].dtype)
    table.loc[3, "v"] = None
    fitted = pipeline().fit(table)
    found = explain(fitted, table.iloc[3:4])
    np.testing.assert_allclose(found.scores, fitted.score_samples(table.iloc[3:4]), atol=1e-9)
    assert found.contributions[0, 2] != 0


TABLES = {
    "pandas": lambda t: t,
    "polars": pl.from_pandas,
    "table": lambda t: pa.Table.from_pandas(t, preserve_index=False),
    "batch": lambda t: pa.RecordBatch.from_pandas(t, preserve_index=False),
    "array": lambda t: t.to_numpy(dtype=object),
    "numbers": lambda t: t.assign(c=t["c"].map(ord)).to_numpy(dtype=np.float64),
    "rows": lambda t: t.to_numpy(dtype=object).tolist(),
    "dicts": lambda t: t.to_dict("records"),
}


@pytest.mark.parametrize("with_background", slow_but([True], [False, True]))
@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_all_libraries(kind, with_background):
    make, table = TABLES[kind], base()
    fitted = pipeline().fit(make(table))
    data = make(table) if with_background else None
    found = explain(fitted, make(table.iloc[3:5]), background=data)
    np.testing.assert_allclose(found.scores, fitted.score_samples(make(table))[3:5], atol=1e-9)
    assert found.top(1)[0][0].value == 9.0
    assert found.top(1)[0][0].typical == middle(table["a"])
    names = ["x0", "x1"] if kind in ("array", "numbers", "rows") else ["a", "c"]
    assert found.feature_names.tolist() == names
    assert found.row_names.tolist() == ([3, 4] if kind == "pandas" else [0, 1])


@pytest.mark.parametrize("kind", TABLES)
def test_a_display_of_tables_of_all_libraries(kind):
    pytest.importorskip("matplotlib").use("Agg")
    data = TABLES[kind](base())
    display = ReasonsDisplay.from_estimator(pipeline().fit(data), data, row=3)
    assert display.features[0] in ("a", "x0")


def test_the_table_of_the_fit_and_its_background_may_be_of_other_libraries():
    table = base().assign(d=pd.to_timedelta(NUMPY_DAYS))
    fitted = pipeline().fit(table)
    expected = explain(fitted, table[3:4])
    for make in (TABLES["polars"], TABLES["table"]):
        for background in (None, table, make(table)):
            found = explain(fitted, make(table[3:4]), background=background)
            np.testing.assert_allclose(found.contributions, expected.contributions, atol=1e-9)
            assert found.typical.tolist() == expected.typical.tolist()


@pytest.mark.parametrize("make", [TABLES["pandas"], TABLES["polars"], TABLES["table"]])
def test_an_additional_column_is_ignored_with_a_warning(make):
    table = base()
    fitted = pipeline().fit(make(table))
    wide = make(table[["c", "a"]].assign(more=1)[["c", "more", "a"]])
    with pytest.warns(UserWarning, match="columns that were not there in the fit.*: 'more'"):
        found = explain(fitted, wide[:4] if hasattr(wide, "iloc") else wide.slice(0, 4))
    assert found.feature_names.tolist() == ["c", "a"]
    expected = explain(fitted, make(table[:4])).contributions
    np.testing.assert_allclose(found.contributions, expected[:, ::-1], atol=1e-9)


def test_groups_are_those_of_the_columns_of_X():
    table = base().assign(b=DAYS)
    fitted = pipeline().fit(table)
    expected = explain(fitted, table[:4], groups=[0, 1, 0]).contributions
    wide = table.assign(more=1)[["more", "a", "c", "b"]]
    with pytest.warns(UserWarning, match="'more'"):
        found = explain(fitted, wide[:4], groups=["p", "q", "r", "q"])
    np.testing.assert_allclose(found.contributions, expected, atol=1e-9)
    with pytest.raises(ValueError, match="groups must be an array of 4 integers"):
        explain(fitted, wide[:4], groups=[0, 1, 2])


@pytest.mark.filterwarnings("ignore:TableFeatures. dropped columns")
def test_a_column_that_the_fit_dropped_contributes_nothing_and_may_be_left_out():
    table = base().assign(unit="kg", span=pd.Timedelta(days=1))
    fitted = pipeline().fit(table)
    found = explain(fitted, table[3:5])
    assert found.typical.tolist()[2:] == ["kg", pd.Timedelta(days=1)]
    assert (found.contributions[:, 2:] == 0).all()
    alone = explain(fitted, base()[3:5])
    np.testing.assert_allclose(alone.contributions, found.contributions[:, :2], atol=1e-9)


def test_tables_that_cannot_be_used():
    table = base()
    fitted = pipeline().fit(table)
    for X, background, message in (
        (table[:0], None, "explain: X must have at least one row"),
        (table[["a"]], None, "columns of the table that was fitted; 'c' is missing"),
        (table[:2], table[["a"]], "explain: background lacks the column 'c' of X"),
        (table[:2], table[:0], "explain: background must have at least one row"),
        (table[:2], table.assign(a=pd.Timestamp("2024")), "explain: column 'a' must hold numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            explain(fitted, X, background=background)
    with pytest.raises(TypeError, match="explain: X must be a table"):
        explain(fitted, "table.csv")


def test_a_first_step_that_passes_rows_through():
    table, fitted = base(), pipeline().fit(base())
    within = make_pipeline("passthrough", make_pipeline(*fitted))
    expected, found = explain(fitted, table[:4]), explain(within, table[:4])
    np.testing.assert_array_equal(found.contributions, expected.contributions)
    assert list(found.typical) == list(expected.typical)


def test_too_little_memory_is_no_fault_of_the_columns(monkeypatch):
    table, fitted = base(), pipeline().fit(base())
    monkeypatch.setattr("lofe_sklearn.inspection._frame_rows.with_row_below", raises(OF_MEMORY[0]))
    with pytest.raises(MemoryError, match="8 GiB"):
        explain(fitted, table[:2], background=table)
