"""Where `LOE()` is far behind another detector: sets as they are, nothing chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from benchmarks import colors, looks
from benchmarks.ledger import Row
from benchmarks.markdown import short
from benchmarks.studies.nothing_chosen import NAMES, behind


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw, for each set that `LOE()` loses on, its ROC AUC and that of the best other."""
    own = [row for row in rows if row["situation"] == "own" and row["detector"]]
    n_sets = len({row["dataset"] for row in own})
    lost = sorted(behind(own), key=lambda loss: loss[1] - loss[3])
    drawing = looks.canvas(
        1.5 + 0.36 * len(lost),
        f"On {len(lost)} of {n_sets} tables another detector is\nmore than .05 ahead of LOE()",
        "ROC AUC, sets as they are. Blue: LOE(); dark: the best of nine detectors\n"
        "of PyOD on that set, which nobody knows beforehand.",
    )
    axis = drawing.subplots()
    for place, (_, ours, best, its) in enumerate(lost):
        between(axis, place, ours, its, f"{NAMES.get(best, best)} ")
    axis.set_yticks(range(len(lost)), [_called(dataset) for dataset, *_ in lost])
    axis.set_ylim(len(lost) - 0.5, -0.5)
    axis.set_xlim(min(ours for _, ours, *_ in lost) - 0.12, 1.22)
    ticks = [tick / 10 for tick in range(3, 11)]
    axis.set_xticks(ticks, [short(tick, 1) for tick in ticks])
    looks.plain(axis, grid="x")
    axis.spines["left"].set_visible(False)
    looks.save(drawing, path)


def between(axis: Axes, place: int, ours: float, theirs: float, name: str = "") -> None:
    """Draw our figure in blue and the other one, called `name`, in dark, on a line at `place`."""
    axis.plot([ours, theirs], [place, place], color="0.8", lw=2, zorder=1)
    way = 1 if theirs >= ours else -1
    for value, text, size, color, side in (
        (theirs, name + short(theirs, 2), 6, colors.WORDS, way),
        (ours, short(ours, 2), 9, colors.OURS, -way),
    ):
        axis.plot(value, place, "o", color=color, ms=size)
        axis.annotate(
            text,
            (value, place),
            xytext=(8.5 * side, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=9,
            color=color,
        )


def _called(dataset: str) -> str:
    collection, _, name = dataset.partition(":")
    number, _, rest = name.partition("_")
    return rest if number.isdigit() else f"{name}, {collection.upper()}"
