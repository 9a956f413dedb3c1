"""Contamination curves and grids of true and assumed ratios: tables and plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.reports import anchors
from benchmarks.reports.beside import with_paper
from benchmarks.reports.grid import (
    METRICS,
    Column,
    Floats,
    Grid,
    Row,
    make_grid,
    name_columns,
    name_sets,
)
from benchmarks.reports.tables import Sheet, Text, cell_text, figure

# Okabe and Ito's colours, which the colour-blind tell apart; a marker each, for print in grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#8C6D1F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
ACROSS = 3  # panels beside one another


class Curves:
    """The rows of one metric over the true ratio.

    Attributes
    ----------
    sets : list of str
        The sets, in the order of the alphabet.
    columns : list of Column
        The detectors.
    ratios : list of float
        The true ratios, from the lowest.
    grids : dict
        A grid by set, the ratios down.
    paper : dict
        The paper's per cent, by set and then (ratio as printed, column).
    """

    def __init__(self, rows: Sequence[Row], metric: str) -> None:
        rows = [row for row in rows if row.get("true_ratio") is not None]
        rows = sorted(rows, key=lambda row: row["true_ratio"])
        names, columns = name_sets(rows), name_columns(rows)
        self.metric = metric
        self.sets = sorted(set(names), key=str.lower)
        self.ratios = sorted({row["true_ratio"] for row in rows})
        self.grids: dict[str, Grid] = {}
        self.paper: dict[str, dict[tuple[str, Column], float]] = {}
        published = anchors.paper_curves()
        for of_set in self.sets:
            mine = [i for i, name in enumerate(names) if name == of_set]
            chosen, across = [rows[i] for i in mine], [columns[i] for i in mine]
            down = [percent(row["true_ratio"]) for row in chosen]
            self.grids[of_set] = make_grid(chosen, metric, across, down)
            key = anchors.paper_key(chosen[0]["dataset"]) or ""
            self.paper[of_set] = {
                (percent(ratio), column): value
                for column in self.grids[of_set].columns
                for ratio, value in published.get(
                    (key, metric, column.detector, column.method), {}
                ).items()
            }

    def sheets(self) -> list[Sheet]:
        """Print a table for each set and detector, the paper's figures in brackets."""
        out = []
        for of_set, grid in self.grids.items():
            for family, columns in _families(grid.columns).items():
                title = f"{METRICS[self.metric]}, per cent: {of_set}, {family}, by the true ratio"
                sheet = with_paper(grid, columns, self.paper[of_set], title)
                sheet.header[0] = "true ratio"
                if not any(column in columns for _, column in self.paper[of_set]):
                    sheet.notes, sheet.foot = [], []
                out.append(sheet)
        return out

    def plot(self, path: Path) -> Path:
        """Draw a panel for each set and detector, a line for each method."""
        panels = [(s, f, c) for s, g in self.grids.items() for f, c in _families(g.columns).items()]
        per_set = {len(_families(grid.columns)) for grid in self.grids.values()}
        one_row_each = len(per_set) == 1 and 1 < max(per_set) <= ACROSS
        n_across = max(per_set) if one_row_each else min(ACROSS, len(panels))
        n_down = -(-len(panels) // n_across)
        drawing = Figure(
            figsize=(max(4.2 * n_across, 5.4), 3.3 * n_down + 0.7), layout="constrained"
        )
        axes = drawing.subplots(
            n_down, n_across, squeeze=False, sharey="row" if one_row_each else False
        )
        methods = list(dict.fromkeys(c.method for _, _, columns in panels for c in columns))
        handles: dict[str, Line2D] = {}
        for axis, (of_set, family, columns) in zip(axes.flat, panels, strict=False):
            for column in columns:
                name = column.method or ("without a method" if len(methods) > 1 else family)
                look = methods.index(column.method) % len(COLOURS)
                handles[name] = self._line(axis, of_set, column, look)
                dashed = self._dashes(axis, of_set, column, look)
                if dashed is not None:
                    handles["the paper"] = dashed
            axis.set_title(f"{of_set}: {family}", fontsize=10)
            axis.set_xticks([100 * r for r in self.ratios], [f"{100 * r:g}" for r in self.ratios])
            axis.grid(alpha=0.25)
            axis.spines[["top", "right"]].set_visible(False)
        for axis in axes.flat[len(panels) :]:
            axis.axis("off")
        drawing.supxlabel("anomalies in the training data, per cent", fontsize=10)
        drawing.supylabel(f"{METRICS[self.metric]}, per cent", fontsize=10)
        if "the paper" in handles:  # last, and grey, as it stands for all its lines
            (line,) = axes.flat[0].plot([], [], "--", color="0.35", lw=1.2)
            del handles["the paper"]
            handles["the paper"] = line
        drawing.legend(list(handles.values()), list(handles), loc="outside upper center",
                       ncols=min(len(handles), 6), frameon=False, fontsize=9)  # fmt: skip
        drawing.savefig(path, dpi=150)
        return path

    def _line(self, axis: Axes, of_set: str, column: Column, look: int) -> Line2D:
        grid = self.grids[of_set]
        there = [(r, cell) for r in self.ratios
                 if (cell := grid.cells.get((percent(r), column))) and cell.values]  # fmt: skip
        x = np.array([100 * ratio for ratio, _ in there])
        mean = np.array([cell.mean for _, cell in there])
        spread = np.nan_to_num(np.array([cell.std for _, cell in there]))
        colour = COLOURS[look]
        axis.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.15, lw=0)
        (line,) = axis.plot(x, mean, color=colour, marker=MARKERS[look], ms=4.5, lw=1.6)
        return line

    def _dashes(self, axis: Axes, of_set: str, column: Column, look: int) -> Line2D | None:
        points = {key[0]: v for key, v in self.paper[of_set].items() if key[1] == column}
        x = [100 * ratio for ratio in self.ratios if percent(ratio) in points]
        y = [points[percent(ratio)] for ratio in self.ratios if percent(ratio) in points]
        if not x:
            return None
        (line,) = axis.plot(x, y, "--", color=COLOURS[look], lw=1.1, marker=MARKERS[look], ms=3,
                            mfc="white", alpha=0.9)  # fmt: skip
        return line


