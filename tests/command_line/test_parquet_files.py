"""Parquet files as pandas and Arrow write them: indexes, missing values and large integers."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import OF_MEMORY, raises, slow_but

import lofe_sklearn
from lofe_sklearn._command_line._known_column import read_known
from lofe_sklearn._command_line._models import Scores
from lofe_sklearn._command_line._plain_values import value_text
from lofe_sklearn._command_line._ranking import Ranking
from lofe_sklearn._command_line._score_files import ScoreFile
from lofe_sklearn._command_line._table_files import ReadingOptions, open_table

pytest_plugins = ["running_lofe"]

N = 60


def numbers():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=N), "b": rng.normal(size=N)})


def read(path):
    return pd.concat(open_table(path, ReadingOptions()).chunks(7))


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        pytest.param(pd.RangeIndex(N), ["a", "b"], marks=pytest.mark.slow),
        (pd.Index(np.arange(N)[::-1]), ["a", "b"]),
        pytest.param(
            pd.Index([f"r{i}" for i in range(N)], name="name"),
            ["a", "b", "name"],
            marks=pytest.mark.slow,
        ),
        (pd.MultiIndex.from_product([[0, 1], range(N // 2)], names=[None, "c"]), ["a", "b", "c"]),
    ],
)
def test_an_index_is_a_column_if_it_has_a_name(index, columns, lofe, tmp_path):
    path, model = tmp_path / "t.parquet", tmp_path / "m.lofe"
    table = numbers().set_axis(index)
    table.to_parquet(path)
    assert list(read(path)) == columns
    assert read(path)["a"].tolist() == table["a"].tolist()
    assert lofe("fit", path, "--model", model, "--top", 1).exit_code == 0
    assert lofe("score", path, "--model", model, "--top", 1).exit_code == 0


def test_an_index_names_rows(lofe, tmp_path):
    path, model = tmp_path / "t.parquet", tmp_path / "m.lofe"
    table = numbers().set_axis(pd.Index([f"r{i}" for i in range(N)], name="name"))
    table.iloc[4, 0] = 50.0
    table.to_parquet(path)
    for command in ("fit", "score"):
        result = lofe(command, path, "--model", model, "--id", "name", "--top", 1)
        assert result.stdout.splitlines()[1].split("\t")[:3] == ["1", "5", "r4"]


MISSING = [None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("nan")]


@pytest.mark.parametrize("value", MISSING)
def test_all_kinds_of_missing_values(value, tmp_path):
    labels = pd.Series(["1", value, "0"], index=[1, 2, 3], dtype=object, name="label")
    anomalies, normal = read_known(labels, None, "t")
    assert anomalies.tolist() == [True, False, False]
    assert normal.tolist() == [False, False, True]
    assert value_text(value) == "missing"
    scores = Scores(np.zeros(3), np.zeros(3), np.zeros(3, dtype=bool))
    file = ScoreFile(tmp_path / "s.tmp-csv")
    file.add(labels.index, labels, scores)
    written = pd.read_csv(tmp_path / "s.tmp-csv", dtype=str)["label"]
    assert written.isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [([1, 0, 0, 1], "Int8"), ([True, False, False, True], "boolean"), (["1", "0"], "string")],
)
def test_nullable_columns_of_pandas_are_labels_names_and_features(labels, dtype, lofe, tmp_path):
    path, output = tmp_path / "t.parquet", tmp_path / "s.csv"
    column = pd.array([*labels, *[pd.NA] * (N - len(labels))], dtype=dtype)
    feature = pd.array([*[1.5, 2.5] * (N // 2 - 1), pd.NA, pd.NA], dtype="Float64")
    numbers().assign(k=column, f=feature, u=column).to_parquet(path)
    options = ("--known", "k", "--id", "u", "--output", output, "--top", N)
    result = lofe("fit", path, *options)
    assert result.exit_code == 0
    assert pd.read_csv(output)["u"].isna().sum() == N - len(labels)
    assert sum(line.split("\t")[2] == "missing" for line in result.stdout.splitlines()) == (
        N - len(labels)
    )


def test_reasons_for_durations_times_and_periods(lofe, tmp_path):
    path, model = tmp_path / "t.parquet", tmp_path / "m.lofe"
    hours = np.arange(N) % 3 + 1
    table = numbers().assign(
        d=pd.to_timedelta(hours, unit="h"),
        t=[datetime.time(hour) for hour in hours],
        p=pd.period_range("2024-01", periods=N, freq="M"),
        late=pd.array([True, False] * (N // 2), dtype="boolean"),
    )
    table.loc[N - 1, "d"] = pd.Timedelta(days=400)
    table.loc[N - 1, "late"] = pd.NA
    table.to_parquet(path)
    fitted = lofe("fit", path, "--model", model, "--top", N, "--reasons", 6)
    scored = lofe("score", path, "--model", model, "--top", N, "--reasons", 6, "--chunk-rows", 7)
    assert fitted.exit_code == scored.exit_code == 0
    assert fitted.stdout == scored.stdout
    assert "d = 400 days 00:00:00 (typically 0 days 02:00:00)" in fitted.stdout


def test_listed_rows_keep_the_types_of_their_columns():
    ranking = Ranking(9)
    for start, part in ((1, [True, False]), (3, [None, True])):
        frame = pd.DataFrame({"d": pd.to_timedelta([1, 2], unit="h"), "k": part})
        frame.index = pd.RangeIndex(start, start + 2)
        ranking.add(frame, None, Scores(*np.zeros((2, 2)), np.zeros(2, dtype=bool)))
    rows = ranking.rows()
    assert rows["d"].dtype.kind == "m"
    assert rows["k"].tolist() == [True, False, None, True]


@pytest.mark.parametrize("kind", slow_but(["uint64"], ["int64", "uint64"]))
def test_integers_with_a_missing_value_are_exact(kind, lofe, tmp_path):
    path, model, output = tmp_path / "t.parquet", tmp_path / "m.lofe", tmp_path / "s.csv"
    large = 2**53 + 1
    names = [None, *(large + i for i in range(1, N))]
    count = [None, *(i % 5 for i in range(1, N))]
    columns = {name: pa.array(numbers()[name]) for name in "ab"}
    columns |= {"uid": pa.array(names, kind), "count": pa.array(count, "int8")}
    pq.write_table(pa.table(columns), path)
    expected = ["", *map(str, names[1:])]
    for command, options in (("fit", ()), ("score", ("--chunk-rows", 7))):
        options = (*options, "--model", model, "--id", "uid", "--output", output, "--top", N)
        printed = lofe(command, path, *options).stdout.splitlines()[1:]
        assert pd.read_csv(output, dtype=str, keep_default_na=False)["uid"].tolist() == expected
        shown = {int(line.split("\t")[1]): line.split("\t")[2] for line in printed}
        assert [shown[row] for row in range(1, N + 1)] == ["missing", *expected[1:]]
    as_floats = pa.table(columns).to_pandas()
    scores = lofe_sklearn.load(model).score_samples(as_floats)
    np.testing.assert_allclose(-pd.read_csv(output)["anomaly_score"], scores, rtol=1e-9)


def test_categories_in_several_row_groups(lofe, tmp_path):
    # Arrow reads each row group as a batch of its own where categories are stored.
    path, output = tmp_path / "t.parquet", tmp_path / "scores.csv"
    table = numbers().assign(kind=pd.Categorical(["x", "y", "z"] * (N // 3)))
    table.to_parquet(path, row_group_size=7)
    [whole] = open_table(path, ReadingOptions()).chunks(None)
    assert whole["kind"].tolist() == table["kind"].tolist()
    assert lofe("fit", path, "--output", output, "--top", 1).exit_code == 0
    assert pd.read_csv(output)["row"].tolist() == list(range(1, N + 1))


@pytest.mark.parametrize("error", [pa.ArrowMemoryError("malloc of size 8 failed"), *OF_MEMORY])
def test_too_little_memory_is_no_damage(error, lofe, tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    numbers().to_parquet(path)
    monkeypatch.setattr(pq.ParquetFile, "read", raises(error))
    result = lofe("fit", path, "--model", tmp_path / "m.lofe")
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1] == (
        "lofe: there is not enough memory for these rows; fit a part of them"
    )
