"""What all pictures of the benchmarks look like: colours, sizes, a heading that states the finding.

A picture is as wide as a column of a page, so that its words can be read on a telephone. Its
background is white, so that it can be read on a dark page too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from benchmarks.colors import ALSO_OTHERS, OTHERS, OURS, WORDS
from benchmarks.markdown import short

Floats = NDArray[np.float64]

WIDTH = 5.6  # inches
DPI = 190


def canvas(height: float, heading: str, under: str = "") -> Figure:
    """Return an empty picture, `height` inches high, with its heading and a line under it."""
    n_lines = heading.count("\n") + 1 + 0.8 * (under.count("\n") + 1 if under else 0)
    top = 1 - 0.245 * n_lines / height - 0.06 / height
    layout = ConstrainedLayoutEngine(rect=(0, 0, 1, top))
    figure = Figure(figsize=(WIDTH, height), layout=layout, facecolor="white")
    y = 1 - 0.06 / height
    figure.text(0.015, y, heading, va="top", fontsize=13, weight="bold", linespacing=1.15)
    y -= 0.235 * (heading.count("\n") + 1) / height
    figure.text(0.015, y, under, va="top", fontsize=9.5, color=WORDS, linespacing=1.15)
    return figure


def save(figure: Figure, path: Any) -> None:
    """Write the picture."""
    figure.savefig(path, dpi=DPI)


def plain(axis: Axes, *, grid: str = "y") -> None:
    """Leave of a panel's frame what is needed: light lines across, no box, no ticks."""
    axis.grid(axis=grid, color="0.92", lw=0.8)  # type: ignore[arg-type]
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left" if grid == "y" else "bottom"]].set_visible(False)
    axis.spines[:].set_color("0.6")
    axis.tick_params(length=0, labelsize=9.5, labelcolor=WORDS)


def name_ends(
    axis: Axes,
    ends: dict[str, float],
    colors: dict[str, str],
    *,
    x: float,
    gap: float,
    apart: float,
    bold: Sequence[str] = (),
) -> None:
    """Write the names of lines beside their ends at `x`, `apart` data units from each other."""
    heights = spread(list(ends.values()), apart)
    for (name, end), height in zip(ends.items(), heights, strict=True):
        color = colors[name]
        axis.plot([x, x + gap], [end, height], color=color, lw=0.7, clip_on=False)
        axis.text(
            x + 1.25 * gap,
            height,
            name,
            va="center",
            fontsize=10.5 if name in bold else 9.5,
            weight="bold" if name in bold else "normal",
            color=WORDS if color == OTHERS else color,
        )


def bars(
    axis: Axes, names: Sequence[str], values: Sequence[float] | Floats, ours: str, digits: int
) -> None:
    """Draw a bar for each name, from the top, with its figure; the bar of `ours` is blue."""
    top = float(np.nanmax(values))
    for place, (name, value) in enumerate(zip(names, map(float, values), strict=True)):
        is_there = np.isfinite(value)
        length = value if is_there else 0.0
        axis.barh(place, length, color=OURS if name == ours else ALSO_OTHERS, height=0.72)
        axis.text(
            length + 0.02 * top,
            place,
            short(value, digits) if is_there else "not run",
            va="center",
            fontsize=8.5,
            color=WORDS if is_there else "0.6",
            weight="bold" if name == ours else "normal",
        )
    axis.set_yticks(range(len(names)), list(names))
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, 1.18 * top)
    axis.set_xticks([])
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=9.5, labelcolor=WORDS)
    for label in axis.get_yticklabels():
        if label.get_text() == ours:
            label.set(color=OURS, weight="bold")


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
