"""How many steps Deep SVDD and the autoencoder take in LOE, and of what size.

    python -m benchmarks study training-length
    python -m benchmarks study training-length --sets adbench:6_cardio --steps 200 400 --rates .003

All rows are fitted and scored by `LOE(contamination=(.01, .4))` of both backbones, with as many
epochs as make the given number of steps; at most 2,000 rows of a set.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.means import grouped
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD

MAX_ROWS = 2000
BATCH = 128
SETS = tuple(
    f"adbench:{name}"
    for name in (
        *("6_cardio", "2_annthyroid", "40_vowels", "28_pendigits", "31_satimage-2"),
        *("4_breastw", "20_letter", "29_Pima", "30_satellite"),
    )
)


def run(cell: Row) -> Iterator[Row]:
    """Fit and score one set."""
    X, y = load_table(cell["dataset"], MAX_ROWS)
    n_epochs = max(2, math.ceil(cell["steps"] / math.ceil(len(X) / BATCH)))
    shared = {"max_epochs": n_epochs, "lr": cell["rate"], "batch_size": BATCH}
    detector = LOE(
        [DeepSVDD(**shared), AutoEncoder(**shared)],
        contamination=(0.01, 0.4),
        evidence=None,
        random_state=cell["seed"],
    )
    seconds = cpu_seconds(partial(detector.fit, X))
    scores = -detector.score_samples(X)
    yield {
        "rows": len(X),
        "features": X.shape[1],
        "cpu_seconds": round(seconds, 3),
        "roc_auc": round(float(roc_auc_score(y, scores)), 4),
        "average_precision": round(float(average_precision_score(y, scores)), 4),
    }


def tables(rows: list[Row]) -> str:
    """Return the means over sets and seeds."""
    lines = []
    for (steps, rate), own in grouped(rows, "steps", "rate").items():
        names = ("roc_auc", "average_precision", "cpu_seconds")
        means = [float(np.mean([row[name] for row in own])) for name in names]
        n_sets = len({row["dataset"] for row in own})
        lines.append([steps, f"{rate:g}", n_sets, *(f"{mean:.3f}" for mean in means)])
    return table(["steps", "learning rate", "sets", "ROC AUC", "average precision", "CPU s"], lines)


STUDY = Study(
    "training-length",
    "steps and learning rates of Deep SVDD and the autoencoder in LOE",
    axes={
        "steps": Axis((400, 800), option="steps"),
        "rate": Axis((1e-3, 3e-3)),
        "seed": Axis((0,)),
        "dataset": Axis(SETS),
    },
    run=run,
    tables=tables,
)
