"""Encodings of files that are read and of what is printed, and streams that take nothing."""

import gzip
import io
import os
import subprocess
import sys

import pytest

from lofe_sklearn._command_line._exits import reported_errors
from lofe_sklearn._command_line._printing import print_rows
from lofe_sklearn._command_line._ranking import RankedRow
from lofe_sklearn._command_line._table_files import ReadingOptions, open_table
from lofe_sklearn.inspection import Reason

pytest_plugins = ["running_lofe"]

UNICODE = ["utf-8", "utf_8", "U8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("encoding", UNICODE)
def test_a_byte_order_mark_is_no_part_of_a_name(encoding, packed, tmp_path):
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    marked = encoding if encoding in ("utf-8-sig", "utf-16") else None
    text = '"größe; a";b\n1;\ufeff2\n3;4\n'
    content = text.encode(marked) if marked else ("\ufeff" + text).encode(encoding)
    path.write_bytes(gzip.compress(content) if packed else content)
    table = open_table(path, ReadingOptions(encoding=encoding).checked())
    [frame] = table.chunks(None)
    assert frame.to_dict("list") == {"größe; a": ["1", "3"], "b": ["\ufeff2", "4"]}
    assert [table.place(row) for row in (1, 2)] == ["line 2", "line 3"]


@pytest.mark.parametrize("separator", ["auto", ","])
def test_quotes_behind_a_space(separator, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"id", "name", "n"\n1, "Doe, Jane", 2.5\n2, "Roe; ""R""", 3\n')
    [frame] = open_table(path, ReadingOptions(separator=separator).checked()).chunks(None)
    assert frame.to_dict("list") == {
        "id": ["1", "2"],
        "name": ["Doe, Jane", 'Roe; "R"'],
        "n": ["2.5", "3"],
    }


def test_spaces_stay_where_no_quotes_are_behind_them(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n <=50K,"x, ""y"""\n >50K,z\n')
    [frame] = open_table(path, ReadingOptions().checked()).chunks(None)
    assert frame.to_dict("list") == {"a": [" <=50K", " >50K"], "b": ['x, "y"', "z"]}


@pytest.mark.parametrize("name", ["undefined", "a\0b", "", "hex"])
def test_names_of_no_encoding(name, lofe, folder):
    result = lofe("fit", folder / "today.csv", "--encoding", name)
    assert result.exit_code == 2
    assert "--encoding:" in result.stderr
    assert "not known to Python" in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes with names")
def test_pipes_and_devices_are_no_files_of_rows(lofe, model, tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    for path in (tmp_path / "t.csv", "/dev/null"):
        for command in (["fit", path], ["score", path, "--model", model]):
            result = lofe(*command)
            assert result.exit_code == 3
            assert "is a pipe or a device" in result.stderr
    result = lofe("fit", "-")
    assert result.exit_code == 3
    assert "Rows are not read from stdin" in result.stderr


def test_a_folder_is_no_model(lofe, folder, tmp_path):
    result = lofe("score", folder / "today.csv", "--model", tmp_path)
    assert result.exit_code == 4
    assert f"{tmp_path} is a folder" in result.stderr


class Stream(io.TextIOWrapper):
    """A stdout, which a terminal may be behind."""

    def __init__(self, file, encoding, is_terminal=False, errors="strict"):
        super().__init__(file, encoding=encoding, errors=errors)
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


def rows():
    reason = Reason("größe", 1.5, "🙂", "文")
    return [RankedRow(1, 7, "Zoë", 2.5, 0.9, True, [reason])]


@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", r"gr\xf6\xdfe = \U0001f642"),
        ("cp1252", r"größe = \U0001f642"),
        ("utf-8", "größe = 🙂"),
    ],
)
def test_signs_that_stdout_has_no_bytes_for_are_escaped(
    encoding, expected, errors, is_terminal, monkeypatch
):
    stream = Stream(io.BytesIO(), encoding, is_terminal, errors)
    monkeypatch.setattr(sys, "stdout", stream)
    with reported_errors():
        print_rows(rows(), "name", with_reasons=True)
    shown = "".join(stream.buffer.getvalue().decode(encoding).split())
    assert expected.replace(" ", "") in shown
    assert stream.errors == errors  # as it was


def test_a_stdout_that_cannot_be_written_to(monkeypatch, capsys):
    class Full(io.BytesIO):
        def write(self, content):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("lofe_sklearn._command_line._exits._let_go_of_stdout", lambda: None)
    stream = Stream(io.BufferedWriter(Full()), "utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit) as stopped, reported_errors():
        print_rows(rows(), "name", with_reasons=True)
    assert stopped.value.code == 5
    assert "cannot be written to stdout: No space left" in capsys.readouterr().err
    stream.buffer.raw.write = len  # what is left is written when the stream is closed


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_is_closed_swallows_what_is_written(closed, monkeypatch):
    monkeypatch.setattr(sys, closed, None)
    with reported_errors():
        getattr(sys, closed).write("größe")
        print_rows(rows(), "name", with_reasons=True)
    assert getattr(sys, closed) is None


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
@pytest.mark.slow
def test_processes_without_a_stdout(model, folder):
    command = f"{sys.executable} -m lofe_sklearn score {folder}/tomorrow.csv --model {model} -q"
    full = "lofe: the list of rows cannot be written to stdout: No space left on device\n"
    for target, code, said in [(">&-", 0, ""), (">/dev/full", 5, full)]:
        result = subprocess.run(
            f"{command} {target}", shell=True, capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stderr) == (code, said)
