"""Steps that a GPU repeats by itself: recorded once as a CUDA graph, then replayed.

The step of a small network consists of some forty operations. To start them one by one takes the
CPU several times as long as the GPU takes for all of them. A replay starts them all at once.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from lofe_sklearn._errors_of_others import first_line
from lofe_sklearn.engine._batches import Batch
from lofe_sklearn.engine._step import Made, Step

# Steps of a kind that are done one by one before one is recorded: libraries prepare themselves in
# the first, and to record pays if there are many more.
_FIRST_STEPS = 4


class RecordedSteps:
    """Do the steps of a training, by replays where they are work of the GPU alone.

    So they are if the rows are there, the network sets its own gradients, nothing is drawn at
    random, and the label rule is one of those that say so. Steps differ in the sizes of the batch
    and in the label rules; each kind is recorded once.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._n_done: Counter[tuple[int, ...]] = Counter()
        self._recorded: dict[tuple[int, ...], Recording] = {}
        self._used: set[tuple[int, ...]] = set()
        self._rules_seen = 0
        self._can_record = (
            step.rows.device.type == "cuda"
            and step.rows.are_on_device
            and step.stack.sets_gradients
            and not (step.exposure.draws or step.noise.draws)
        )

    def start_epoch(self) -> None:
        """Forget what is of no more use: steps of other label rules, and sizes that are gone.

        A recording holds the memory that its step takes, and batches may grow from epoch to epoch.
        """
        if self._step.labels.n_changes != self._rules_seen:
            self._rules_seen = self._step.labels.n_changes
            self._n_done.clear()
            self._used.clear()
        self._recorded = {kind: self._recorded[kind] for kind in self._used}
        self._used.clear()

    def __call__(self, batch: Batch) -> Made:
        """Do the step of a batch."""
        kind = batch.sizes
        if not (self._can_record and self._step.labels.can_repeat(kind)):
            return self._step(batch)
        if kind not in self._recorded:
            self._n_done[kind] += 1
            if self._n_done[kind] <= _FIRST_STEPS or not self._record(kind, batch):
                return self._step(batch)
        self._used.add(kind)
        return self._recorded[kind].replay(batch)

    def _record(self, kind: tuple[int, ...], batch: Batch) -> bool:
        """Record the step of a batch without doing it; return whether that worked."""
        try:
            self._recorded[kind] = Recording(self._step, batch)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            warnings.warn(
                f"The training step of {type(self._step.stack.modules[0]).__name__} could not be "
                f"recorded as a CUDA graph ({first_line(error)}). The fit goes on without: right, "
                "but slower.",
                UserWarning,
                stacklevel=2,
            )
            self._can_record = False
            return False
        return True


class Recording:
    """The operations of one step, for batches of the same sizes.

    Nothing is computed while they are recorded. They read the batch from tensors of their own, into
    which each batch is copied, and write where they wrote when they were recorded.
    """

    def __init__(self, step: Callable[[Batch], Made], batch: Batch) -> None:
        self._read = [part.clone() for part in _parts(batch)]
        position, row, *weight = self._read
        # Kept, since a replay reads all of it, the numbers of rows too.
        self._batch = batch._replace(
            position=position, row=row, weight=weight[0] if weight else None
        )
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU in the meantime.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            made = step(self._batch)
            self._made = torch.stack([*made.losses, *made.weights])

    def replay(self, batch: Batch) -> Made:
        """Do the step of a batch."""
        torch._foreach_copy_(self._read, list(_parts(batch)))
        self._graph.replay()
        loss_n, loss_a, w_n, w_a = self._made.clone()  # the next replay writes there again
        return Made((loss_n, loss_a), (w_n, w_a), 0.0)


def _parts(batch: Batch) -> tuple[Tensor, ...]:
    """Return what differs between batches of the same sizes."""
    both = batch.position, batch.row
    return both if batch.weight is None else (*both, batch.weight)
