"""Files that cannot be used: one line that names file, line or column, and an exit code."""

import errno
import gzip
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lofe_sklearn
from lofe_sklearn._command_line._score_files import ScoreFile

pytest_plugins = ["running_lofe"]

ROWS = "".join(f"{i % 7},{i % 5}.5\n" for i in range(40))

FILES = {
    "empty": ("t.csv", "", r"t\.csv is empty"),
    "blank lines": ("t.csv", "\n\n", "is empty: all of its lines are blank"),
    "a header only": ("t.csv", "a,b\n", "has a header, but no rows below it"),
    "one row": ("t.csv", "a,b\n1,2\n", "has one row; at least 2 are needed"),
    "one column": ("t.csv", "a b\n1 2\n2 2\n3 1\n", "too few columns .*: 'a b'.*--separator"),
    "mixed separators": ("t.csv", "a,b,c\n1,2,3\n4;5;6\n", r"line 3: 1 field, .*semicolon.*comma"),
    "a field too many": ("t.csv", "a,b\n1,2\n1,2,3\n", "line 3: 3 fields, but the header has 2"),
    "a title above": (
        "t.csv",
        "Account;12\n\nday;shop;amount\n1;a;3\n",
        r"line 3: 3 fields, .*If line 1 is a title .*delete what is above these names",
    ),
    "a note below": ("t.csv", "a,b\n" + ROWS + "40 rows\n", "line 42: 1 field.*a note, delete it"),
    "a total below": ("t.csv", "a,b,c\n1,2,3\nTotal,2\n", "line 3: 2 fields.*a total .*delete it"),
    "separators at the end": ("t.csv", "a,b\n1,2,\n3,4,\n", "line 2: .*ends with a separator"),
    "an open quote": ("t.csv", 'a,b\n1,2\n1,"2\n', "line 3: a double quote is opened"),
    "text behind a quote": ("t.csv", 'a,b\n1,2\n"1"x,2\n', "line 3: "),
    "another encoding": (
        "t.csv",
        "a,b\ncafé,2\n".encode("latin-1"),
        r"line 2, byte 4 \(0xe9\).*cp1252",
    ),
    "UTF-16": ("t.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16: pass --encoding utf-16"),
    "UTF-32": ("t.csv", "a,b\n1,2\n".encode("utf-32"), "UTF-32: pass --encoding utf-32"),
    "a spreadsheet": (
        "t.csv",
        b"PK\x03\x04" + bytes(range(128, 256)),
        "zip archive or a spreadsheet",
    ),
    "gzip": ("t.csv", gzip.compress(ROWS.encode()), "compressed by gzip: .* end in .csv.gz"),
    "a Parquet file": ("t.csv", b"PAR1\x15\x04\xe9" * 9, "a Parquet file: .* end in .parquet"),
    "zero bytes": ("t.csv", b"\0\0\0\0,\0\n", "line 1: this is not text"),
    "two columns of a name": (
        "t.csv",
        "a,b,a\n1,2,3\n",
        "different names; 'a' comes more than once",
    ),
    "10,000 columns": (
        "t.csv",
        ",".join(f"c{i}" for i in range(10_000)),
        "10,000 columns; at most",
    ),
    "identifiers only": (
        "t.csv",
        "id,code\n" + "".join(f"{i},u-{i}x\n" for i in range(50)),
        "'id' .looks like an identifier.*'code'",
    ),
    "one value only": ("t.csv", "a,b\n" + "1,2\n" * 30, "'a' .one value only"),
    "a huge value": ("t.csv", "a,b\n" + ROWS + "1e300,1\n", "1e\\+300 .*or leave the field empty"),
    "infinity": ("t.csv", "a,b\n" + ROWS + "inf,1\n", "line 42: inf in column 'a'"),
    "a beginning of a .gz": ("t.csv.gz", gzip.compress(ROWS.encode() * 99)[:60], "cannot be read"),
    "no .gz": ("t.csv.gz", "a,b\n1,2\n", "cannot be read"),
    "no Parquet": ("t.parquet", "a,b\n1,2\n", "is no Parquet file"),
    "no .npz": ("t.npz", "a,b\n1,2\n", r"is no \.npz file"),
    "another ending": ("t.dat", "a,b\n1,2\n", r"must end in \.csv.* or \.npz$"),
    "an archive": ("t.csv.zip", "PK", r"must end in \.csv.*\. Unpack it first"),
    "Excel": ("t.xlsx", "PK", r"must end in \.csv.*\. Save the sheet as CSV"),
    "JSON lines": ("t.jsonl", '{"a": 1}\n', r"must end in \.csv.*read_json\(\.\.\., lines=True\)"),
    "JSON": ("t.json", '[{"a": 1}]', r"must end in \.csv.*read_json\(\.\.\.\)"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_used(case, lofe, tmp_path):
    name, content, message = FILES[case]
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    result = lofe("fit", path)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert str(path) in result.stderr
    assert re.search(message, result.stderr), result.stderr


def test_files_that_are_not_there(lofe, model, folder, tmp_path):
    assert lofe("fit", tmp_path / "no.csv").exit_code == 3
    assert lofe("fit", tmp_path).exit_code == 3
    assert lofe("score", folder / "tomorrow.csv", "--model", tmp_path / "no.lofe").exit_code == 4


def test_a_column_of_lists_is_named(lofe, tmp_path):
    table = pd.DataFrame({"a": range(30), "tags": [["x"], ["y"]] * 15})
    table.to_parquet(tmp_path / "t.parquet")
    result = lofe("fit", tmp_path / "t.parquet")
    assert result.exit_code == 3
    assert "column 'tags'" in result.stderr
    assert "in row 1)" in result.stderr


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"Y": np.ones((3, 2))}, "must hold X, a matrix of numbers; it holds no X"),
        ({"X": np.ones(3)}, "X of shape"),
        ({"X": np.array([["a", "b"]] * 3)}, "a matrix of numbers"),
        ({"X": np.ones((3, 2)), "feature_names": np.array(["a"])}, "must hold 2 names"),
        ({"X": np.array([[{}]] * 3, dtype=object)}, "pickled"),
        ({"X": np.ones((3, 2)), "x0": np.ones(3)}, "'x0' beside X has the name of a column"),
    ],
)
def test_npz_files_without_a_matrix(arrays, message, lofe, tmp_path):
    np.savez(tmp_path / "t.npz", **arrays)
    result = lofe("fit", tmp_path / "t.npz")
    assert result.exit_code == 3
    assert message in result.stderr


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("maybe", "line 3: 'maybe' in column 'l' is no label"),
        ("-1", "line 3: '-1' .*scikit-learn's label for anomalies"),
        ("2", "line 3: '2'"),
    ],
)
def test_labels_of_strange_values(label, message, lofe, tmp_path):
    (tmp_path / "t.csv").write_text(f"a,b,l\n1,2,1\n3,4,{label}\n")
    result = lofe("fit", tmp_path / "t.csv", "--known", "l")
    assert result.exit_code == 3
    assert re.search(message, result.stderr)


