"""The commands of the page "Command line" print what the page says."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import lofe_sklearn

ROOT = Path(lofe_sklearn.__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "command_line.md"
NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*")


def transcripts():
    """Yield commands and what the page shows of their output."""
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text("utf-8"), re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown


def words_and_numbers(line):
    numbers = [float(text.replace(",", "").rstrip(".")) for text in NUMBER.findall(line)]
    return NUMBER.sub("#", line), numbers


def is_shown(shown, line):
    """Whether a line has the same words, and about the same numbers: they differ by machine.

    How many rows are flagged differs most. It follows from the belief in the share of anomalies, by
    small differences between the scores of three kinds of detectors.
    """
    (words, numbers), (others, values) = words_and_numbers(shown), words_and_numbers(line)
    if words != others:
        return False
    if "flagged # rows" in words:
        return all(0.5 <= a / b <= 2 for a, b in zip(numbers, values, strict=True))
    return numbers == pytest.approx(values, rel=0.15, abs=0.1)


@pytest.fixture
def run(tmp_path):
    """Run a command of a shell in which `lofe` and `python` are those of this environment."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, arguments in (("lofe", "-m lofe_sklearn"), ("python", "")):
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    (tmp_path / "work").mkdir()

    def run(command):
        return subprocess.run(
            ["sh", "-c", f"({command}) 2>&1"],
            **{"cwd": tmp_path / "work", "env": environment, "text": True, "check": False},
            stdout=subprocess.PIPE,
        ).stdout

    return run


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not here")
@pytest.mark.slow
def test_the_page_shows_what_the_commands_print(run):
    n_commands = 0
    for command, shown in transcripts():
        lines, expected = run(command).splitlines(), shown.splitlines()
        n_commands += 1
        if not expected:
            assert lines == []
        listed = [line for line in expected if line[:2] in ("1\t", "2\t", "3\t")]
        for line in expected:
            if line == "...":
                continue
            if line in listed:  # neighbours of nearly the same score may change places
                line = line.split("\t")[2]
                assert any(line in other.split("\t") for other in lines), command
            else:
                assert any(is_shown(line, other) for other in lines), (line, lines)
    assert n_commands == 4
