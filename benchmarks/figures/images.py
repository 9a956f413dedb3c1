"""Training with and without LOE's labels on images and video, at 10 % of anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import looks
from benchmarks.ledger import Row
from benchmarks.markdown import short
from benchmarks.reports.pictures import mean_auc

RATIO = 0.1
NETWORK = "NeuTraL.for_features"
CALLED = {
    "fmnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "mvtec": "MVTec-AD",
    "ped2": "Ped2 video, NeuTraL",
}
DEEP_SVDD = "Ped2 video, Deep SVDD"
CLOSE = 0.03  # figures would lie on each other
METHODS = {"blind": "without labels", "soft": "soft labels", "hard": "hard labels"}


def draw(
    image: Sequence[Row],
    mvtec: Sequence[Row],
    video: Sequence[Row],
    labels: Sequence[Row],
    path: Path,
) -> None:
    """Draw mean ROC AUC of each way of training, a line for each collection."""
    means = mean_auc([*image, *mvtec, *video])
    found: dict[str, dict[str, float]] = {
        name: {
            method: means[of, NETWORK, RATIO, method][0] / 100
            for method in METHODS
            if (of, NETWORK, RATIO, method) in means
        }
        for of, name in CALLED.items()
    }
    found[DEEP_SVDD] = {
        method: float(np.mean([row["roc_auc"] for row in labels if _is_of(row, method)]))
        for method in METHODS
        if any(_is_of(row, method) for row in labels)
    }
    lost = [name for name, of in found.items() if max(of["soft"], of.get("hard", 0)) < of["blind"]]
    better = len(found) - len(lost)
    drawing = looks.canvas(
        4.0,
        f"Labels beat training without them on {better} of {len(found)};\n"
        f"they lose on {' and '.join(lost) or 'none'}",
        f"ROC AUC at {100 * RATIO:g} % of anomalies in training; images as features of frozen\n"
        "networks. Deep SVDD was run on every fourth frame, without hard labels.",
    )
    axis = drawing.subplots()
    colors = {"blind": looks.BLIND, "soft": looks.ALSO_OURS, "hard": looks.OURS}
    for place, of in enumerate(found.values()):
        axis.plot([min(of.values()), max(of.values())], [place] * 2, color="0.85", lw=2, zorder=1)
        for method, value in of.items():
            axis.plot(value, place, "o", color=colors[method], ms=9)
            axis.annotate(
                short(value, 2),
                (value, place),
                xytext=(0, -9 if method == "soft" else 7),
                textcoords="offset points",
                ha="right" if method == "blind" and max(of.values()) - value < CLOSE else "center",
                va="top" if method == "soft" else "bottom",
                fontsize=8.5,
                color=colors[method],
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
            color=colors[method],
        )
    axis.set_yticks(range(len(found)), list(found))
    axis.set_ylim(len(found) - 0.5, -0.6)
    ticks = [tick / 10 for tick in range(6, 11)]
    axis.set_xticks(ticks, [short(tick, 1) for tick in ticks])
    axis.set_xlim(0.62, 1.0)
    looks.plain(axis, grid="x")
    axis.spines["left"].set_visible(False)
    looks.save(drawing, path)


def _is_of(row: Row, method: str) -> bool:
    return (row["backbone"], row["protocol"], row["ratio"], row["way"]) == (
        "DeepSVDD",
        "same",
        RATIO,
        method,
    )