def test_labels_of_which_none_is_known(lofe, tmp_path):
    (tmp_path / "t.csv").write_text("a,b,l\n1,2,\n3,4,unknown\n")
    result = lofe("fit", tmp_path / "t.csv", "--known", "l")
    assert result.exit_code == 3
    assert "has no known label" in result.stderr


@pytest.mark.parametrize("option", ["--id", "--known", "--ignore"])
def test_columns_that_options_name_and_the_file_does_not_have(option, lofe, folder):
    result = lofe("fit", folder / "today.csv", option, "colour")
    assert result.exit_code == 3
    assert f"no column 'colour', which {option} names" in result.stderr


def test_a_file_of_another_schema(lofe, model, tmp_path):
    (tmp_path / "t.csv").write_text("amount,category,colour\n1,2,red\n")
    result = lofe("score", tmp_path / "t.csv", "--model", model)
    assert result.exit_code == 3
    assert "lacks the columns 'time', 'merchant'" in result.stderr
    assert "has others: 'colour'" in result.stderr
    result = lofe("score", tmp_path / "t.csv", "--model", model, "--id", "colour")
    assert "others" not in result.stderr


def test_infinity_is_no_missing_value_when_a_file_is_scored(lofe, model, folder, tmp_path):
    table = pd.read_csv(folder / "tomorrow.csv", dtype=str)
    table.loc[3, "amount"] = "inf"
    table.to_csv(tmp_path / "t.csv", index=False)
    result = lofe("score", tmp_path / "t.csv", "--model", model)
    assert result.exit_code == 3
    assert re.search("column 'amount' .*infinity .inf in line 5", result.stderr)


