"""Where `LOE()` is far behind another detector: sets as they are, nothing chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
        axis.plot([ours, its], [place, place], color="0.8", lw=2, zorder=1)
        axis.plot(ours, place, "o", color=colors.OURS, ms=9)
        axis.plot(its, place, "o", color=colors.WORDS, ms=6)
        axis.annotate(
            f"{NAMES.get(best, best)} {short(its, 2)}",
            (its, place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=colors.WORDS,
        )
        axis.annotate(
            short(ours, 2),
            (ours, place),
            xytext=(-9, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=9,
            color=colors.OURS,
        )
    axis.set_yticks(range(len(lost)), [_called(dataset) for dataset, *_ in lost])
    axis.set_ylim(len(lost) - 0.5, -0.5)
    axis.set_xlim(min(ours for _, ours, *_ in lost) - 0.12, 1.22)
    ticks = [tick / 10 for tick in range(3, 11)]
    axis.set_xticks(ticks, [short(tick, 1) for tick in ticks])
    looks.plain(axis, grid="x")
    axis.spines["left"].set_visible(False)
    looks.save(drawing, path)


def _called(dataset: str) -> str:
    collection, _, name = dataset.partition(":")
    number, _, rest = name.partition("_")
    return rest if number.isdigit() else f"{name}, {collection.upper()}"
