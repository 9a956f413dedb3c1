"""What a training that is interrupted leaves: the state after its last whole epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from torch import Tensor

from lofe_sklearn.engine._history import HistoryRecorder
from lofe_sklearn.engine._job import Job
from lofe_sklearn.engine._stack import ModuleStack


class LastEpoch:
    """Go back to the last whole epoch when the user interrupts a training, if that is asked for.

    An interruption comes at any moment, when half of the parameters may have made a step. So they
    are copied after each epoch. As long as no model has an epoch with inferred labels behind it,
    there is nothing to keep, and the interruption goes on to the caller.

    Parameters
    ----------
    stack : ModuleStack
    jobs : sequence of M Job
    recorder : HistoryRecorder
    wanted : bool
        Whether the training shall end, rather than fail, where it is interrupted.

    Attributes
    ----------
    interrupted : bool
    """

    def __init__(
        self, stack: ModuleStack, jobs: Sequence[Job], recorder: HistoryRecorder, wanted: bool
    ) -> None:
        self._stack, self._recorder, self._wanted = stack, recorder, wanted
        self._warmup = np.array([job.labelling.warmup_epochs for job in jobs])
        self._kept: tuple[dict[str, Tensor], tuple[int, np.ndarray]] | None = None
        self.interrupted = False

    def keep(self) -> None:
        """Keep the state in which an epoch has ended."""
        if self._wanted:
            mark = self._recorder.mark()
            if (mark[1] > self._warmup).any():
                self._kept = self._stack.snapshot(), mark  # one assignment: both or neither

    @contextmanager
    def going_back(self) -> Iterator[None]:
        """End the block at a KeyboardInterrupt, in the state that is kept, if there is one."""
        try:
            yield
        except KeyboardInterrupt:
            if self._kept is None:
                raise
            state, mark = self._kept
            self._stack.restore(None, state)
            self._recorder.go_back(mark)
            self.interrupted = True