def test_model_files_that_cannot_be_used(lofe, model, folder, tmp_path):
    damaged, other = tmp_path / "damaged.lofe", tmp_path / "other.lofe"
    damaged.write_bytes(model.read_bytes()[:-200])
    lofe_sklearn.save(lofe_sklearn.DeepSVDD(max_epochs=1).fit(np.eye(4)), other)
    for path, message in ((damaged, "damaged"), (other, "holds DeepSVDD, not a pipeline")):
        result = lofe("score", folder / "tomorrow.csv", "--model", path)
        assert result.exit_code == 4
        assert message in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--contamination", "2"], r"--contamination must be auto, a number in \(0, 0.5\]"),
        (["--contamination", ".2,.1"], "in ascending order"),
        (["--contamination", "a tenth"], "got 'a tenth'"),
        (["--device", "cuda:99"], "--device: .*not available here"),
        (["--encoding", "klingon"], "is not known to Python"),
        (["--separator", "::"], "--separator must be auto"),
        (["--decimal", "x"], "--decimal must be"),
        (["--output", "scores.txt"], r"must end in \.csv or \.parquet"),
        (["--top", "-1"], "--top"),
        (["--seed", "99999999999"], "--seed"),
        (["--bogus"], "No such option"),
    ],
)
def test_wrong_options(options, message, lofe, folder):
    result = lofe("fit", folder / "today.csv", *options)
    assert result.exit_code == 2
    assert re.search(message, result.stderr)


@pytest.mark.parametrize(
    "name", ["rank", "row", "probability", "anomaly_score", "flagged", "reasons"]
)
def test_an_id_of_the_name_of_a_column_of_scores(name, lofe, folder, model):
    for options in (("fit",), ("score", "--model", model)):
        result = lofe(*options, folder / "today.csv", "--id", name)
        assert result.exit_code == 2
        assert f"--id {name}: the scores have a column of this name" in result.stderr
        assert "training" not in result.stderr


@pytest.mark.parametrize("option", ["--model", "--output", "--report"])
def test_folders_that_are_not_there_are_found_before_the_training(option, lofe, folder, tmp_path):
    target = tmp_path / "no" / "where" / ("s.csv" if option == "--output" else "x")
    result = lofe("fit", folder / "today.csv", option, target)
    assert result.exit_code == 5
    assert "there is no folder" in result.stderr
    assert "training" not in result.stderr


@pytest.mark.parametrize("option", ["--model", "--output", "--report"])
def test_paths_below_a_file_are_found_before_the_training(option, lofe, folder):
    target = folder / "today.csv" / ("s.csv" if option == "--output" else "x")
    result = lofe("fit", folder / "today.csv", option, target)
    assert result.exit_code == 5
    assert f"cannot be written: {(folder / 'today.csv').resolve()} is no folder" in " ".join(
        result.stderr.split()
    )
    assert "training" not in result.stderr


