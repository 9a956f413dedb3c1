"""Run work in workers, and keep each of its rows as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

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

from benchmarks.ledger import Ledger, Row, identity


class Work(Protocol):
    """What a worker does in one go: a stack of fits, or a cell of a study.

    `str` names it, and `len` is the number of its rows.
    """

    def run(self, command: str) -> list[Row]:
        """Do it and return its rows; what goes wrong is in these."""

    def failed(self, error: str, command: str) -> list[Row]:
        """Return the rows that say why it could not be done."""

    def __len__(self) -> int: ...


def run(
    wanted: Iterable[Any],
    output: Path,
    *,
    command: str,
    pack: Callable[[list[Any]], list[Any]] = list,
    what: str = "fits",
    n_jobs: int = 1,
    retry_errors: bool = False,
    again: bool = False,
    mix_versions: bool = False,
    console: Console | None = None,
) -> list[Row]:
    """Do what is wanted and `output` has no row of yet, and return all rows of it.

    Whatever is finished is in the file; the same call goes on where an interrupted one stopped.

    Parameters
    ----------
    wanted : iterable
        Fits or cells; `known_by` says what the row of each is known by.
    output : Path
        The result file.
    command : str
        Becomes a part of each row.
    pack : callable
        What is still to be done -> the `Work` that does it. Default: each is its own.
    what : str
        What messages call them.
    n_jobs : int
        Workers.
    retry_errors, again : bool
        Do once more what failed, or everything.
    mix_versions : bool
        Go on with another version's file.
    console : Console, optional
        Where to say what happens. Default: standard error.
    """
    console = console or Console(stderr=True)
    with Ledger(output, mix_versions=mix_versions) as ledger:
        kept = [] if again else ledger.rows
        done = {identity(row) for row in kept if not (retry_errors and row["error"])}
        known = {identity(one.known_by()): one for one in wanted}
        todo = [one for key, one in known.items() if key not in done]
        console.print(f"{len(known)} {what}, {len(known) - len(todo)} of them done: {output}")
        if todo:
            with _progress(console, what) as progress:
                task = progress.add_task("", total=len(todo))
                for work, rows in _results(pack(todo), command, n_jobs):
                    for row in rows:
                        ledger.add(row)
                    progress.update(task, advance=len(rows), description=str(work))
                    for text in sorted({row["error"] for row in rows} - {""}):
                        console.print(f"[red]failed[/]: {work}: {text}", highlight=False)
        latest = {identity(row): row for row in ledger.rows if identity(row) in known}
        return list(latest.values())


def _results(todo: list[Any], command: str, n_jobs: int) -> Iterator[tuple[Any, list[Row]]]:
    """Run all `Work`, each in a worker, and yield it with its rows as it ends."""
    if n_jobs == 1:
        for work in todo:
            yield work, work.run(command)
        return
    left = dict(enumerate(todo))
    try:
        with parallel_config("loky", inner_max_num_threads=1):
            results = Parallel(n_jobs, return_as="generator_unordered", batch_size=1)(
                delayed(_numbered)(number, work, command) for number, work in left.copy().items()
            )
            for number, rows in results:
                yield left.pop(number), rows
    except TerminatedWorkerError:
        # A fit took its worker along, for want of memory mostly. Which one, only trying tells.
        for work in left.values():
            yield work, _alone(work, command)


def _numbered(number: int, work: Work, command: str) -> tuple[int, list[Row]]:
    return number, work.run(command)


def _alone(work: Work, command: str) -> list[Row]:
    """Do the work in a process of its own, that may die."""
    try:
        with parallel_config("loky", inner_max_num_threads=1):
            # Two jobs, as joblib runs a single one in this process.
            [rows] = Parallel(2)([delayed(work.run)(command)])
    except TerminatedWorkerError:
        error = "the worker was killed: too little memory? Try a smaller --stack or --max-rows."
        return work.failed(error, command)
    return rows


def _progress(console: Console, what: str) -> Progress:
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{what},"),
        TimeElapsedColumn(),
        TextColumn("so far,"),
        TimeRemainingColumn(),
        TextColumn("left; last: {task.description}"),
        console=console,
        disable=not console.is_terminal,
    )
