"""One measurement of the speed suite, in a process of its own."""

from __future__ import annotations

import gc
import resource
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.peers import detectors
from benchmarks.steps import StepCounter

N_CLUSTERS = 5
UNIFORM_SHARE = 0.1
# Rows of the warm-up fit: what is loaded or compiled once must not count as time or memory.
WARM_UP = 256
BLOCK = 100_000
MOST_FITS = 20


class Cell(NamedTuple):
    """What to measure.

    Attributes
    ----------
    name : str
        The detector's name for `benchmarks.peers.detectors.build`.
    epochs : str or None
        What its constructor calls the number of epochs; None where it trains none, and the time of
        the whole fit is what counts.
    seconds : float
        Time to measure over: further epochs, or fits, are added until they take it.
    memory : float
        MB that may be allocated beside what was there before.
    """

    name: str
    epochs: str | None
    params: dict[str, Any]
    n: int
    d: int
    seed: int
    dtype: str
    n_scored: int
    seconds: float
    memory: float
    threads: int


def blobs(n: int, d: int, *, seed: int, dtype: str) -> np.ndarray:
    """Draw rows of five normal clusters, and one in ten uniform over a box around them.

    Parameters
    ----------
    n, d : int
        Number of rows and of features.
    seed : int
        Of the rows; the clusters are always the same.
    dtype : {"float32", "float64"}
        Type of the result.

    Returns
    -------
    X : ndarray of shape (n, d)
        The rows, in random order.
    """
    kind: Any = np.dtype(dtype)
    centers = np.random.default_rng(0).normal(0, 3, (N_CLUSTERS, d)).astype(kind)
    rng = np.random.default_rng([seed, n, d])
    X = np.empty((n, d), kind)
    for start in range(0, n, BLOCK):  # so that nothing of the size of X is allocated besides
        block = X[start : start + BLOCK]
        rng.standard_normal(out=block, dtype=kind)
        block += centers[rng.integers(N_CLUSTERS, size=len(block))]
        uniform = rng.random(len(block)) < UNIFORM_SHARE
        block[uniform] = rng.random((int(uniform.sum()), d), dtype=kind) * 20 - 10
    return X


def measure(cell: Cell, connection: Connection) -> None:
    """Send what is being done, and in the end the row or the error.

    Messages are pairs: ("doing", text) before all that the time limit holds for, then
    ("row", dict) or ("error", text).
    """
    # Ctrl-C reaches the whole group of processes; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        connection.send(("row", _measure(cell, lambda text: connection.send(("doing", text)))))
    except MemoryError:
        _unlimit_memory()
        connection.send(("error", f"more memory than the limit of {cell.memory:,.0f} MB"))
    except Exception as error:  # noqa: BLE001 - whatever ails a peer goes into its row
        _unlimit_memory()
        text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        if "allocate memory" in text or "std::bad_alloc" in text:
            text = f"more memory than the limit of {cell.memory:,.0f} MB"
        connection.send(("error", text[:300]))


def _measure(cell: Cell, say: Callable[[str], None]) -> dict[str, Any]:
    torch.set_num_threads(cell.threads)
    peer: detectors.Peer | None = None

    def make(epochs: int) -> detectors.Peer:
        nonlocal peer
        peer = None  # the one before must not count for the memory of this one
        say(
            "fit"
            if cell.epochs is None
            else f"fit with max_epochs={epochs}".replace("max_epochs", cell.epochs)
        )
        own = {} if cell.epochs is None else {cell.epochs: epochs}
        peer = detectors.build(cell.name, cell.params | own, seed=cell.seed, n_features=cell.d)
        return peer

    _warm_up(cell)
    _limit_memory(cell.memory)
    X = blobs(cell.n, cell.d, seed=cell.seed, dtype=cell.dtype)
    new = blobs(cell.n_scored, cell.d, seed=cell.seed + 10**6, dtype=cell.dtype)
    counter = StepCounter()
    # The libraries' own hundred thousands of objects would take .2 s in each collection.
    gc.collect()
    gc.freeze()
    before = _start_of_memory()
    row: dict[str, Any] = {}

    first = counter.fit(make, X, 1)
    row["memory_mb"] = _more_memory(before)
    if cell.epochs is None:
        walls = [first.wall]
        while sum(walls) < cell.seconds and len(walls) < MOST_FITS:
            walls.append(counter.fit(make, X, 1).wall)
        row |= {"fit_seconds": min(walls), "train_rows_per_second": cell.n / min(walls)}
    else:
        if not first.steps:
            raise RuntimeError("no step of a torch optimizer in an epoch")
        epochs, long = counter.lengthen(make, X, first, cell.seconds)
        epoch = (long.wall - first.wall) / (epochs - 1)
        row |= {
            "epochs": epochs,
            "steps_per_epoch": first.steps,
            "weights": first.weights,
            "fit_seconds": first.wall,
            "epoch_seconds": epoch,
            "step_us": epoch / first.steps * 1e6,
            "train_rows_per_second": cell.n / epoch,
        }

    say("scoring")
    walls = []
    while sum(walls) < min(cell.seconds, 0.2):
        start = time.perf_counter()
        peer.anomaly_scores(new)  # type: ignore[union-attr]
        walls.append(time.perf_counter() - start)
    row |= {"score_seconds": min(walls), "score_rows_per_second": cell.n_scored / min(walls)}
    return {
        key: float(f"{value:.6g}") if isinstance(value, float) else value
        for key, value in row.items()
    }


def _warm_up(cell: Cell) -> None:
    # `LOE()` takes as many steps for few rows as for more: a little of it does here.
    little: dict[str, Any] = {} if cell.epochs is None else {cell.epochs: 1}
    if cell.name == "lofe_sklearn:LOE":
        from lofe_sklearn import AutoEncoder

        little = {"estimator": AutoEncoder(max_epochs=2), "n_estimators": 2, "contamination": 0.1}
    X = blobs(2 * WARM_UP, cell.d, seed=cell.seed, dtype=cell.dtype)
    peer = detectors.build(cell.name, cell.params | little, seed=cell.seed, n_features=cell.d)
    peer.fit(X[:WARM_UP]).anomaly_scores(X[WARM_UP:])


def _limit_memory(megabytes: float) -> None:
    used = _status("VmData")
    if used is not None:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (int((used + megabytes) * 2**20), hard))


def _unlimit_memory() -> None:
    # The message of what went wrong takes some memory itself.
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _start_of_memory() -> float | None:
    """Forget the peak so far; return the memory in use."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _status("VmRSS")


def _more_memory(before: float | None) -> float | None:
    peak = _status("VmHWM")
    return None if before is None or peak is None else max(peak - before, 0.0)


def _status(name: str) -> float | None:
    """MB under `name` in Linux's record of this process; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(x.split()[1]) / 1024 for x in lines if x.startswith(f"{name}:")), None)
