"""Training with and without LOE's labels on images and video, at 10 % of anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import looks
from benchmarks.figures.methods import METHODS, draw_methods
from benchmarks.ledger import Row
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
    draw_methods(drawing.subplots(), found)
    looks.save(drawing, path)


def _is_of(row: Row, method: str) -> bool:
    return (row["backbone"], row["protocol"], row["ratio"], row["way"]) == (
        "DeepSVDD",
        "same",
        RATIO,
        method,
    )
