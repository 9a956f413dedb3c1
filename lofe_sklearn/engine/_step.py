"""One step of the training: losses of a batch, its labels, and a step of the optimiser."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from lofe_sklearn.engine._batches import Batch
from lofe_sklearn.engine._exposure import NoExposure
from lofe_sklearn.engine._gradients import Losses
from lofe_sklearn.engine._labels import LabelStep
from lofe_sklearn.engine._noise import NoNoise
from lofe_sklearn.engine._optimizer import StackOptimizer
from lofe_sklearn.engine._rows import Rows
from lofe_sklearn.engine._stack import ModuleStack


class Made(NamedTuple):
    """What a step makes, for the record.

    Attributes
    ----------
    losses, weights : pair of Tensor, shapes (M, b)
        Both losses of the batch, and their weights.
    beside : Tensor of shape (M,) or float
        The objective of the auxiliary outliers.
    """

    losses: Losses
    weights: tuple[Tensor, Tensor]
    beside: Tensor | float


class Step:
    """Take a batch, label its rows, and move the parameters."""

    def __init__(
        self,
        stack: ModuleStack,
        rows: Rows,
        labels: LabelStep,
        exposure: NoExposure,
        noise: NoNoise,
        optimizer: StackOptimizer,
    ) -> None:
        self.stack, self.rows, self.labels = stack, rows, labels
        self.exposure, self.noise, self.optimizer = exposure, noise, optimizer

    def __call__(self, batch: Batch) -> Made:
        """Do the step of a batch."""
        exposure = self.exposure
        row = exposure.extend(batch.row, batch.sizes)
        noise = self.noise.draw(batch.sizes, row.shape[1])
        losses, backward = self.rows.losses_with_backward(self.stack, row, noise)
        own = exposure.own(losses[0]), exposure.own(losses[1])
        w_n, w_a = self.labels.weights(batch, *own)
        # The mean of w_n * loss_n + w_a * loss_a over the batch is the objective.
        weights = exposure.weights(w_n / batch.n_rows, w_a / batch.n_rows)
        self.optimizer.step(backward, weights, self.rows.sum_gradients)
        return Made(own, (w_n, w_a), exposure.objective(losses[1]))
