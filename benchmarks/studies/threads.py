"""What it costs to fit with torch's threads beside other programs, and with one where that will do.

    python -m benchmarks study threads
    python -m benchmarks study threads --detectors NeuTraL --busy 0 --sizes 5000x30

torch may use a thread for each core. "Few" is the library as it is, which trains and scores small
stacks with one thread; "all" has its limits at 0, so that all threads are used. Both take turns in
one process, and the shortest of three times counts. Other programs are Python processes that do
nothing but count, one for each core or none. Rows are normally distributed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import numpy as np
import torch

from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD, NeuTraL
from lofe_sklearn.engine import _few_threads

DETECTORS = {"LOE": LOE, "DeepSVDD": DeepSVDD, "NeuTraL": NeuTraL}
LIMITS = ("_PRODUCTS_OF_A_STEP", "_PRODUCTS_OF_A_LAYER", "_PRODUCTS_OF_SCORES")
N_ROUNDS = 3


def run(cell: Row) -> Iterator[Row]:
    """Time a fit both ways."""
    warnings.simplefilter("ignore")
    n_rows, n_features = map(int, cell["size"].split("x"))
    X = np.random.default_rng(0).normal(size=(n_rows, n_features))
    detector = DETECTORS[cell["detector"]](random_state=0)
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(n_cores or 1)
    detector.fit(X[:100])
    found: dict[str, list[tuple[float, float]]] = {"few": [], "all": []}
    with _other_programs(cell["busy"] * (n_cores or 1)):
        for _ in range(N_ROUNDS):
            for way, times in found.items():
                with ExitStack() as stack:
                    for limit in LIMITS if way == "all" else ():
                        stack.enter_context(mock.patch.object(_few_threads, limit, 0))
                    wall, cpu = time.perf_counter(), time.process_time()
                    detector.fit(X)
                    times.append((time.perf_counter() - wall, time.process_time() - cpu))
    for way, times in found.items():
        wall, cpu = min(times)
        yield {"way": way, "threads": n_cores, "seconds": round(wall, 3), "cpu": round(cpu, 3)}


@contextmanager
def _other_programs(n: int) -> Iterator[None]:
    """Keep so many processes busy for as long as the block takes."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def tables(rows: list[Row]) -> str:
    """Return seconds on the clock and of the processor, with all threads and as it is."""
    cells: dict[tuple, dict[str, Row]] = {}
    for row in rows:
        key = row["detector"], row["size"], row["busy"]
        cells.setdefault(key, {})[row["way"]] = row
    lines = [
        [
            detector,
            size,
            "idle" if not busy else "busy",
            *(f"{ways[way]['seconds']:.2f} ({ways[way]['cpu']:.2f})" for way in ("all", "few")),
            f"{ways['all']['seconds'] / ways['few']['seconds']:.1f}",
        ]
        for (detector, size, busy), ways in cells.items()
    ]
    return table(
        ["detector", "rows", "machine", "all threads: s (CPU s)", "as it is", "times faster"], lines
    )


STUDY = Study(
    "threads",
    "seconds of a fit with all threads and with few, on an idle and on a busy machine",
    axes={
        "busy": Axis((0, 1), option="busy"),
        "detector": Axis(("LOE", "DeepSVDD"), choices=tuple(DETECTORS)),
        "size": Axis(("200x5", "5000x30", "1500x60")),
    },
    run=run,
    tables=tables,
)
