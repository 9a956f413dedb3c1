"""A panel with a line for each subject, and a dot for each way to train it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from benchmarks import colors, looks
from benchmarks.markdown import short

METHODS = {"blind": "without labels", "soft": "soft labels", "hard": "hard labels"}
COLORS = {"blind": colors.BLIND, "soft": colors.ALSO_OURS, "hard": colors.OURS}
CLOSE = 0.03  # figures would lie on each other


def draw_methods(axis: Axes, found: Mapping[str, Mapping[str, float]]) -> None:
    """Draw the figures of each subject: `found` has them by subject and method."""
    for place, of in enumerate(found.values()):
        axis.plot([min(of.values()), max(of.values())], [place] * 2, color="0.85", lw=2, zorder=1)
        for method, value in of.items():
            is_close = method == "blind" and max(of.values()) - value < CLOSE
            axis.plot(value, place, "o", color=COLORS[method], ms=9)
            axis.annotate(
                short(value, 2),
                (value, place),
                xytext=(0, -9 if method == "soft" else 7),
                textcoords="offset points",
                ha="right" if is_close else "center",
                va="top" if method == "soft" else "bottom",
                fontsize=8.5,
                color=COLORS[method],
            )
    for place, (method, words) in enumerate(METHODS.items()):
        axis.text(
            0.36 * place - 0.05,
            1.0,
            f"\u25cf {words}",
            transform=axis.transAxes,
            va="bottom",
            fontsize=10,
            weight="bold",
            color=COLORS[method],
        )
    axis.set_yticks(range(len(found)), list(found))
    axis.set_ylim(len(found) - 0.5, -0.6)
    values = [value for of in found.values() for value in of.values()]
    low, high = np.floor(10 * min(values)), np.ceil(10 * max(values))
    ticks = np.arange(low, high + 1) / 10
    axis.set_xticks(ticks, [short(tick, 1) for tick in ticks])
    axis.set_xlim(min(min(values) - 0.03, ticks[1]), ticks[-1])
    looks.plain(axis, grid="x")
    axis.spines["left"].set_visible(False)
