"""The contaminated track: what anomalies left in training cost each detector, in one picture."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.reports.curves import percent
from benchmarks.reports.grid import METRICS, Column, Floats, Row, name_columns, name_sets
from benchmarks.reports.tables import Sheet, Text, figure

NOTHING_CHOSEN = "LOE()"
KNOWN = "LOE(contamination=share)"
NETWORKS = "LOE(evidence=None)"
BLIND = "LOE's networks, blind"
# The suite's ways to run LOE: method, options, and whether it is given the share.
WAYS = {
    ("", "{}", False): NOTHING_CHOSEN,
    ("", '{"n_estimators": 16}', True): KNOWN,
    ("", '{"evidence": null}', False): NETWORKS,
    ("blind", "{}", False): BLIND,
}
# Blue and orange are told apart by the colour-blind, and by their brightness in grey.
LOOKS: dict[str, dict[str, Any]] = {
    NOTHING_CHOSEN: {"color": "#0059A8", "lw": 3.2, "zorder": 6},
    KNOWN: {"color": "#0059A8", "lw": 2.2, "ls": (0, (4, 1.4)), "zorder": 5},
    BLIND: {"color": "#D55E00", "lw": 2.6, "zorder": 5},
}
OURS: dict[str, Any] = {"color": "#5B9BD5", "lw": 1.2, "zorder": 3}
OTHERS: dict[str, Any] = {"color": "#A0A0A0", "lw": 1.0, "zorder": 2}
SIZE = (5.8, 5.6)  # inches of a panel
APART = 0.165  # inches between two names


class Track:
    """The rows of one metric: a curve for each detector, over the share of anomalies.

    Attributes
    ----------
    metric : str
        A name of `METRICS`.
    shares : list of float
        The shares of anomalies in the training rows, from the lowest.
    sets : list of str
        Those on which half of the detectors or more have a figure at every share.
    left_out : dict
        By detector that has not all of these sets, those that it lacks.
    curves : dict
        By detector that has all sets, an array of shape (n_seeds, n_shares) of per cent: means over
        the sets, of the seeds that have all of them. Best mean of all shares first.
    """

    def __init__(self, rows: Sequence[Row], metric: str) -> None:
        self.metric = metric
        self.shares = sorted({float(row["true_ratio"]) for row in rows})
        values: dict[str, dict[tuple[str, float, int], float]] = defaultdict(dict)
        columns = name_columns(rows, assumed=False)
        for row, of_set, column in zip(rows, name_sets(rows), columns, strict=True):
            if not row.get("error") and row.get(metric) is not None:
                key = (of_set, float(row["true_ratio"]), int(row["seed"]))
                values[series(row, column)][key] = 100 * float(row[metric])
        whole = {name: self._whole(of_name) for name, of_name in values.items()}
        having = Counter(of_set for sets in whole.values() for of_set in sets)
        self.sets = sorted((s for s, n in having.items() if 2 * n >= len(whole)), key=str.lower)
        # One that fails on a set would take the set from all others.
        lacking = {name: sorted(set(self.sets) - sets) for name, sets in whole.items()}
        self.left_out = {name: sets for name, sets in lacking.items() if sets}
        curves = {name: self._curve(values[name]) for name, sets in lacking.items() if not sets}
        curves = {name: curve for name, curve in curves.items() if curve.size}
        order = sorted(curves, key=lambda name: -float(curves[name].mean()))
        self.curves = {name: curves[name] for name in order}

    def _whole(self, values: dict[tuple[str, float, int], float]) -> set[str]:
        """Return the sets that have every share of one seed."""
        seeds: dict[tuple[str, int], int] = defaultdict(int)
        for of_set, _, seed in values:
            seeds[of_set, seed] += 1
        return {of_set for (of_set, _), n in seeds.items() if n == len(self.shares)}

    def _curve(self, values: dict[tuple[str, float, int], float]) -> Floats:
        lines = [
            [[values.get((s, share, seed), np.nan) for s in self.sets] for share in self.shares]
            for seed in sorted({seed for *_, seed in values})
        ]
        means = np.array(lines).reshape(len(lines), len(self.shares), -1).mean(axis=2)
        return means[np.isfinite(means).all(axis=1)]

    def sheet(self) -> Sheet:
        """Print the means of each detector by the share, and what it loses against its own."""
        rows = []
        means = {name: curve.mean(axis=0) for name, curve in self.curves.items()}
        best = np.round(np.array(list(means.values())), 1).max(axis=0)
        for name, mean in means.items():
            cells = [Text(name)]
            cells += [Text(figure(m), round(m, 1) == b) for m, b in zip(mean, best, strict=True)]
            cells.append(Text(figure(mean[-1] - mean[0], sign=True)))
            cells.append(Text(str(len(self.curves[name]))))
            rows.append(cells)
        last = percent(self.shares[-1])
        header = ["detector", *map(percent, self.shares), f"{last} against clean", "seeds"]
        notes = [f"Means over {len(self.sets)} sets: {', '.join(self.sets)}."]
        if self.left_out:
            lacking = [f"{name} on {', '.join(sets)}" for name, sets in self.left_out.items()]
            notes.append(f"Left out, as fits are missing or failed: {'; '.join(lacking)}.")
        title = f"{METRICS[self.metric]}, per cent, by the share of anomalies in training"
        return Sheet(title, header, rows, notes=notes)


def series(row: Row, column: Column) -> str:
    """Return what tables and pictures call the detector of a row."""
    method = row.get("method") or ""
    if row["detector"] == "LOE":
        way = (method, json.dumps(row.get("params") or {}), row.get("assumed_ratio") is not None)
        return WAYS.get(way, str(column))
    return str(column) if method in ("", "blind") else f"LOE({column})"


def draw(tracks: Sequence[Track], path: Path) -> Path:
    """Draw a panel for each metric, with a line and a name for each detector.

    Bands are from the lowest to the highest seed. The picture has a background of its own, so that
    it can be read on a dark page too.
    """
    width, height = SIZE
    drawing = Figure(
        figsize=(width * len(tracks), height + 0.8), layout="constrained", facecolor="white"
    )
    axes = drawing.subplots(1, len(tracks), squeeze=False)
    for axis, track in zip(axes.flat, tracks, strict=True):
        _panel(axis, track)
    drawing.suptitle("What anomalies left in the training rows cost", fontsize=14, weight="bold")
    drawing.supxlabel("anomalies among the training rows, per cent", fontsize=11)
    drawing.savefig(path, dpi=150)
    return path


def _panel(axis: Axes, track: Track) -> None:
    x = 100 * np.array(track.shares)
    for name, curve in track.curves.items():
        look = _look(name)
        axis.plot(x, curve.mean(axis=0), solid_capstyle="round", clip_on=False, **look)
        if name in LOOKS and len(curve) > 1:
            low, high = curve.min(axis=0), curve.max(axis=0)
            axis.fill_between(x, low, high, color=look["color"], alpha=0.16, lw=0, zorder=1)
    axis.set_xticks(x, [f"{share:g}" for share in x])
    axis.set_xlim(x[0], x[-1])
    title = f"{METRICS[track.metric]}, per cent, mean over {len(track.sets)} sets"
    axis.set_title(title[0].upper() + title[1:], loc="left", fontsize=10.5)
    axis.grid(axis="y", color="0.92", lw=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(length=0, labelsize=9)
    _names(axis, track, float(x[-1]))


def _look(name: str) -> dict[str, Any]:
    return LOOKS.get(name) or (OURS if name.startswith("LOE(") else OTHERS)


def _names(axis: Axes, track: Track, last: float) -> None:
    """Write the name of each line beside its end."""
    ends = [float(curve[:, -1].mean()) for curve in track.curves.values()]
    low, high = axis.get_ylim()
    axis.set_ylim(low, high)
    heights = spread(ends, APART * (high - low) / SIZE[1])
    short = [name.partition(" (")[0] for name in track.curves]
    for name, brief, end, height in zip(track.curves, short, ends, heights, strict=True):
        look = _look(name)
        style: dict[str, Any] = {"color": "0.3", "fontsize": 7.8}
        if look is not OTHERS:
            style["color"] = look["color"]
        if name in LOOKS:
            style |= {"fontsize": 9.5, "weight": "bold"}
        shown = brief if short.count(brief) == 1 else name
        start = last * 1.035
        axis.plot([last, start], [end, height], color=look["color"], lw=0.7, clip_on=False)
        axis.text(start * 1.008, height, shown, va="center", **style)


def spread(heights: Sequence[float], step: float) -> Floats:
    """Move heights apart, so that any two differ by `step`, and their order stays.

    Each run of heights that would overlap is set around its own mean.
    """
    order = np.argsort(heights, kind="stable")
    runs: list[list[float]] = []
    for height in np.asarray(heights, dtype=float)[order]:
        runs.append([height])
        while len(runs) > 1 and _edges(runs[-2], step)[1] + step > _edges(runs[-1], step)[0]:
            last = runs.pop()
            runs[-1] += last
    placed = np.concatenate([np.linspace(*_edges(run, step), len(run)) for run in runs])
    out = np.empty(len(placed))
    out[order] = placed
    return out


def _edges(run: list[float], step: float) -> tuple[float, float]:
    middle, half = float(np.mean(run)), step * (len(run) - 1) / 2
    return middle - half, middle + half