def test_models_that_may_not_be_read(lofe, folder, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    result = lofe("score", folder / "today.csv", "--model", folder / "model.lofe")
    assert result.exit_code == 4
    assert "model.lofe: there is no permission to read it" in result.stderr


@pytest.mark.parametrize("option", ["--model", "--output", "--report"])
def test_names_that_are_too_long(option, lofe, folder, tmp_path):
    path = tmp_path / ("x" * 300 + ".csv")
    result = lofe("fit", folder / "today.csv", option, path)
    assert result.exit_code == 5
    assert "cannot be written: File name too long" in result.stderr
    result = lofe("fit", path, option, tmp_path / "a.csv")
    assert result.exit_code == 3
    assert "there is no such file" in result.stderr
    result = lofe("score", folder / "today.csv", "--model", path)
    assert result.exit_code == 4
    assert "there is no such model file" in result.stderr


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--output", "today.csv"], ["--output", "DATA"]),
        (["--output", "sub/../today.csv"], ["--output", "DATA"]),
        (["--output", "link.csv"], ["--output", "DATA"]),
        (["--output", "hard.csv"], ["--output", "DATA"]),
        (["--model", "today.csv"], ["--model", "DATA"]),
        (["--report", "today.csv"], ["--report", "DATA"]),
        (["--output", "new.csv", "--report", "new.csv"], ["--output", "--report"]),
        (["--model", "new", "--report", "./new"], ["--model", "--report"]),
    ],
)
def test_fit_overwrites_neither_its_data_nor_its_own_files(options, named, lofe, folder, tmp_path):
    content = (folder / "today.csv").read_bytes()
    (tmp_path / "sub").mkdir()
    (tmp_path / "today.csv").write_bytes(content)
    (tmp_path / "link.csv").symlink_to("today.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "today.csv")
    before = sorted(os.listdir(tmp_path))
    options = [word if word.startswith("--") else tmp_path / word for word in options]
    result = lofe("fit", tmp_path / "today.csv", *options)
    assert result.exit_code == 2
    assert all(word in result.stderr for word in [*named, "give another name"])
    assert "training" not in result.stderr
    assert (tmp_path / "today.csv").read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("taken", ["DATA", "--model"])
def test_score_overwrites_neither_data_nor_model(taken, lofe, folder, model, tmp_path):
    data, read = tmp_path / "d.csv", tmp_path / "m.csv"
    data.write_bytes((folder / "tomorrow.csv").read_bytes())
    read.write_bytes(model.read_bytes())
    target = data if taken == "DATA" else read
    result = lofe("score", data, "--model", read, "--output", target)
    assert result.exit_code == 2
    assert f"--output {target} would overwrite what is read from the file of {taken}" in (
        result.stderr
    )
    assert read.read_bytes() == model.read_bytes()


def full_disk(*arguments, **keywords):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_model(lofe, folder, tmp_path, monkeypatch):
    path = tmp_path / "m.lofe"
    path.write_bytes(b"the old model")
    monkeypatch.setattr("lofe_sklearn._saving._atomic.os.fsync", full_disk)
    result = lofe("fit", folder / "today.csv", "--model", path)
    assert result.exit_code == 5
    assert "No space left on device" in result.stderr
    assert "unchanged" in result.stderr
    assert path.read_bytes() == b"the old model"
    assert os.listdir(tmp_path) == ["m.lofe"]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_full_disk_leaves_the_old_scores(ending, lofe, model, folder, tmp_path, monkeypatch):
    path = tmp_path / f"scores{ending}"
    path.write_bytes(b"the old scores")
    add = ScoreFile.add
    calls = []

    def full_at_the_second_chunk(self, *arguments):
        calls.append(add(self, *arguments))
        if len(calls) == 2:
            full_disk()

    monkeypatch.setattr(ScoreFile, "add", full_at_the_second_chunk)
    options = ("--model", model, "--output", path, "--chunk-rows", 50)
    result = lofe("score", folder / "tomorrow.csv", *options)
    assert result.exit_code == 5
    assert "the file that was there is unchanged" in result.stderr
    assert path.read_bytes() == b"the old scores"
    assert os.listdir(tmp_path) == [path.name]


def test_a_bad_line_in_a_late_chunk_leaves_no_scores(lofe, model, folder, tmp_path):
    text = (folder / "tomorrow.csv").read_text() + "too,few\n"
    (tmp_path / "t.csv").write_text(text)
    output = tmp_path / "scores.csv"
    options = ("--model", model, "--output", output, "--chunk-rows", 50)
    result = lofe("score", tmp_path / "t.csv", *options)
    assert result.exit_code == 3
    assert "line 122: 2 fields" in result.stderr
    assert not output.exists()
