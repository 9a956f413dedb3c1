"""From rows to a grid: data sets down, detectors across, the fits of all seeds in a cell."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ledger import LedgerError
from benchmarks.reports.ranks import rank_rows

Row = dict[str, Any]
Floats = NDArray[np.float64]

METRICS = {"f1": "F1", "roc_auc": "ROC AUC", "average_precision": "average precision"}
METHODS = ("", "blind", "refine", "hard", "soft")
DECIMALS = 1  # of per cent: what is shown, bold, ranked and counted as a win
_OURS = re.compile(r"^(LOE\.)?[A-Za-z_]\w*$")


class ReportError(LedgerError):
    """Rows that no report can be made of, and what to do."""


@dataclass(frozen=True, order=True)
class Column:
    """A detector as a table has it: `qualifier` tells apart what else would be one column."""

    detector: str
    method: str = ""
    qualifier: str = ""

    @property
    def family(self) -> str:
        """The detector without its method."""
        return self.detector + (f" ({self.qualifier})" if self.qualifier else "")

    def __str__(self) -> str:
        """Name the column."""
        name = f"{self.detector}, {self.method}" if self.method else self.detector
        return name + (f" ({self.qualifier})" if self.qualifier else "")


@dataclass(frozen=True)
class Cell:
    """The fits of one detector on one set: values in per cent, and how many fits failed."""

    values: tuple[float, ...]
    failed: int = 0

    @property
    def mean(self) -> float:
        """The mean over the seeds; nan without any."""
        return float(np.mean(self.values)) if self.values else np.nan

    @property
    def std(self) -> float:
        """The sample standard deviation over the seeds; nan for fewer than two."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else np.nan


@dataclass(frozen=True)
class Grid:
    """One metric of some rows.

    Attributes
    ----------
    metric : str
        A name of `METRICS`.
    sets : list of str
        Down, in the order of the alphabet.
    columns : list of Column
        Across, methods of a detector side by side.
    cells : dict
        By (set, column); what was never run is not in it.
    seconds : dict
        Mean wall and CPU seconds of a fit, by (set, column).
    """

    metric: str
    sets: list[str]
    columns: list[Column]
    cells: dict[tuple[str, Column], Cell]
    seconds: dict[tuple[str, Column], tuple[float, float]]

    @cached_property
    def means(self) -> Floats:
        """Means over the seeds, of shape (n_sets, n_columns), as they are shown; nan is missing."""
        empty = Cell(())
        return np.array(
            [
                [round(self.cells.get((s, c), empty).mean, DECIMALS) for c in self.columns]
                for s in self.sets
            ]
        ).reshape(len(self.sets), len(self.columns))

    @cached_property
    def counted(self) -> NDArray[np.intp]:
        """The columns that count in ranks and common sets: those with half of the sets or more."""
        there = np.isfinite(self.means).sum(axis=0)
        return np.flatnonzero(2 * there >= max(there.max(initial=0), 1))

    @cached_property
    def common(self) -> NDArray[np.intp]:
        """The sets on which every counted column has a mean."""
        return np.flatnonzero(np.isfinite(self.means[:, self.counted]).all(axis=1))

    @property
    def best(self) -> NDArray[np.bool_]:
        """Whether a mean is the best of its set, ties all so; none in a table of one column."""
        if len(self.columns) < 2:
            return np.zeros(self.means.shape, dtype=bool)
        return self.means == np.nanmax(self.means, axis=1, keepdims=True, initial=-np.inf)

    def summary(self) -> dict[Column, dict[str, float]]:
        """Mean, mean rank, wins and seconds of a fit over the common sets, by counted column."""
        common = self.means[np.ix_(self.common, self.counted)]
        if not common.size:
            return {}
        ranks = rank_rows(common).mean(axis=0)
        wins = (common == common.max(axis=1, keepdims=True)).sum(axis=0)
        result: dict[Column, dict[str, float]] = {}
        for place, index in enumerate(self.counted):
            column = self.columns[index]
            times = np.array([self.seconds[self.sets[s], column] for s in self.common])
            result[column] = {
                "mean": float(common[:, place].mean()),
                "rank": float(ranks[place]),
                "wins": int(wins[place]),
                "wall": float(times[:, 0].mean()),
                "cpu": float(times[:, 1].mean()),
            }
        return result


def make_grid(
    rows: Sequence[Row],
    metric: str,
    columns: Sequence[Column] | None = None,
    sets: Sequence[str] | None = None,
) -> Grid:
    """Sort rows into a grid.

    Parameters
    ----------
    rows : list of dict
        Rows of a result file that differ by set, detector and seed.
    metric : str
        A name of `METRICS`.
    columns, sets : list, default=None
        Names, one for each row; by default what `name_columns` and `name_sets` make of them. Sets
        that are given stay in their order.

    Returns
    -------
    Grid
    """
    columns = name_columns(rows) if columns is None else columns
    order = [] if sets is None else list(dict.fromkeys(sets))
    sets = name_sets(rows) if sets is None else sets
    order = order or sorted(set(sets), key=str.lower)
    values: dict[tuple[str, Column], list[float]] = defaultdict(list)
    times: dict[tuple[str, Column], list[tuple[float, float]]] = defaultdict(list)
    failed: dict[tuple[str, Column], int] = defaultdict(int)
    for row, column, of_set in zip(rows, columns, sets, strict=True):
        key = (of_set, column)
        value = _number(row.get(metric))
        values[key]  # a row without this metric has its cell too
        if row.get("error"):
            failed[key] += 1
        elif np.isfinite(value):
            values[key].append(100 * value)
            times[key].append(
                (_number(row.get("fit_wall_seconds")), _number(row.get("fit_cpu_seconds")))
            )
    return Grid(
        metric,
        order,
        in_order(columns),
        {key: Cell(tuple(v), failed[key]) for key, v in values.items()},
        {key: (float(np.mean([t[0] for t in v])), float(np.mean([t[1] for t in v])))
         for key, v in times.items()},
    )  # fmt: skip