class Misspecified:
    """The rows of one metric over true and assumed ratios.

    Attributes
    ----------
    grids : dict
        A grid by (set, column of the detector), true ratios down; its columns are assumed ratios.
    """

    def __init__(self, rows: Sequence[Row], metric: str) -> None:
        rows = [row for row in rows if row.get("true_ratio") is not None]
        rows = sorted(rows, key=lambda row: (row["true_ratio"], row.get("assumed_ratio") or 9))
        self.metric = metric
        self.assumed = sorted(
            {r["assumed_ratio"] for r in rows if r.get("assumed_ratio") is not None}
        )
        self.true = sorted({row["true_ratio"] for row in rows})
        self.unsaid = any(row.get("assumed_ratio") is None for row in rows)
        groups: dict[tuple[str, Column], list[Row]] = {}
        names, columns = name_sets(rows), name_columns(rows, assumed=False)
        for row, of_set, column in zip(rows, names, columns, strict=True):
            groups.setdefault((of_set, column), []).append(row)
        self.grids = {
            key: make_grid(
                of_key,
                metric,
                [Column(percent(row.get("assumed_ratio"))) for row in of_key],
                [percent(row["true_ratio"]) for row in of_key],
            )
            for key, of_key in sorted(groups.items(), key=lambda item: str(item[0]).lower())
        }  # fmt: skip

    def values(self, of_set: str, column: Column) -> np.ndarray:
        """Return means in per cent, of shape (true ratios, assumed ratios); nan is missing."""
        grid = self.grids[of_set, column]
        cells = [[grid.cells.get((percent(t), Column(percent(a)))) for a in self.assumed]
                 for t in self.true]  # fmt: skip
        return np.array([[np.nan if c is None else c.mean for c in line] for line in cells])

    def drops(self, of_set: str, column: Column) -> np.ndarray:
        """Return what each assumed ratio loses (below 0) against assuming the true one."""
        values = self.values(of_set, column)
        right = [
            values[i, self.assumed.index(t)] if t in self.assumed else np.nan
            for i, t in enumerate(self.true)
        ]
        return values - np.array(right)[:, None]

    def sheets(self) -> list[Sheet]:
        """Print what wrong ratios cost, then for each set and detector all figures."""
        out = [self._costs()]
        names = [percent(a) for a in self.assumed] + [percent(None)] * self.unsaid
        for (of_set, column), grid in self.grids.items():
            drops = self.drops(of_set, column)
            rows = []
            for line, true in enumerate(self.true):
                row = [Text(percent(true))]
                for place, name in enumerate(names):
                    drop = drops[line, place] if place < len(self.assumed) else np.nan
                    same = name == percent(true)
                    change = "" if same or np.isnan(drop) else f" ({figure(drop, sign=True)})"
                    cell = grid.cells.get((percent(true), Column(name)))
                    row.append(Text(cell_text(cell) + change, same))
                rows.append(row)
            title = f"{METRICS[self.metric]}, per cent: {of_set}, {column}"
            note = "Bold: assumed is true. In brackets: the difference from it."
            header = ["true, down; assumed, across", *names]
            out.append(Sheet(title, header, rows, notes=[note]))
        return out

    def _costs(self) -> Sheet:
        true, assumed = np.array(self.true)[:, None], np.array(self.assumed)
        kinds = {
            "less than half of it": assumed < 0.499 * true,
            "half to all of it": (assumed >= 0.499 * true) & (assumed < true),
            "all to twice of it": (assumed > true) & (assumed <= 2.001 * true),
            "more than twice of it": assumed > 2.001 * true,
        }
        columns = list(dict.fromkeys(column for _, column in self.grids))
        rows = []
        for column in columns:
            drops = [self.drops(s, c) for s, c in self.grids if c == column]
            row = [Text(str(column))]
            for kind in kinds.values():
                chosen = np.concatenate([drop[kind] for drop in drops])
                chosen = chosen[np.isfinite(chosen)]
                row.append(Text(figure(chosen.mean() if len(chosen) else np.nan, sign=True)))
            rows.append(row)
        title = f"Mean change in {METRICS[self.metric]}, points, where a wrong ratio is assumed"
        return Sheet(title, ["assumed:", *kinds], rows,
                     notes=["Over all sets and true ratios that have the figure of the true ratio "
                            "too; below 0 is a loss."])  # fmt: skip

    def plot(self, of_set: str, path: Path) -> Path:
        """Draw heat maps of one set: figures on the left, differences from the diagonal right."""
        columns = [column for name, column in self.grids if name == of_set]
        size = (2 * (0.72 * len(self.assumed) + 1.9), len(columns) * (0.5 * len(self.true) + 1.3))
        drawing = Figure(figsize=(max(size[0], 8), size[1] + 0.3), layout="constrained")
        axes = drawing.subplots(len(columns), 2, squeeze=False)
        every = np.concatenate([self.values(of_set, c).ravel() for c in columns])
        worst = max((np.nanmax(np.abs(np.nan_to_num(self.drops(of_set, c)))) for c in columns),
                    default=0)  # fmt: skip
        scale = max(worst, 1.0)
        for (left, right), column in zip(axes, columns, strict=True):
            low, high = (np.nanmin(every), np.nanmax(every)) if np.isfinite(every).any() else (0, 1)
            self._heat(left, self.values(of_set, column), "cividis", low, high, False)
            self._heat(right, self.drops(of_set, column), "PuOr", -scale, scale, True)
            left.set_title(f"{column}: {METRICS[self.metric]}, per cent", fontsize=10)
            right.set_title(f"{column}: against the true ratio, points", fontsize=10)
        drawing.suptitle(of_set, fontsize=11)
        drawing.supxlabel("assumed ratio", fontsize=10)
        drawing.supylabel("true ratio", fontsize=10)
        drawing.savefig(path, dpi=150)
        return path

    def _heat(
        self, axis: Axes, values: Floats, colours: str, low: float, high: float, sign: bool
    ) -> None:
        cmap = colormaps[colours]
        axis.imshow(values, cmap=cmap, vmin=low, vmax=high, aspect="auto")
        axis.set_xticks(range(len(self.assumed)), [percent(a) for a in self.assumed], fontsize=8)
        axis.set_yticks(range(len(self.true)), [percent(t) for t in self.true], fontsize=8)
        axis.spines[:].set_visible(False)
        for (i, j), value in np.ndenumerate(values):
            if not np.isfinite(value):
                axis.text(j, i, "-", ha="center", va="center", fontsize=8, color="0.4")
                continue
            red, green, blue, _ = cmap((value - low) / max(high - low, 1e-9))
            light = 0.3 * red + 0.59 * green + 0.11 * blue > 0.5
            right = self.true[i] == self.assumed[j]
            axis.text(j, i, "0" if sign and right else figure(value, sign=sign), ha="center",
                      va="center", fontsize=8, color="black" if light else "white",
                      weight="bold" if right else "normal")  # fmt: skip


def percent(ratio: float | None) -> str:
    """Return a ratio as "10 %"; what a detector finds by itself as "found"."""
    return "found" if ratio is None else f"{100 * ratio:.4g} %"


def _families(columns: Sequence[Column]) -> dict[str, list[Column]]:
    families: dict[str, list[Column]] = {}
    for column in columns:
        families.setdefault(column.family, []).append(column)
    return families
