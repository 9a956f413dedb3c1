"""What `n_jobs` of LOE gains: seconds on the clock with one job and with two.

    python -m benchmarks study jobs
    python -m benchmarks study jobs --rows 1000000 --works score

Rows are those of the study `growth`, of 30 features. A fit trains two NeuTraLs, each in a process
of joblib, which is started before: `LOE()` takes too little time for processes, so that `n_jobs`
does not start any. It is what is scored, in threads. One job and two take turns in one process, and
the shortest time of each counts. Each job has one thread of its own. The load is what the system
says of the minute before: where it is above the number of cores, other programs take them, and two
jobs can be no faster than one.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.studies.growth import rows_of
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, NeuTraL

N_FEATURES = 30
N_ROUNDS = 3
FITTED_ROWS = 20_000
FITTED = NeuTraL(max_epochs=15)
# Of more rows only the scoring is timed, and of fewer only the fit.
MOST_FITTED = 100_000
JOBS = (1, 2)


def run(cell: Row) -> Iterator[Row]:
    """Time one work with one job and with two."""
    warnings.simplefilter("ignore")
    X = rows_of(cell["n_rows"], N_FEATURES)
    is_fit = cell["work"] == "fit"
    kind = {"estimator": FITTED, "n_estimators": 2, "contamination": 0.1} if is_fit else {}
    detectors = {n_jobs: LOE(n_jobs=n_jobs, random_state=0, **kind) for n_jobs in JOBS}
    fitted_rows = X if is_fit else X[:: max(1, len(X) // FITTED_ROWS)]
    for detector in detectors.values():
        detector.fit(fitted_rows)
    seconds: dict[int, float] = {}
    for _ in range(N_ROUNDS):
        for n_jobs, detector in detectors.items():
            work = detector.fit if is_fit else detector.score_samples
            seconds[n_jobs] = min(seconds.get(n_jobs, float("inf")), _seconds(partial(work, X)))
    times = {f"seconds_{n_jobs}": round(own, 2) for n_jobs, own in seconds.items()}
    yield times | {"load": round(os.getloadavg()[0], 1)}


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def tables(rows: list[Row]) -> str:
    """Return seconds and how many times faster two jobs are."""
    return table(
        ["work", "rows", "one job, s", "two jobs, s", "times faster", "load"],
        [
            [
                row["work"],
                f"{row['n_rows']:,}",
                row["seconds_1"],
                row["seconds_2"],
                f"{row['seconds_1'] / row['seconds_2']:.2f}",
                row["load"],
            ]
            for row in rows
        ],
    )


STUDY = Study(
    "jobs",
    "seconds of a fit and of scoring with one job and with two",
    axes={
        "work": Axis(("fit", "score"), choices=("fit", "score")),
        "n_rows": Axis((20_000, 200_000), option="rows"),
    },
    run=run,
    tables=tables,
    applies=lambda cell: (cell["work"] == "score") == (cell["n_rows"] > MOST_FITTED),
)
