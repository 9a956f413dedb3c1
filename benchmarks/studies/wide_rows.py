"""How many sums should the networks of `LOE()` see of rows with thousands of features?

    python -m benchmarks study wide-rows

`LOE()` and its members alone (`evidence=None`), on tables of `benchmarks.made_up`, on pixels of
CIFAR-10 (1,000 pictures of one class, 50 of others), and on features of pictures by ResNet-18. The
networks see all features, or so many sums of them (`scaling="sketched"`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from unittest import mock

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.made_up import genes, one_hot, words
from benchmarks.markdown import table
from benchmarks.means import grouped
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE
from lofe_sklearn._loe import _parameters
from lofe_sklearn.datasets import fetch_cifar10
from lofe_sklearn.engine import _sketch

ALL = 0
MADE_UP = {
    "words, 2000 x 30000": partial(words, 2000, 30000),
    "words, 2000 x 1500": partial(words, 2000, 1500),
    "one-hot, 2000 x 5000": partial(one_hot, 2000, 5000),
    "one-hot, 2000 x 1555": partial(one_hot, 2000, 1555),
    "genes, 300 x 20000": partial(genes, 300, 20000),
}
PIXELS = tuple(f"pixels of class {i}, 1050 x 3072" for i in range(0, 10, 3))
FEATURES = tuple(
    f"adbench:{name}"
    for name in (
        *("CIFAR10_0", "CIFAR10_4", "CIFAR10_6", "MVTec-AD_bottle", "MVTec-AD_carpet"),
        *("MVTec-AD_leather", "MVTec-AD_screw", "MVTec-AD_transistor", "MVTec-AD_zipper"),
    )
)
OF_TABLES = ALL, 256, 512, 1024, 2048
OF_FEATURES = ALL, 128, 256


def pixels(of_class: int) -> tuple[np.ndarray, np.ndarray]:
    """1,000 pictures of one class as pixels, and 50 of the others."""
    X, y = fetch_cifar10(subset="train", return_X_y=True)
    rng, own = np.random.default_rng(0), y == of_class
    normal = rng.choice(np.flatnonzero(own), 1000, replace=False)
    others = rng.choice(np.flatnonzero(~own), 50, replace=False)
    rows = np.r_[normal, others]
    return X[rows].reshape(len(rows), -1).astype(np.float64), np.repeat([0, 1], [1000, 50])


def rows_of(name: str) -> tuple:
    """Read or make up X and y, 1 for anomalies."""
    if name in MADE_UP:
        return MADE_UP[name]()
    if name in PIXELS:
        return pixels(3 * PIXELS.index(name))
    return load_table(name, 2000)


def applies(cell: Row) -> bool:
    """Whether the table is measured with as many sums."""
    if cell["table"] in FEATURES:
        return cell["n_sums"] in OF_FEATURES
    n_features = int(cell["table"].rpartition(" ")[2])
    return cell["n_sums"] in OF_TABLES and cell["n_sums"] < n_features


def run(cell: Row) -> Iterator[Row]:
    """Fit `LOE()` and its members alone to one table, with as many sums."""
    X, y = rows_of(cell["table"])
    for evidence in ("auto", None):
        detector = LOE(evidence=evidence, random_state=cell["seed"])
        # From one feature more than there are on, or always.
        many = X.shape[1] if cell["n_sums"] == ALL else 0
        with (
            mock.patch.object(_parameters, "_MANY", many),
            mock.patch.object(_sketch, "MOST_SUMS", cell["n_sums"] or X.shape[1]),
        ):
            seconds = cpu_seconds(partial(detector.fit, X))
            scores = -detector.score_samples(X)
        yield {
            "evidence": evidence,
            "cpu_seconds": round(seconds, 2),
            "roc_auc": round(float(roc_auc_score(y, scores)), 4),
            "average_precision": round(float(average_precision_score(y, scores)), 4),
        }


def tables(rows: list[Row]) -> str:
    """Return quality and time by the number of sums, means over seeds and sets of one kind."""
    of_kinds = [row | {"kind": _kind(row["table"])} for row in rows]
    lines = []
    for (kind, n_sums), own in grouped(of_kinds, "kind", "n_sums").items():
        line = [kind, n_sums or "all features"]
        for evidence in ("auto", None):
            these = [row for row in own if row["evidence"] == evidence]
            auc, ap, seconds = (
                np.mean([row[name] for row in these])
                for name in ("roc_auc", "average_precision", "cpu_seconds")
            )
            line += [f"{auc:.3f} / {ap:.3f}", f"{seconds:.1f}"]
        lines.append(line)
    header = ["table", "sums", "`LOE()`", "CPU s", "members alone", "CPU s"]
    return "ROC AUC / average precision.\n\n" + table(header, lines)


def _kind(name: str) -> str:
    if name in PIXELS:
        return "pixels, 4 classes, 1050 x 3072"
    return "features of pictures, 9 sets, 512" if name in FEATURES else name


STUDY = Study(
    "wide-rows",
    "how many sums of their features networks see of wide rows",
    axes={
        "table": Axis((*MADE_UP, *PIXELS, *FEATURES)),
        "n_sums": Axis(tuple(sorted({*OF_TABLES, *OF_FEATURES})), option="sums"),
        "seed": Axis(range(2)),
    },
    run=run,
    tables=tables,
    applies=applies,
)