def in_order(columns: Iterable[Column]) -> list[Column]:
    """Return the different columns as they first came, methods in the order of the paper."""
    families: dict[tuple[str, str], list[Column]] = {}
    for column in dict.fromkeys(columns):
        families.setdefault((column.detector, column.qualifier), []).append(column)
    place = {method: i for i, method in enumerate(METHODS)}
    return [
        c
        for family in families.values()
        for c in sorted(family, key=lambda c: (place.get(c.method, len(place)), c.method))
    ]


def name_columns(rows: Sequence[Row], *, assumed: bool = True) -> list[Column]:
    """Name the column of each row: the detector, its method, and only what else differs.

    Parameters
    ----------
    rows : list of dict
    assumed : bool, default=True
        Whether detectors that assume different ratios on one set are different ones.

    Returns
    -------
    list of Column
        One for each row.
    """
    names = _unique({str(row["detector"]) for row in rows}, detector_name)
    together: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        together[row["detector"], row.get("method") or ""].append(row)
    tells = {key: _what_differs(of_key, assumed) for key, of_key in together.items()}
    # The methods of one detector are qualified alike, or they would not stand side by side.
    for detector in {key[0] for key in tells}:
        every = set().union(*(tells[key] for key in tells if key[0] == detector))
        tells |= {key: every for key in tells if key[0] == detector}
    result = []
    for row in rows:
        method = row.get("method") or ""
        by = tells[row["detector"], method]
        qualifier = "; ".join(
            text for name in _QUALIFIERS if name in by and (text := _say(row, name))
        )
        result.append(Column(names[row["detector"]], method, qualifier))
    return result


_QUALIFIERS = ("setting", "params", "assumed_ratio", "device")


def _what_differs(rows: Sequence[Row], assumed: bool) -> set[str]:
    differs = {
        name
        for name in ("setting", "params", "device")
        if len({json.dumps(row.get(name) or None, sort_keys=True) for row in rows}) > 1
    }
    ratios: dict[str, set] = defaultdict(set)
    for row in rows:
        rest = ("dataset", "max_rows", "true_ratio", "setting", "params", "device", "seed")
        ratios[json.dumps([row.get(name) for name in rest])].add(row.get("assumed_ratio"))
    if assumed and any(len(of_set) > 1 for of_set in ratios.values()):
        differs.add("assumed_ratio")
    return differs


def _say(row: Row, name: str) -> str:
    value = row.get(name)
    if name == "assumed_ratio":
        if value is None:
            return "finds the ratio"
        return "knows the ratio" if value == row.get("true_ratio") else f"assumes {value:g}"
    if name == "params":
        return ", ".join(f"{key}={strip_path(str(item))}" for key, item in (value or {}).items())
    if name == "setting":
        return f"{value} setting" if value else ""
    return f"on {value}" if value else ""


def detector_name(name: str) -> str:
    """Return how tables name a detector: "pyod.KNN" is "KNN (pyod)"."""
    if _OURS.match(name):
        return name
    module, _, of_class = name.partition(":") if ":" in name else name.rpartition(".")
    return f"{of_class} ({module.split('.')[0]})"


def name_sets(rows: Sequence[Row]) -> list[str]:
    """Name the set of each row: without its collection and number where that is clear enough."""
    short = _unique({str(row["dataset"]) for row in rows}, set_name)
    caps: dict[str, set] = defaultdict(set)
    for row in rows:
        caps[row["dataset"]].add(row.get("max_rows"))
    names = []
    for row in rows:
        cap = f"at most {row['max_rows']:,} rows" if row.get("max_rows") else "all rows"
        different = len(caps[row["dataset"]]) > 1
        names.append(short[row["dataset"]] + (f" ({cap})" if different else ""))
    return names


def set_name(name: str) -> str:
    """Return how tables name a set: "adbench:6_cardio" is "cardio"."""
    collection, _, rest = name.rpartition(":")
    if collection == "file":
        return PurePath(rest).stem
    return re.sub(r"^\d+_", "", rest) if collection == "adbench" else rest


def strip_path(text: str) -> str:
    """Replace what leads to a file by FOLDER, in every absolute path of a text."""
    return re.sub(r"(?<![\w.~/-])~?/(?!/)(?:[^\s/'\"=,:]+/)+", "FOLDER/", text)


def _unique(names: Iterable[str], short: Callable[[str], str]) -> dict[str, str]:
    result = {name: short(name) for name in names}
    taken = list(result.values())
    return {
        name: strip_path(name) if taken.count(label) > 1 else label
        for name, label in result.items()
    }


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else np.nan
