"""How long fit and score take, by the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from benchmarks import colors, looks
from benchmarks.ledger import Row
from benchmarks.means import grouped

TIMES = {"fit_seconds": "fit, CPU seconds", "score_seconds": "score, CPU seconds"}
SHORTEST = 0.01
# What the lines of the picture are called, their colours and dashes.
DRAWN = {
    "LOE()": ("LOE()", colors.OURS, "-"),
    "DeepSVDD()": ("one Deep SVDD", colors.ALSO_OURS, "-"),
    "IsolationForest()": ("isolation forest", colors.OTHERS, "-"),
    "pyod.AutoEncoder": ("PyOD's autoencoder", colors.OTHERS, "--"),
}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the time of fit and score against the number of rows, for the width seen most."""
    by_width = grouped((row for row in rows if not row["n_members"]), "n_features")
    [width] = max(by_width, key=lambda key: len(by_width[key]))
    fitted = [row for row in by_width[width,] if row["fit_seconds"] is not None]
    of_detectors = {detector: own for (detector,), own in grouped(fitted, "detector").items()}
    most = max(of_detectors["LOE()"], key=itemgetter("n_rows"))
    figure = looks.canvas(
        6.6,
        f"LOE() fits {most['n_rows']:,} rows in {most['fit_seconds']:.0f} CPU seconds\n"
        f"and scores them in {most['score_seconds']:.0f}",
        f"Made-up rows of {width} features, one core. Both scales are logarithmic.",
    )
    axes = figure.subplots(2, 1, sharex=True)
    for axis, (name, title) in zip(axes, TIMES.items(), strict=True):
        for detector in DRAWN.keys() & of_detectors:
            points = [(row["n_rows"], row[name]) for row in of_detectors[detector]]
            # Its name would lie on other lines.
            ends_early = max(points)[0] < most["n_rows"]
            _line(axis, detector, sorted(points), ends_early, is_named=axis is axes[0])
        axis.set_title(title, fontsize=10.5, loc="left")
        looks.plain(axis)
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes[-1].set_xlabel("rows", fontsize=10, color=colors.WORDS)
    low, high = axes[0].get_xlim()
    axes[0].set_xlim(low, high * 8)  # room for the names
    axes[0].set_xticks(sorted({row["n_rows"] for row in fitted}))
    looks.save(figure, path)


def _line(
    axis: Any, detector: str, points: list[tuple[int, float]], ends_early: bool, is_named: bool
) -> None:
    """Draw the line of a detector, with its name; one that ends early is named if asked for."""
    called, color, dashes = DRAWN[detector]
    strong = detector == "LOE()"
    # A logarithmic scale has no zero, and the clock tells little about shorter times.
    points = [(n_rows, max(seconds, SHORTEST)) for n_rows, seconds in points]
    axis.loglog(
        *zip(*points, strict=True),
        marker="o",
        ms=6 if strong else 4.5,
        lw=3 if strong else 1.4,
        ls=dashes,
        color=color,
    )
    if ends_early and not is_named:
        return
    axis.annotate(
        called,
        points[-1],
        xytext=(-8, 3) if ends_early else (8, 0),
        textcoords="offset points",
        ha="right" if ends_early else "left",
        va="center",
        fontsize=10.5 if strong else 9.5,
        weight="bold" if strong else "normal",
        color=colors.WORDS if color == colors.OTHERS else color,
    )
