"""Outlier exposure with synthetic outliers, beside training without them.

    python -m benchmarks study outlier-exposure

The LOE paper's tabular protocol with 10 % anomalies in the training rows, which is also the assumed
ratio. Each backbone trained blind and with LOE's soft and hard labels; without outliers (`none`),
with each kind of lofe_sklearn.datasets.make_outliers, and with half of the real anomalies (`real`),
which are then no test rows for any of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.detectors import BACKBONES
from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.quality import quality
from benchmarks.sets import SOEL, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, fit_many
from lofe_sklearn.datasets import loe_tabular_split

RATIO = 0.1
KINDS = (None, "uniform", "shuffled", "gaussian", "real")
METHODS = ("blind", "soft", "hard")


def run(cell: Row) -> Iterator[Row]:
    """Train with one kind of outliers by each method."""
    seed = cell["seed"]
    X, y = load_table(cell["dataset"])
    anomalies = np.random.default_rng(seed).permutation(np.flatnonzero(y == 1))
    set_apart = anomalies[: len(anomalies) // 2]
    kept = np.setdiff1d(np.arange(len(X)), set_apart)
    X_train, X_test, _, y_test = loe_tabular_split(
        X[kept], y[kept], contamination=RATIO, random_state=seed
    )
    outliers = X[set_apart] if cell["outliers"] == "real" else cell["outliers"]
    detectors = [
        LOE(
            BACKBONES[cell["backbone"]](),
            method=method,
            contamination=RATIO,
            outlier_weight=cell["outlier_weight"],
            random_state=seed,
        )
        for method in METHODS
    ]
    fitted = fit_many(detectors, X_train, outliers=outliers)
    for method, detector in zip(METHODS, fitted, strict=True):
        scores = detector.score_samples(X_test)
        yield {
            "method": method,
            **quality(y_test, scores, "roc_auc", "f1"),
        }


def tables(rows: list[Row]) -> str:
    """Return means over seeds and sets, and the ROC AUC of each set."""
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    header = ["backbone", "weight", "outliers", "method", "ROC AUC", "F1", *map(short_name, sets)]
    kinds = grouped(rows, "backbone", "outlier_weight", "outliers", "method")
    lines = []
    for kind, own in kinds.items():
        auc, f1 = over_sets(own, ("roc_auc", "f1"))
        each = [f"{mean:.3f}" for [mean] in of_each_set(own, ["roc_auc"]).values()]
        backbone, weight, outliers, method = kind
        named = [backbone, weight, outliers or "none", method]
        lines.append([*named, f"{auc:.3f}", f"{f1:.3f}", *each])
    return table(header, lines)


STUDY = Study(
    "outlier-exposure",
    "training with synthetic and with real outliers",
    axes={
        "seed": Axis(range(5)),
        "dataset": Axis(SOEL),
        "backbone": Axis(("DeepSVDD", "AutoEncoder"), choices=tuple(BACKBONES)),
        "outliers": Axis(KINDS, choices=KINDS, option="kinds"),
        "outlier_weight": Axis((1.0,)),
    },
    run=run,
    tables=tables,
)
