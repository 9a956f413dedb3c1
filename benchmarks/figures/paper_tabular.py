"""The LOE paper's tabular protocol: mean F1 beside the paper's, over the sets that both have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import colors, looks
from benchmarks.figures.losses import between
from benchmarks.ledger import Row
from benchmarks.reports import anchors
from benchmarks.reports.beside import BEST_OF_PAPER

METHODS = ("blind", "refine", "soft", "hard")
WITH_LABELS = ("soft", "hard")
BACKBONES = ("NeuTraL", "ICL")
# F1 of each seed, by set, detector and method.
Found = dict[tuple[str, str, str], list[float]]
# The paper's setting, also but for its first labels: lines of their own.
PAPER = "paper"
FIRST_LABELS = {"5th neighbour": " from neighbours", "evidence": " from the evidence"}
# LOE with its own choices of backbones, which the paper has not.
OWN = {"LOE": "LOE(n_estimators=12)", "LOE.of_kinds": "LOE.of_kinds(n_estimators=12)"}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw our mean F1 and the paper's, a line for each backbone and method.

    Beside LOE's own choices of backbones is the paper's best method on the mean.
    """
    means = mean_f1(rows)
    behind = {
        backbone: max(100 * (means[backbone, m][1] - means[backbone, m][0]) for m in WITH_LABELS)
        for backbone in BACKBONES
    }
    n_sets = len({row["dataset"] for row in rows})
    drawing = looks.canvas(
        3.1 + 0.15 * len(means),
        f"With LOE's labels NeuTraL is {_below(behind['NeuTraL'])}\n"
        f"the paper, and ICL {_below(behind['ICL'])} it",
        f"Mean F1 over {n_sets} sets, 10 % of anomalies, ratio given.\n"
        "Blue: ours; dark: the paper, and beside LOE its best method.",
    )
    axis = drawing.subplots()
    names = [f"{backbone}, {method}" if method else backbone for backbone, method in means]
    for place, (ours, theirs) in enumerate(means.values()):
        between(axis, place, ours, theirs)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    values = [value for pair in means.values() for value in pair]
    axis.set_xlim(min(values) - 0.05, max(values) + 0.05)
    looks.plain(axis, grid="x")
    axis.spines["left"].set_visible(False)
    axis.tick_params(colors=colors.WORDS)
    looks.save(drawing, path)


def mean_f1(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return our mean F1 and the paper's by backbone, with its first labels, and method."""
    paper = anchors.paper_tabular()
    # By setting, then by set, detector and method; LOE with its own choices has one setting.
    found: dict[str, Found] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        setting = PAPER if row["detector"] in OWN else row["setting"]
        of_set = row["dataset"].partition(":")[2]
        found[setting][of_set, row["detector"], row["method"]].append(row["f1"])
    means = {}
    for setting, words in {PAPER: "", **FIRST_LABELS}.items():
        for backbone, method in product(BACKBONES, METHODS):
            if pairs := _beside(found[setting], paper, backbone, method):
                means[backbone + words, method] = tuple(np.mean(pairs, axis=0))
    best = {
        set_: value / 100 for (set_, *own), value in paper.items() if tuple(own) == BEST_OF_PAPER
    }
    for detector, name in OWN.items():
        pairs = [
            (float(np.mean(seeds)), best[key[0]])
            for key, seeds in found[PAPER].items()
            if key[1] == detector and key[0] in best
        ]
        if pairs:
            means[name, ""] = tuple(np.mean(pairs, axis=0))
    return means


def _beside(
    found: Found,
    paper: dict[tuple[str, str, str], float],
    backbone: str,
    method: str,
) -> list[tuple[float, float]]:
    """Return our F1 and the paper's on each set that has both."""
    return [
        (float(np.mean(seeds)), paper[key] / 100)
        for key, seeds in found.items()
        if key[1:] == (backbone, method) and key in paper
    ]


def _below(points: float) -> str:
    """Say by how many points of F1 the worse method is below; it is above if it is not."""
    if points < 0.5:
        return "level with or above"
    return f"up to {points:.0f} point{'s' if points >= 1.5 else ''} below"
