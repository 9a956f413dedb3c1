"""CPU time of `LOE()`, as a multiple of one Deep SVDD trained alone on the same rows.

    python -m benchmarks study cost
    python -m benchmarks study cost --detectors members "LOE()"

The tables are those of `benchmarks.made_up`, with 5 % of anomalies.

"members" is `LOE(contamination=(.01, .4), evidence=None)`, which trains members and nothing else.
Each and the single Deep SVDD are timed in turn in one process; times are the smaller of two rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.made_up import gaussian, one_hot, words
from benchmarks.markdown import table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn._detectors import OutlierDetector

N_ROUNDS = 2
DETECTORS: dict[str, Callable[..., OutlierDetector]] = {
    "members": partial(LOE, contamination=(0.01, 0.4), evidence=None),
    "LOE()": LOE,
}


TABLES = {
    "gaussian-5000x30": partial(gaussian, 5000, 30),
    "one-hot-2000x1555": partial(one_hot, 2000, 1555),
    "words-2000x30000": partial(words, 2000, 30000),
}


def run(cell: Row) -> Iterator[Row]:
    """Time a detector and a single Deep SVDD on one table."""
    X, y = TABLES[cell["table"]]()
    DeepSVDD(max_epochs=1).fit(X)  # warms up
    seconds: list[float] = []
    singles: list[float] = []
    for _ in range(N_ROUNDS):
        single = DeepSVDD(random_state=cell["seed"])
        singles.append(cpu_seconds(partial(single.fit, X)))
        detector = DETECTORS[cell["detector"]](random_state=cell["seed"])
        seconds.append(cpu_seconds(partial(detector.fit, X)))
    scores = -detector.score_samples(X)
    yield {
        "cpu_seconds": round(min(seconds), 3),
        "cpu_seconds_single": round(min(singles), 3),
        "multiple": round(min(seconds) / min(singles), 2),
        "roc_auc": round(float(roc_auc_score(y, scores)), 4),
        "average_precision": round(float(average_precision_score(y, scores)), 4),
    }


def tables(rows: list[Row]) -> str:
    """Return times, multiples and quality."""
    names = ("table", "seed", "detector", "cpu_seconds", "cpu_seconds_single", "multiple")
    header = ["table", "seed", "detector", "CPU s", "DeepSVDD()", "multiple", "ROC AUC / AP"]
    lines = []
    for row in rows:
        quality = f"{row['roc_auc']:.3f} / {row['average_precision']:.3f}"
        lines.append([*(row[name] for name in names), quality])
    return table(header, lines)


STUDY = Study(
    "cost",
    "CPU time of LOE(), as a multiple of a single Deep SVDD",
    axes={
        "table": Axis(tuple(TABLES), choices=tuple(TABLES)),
        "detector": Axis(tuple(DETECTORS), choices=tuple(DETECTORS)),
        "seed": Axis((0,)),
    },
    run=run,
    tables=tables,
)
