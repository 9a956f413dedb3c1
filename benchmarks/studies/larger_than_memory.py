"""Rows on disk against the same rows in memory: peak memory, time and quality of a fit.

    python -m benchmarks study larger-than-memory
    python -m benchmarks study larger-than-memory --rows 84000000 --places disk

Rows of 30 float32 features, one in a hundred shifted, are written to a temporary file in random
order; 84,000,000 rows are 10 GB. A process of its own fits a detector for one epoch, to the mapped
file or to an array of it, and scores 100,000 new rows. Memory is the process's peak of resident
memory; sklearn's `working_memory` is its default, 1 GiB.
"""

from __future__ import annotations

import resource
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn._detectors import OutlierDetector

N_FEATURES = 30
RATIO = 0.01
BLOCK = 100_000
# More rows are only read from disk.
MOST_IN_MEMORY = 4_000_000
_BACKBONE = partial(DeepSVDD, max_epochs=1, batch_size=1024, contamination=RATIO)
DETECTORS: dict[str, Callable[..., OutlierDetector]] = {
    "DeepSVDD": _BACKBONE,
    "LOE": lambda random_state: LOE(
        _BACKBONE(), contamination=RATIO, evidence=None, init="iforest", random_state=random_state
    ),
}


def block_of(number: int, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a block of rows, and which of them are anomalies."""
    rng = np.random.default_rng(number)
    X = rng.standard_normal((n_rows, N_FEATURES), dtype=np.float32)
    is_anomaly = rng.random(n_rows) < RATIO
    X[is_anomaly] += 1.0
    return X, is_anomaly


def write(path: Path, n_rows: int) -> None:
    """Write rows to a NumPy file, without mapping it."""
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, N_FEATURES)}
        np.lib.format.write_array_header_1_0(file, header)
        for number in range(n_rows // BLOCK):
            block_of(number, BLOCK)[0].tofile(file)


def measure(path: str, cell: Row, results: Connection) -> None:
    """Fit in this process, and send what it took."""
    warnings.simplefilter("ignore")
    DeepSVDD(max_epochs=1).fit(block_of(0, 300)[0])  # what is loaded once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    X = np.load(path, mmap_mode="r")
    if cell["place"] == "memory":
        X = np.array(X)
    detector = DETECTORS[cell["detector"]](random_state=0)
    start = time.perf_counter()
    seconds = cpu_seconds(partial(detector.fit, X))
    elapsed = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    new, is_anomaly = block_of(cell["rows"] // BLOCK, BLOCK)
    scores = detector.score_samples(new)
    results.send(
        {
            "rows_mb": round(X.nbytes / 1e6),
            "mb_before": round(before * 1024 / 1e6),
            "peak_mb": round(peak * 1024 / 1e6),
            "cpu_seconds": round(seconds, 1),
            "seconds": round(elapsed, 1),
            "roc_auc": round(float(roc_auc_score(is_anomaly, -scores)), 4),
            "flagged": round(float(np.mean(scores < detector.offset_)), 5),
        }
    )


def run(cell: Row) -> Iterator[Row]:
    """Fit one detector to rows on disk or in memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        write(path, cell["rows"])
        context = get_context("spawn")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=measure, args=(str(path), cell, there))
        process.start()
        there.close()
        try:
            yield here.recv()
        finally:
            process.join()


def tables(rows: list[Row]) -> str:
    """Return memory, time and quality."""
    header = ["detector", "rows", "MB", "place", "peak MB", "CPU s", "ROC AUC", "flagged of new"]
    return table(
        header,
        [
            [
                row["detector"],
                f"{row['rows']:,}",
                f"{row['rows_mb']:,}",
                row["place"],
                f"{row['peak_mb']:,}",
                row["cpu_seconds"],
                f"{row['roc_auc']:.3f}",
                f"{row['flagged']:.4f}",
            ]
            for row in rows
        ],
    )


STUDY = Study(
    "larger-than-memory",
    "peak memory and time of a fit to rows on disk, and to the same rows in memory",
    axes={
        "detector": Axis(tuple(DETECTORS), choices=tuple(DETECTORS)),
        "rows": Axis((1_000_000, 4_000_000, 16_000_000), option="rows"),
        "place": Axis(("memory", "disk"), choices=("memory", "disk")),
    },
    run=run,
    tables=tables,
    applies=lambda cell: cell["place"] == "disk" or cell["rows"] <= MOST_IN_MEMORY,
)
