"""The speed suite: training and scoring time, and peak memory, as rows and features grow.

    .venv-peers/bin/python -m benchmarks run speed                      # all; make peers first
    .venv-peers/bin/python -m benchmarks run speed --n 1e3 1e4 --d 30 --detectors NeuTraL pyod.KNN

Rows are drawn: five normal clusters, and one row in ten uniform over a box. Each measurement has a
new process with one thread, forked off one that has all libraries loaded, and starts with a fit of
256 rows that does not count. Then

* our backbones and the peers' deep detectors are fitted with one epoch and with 1 + 2^k, at
  least two, until the further ones take --seconds: the difference is the time of an epoch, without
  what a fit does once (building, scaling, scoring the training rows), as in
  `benchmarks.steps`;
* all others, and `LOE()`, are timed by whole fits;
* new rows are scored, at most 10,000, and as many times as take .2 s;
* the memory is the peak of the fits above what was in use before them, rows included.

No fit may take longer than --limit seconds. One that would, by the growth between the two smaller
sizes before it, is not run, and one that does is stopped: its row says so. All is kept in --output
as soon as it is measured; the same command goes on where it was stopped, and --retry measures again
what ended with an error.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import ledger
from benchmarks.machine import describe
from benchmarks.peers.detectors import PEERS
from benchmarks.speed_cell import Cell, measure
from benchmarks.speed_report import report

__all__ = ["main", "report"]

RESULTS = Path(__file__).parent / "results" / "speed.jsonl"
N_SCORED = 10_000
# Loading, drawing the rows and warming up, on a busy machine.
START_SECONDS = 120


class Timed(NamedTuple):
    """A detector of the suite: its name for the peers, what it calls its epochs, its method."""

    name: str
    epochs: str | None = None
    method: str | None = None


OURS = {
    name: Timed(f"lofe_sklearn.backbones:{name}", "max_epochs", "blind")
    for name in ("NeuTraL", "ICL", "GOAD", "DeepSVDD", "AutoEncoder")
} | {"LOE": Timed("lofe_sklearn:LOE", None, "hard")}
EPOCHS = {"pyod.AutoEncoder": "epoch_num", "pyod.DeepSVDD": "epochs"} | {
    name: "epochs" for name in PEERS if name.startswith("deepod.")
}
DETECTORS = OURS | {name: Timed(name, EPOCHS.get(name)) for name in PEERS}
# Without PyOD's copies of scikit-learn detectors.
DEFAULT = [
    *OURS,
    *("sklearn.IsolationForest", "sklearn.EllipticEnvelope", "pyod.OCSVM", "pyod.KNN", "pyod.LOF"),
    *("pyod.ECOD", "pyod.HBOS", "pyod.CBLOF", "pyod.DIF", "pyod.AutoEncoder", "pyod.DeepSVDD"),
    *("deepod.NeuTraL", "deepod.ICL", "deepod.DeepSVDD", "deepod.RCA", "deepod.SLAD"),
]


def main(argv: list[str] | None = None) -> int:
    """Measure what is not in the result file yet.

    Parameters
    ----------
    argv : list of str, optional
        The arguments. Default: those of the command line.

    Returns
    -------
    code : int
        0 when all is measured, 1 for a result file that cannot be used, 130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    options = _parser().parse_args(argv)
    _one_kind_of_thread(options.threads)
    facts = {"command": f"python -m benchmarks run speed {shlex.join(argv)}".strip(), **describe()}
    facts["threads"] = str(options.threads)
    try:
        with ledger.Ledger(options.output, mix_versions=options.mix_versions) as results:
            _measure_all(options, results, facts)
    except ledger.LedgerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\nstopped; what is measured is in {options.output}. The same command goes on from "
            "there.",
            file=sys.stderr,
        )
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks run speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--n", nargs="+", type=_whole, default=[10**3, 10**4, 10**5, 10**6])
    parser.add_argument("--d", nargs="+", type=_whole, default=[6, 30, 270])
    parser.add_argument(
        "--detectors",
        nargs="+",
        type=_detector,
        default=DEFAULT,
        metavar="NAME",
        help=f"of {', '.join(DETECTORS)}, or package.module:Class; default: most of them",
    )
    parser.add_argument("--limit", type=float, default=15.0, help="seconds for one fit")
    parser.add_argument("--seconds", type=float, default=0.5, help="time to measure over")
    parser.add_argument("--batch", nargs="+", type=_whole, default=[128], help="batch sizes")
    parser.add_argument("--repeats", type=_whole, default=1)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--threads", type=_whole, default=1)
    parser.add_argument("--memory", type=float, help="MB for one process; default: 3/4 of the free")
    parser.add_argument("--retry", action="store_true", help="again what ended with an error")
    parser.add_argument("--mix-versions", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser


def _whole(text: str) -> int:
    value = float(text)  # 1e6 is a whole number too
    if value < 1 or value != int(value):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1")
    return int(value)


def _detector(text: str) -> str:
    if text not in DETECTORS and ":" not in text:
        raise argparse.ArgumentTypeError(
            f"there is no detector {text!r}: one of {', '.join(DETECTORS)}, or package.module:Class"
        )
    return text


def _one_kind_of_thread(threads: int) -> None:
    # Libraries read these when they are loaded, which the processes that measure do afterwards.
    for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["PYTHONWARNINGS"] = "ignore"


def _cells(options: argparse.Namespace) -> Iterator[tuple[ledger.Row, Cell]]:
    """Yield what identifies each measurement, and what it takes; small sizes first."""
    memory = options.memory or _free_memory() * 0.75
    for seed in range(options.repeats):
        for n in sorted(set(options.n)):
            for d in sorted(set(options.d)):
                for detector in options.detectors:
                    timed = DETECTORS.get(detector, Timed(detector))
                    for batch in options.batch if timed.epochs else [None]:
                        params = {} if batch is None else {"batch_size": batch}
                        row = {
                            "suite": "speed",
                            "dataset": f"blobs:n={n},d={d}",
                            "detector": detector,
                            "method": timed.method,
                            "setting": f"{options.dtype}, threads={options.threads}",
                            "params": params,
                            "seed": seed,
                            "device": "cpu",
                            "n": n,
                            "d": d,
                            "dtype": options.dtype,
                        }
                        yield (
                            row,
                            Cell(
                                *(timed.name, timed.epochs, params, n, d, seed, options.dtype),
                                *(min(n, N_SCORED), options.seconds, memory, options.threads),
                            ),
                        )


def _measure_all(
    options: argparse.Namespace, results: ledger.Ledger, facts: dict[str, str]
) -> None:
    context = multiprocessing.get_context("forkserver")
    # Loaded once: else half of the time would go into loading torch, for each process anew.
    context.set_forkserver_preload(["benchmarks.speed_cell", "sklearn.ensemble", *_libraries()])
    latest = {ledger.identity(row): row for row in results.rows}
    todo = list(_cells(options))
    for number, (row, cell) in enumerate(todo, start=1):
        there = latest.get(ledger.identity(row))
        if there and not (there["error"] and options.retry):
            continue
        row |= {"limit": options.limit, "load": round(os.getloadavg()[0], 2)}
        reason = _hopeless(row, latest.values(), options.limit)
        found = (
            {"error": reason, "gave_up": True}
            if reason
            else _in_own_process(context, cell, options.limit)
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        row = row | {"error": None} | found | {"time": now} | facts
        results.add(row)
        latest[ledger.identity(row)] = row
        print(f"{number}/{len(todo)} {row['dataset']} {row['detector']}: {_brief(row)}", flush=True)


def _libraries() -> list[str]:
    # A module that is not there is passed over by the fork server.
    return [
        "pyod.models.base_dl",
        "deepod.models.tabular",
        *{known.module for known in PEERS.values()},
    ]


def _in_own_process(context: Any, cell: Cell, limit: float) -> dict[str, Any]:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=measure, args=(cell, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        return _listen(ours, process, cell, limit)
    finally:
        process.kill()
        process.join()
        ours.close()


def _listen(ours: Connection, process: Any, cell: Cell, limit: float) -> dict[str, Any]:
    doing, seconds = "start", START_SECONDS + limit
    while True:
        if not ours.poll(seconds):
            text = f"stopped: the {doing} took longer than the limit of {seconds:g} s"
            return {"error": text, "gave_up": True}
        try:
            kind, value = ours.recv()
        except EOFError:
            process.join()
            killed = " (of memory, most likely)" if process.exitcode == -9 else ""
            text = f"its process ended in the {doing} with code {process.exitcode}{killed}"
            return {"error": text, "gave_up": True}
        if kind == "row":
            return value
        if kind == "error":
            return {"error": value, "gave_up": "memory" in value}
        doing, seconds = value, limit


def _hopeless(row: ledger.Row, rows: Any, limit: float) -> str | None:
    """Say why a measurement is not worth starting, from those of fewer rows; None if it is."""
    same = ("detector", "method", "setting", "params", "seed", "d")
    smaller = [
        other
        for other in rows
        if other["n"] < row["n"] and all(other[name] == row[name] for name in same)
    ]
    smaller.sort(key=lambda other: other["n"])
    if not smaller:
        return None
    last = smaller[-1]
    if last.get("gave_up") and last.get("limit", 0) >= limit:
        return f"not run: with n={last['n']:,}, {last['error'].removeprefix('not run: ')}"
    known = [(other["n"], _longest_fit(other)) for other in smaller if not other["error"]]
    if len(known) < 2:
        return None
    (n_1, time_1), (n_2, time_2) = known[-2:]
    # A fit of many rows grows at least as fast as one of few, where what it does once still counts.
    power = max(math.log(time_2 / time_1) / math.log(n_2 / n_1), 0.0)
    expected = time_2 * (row["n"] / n_2) ** power
    if expected <= limit:
        return None
    return (
        f"not run: from n={n_1:,} and n={n_2:,}, a fit would take {expected:,.0f} s, longer than "
        f"the limit of {limit:g} s"
    )


def _longest_fit(row: ledger.Row) -> float:
    """Return the seconds of the longest fit that a measurement cannot do without."""
    return row["fit_seconds"] + max(row.get("epoch_seconds") or 0.0, 0.0)


def _brief(row: ledger.Row) -> str:
    if row["error"]:
        return row["error"]
    memory = "-" if row["memory_mb"] is None else f"{row['memory_mb']:,.0f}"
    return (
        f"{row['train_rows_per_second']:,.0f} rows/s trained, "
        f"{row['score_rows_per_second']:,.0f} scored, {memory} MB"
    )


def _free_memory() -> float:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 8192.0
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("MemAvailable:"))


if __name__ == "__main__":
    sys.exit(main())
