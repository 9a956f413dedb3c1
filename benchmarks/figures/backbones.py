"""Each backbone without LOE's labels and with them: ADBench, all rows fitted and scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import looks
from benchmarks.detectors import BACKBONES
from benchmarks.figures.methods import METHODS, draw_methods
from benchmarks.ledger import Row
from benchmarks.reports.grid import make_grid

METRIC = "average_precision"


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw mean average precision of each backbone, by how it was trained."""
    rows = [
        row
        for row in rows
        if row["protocol"] == "unsupervised"
        and row["detector"] in BACKBONES
        and row["method"] in METHODS
    ]
    grid = make_grid(rows, METRIC)
    found: dict[str, dict[str, float]] = {}
    for place, column in enumerate(grid.columns):
        if np.isfinite(grid.means[:, place]).all():
            mean = float(grid.means[:, place].mean()) / 100
            found.setdefault(column.detector, {})[column.method] = mean
    found = {name: of for name, of in found.items() if {"blind", "hard"} <= set(of)}
    found = dict(sorted(found.items(), key=lambda item: -item[1]["hard"]))
    gains = [of["hard"] - of["blind"] for of in found.values()]
    drawing = looks.canvas(
        1.3 + 0.46 * len(found),
        f"Hard labels lift {sum(gain > 0 for gain in gains)} of {len(found)} backbones,\n"
        f"by {100 * min(gains):.0f} to {100 * max(gains):.0f} points of average precision",
        f"All rows fitted and scored, a ratio of .1 assumed; means over {len(grid.sets)} sets.",
    )
    draw_methods(drawing.subplots(), found)
    looks.save(drawing, path)
