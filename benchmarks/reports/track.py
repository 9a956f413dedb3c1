"""The contaminated track: what anomalies left in training cost each detector, in one picture."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import colors, looks
from benchmarks.markdown import short
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
LOOKS: dict[str, dict[str, Any]] = {
    NOTHING_CHOSEN: {"color": colors.OURS, "lw": 3.4, "zorder": 6},
    KNOWN: {"color": colors.OURS, "lw": 2.0, "ls": (0, (4, 1.4)), "zorder": 5},
    BLIND: {"color": colors.BLIND, "lw": 2.8, "zorder": 5},
}
PEERS: dict[str, Any] = {"color": colors.OTHERS, "lw": 1.0, "zorder": 2}
# Of the other lines those that have a name in the picture. The tables have all.
NAMED = {
    "COPOD (pyod)": "COPOD",
    "MCD (pyod)": "MCD",
    "IForest (pyod)": "isolation forest",
    "OCSVM (pyod)": "one-class SVM",
    "KNN (pyod)": "5th neighbour",
    "AutoEncoder (pyod)": "autoencoder, PyOD",
    "DeepSVDD (deepod)": "Deep SVDD, DeepOD",
    "LOF (pyod)": "LOF",
}
# What the lines of LOOKS are called in the picture.
CALLED = {
    NOTHING_CHOSEN: "LOE()",
    KNOWN: "LOE, share told",
    BLIND: "its networks alone",
}
FEW = 10  # so many lines have a name each
HEIGHT = 5.4  # inches
APART = 0.2  # inches between two names
CLOSE = 0.1  # the share of anomalies that the heading speaks of


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


def draw(track: Track, path: Path) -> Path:
    """Draw a line for each detector, and name those that stand for their kind.

    Bands are from the lowest to the highest seed.
    """
    drawing = looks.canvas(HEIGHT, _heading(track), _under(track))
    axis = drawing.subplots()
    x = 100 * np.array(track.shares)
    few = len(track.curves) <= FEW
    for name, curve in track.curves.items():
        if few or name in LOOKS or not name.startswith("LOE("):
            look = LOOKS.get(name, PEERS)
            axis.plot(x, curve.mean(axis=0), solid_capstyle="round", clip_on=False, **look)
        if name in LOOKS and len(curve) > 1:
            low, high = curve.min(axis=0), curve.max(axis=0)
            axis.fill_between(x, low, high, color=LOOKS[name]["color"], alpha=0.14, lw=0)
    axis.set_xticks(x, [f"{share:g} %" for share in x])
    axis.set_xlim(x[0], x[-1])
    axis.set_xlabel("anomalies among the training rows", fontsize=10, color=colors.WORDS)
    looks.plain(axis)
    axis.yaxis.set_major_formatter(lambda per_cent, _: short(per_cent / 100, 2))
    names = {name: called for name, called in (CALLED | NAMED).items() if name in track.curves}
    if few:
        names = {name: names.get(name, name) for name in track.curves}
    ends = {called: float(track.curves[name][:, -1].mean()) for name, called in names.items()}
    of_names = {called: LOOKS.get(name, PEERS)["color"] for name, called in names.items()}
    low, high = axis.get_ylim()
    axis.set_ylim(low, high)
    width = x[-1] - x[0]
    looks.name_ends(
        axis,
        ends,
        of_names,
        x=float(x[-1]),
        gap=0.03 * width,
        apart=APART * (high - low) / (HEIGHT - 1),
        bold=tuple(CALLED.values()),
    )
    looks.save(drawing, path)
    return path


def _heading(track: Track) -> str:
    """Say what the nearest share to `CLOSE` costs with LOE and without."""
    there = [name for name in (BLIND, NOTHING_CHOSEN) if name in track.curves]
    if len(there) < 2:
        return "What anomalies left in training cost"
    place = int(np.argmin([abs(share - CLOSE) for share in track.shares]))
    alone, ours = (short(float(track.curves[name].mean(axis=0)[place]) / 100) for name in there)
    return (
        f"With {percent(track.shares[place])} of anomalies left in training,\n"
        f"LOE() has {ours}, its networks alone {alone}"
    )


def _under(track: Track) -> str:
    metric = METRICS[track.metric]
    return (
        f"{metric[0].upper()}{metric[1:]}, mean over {len(track.sets)} sets of ADBench.\n"
        "Grey: detectors of PyOD and DeepOD, and single networks without LOE."
    )
