"""How many rows of a large set are enough: for the members of `LOE()`, and for its neighbours.

    python -m benchmarks study large-sets
    python -m benchmarks study large-sets --parts members --rows 50000
    python -m benchmarks study large-sets --parts neighbours --sets adbench:32_shuttle

At most 150,000 rows of a set are fitted and scored. "members" is `LOE(evidence=None)` with members
that are trained on so many rows, the same for all; "neighbours" is the distance to the 20th nearest
of so many rows. 0 stands for all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.means import grouped, short_name
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE
from lofe_sklearn._loe import _parameters
from lofe_sklearn._loe._classical import Neighbors
from lofe_sklearn.metrics import average_precision, roc_auc

MAX_ROWS = 150_000
ROWS = {"members": (20_000, 50_000, 0), "neighbours": (250, 500, 1_000, 5_000)}


def applies(cell: Row) -> bool:
    """Whether the part is looked at with so many rows."""
    return cell["n_rows"] in ROWS[cell["part"]]


def run(cell: Row) -> Iterator[Row]:
    """Fit and score one set."""
    X, y = load_table(cell["dataset"])
    rows = np.sort(np.random.default_rng(0).permutation(len(X))[:MAX_ROWS])
    X, y = X[rows], y[rows]
    if cell["part"] == "members":
        detector = LOE(evidence=None, random_state=cell["seed"])
    else:
        detector = Neighbors(random_state=cell["seed"])
        detector.max_samples = cell["n_rows"]  # type: ignore[misc]
    with patch.object(_parameters, "_ENOUGH_ROWS", cell["n_rows"] or len(X)):
        seconds = cpu_seconds(lambda: detector.fit(X))
    ours = isinstance(detector, LOE)
    scores = detector._training_scores if ours else -detector.outlier_scores(X)
    yield {
        "rows": len(X),
        "features": X.shape[1],
        "cpu_seconds": round(seconds, 2),
        "roc_auc": round(roc_auc(y, scores), 4),
        "average_precision": round(average_precision(y, scores), 4),
    }


def tables(rows: list[Row]) -> str:
    """Return the means over seeds."""
    lines = []
    for (part, dataset, n_rows), own in grouped(rows, "part", "dataset", "n_rows").items():
        means = [
            float(np.mean([row[name] for row in own]))
            for name in ("roc_auc", "average_precision", "cpu_seconds")
        ]
        figures = [f"{means[0]:.3f}", f"{means[1]:.3f}", f"{means[2]:.1f}"]
        lines.append([part, short_name(dataset), f"{n_rows:,}" if n_rows else "all", *figures])
    return table(["part", "set", "rows", "ROC AUC", "average precision", "CPU s of a fit"], lines)


STUDY = Study(
    "large-sets",
    "rows that are enough for the members of LOE(), and for its neighbours",
    axes={
        "part": Axis(tuple(ROWS), choices=tuple(ROWS), option="parts"),
        "dataset": Axis(("odds:cover", "odds:mulcross", "odds:kdd")),
        "n_rows": Axis((250, 500, 1_000, 5_000, 20_000, 50_000, 0), option="rows"),
        "seed": Axis((0, 1)),
    },
    run=run,
    tables=tables,
    applies=applies,
)
