"""Rows that are spread over processes: each has a part of them, and all have what a step needs.

Every process has the order of all rows, and so the same batches. It puts those rows of a batch
through the network that are its own. Losses are exchanged, so that labels, weights and whatever
else is decided are those of the whole batch, the same in all processes, and gradients are added up.
So the training is that of one process which has all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lofe_sklearn.engine._exposure import Exposure
from lofe_sklearn.engine._gradients import Backward, Losses, by_autograd
from lofe_sklearn.engine._noise import with_noise
from lofe_sklearn.engine._ranks import Ranks
from lofe_sklearn.engine._rows import ALL, Models, Rows, Scaling, Stack


class Shard(Rows):
    """The rows of this process, as a part of all.

    Row numbers are those of all rows, process by process. Outliers are the same in all processes,
    which take turns with them.

    Parameters
    ----------
    X : ndarray of shape (n_own, ...)
    ranks : Ranks
    start, n_rows : int
        The number of the first row of this process, and how many rows there are in all.
    exposures, scaling, device
        As of `Rows`.
    """

    def __init__(
        self,
        X: np.ndarray,
        *,
        ranks: Ranks,
        start: int,
        n_rows: int,
        exposures: Sequence[Exposure | None] = (),
        scaling: Scaling | None = None,
        device: torch.device,
    ) -> None:
        super().__init__(X, exposures=exposures, scaling=scaling, device=device)
        self._ranks, self._start, self._n_all = ranks, start, n_rows
        self._n_elsewhere = n_rows - len(X)
        self.shape = (self.shape[0] + self._n_elsewhere, *self.shape[1:])

    @property
    def are_on_device(self) -> bool:
        """False: other processes have some of them."""
        return False

    def take(self, index: Tensor, models: Models = ALL) -> Tensor:
        """Rows at `index`, wherever they are: every process gets them."""
        mine = self._is_mine(index)
        rows = super().take(torch.where(mine, self._own_number(index), 0), models)
        rows[~mine] = 0
        return self._ranks.sum(rows)

    def losses_by(
        self, stack: Stack, index: Tensor, models: Models = ALL, noise: Tensor | None = None
    ) -> Losses:
        """Both losses, (M, b) each, of the rows at `index`, (M, b), by all models or some."""
        mine = self._is_mine(index)
        # At least one row, which then counts for nothing: some layers take no empty batch.
        width = max(1, int(mine.sum(dim=1).max()))
        # Where the own rows stand in the batch; behind them those that fill a shorter line up.
        place = mine.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :width]
        counts = mine.gather(1, place)
        row = torch.where(counts, self._own_number(index.gather(1, place)), 0)
        if noise is not None:
            columns = place.unsqueeze(2).expand(-1, -1, noise.shape[2])
            noise = noise.to(index.device).gather(1, columns)
        own = torch.stack(stack(with_noise(super().take(row, models), noise), models))
        own = torch.where(counts, own, 0.0)
        at = place.expand_as(own)
        batch = own.new_zeros(2, *index.shape).scatter(2, at, own)
        loss_n, loss_a = _SumOfAll.apply(batch, self._ranks)
        return loss_n, loss_a

    def losses_with_backward(
        self, stack: Stack, index: Tensor, noise: Tensor | None = None
    ) -> tuple[Losses, Backward]:
        """Both losses by all models, without their graph, and what sets the gradients.

        All processes draw the same `noise`, and each takes that of its own rows.
        """
        return by_autograd(self.losses_by(stack, index, noise=noise), stack.modules[0])

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Add up the gradients, each process having those of its own rows."""
        self._ranks.sum_gradients(parameters)

    def index_of(self, exposure: Exposure) -> Tensor:
        """Row numbers of an exposure's outliers, (m,)."""
        return super().index_of(exposure) + self._n_elsewhere

    def _is_mine(self, index: Tensor) -> Tensor:
        own = (index >= self._start) & (index < self._start + self._n_own)
        turn = index % self._ranks.size == self._ranks.rank
        return own | ((index >= self._n_all) & turn)

    def _own_number(self, index: Tensor) -> Tensor:
        """Turn numbers of all rows into places in this process; outliers stand below its rows."""
        is_outlier = index >= self._n_all
        return torch.where(is_outlier, index - self._n_elsewhere, index - self._start)


class _SumOfAll(torch.autograd.Function):
    """The sum over the processes. The gradient of the own part is that of the sum."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, ranks: Ranks) -> Tensor:
        return ranks.sum(own.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None
