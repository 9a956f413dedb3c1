"""A study: a question, the cells of work that answer it, and the tables that show the answer.

Each file of `benchmarks.studies` declares one:

    STUDY = Study(
        "cleaning",
        "other detectors, trained on the rows that LOE keeps",
        axes={"seed": Axis(range(5)), "dataset": Axis(sets.SIX)},
        run=run,  # a cell -> the rows of its results
        tables=tables,  # the rows of all cells -> Markdown
    )

A cell takes one value of each axis. What `run` yields for it becomes one line of the result file,
whole or not at all, and the values of the axes are what the line is known by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch

from benchmarks.ledger import Row
from benchmarks.rows import error_text, facts


@dataclass(frozen=True)
class Axis:
    """The values that a cell takes one of, which the command line can choose.

    Attributes
    ----------
    values : sequence
        Those of a run without options.
    choices : sequence, optional
        Those there are. Default: any of the type of `values`.
    option : str, optional
        Name on the command line. Default: the axis's with an "s".
    """

    values: Sequence[Any]
    choices: Sequence[Any] | None = None
    option: str | None = None


@dataclass(frozen=True)
class Cell:
    """One piece of work of a study.

    `fields` are its values of the axes; `measure` returns the rows of its results.
    """

    study: str
    fields: Row
    measure: Callable[[Row], Iterable[Row]]

    def known_by(self) -> Row:
        """Return what its line in the result file is known by."""
        return {"study": self.study, "cell": self.fields}

    def run(self, command: str) -> list[Row]:
        """Do the work and return its line. Whatever goes wrong is the line's `error`."""
        torch.set_num_threads(1)
        try:
            rows, error = list(self.measure(self.fields)), ""
        except Exception as caught:  # noqa: BLE001 - it goes into the line
            rows, error = [], error_text(caught)
        return [self._line(rows, error, command)]

    def failed(self, error: str, command: str) -> list[Row]:
        """Return the line of a cell whose worker is gone."""
        return [self._line([], error, command)]

    def _line(self, rows: list[Row], error: str, command: str) -> Row:
        return self.known_by() | {"rows": rows, "error": error} | facts(command)

    def __len__(self) -> int:
        return 1

    def __str__(self) -> str:
        return " ".join([self.study, *(str(value) for value in self.fields.values())])


@dataclass(frozen=True)
class Study:
    """A question and how it is answered.

    Attributes
    ----------
    name : str
        On the command line, and that of its result file.
    purpose : str
        What it measures, in one line.
    axes : dict of str to Axis
        What cells differ in; the first axis varies slowest. "dataset" and "seed" are chosen by
        ``--sets`` and ``--seeds``.
    run : callable
        A cell's values -> the rows of its results. It must not change the values.
    tables : callable
        The rows of all cells, each with its cell's values -> Markdown.
    figure : callable, optional
        Draws these rows into a file.
    applies : callable, optional
        Whether a combination of values is a cell. Default: all are.
    against : callable, optional
        Compares cells with those of another checkout, whose folder it is given; returns the exit
        status.
    is_kept : bool
        Whether results go to a file. If not, every run does all cells.
    """

    name: str
    purpose: str
    axes: dict[str, Axis]
    run: Callable[[Row], Iterable[Row]]
    tables: Callable[[list[Row]], str]
    figure: Callable[[list[Row], Path], None] | None = None
    applies: Callable[[Row], bool] | None = None
    against: Callable[[list[Cell], Path], int] | None = None
    is_kept: bool = True

    def cells(self, chosen: dict[str, Sequence[Any]] | None = None) -> Iterator[Cell]:
        """Yield all cells, with the values of `chosen` on its axes."""
        values = {name: axis.values for name, axis in self.axes.items()} | (chosen or {})
        for combination in product(*values.values()):
            fields = dict(zip(values, combination, strict=True))
            if self.applies is None or self.applies(fields):
                yield Cell(self.name, fields, self.run)


def results(lines: Iterable[Row]) -> list[Row]:
    """Return the rows of all finished cells, each with its cell's values."""
    return [line["cell"] | row for line in lines if not line["error"] for row in line["rows"]]
