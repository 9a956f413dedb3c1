"""Numbers in CSV files: decimal commas, and points between thousands."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lofe_sklearn._command_line import _models
from lofe_sklearn._command_line._csv_file import looks_like_decimal_commas
from lofe_sklearn._command_line._notes import plain_words
from lofe_sklearn._command_line._plain_values import value_text
from lofe_sklearn._command_line._table_files import ReadingOptions, open_table
from lofe_sklearn._command_line._typed_columns import typed
from lofe_sklearn.inspection import Reason

pytest_plugins = ["running_lofe"]


def read(path, decimal):
    [frame] = open_table(path, ReadingOptions(separator=";", decimal=decimal)).chunks(None)
    return typed(frame)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("1.013", 1013), ("-12.345.678", -12345678), ("+999.000", 999000), (" 1.013 ", 1013)),
        *(("1.234,56", 1234.56), ("0,5", 0.5), (",5", 0.5), ("1234", 1234), ("1,5e3", 1500)),
        # No groups of three digits: these are read as they are.
        *(("1.5", 1.5), ("0.25", 0.25), ("1234.567", 1234.567), ("1.0134", 1.0134)),
    ],
)
def test_numbers_with_a_decimal_comma(text, number, tmp_path):
    (tmp_path / "t.csv").write_text(f"a;b\n{text};x\n")
    assert read(tmp_path / "t.csv", ",")["a"].tolist() == [number]


@pytest.mark.parametrize(("text", "number"), [("1.013", 1.013), ("-12.345", -12.345)])
def test_numbers_with_a_decimal_point(text, number, tmp_path):
    (tmp_path / "t.csv").write_text(f"a;b\n{text};x\n")
    assert read(tmp_path / "t.csv", ".")["a"].tolist() == [number]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1,5", "2,25", "-0,5", "x"], True),
        (["1.234,50", "2,5", None], True),
        (["0,123", "1,234"], True),
        (["1,5", "2", "3"], False),
        (["1,234", "2,345,678"], False),
        (["a,b", "1;5", ""], False),
        ([1.5, 2.5], False),
        ([], False),
    ],
)
def test_what_looks_like_decimal_commas(texts, expected):
    assert looks_like_decimal_commas(texts) is expected


def scores_in(path):
    return pd.read_csv(path)["anomaly_score"].to_numpy()


def test_decimal_commas_are_read_with_and_without_the_option(lofe, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(1000 * rng.normal(size=(60, 3)), columns=list("abc"))
    path = tmp_path / "t.csv"
    table.assign(c=rng.integers(0, 9, 60)).to_csv(path, sep=";", decimal=",", index=False)
    files = [tmp_path / f"{name}.csv" for name in ("given", "found", "later")]
    model, ignored = tmp_path / "m.lofe", ("--ignore", "b")
    results = [
        lofe("fit", path, *ignored, "--decimal", ",", "--output", files[0]),
        lofe("fit", path, *ignored, "--model", model, "--output", files[1]),
        lofe("score", path, "--model", model, "--output", files[2]),
    ]
    assert not any("--decimal" in result.stderr for result in results)
    for file in files[1:]:
        np.testing.assert_allclose(scores_in(file), scores_in(files[0]))


def test_a_note_names_the_option_for_decimal_commas(lofe, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc"))
    path, model = tmp_path / "t.csv", tmp_path / "m.lofe"
    table.assign(c=rng.integers(0, 9, 60)).to_csv(path, sep=";", decimal=",", index=False)
    good = lofe("fit", path, "--decimal", ",", "--model", model)
    assert "--decimal" not in good.stderr
    # The model has seen columns of numbers, and in the other file there are too many words.
    words = [f"word {i}" if i < 20 else f"{x:.3f}".replace(".", ",") for i, x in enumerate(table.a)]
    table.assign(a=words, b=range(60)).to_csv(tmp_path / "w.csv", sep=";", index=False)
    bad = [lofe("fit", tmp_path / "w.csv"), lofe("score", path, "--model", model)]
    for result, names in zip(bad, ("'a'", "'a', 'b'"), strict=True):
        assert (
            f"note: the values of {names} look like numbers with a decimal comma, and are read as "
            "text. Pass --decimal , to read them as numbers"
        ) in result.stderr


def test_codes_with_a_zero_in_front_stay_text(tmp_path):
    (tmp_path / "t.csv").write_text("code;size\n01234;1\n80331;02\n;3\n")
    frame = read(tmp_path / "t.csv", ".")
    assert frame["code"].dropna().tolist() == ["01234", "80331"]
    assert frame["size"].tolist() == [1, 2, 3]


def test_excels_line_that_names_the_separator_is_not_part_of_the_table(tmp_path):
    path = tmp_path / "t.csv"
    rows = "".join(f"{i},5;{i}\n" for i in range(9))
    path.write_text("\ufeffsep=;\na,x;b\n" + rows, encoding="utf-8")
    for separator in ("auto", ";"):
        table = open_table(path, ReadingOptions(separator=separator))
        [frame] = table.chunks(None)
        assert list(frame) == table.columns == ["a,x", "b"]
        assert frame["b"].tolist() == [str(i) for i in range(9)]
        assert table.place(1) == "line 3"


def test_a_note_says_that_a_row_was_read_as_the_header(lofe, tmp_path):
    rows = [f"{i % 9},5;{'ab'[i % 2]};0{i % 7}\n" for i in range(63)]
    (tmp_path / "none.csv").write_text("".join(rows))
    (tmp_path / "years.csv").write_text("2020;kind;2021\n" + "".join(rows))
    note = "note: the first line, 0,5, a, 00 and so on, is read as the header"
    assert note in lofe("fit", tmp_path / "none.csv").stderr
    assert "is read as the header" not in lofe("fit", tmp_path / "years.csv").stderr


@pytest.mark.parametrize(
    ("number", "text"),
    [(10894735.84, "10894736"), (-5871220.5, "-5871220"), (24999.9, "24999.9"), (1e20, "1e+20")],
)
def test_amounts_are_written_without_exponents(number, text):
    assert value_text(number) == text


def test_reasons_that_would_be_shown_as_zero_are_left_out(monkeypatch):
    reasons = [[Reason("a", 1.2, 5, 1), Reason("b", 0.0049, 5, 1)], [Reason("b", 0.001, 5, 1)]]
    found = SimpleNamespace(top=lambda most: reasons)
    monkeypatch.setattr(_models, "explain", lambda *_: found)
    model = [SimpleNamespace(feature_names_in_=["a", "b"], column_kinds_={})]
    listed = _models.find_reasons(model, pd.DataFrame({"a": [5, 5], "b": [5, 5]}), 3)
    assert listed == [reasons[0][:1], []]


def test_reasons_are_of_the_values_as_the_fit_reads_them(lofe, tmp_path):
    # Each of these columns is text for its other rows; the one row alone looks like a number.
    rng = np.random.default_rng(0)
    n = 200
    columns = {
        "amount": [f"{number:.2f}".replace(".", ",") for number in rng.normal(20, 2, n)],
        "version": rng.choice(["1.1", "2.0", "other"], n).tolist(),
        "day": [f"202601{1 + i % 28:02}" for i in range(n)],
    }
    far = {"amount": "91.234", "version": "1.10", "day": "20260105"}
    for name, value in far.items():
        columns[name][41] = value
    columns["day"][:5] = ["unknown"] * 5
    lines = [";".join(columns), *(";".join(row) for row in zip(*columns.values(), strict=True))]
    path, model = tmp_path / "t.csv", tmp_path / "m.lofe"
    path.write_text("\n".join(lines) + "\n")
    for arguments in (("fit", path, "--model", model), ("score", path, "--model", model)):
        result = lofe(*arguments, "--top", 1)
        assert result.exit_code == 0, result.stderr
        _, line = result.stdout.splitlines()
        assert line.split("\t")[1] == "42"
        assert " amount = 91.234 (typically 2" in line
        assert " version = 1.10 (typically " in line


def test_a_column_called_x_keeps_its_name_in_notes(lofe, tmp_path):
    table = pd.DataFrame({"X": 1.0, "Y": np.random.default_rng(0).normal(size=60), "it's X": "a"})
    path = tmp_path / "X.csv"
    table.to_csv(path, index=False)
    stderr = lofe("fit", path).stderr
    assert "'X' (one value only), \"it's X\" (one value only)" in stderr
    assert plain_words("load: /X/m.lofe lacks X") == "/X/m.lofe lacks the table"
