"""Numbers in CSV files: decimal commas, and points between thousands."""

import pytest

from lofe_sklearn._command_line._table_files import ReadingOptions, open_table
from lofe_sklearn._command_line._typed_columns import typed

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
