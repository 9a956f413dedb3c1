"""Run fits in workers, and keep each as a row as soon as it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from benchmarks import fits as fits_
from benchmarks.detectors import is_ours
from benchmarks.fits import Fit
from benchmarks.ledger import Ledger, Row, identity

Group = list[Fit]


def run(
    fits: Iterable[Fit],
    output: Path,
    *,
    command: str,
    n_jobs: int = 1,
    stack: int = 20,
    retry_errors: bool = False,
    mix_versions: bool = False,
    console: Console | None = None,
) -> list[Row]:
    """Do the fits that `output` has no row of yet, and return all their rows.

    Whatever is finished is in the file; the same call goes on where an interrupted one stopped.
    """
    console = console or Console(stderr=True)
    with Ledger(output, mix_versions=mix_versions) as ledger:
        done = {identity(row) for row in ledger.rows if not (retry_errors and row["error"])}
        wanted = list(fits)
        todo = [fit for fit in wanted if identity(asdict(fit)) not in done]
        console.print(f"{len(wanted)} fits, {len(wanted) - len(todo)} of them done: {output}")
        if todo:
            with _progress(console) as progress:
                task = progress.add_task("", total=len(todo))
                for group, rows in _results(groups(todo, stack), command, n_jobs):
                    for row in rows:
                        ledger.add(row)
                    first = group[0]
                    progress.update(
                        task, advance=len(rows), description=f"{first.dataset} {first.detector}"
                    )
                    for text in sorted({row["error"] for row in rows} - {""}):
                        console.print(
                            f"[red]failed[/]: {first.dataset} {first.detector}: {text}",
                            highlight=False,
                        )
        of_this = {identity(asdict(fit)) for fit in wanted}
        latest = {identity(row): row for row in ledger.rows if identity(row) in of_this}
        return list(latest.values())


def groups(fits: Sequence[Fit], stack: int) -> list[Group]:
    """Put fits together that can be trained in one stack, at most `stack` of them."""
    alike: dict[tuple, Group] = {}
    for fit in fits:
        key = (fit.dataset, fit.max_rows, fit.detector, str(fit.params), fit.setting, fit.device)
        alike.setdefault(key, []).append(fit)
    together = []
    for group in alike.values():
        # LOE() is a stack by itself; a peer is fitted alone.
        size = stack if is_ours(group[0].detector) and group[0].detector != "LOE" else 1
        together += [group[start : start + size] for start in range(0, len(group), size)]
    return together


def _results(todo: list[Group], command: str, n_jobs: int) -> Iterator[tuple[Group, list[Row]]]:
    """Run the groups, each in a worker, and yield them as they end."""
    if n_jobs == 1:
        for group in todo:
            yield group, fits_.run(group, command)
        return
    left = dict(enumerate(todo))
    try:
        with parallel_config("loky", inner_max_num_threads=1):
            results = Parallel(n_jobs, return_as="generator_unordered", batch_size=1)(
                delayed(_numbered)(number, group, command) for number, group in left.copy().items()
            )
            for number, rows in results:
                yield left.pop(number), rows
    except TerminatedWorkerError:
        # A fit took its worker along, for want of memory mostly. Which one, only trying tells.
        for group in left.values():
            yield group, _alone(group, command)


def _numbered(number: int, group: Group, command: str) -> tuple[int, list[Row]]:
    return number, fits_.run(group, command)


def _alone(group: Group, command: str) -> list[Row]:
    """Run a group in a process of its own, that may die."""
    try:
        with parallel_config("loky", inner_max_num_threads=1):
            # Two jobs, as joblib runs a single one in this process.
            [rows] = Parallel(2)([delayed(fits_.run)(group, command)])
    except TerminatedWorkerError:
        error = "the worker was killed: too little memory? Try a smaller --stack or --max-rows."
        return fits_.failed_rows(group, error, command)
    return rows


def _progress(console: Console) -> Progress:
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("fits,"),
        TimeElapsedColumn(),
        TextColumn("so far,"),
        TimeRemainingColumn(),
        TextColumn("left; last: {task.description}"),
        console=console,
        disable=not console.is_terminal,
    )
