"""Stacks as jobs of joblib, where there is enough to train."""

from __future__ import annotations

from collections.abc import Sequence

from joblib import Parallel, effective_n_jobs
from joblib.parallel import get_active_backend

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix
from lofe_sklearn._progress import Part
from lofe_sklearn._training._stacking import seconds_of
from lofe_sklearn._training._task import Task

# Less is trained sooner in this process: each new one imports torch first, which takes seconds.
LEAST_SECONDS = 10.0


def n_workers_for(tasks: Sequence[Task], X: Matrix, n_jobs: int | None) -> int:
    """Return how many stacks to train at a time: 1 if joblib would start processes for little.

    Raises
    ------
    ValueError
        If joblib has no meaning for `n_jobs`.
    """
    n_workers: int = effective_n_jobs(n_jobs)
    if len(tasks) < 2:
        return 1
    if n_workers == 1 or not _starts_processes():
        return n_workers
    on_gpu = any(engine.resolve_device(task.model.device).type != "cpu" for task in tasks)
    return n_workers if on_gpu or seconds_of(tasks, X) > LEAST_SECONDS else 1


def _starts_processes() -> bool:
    """Whether joblib's own backend is in use: threads, and workers of a cluster, are there."""
    backend, _ = get_active_backend()
    return type(backend).__name__ == "LokyBackend"


class Stacks(Parallel):
    """Train stacks by joblib, and count those that end in other threads and processes.

    Parameters
    ----------
    training : Part
        The progress of all of them.
    n_stacks : int
    n_workers : int
        Stacks that are trained at a time. More than there are stacks are as many: joblib would
        start the others too, or fail.
    """

    def __init__(self, training: Part, n_stacks: int, n_workers: int) -> None:
        super().__init__(n_jobs=min(n_workers, max(n_stacks, 1)))
        self._training, self._n_stacks = training, n_stacks

    def print_progress(self) -> None:
        """Move the bar; joblib calls this whenever a stack ends."""
        super().print_progress()
        if not self._training.is_own():  # else the stack has moved it
            n_done = self.n_completed_tasks
            self._training.reach(n_done / self._n_stacks, f"{n_done}/{self._n_stacks} stacks")
