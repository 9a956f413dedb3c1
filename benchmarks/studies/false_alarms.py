"""How many normal rows are flagged that the detector has not seen?

    python -m benchmarks study false-alarms

All rows are normal: made-up ones of a normal distribution ("300x30" is 300 rows of 30 features), or
300 normal rows of a data set. The detectors are trained on them and judge up to 2,000 others of the
same kind. `LOE()` and scikit-learn's isolation forest have the threshold of the fit, which is set
by the training rows; at the others it is set by ``set_threshold(false_alarm_rate=0.05)``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.ensemble import IsolationForest

from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, NoSeparateGroupWarning

RATE = 0.05
SHAPES = ("300x5", "1000x30", "300x30", "200x60")
TABLES = tuple(f"odds:{name}" for name in ("cardio", "pendigits", "satimage-2", "optdigits"))
N_TRAINING, N_CALIBRATION, N_NEW = 300, 200, 2000
FOLDS = (3, 10)


def normal_rows(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows to train on, to calibrate with, and to judge."""
    rng = np.random.default_rng(seed)
    if name in SHAPES:
        n, n_features = map(int, name.split("x"))
        X = rng.normal(size=(n + N_CALIBRATION + N_NEW, n_features))
    else:
        X, y = load_table(name, None)
        n, X = N_TRAINING, X[rng.permutation(np.flatnonzero(y == 0))]
    train, calibration, new = np.split(X, [n, n + N_CALIBRATION])
    return train, calibration, new[:N_NEW]


def run(cell: Row) -> Iterator[Row]:
    """Fit each detector once, and count what it flags."""
    seed = cell["seed"]
    train, calibration, new = normal_rows(cell["rows"], seed)

    def judged(method: str, detector: LOE | IsolationForest) -> Row:
        of_training, of_new = (
            round(float(np.mean(detector.predict(rows) == -1)), 4) for rows in (train, new)
        )
        return {"method": method, "n_new": len(new), "training": of_training, "new": of_new}

    forest = IsolationForest(contamination=RATE, random_state=seed).fit(train)
    yield judged(f"isolation forest, contamination={RATE}", forest)
    for folds in FOLDS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoSeparateGroupWarning)
            detector = LOE(held_out_folds=folds, random_state=seed).fit(train)
        if folds == FOLDS[0]:
            yield judged("LOE()", detector)
            detector.set_threshold(false_alarm_rate=RATE, calibration=calibration)
            yield judged(f"LOE, rate by {N_CALIBRATION} calibration rows", detector)
        detector.set_threshold(false_alarm_rate=RATE)
        yield judged(f"LOE, rate by held_out_folds={folds}", detector)


def tables(rows: list[Row]) -> str:
    """Return the share of new rows flagged on each set, and the mean over training rows."""
    names = list(dict.fromkeys(row["rows"] for row in rows))
    lines = []
    for (method,), own in grouped(rows, "method").items():
        of_training = [float(np.mean([row["training"] for row in own]))]
        of_new = [np.mean([row["new"] for row in own if row["rows"] == name]) for name in names]
        lines.append([method, *map(short, [*of_training, *of_new])])
    return table(["threshold of", "training rows, mean", *names], lines)


STUDY = Study(
    "false-alarms",
    "normal rows flagged that were not trained on",
    axes={"seed": Axis((0, 1, 2)), "rows": Axis((*SHAPES, *TABLES), option="rows")},
    run=run,
    tables=tables,
)
