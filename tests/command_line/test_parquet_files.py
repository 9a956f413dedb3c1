"""Parquet files as pandas and Arrow write them: indexes, missing values and large integers."""

import numpy as np
import pandas as pd
import pytest

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
        (pd.RangeIndex(N), ["a", "b"]),
        (pd.Index(np.arange(N)[::-1]), ["a", "b"]),
        (pd.Index([f"r{i}" for i in range(N)], name="name"), ["a", "b", "name"]),
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
