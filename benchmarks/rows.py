"""What the benchmark scripts share: NAME=VALUE arguments in, rows of results out as CSV."""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterable
from pathlib import Path

from benchmarks.machine import describe


def parameters(pairs: Iterable[str]) -> dict[str, object]:
    """Read arguments ``NAME=VALUE``, values as Python literals where they are ones."""
    split = (pair.split("=", 1) for pair in pairs)
    return {name: _literal(text) for name, text in split}


def as_text(params: dict[str, object]) -> str:
    """Write parameters as one cell of a table."""
    return " ".join(f"{key}={value}" for key, value in params.items())


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def write(rows: list[dict], path: Path) -> None:
    """Write one line for each fit, with the machine and the versions."""
    machine = describe()
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], *machine])
        writer.writeheader()
        writer.writerows(row | machine for row in rows)
