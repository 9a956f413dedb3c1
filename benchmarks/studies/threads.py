"""What it costs to fit with all of torch's threads on a machine that is not all one's own.

    python -m benchmarks study threads
    python -m benchmarks study threads --detectors NeuTraL --machines idle --sizes 5000x30

torch and BLAS may use a thread for each core of the machine. "As it is" trains and scores small
stacks with one thread, and takes no more threads than cores that the process may use; "all" has
both limits off. Both take turns in one process, and the shortest of three times counts, or the
first if it takes over ten seconds. The machine is idle; or busy, by Python processes that do
nothing but count, one for each core; or a container: the process may use one core of all, which it
is told after torch has been loaded (Linux only, the smallest size only). Rows are normally
distributed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from unittest import mock

import numpy as np
import torch

from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD, NeuTraL
from lofe_sklearn.engine import _few_threads, _thread_limits

DETECTORS = {"LOE": LOE, "DeepSVDD": DeepSVDD, "NeuTraL": NeuTraL}
MACHINES = ("idle", "busy", "container")
LIMITS = ("_PRODUCTS_OF_A_STEP", "_PRODUCTS_OF_A_LAYER", "_PRODUCTS_OF_SCORES")
N_ROUNDS = 3
LONG = 10  # seconds


def applies(cell: Row) -> bool:
    """Whether the cell is short enough, in a container with all threads."""
    return cell["machine"] != "container" or cell["size"] == "200x5"


def run(cell: Row) -> Iterator[Row]:
    """Time a fit both ways."""
    warnings.simplefilter("ignore")
    n_rows, n_features = map(int, cell["size"].split("x"))
    X = np.random.default_rng(0).normal(size=(n_rows, n_features))
    detector = DETECTORS[cell["detector"]](random_state=0)
    n_cores = os.cpu_count() or 1
    torch.set_num_threads(n_cores)
    detector.fit(X[:100])
    found: dict[str, list[tuple[float, float]]] = {"few": [], "all": []}
    machine = {"idle": nullcontext, "busy": _other_programs, "container": _one_core}
    with machine[cell["machine"]]():
        for _ in range(N_ROUNDS):
            for way, times in found.items():
                if times and times[0][0] > LONG:
                    continue
                with _no_limits() if way == "all" else nullcontext():
                    wall, cpu = time.perf_counter(), time.process_time()
                    detector.fit(X)
                    times.append((time.perf_counter() - wall, time.process_time() - cpu))
    for way, times in found.items():
        wall, cpu = min(times)
        yield {"way": way, "threads": n_cores, "seconds": round(wall, 3), "cpu": round(cpu, 3)}


@contextmanager
def _no_limits() -> Iterator[None]:
    """Let all threads be used, as if there were no limits."""
    with ExitStack() as stack:
        for limit in LIMITS:
            stack.enter_context(mock.patch.object(_few_threads, limit, 0))
        patched = mock.patch.object(_thread_limits, "_limited_cores", return_value=None)
        stack.enter_context(patched)
        yield


@contextmanager
def _one_core() -> Iterator[None]:
    """Let this process use one core, as a container does."""
    before = os.sched_getaffinity(0)
    threads = [int(thread) for thread in os.listdir("/proc/self/task")]
    try:
        for thread in threads:
            os.sched_setaffinity(thread, {min(before)})
        _thread_limits._limited_cores.cache_clear()
        yield
    finally:
        for thread in threads:
            os.sched_setaffinity(thread, before)
        _thread_limits._limited_cores.cache_clear()


@contextmanager
def _other_programs() -> Iterator[None]:
    """Keep a process for each core busy for as long as the block takes."""
    forever = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(forever) for _ in range(os.cpu_count() or 1)]
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
        key = row["detector"], row["size"], row["machine"]
        cells.setdefault(key, {})[row["way"]] = row
    lines = [
        [
            detector,
            size,
            machine,
            *(f"{ways[way]['seconds']:.2f} ({ways[way]['cpu']:.2f})" for way in ("all", "few")),
            f"{ways['all']['seconds'] / ways['few']['seconds']:.1f}",
        ]
        for (detector, size, machine), ways in cells.items()
    ]
    return table(
        ["detector", "rows", "machine", "all threads: s (CPU s)", "as it is", "times faster"], lines
    )


STUDY = Study(
    "threads",
    "seconds of a fit with all threads and with few: on an idle and a busy machine, in a container",
    axes={
        "machine": Axis(MACHINES, choices=MACHINES),
        "detector": Axis(("LOE", "DeepSVDD"), choices=tuple(DETECTORS)),
        "size": Axis(("200x5", "5000x30", "1500x60")),
    },
    applies=applies,
    run=run,
    tables=tables,
)
