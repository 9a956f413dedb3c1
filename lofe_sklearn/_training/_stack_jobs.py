"""Stacks as jobs of joblib."""

from __future__ import annotations

from joblib import Parallel

from lofe_sklearn._progress import Part


class Stacks(Parallel):
    """Train stacks by joblib, and count those that end in other threads and processes.

    Parameters
    ----------
    training : Part
        The progress of all of them.
    n_stacks : int
    n_jobs : int or None
        As joblib takes it. More than there are stacks are as many: joblib would start the others
        too, or fail.
    """

    def __init__(self, training: Part, n_stacks: int, n_jobs: int | None) -> None:
        super().__init__(n_jobs=None if n_jobs is None else min(n_jobs, max(n_stacks, 1)))
        self._training, self._n_stacks = training, n_stacks

    def print_progress(self) -> None:
        """Move the bar; joblib calls this whenever a stack ends."""
        super().print_progress()
        if not self._training.is_own():  # else the stack has moved it
            n_done = self.n_completed_tasks
            self._training.reach(n_done / self._n_stacks, f"{n_done}/{self._n_stacks} stacks")
