"""What happened during training: both losses and the inferred labels, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lofe_sklearn.engine._batches import Batch


@dataclass(frozen=True)
class TrainingHistory:
    """History of M models over the epochs; of a model that stopped early, NaN after its end.

    Attributes
    ----------
    objective : ndarray of shape (n_epochs, M)
        The weighted sum of both losses that was minimised, as a mean over the rows; one that is
        shown several times in an epoch counts as often. The weighted mean anomaly loss of
        auxiliary outliers is in it, if there are any.
    loss_n, loss_a : ndarray of shape (n_epochs, M)
        Mean over the rows of each loss, as seen during the epoch.
    n_iter : ndarray of int, shape (M,)
        Epochs that each model was trained for.
    diverged : dict of int to str
        What went wrong, for each model whose loss or weights are no longer finite.
    interrupted : bool
        Whether the user ended the training; there was more to train then, if not of every model.
    loss_kept : ndarray of shape (n_epochs, M) or None
        Mean normal loss of the rows that were labelled normal, by the weight of that loss; NaN if
        there were none. None in files of earlier versions.
    """

    objective: np.ndarray
    loss_n: np.ndarray
    loss_a: np.ndarray
    n_iter: np.ndarray
    diverged: dict[int, str]
    _packed_labels: list[np.ndarray] = field(repr=False)
    _n_rows: np.ndarray = field(repr=False)
    interrupted: bool = False
    loss_kept: np.ndarray | None = None

    @property
    def labels(self) -> np.ndarray:
        """Rows taken for anomalies in each epoch: bool, shape (n_epochs, M, n).

        Of models with fewer rows than others, the last columns are of none.
        """
        n_rows = int(self._n_rows.max())
        return np.stack(
            [np.unpackbits(p, axis=1, count=n_rows) for p in self._packed_labels]
        ).astype(bool)

    def of_model(self, model: int) -> TrainingHistory:
        """Return the history of one model, with M = 1."""
        one = slice(model, model + 1)
        n_epochs = self.n_iter[model]

        def own(values: np.ndarray) -> np.ndarray:
            # A view would keep the history of all models in memory, and have another joblib.hash.
            return values[:n_epochs, one].copy()

        return TrainingHistory(
            own(self.objective),
            own(self.loss_n),
            own(self.loss_a),
            self.n_iter[one].copy(),
            {0: self.diverged[model]} if model in self.diverged else {},
            [labels[one].copy() for labels in self._packed_labels[:n_epochs]],
            self._n_rows[one].copy(),
            self.interrupted,
            None if self.loss_kept is None else own(self.loss_kept),
        )


# Batches whose losses are summed up together: each operation on one alone costs more to start than
# to do.
_SUMMED_TOGETHER = 32


class HistoryRecorder:
    """Collect a `TrainingHistory`; the device is waited for once an epoch, never in a step.

    Parameters
    ----------
    n_rows : sequence of M ints
        How many rows each model has.
    device : torch.device
    labels_rows : sequence of M bools, optional
        Whether each model's rule labels any rows. Default: all do.
    """

    def __init__(
        self,
        n_rows: Sequence[int],
        device: torch.device,
        labels_rows: Sequence[bool] | None = None,
    ) -> None:
        n_models = len(n_rows)
        self._n_rows = np.array(n_rows)
        self._labels_rows: Tensor | None = None
        if labels_rows is not None and not all(labels_rows):
            self._labels_rows = torch.tensor(labels_rows, device=device).unsqueeze(1)
        self._sums = torch.zeros(5, n_models, device=device)
        # The last column takes what a batch is filled up with.
        shape = n_models, max(n_rows) + 1
        self._labels = torch.zeros(shape, dtype=torch.bool, device=device)
        self._waiting: list[tuple[Tensor, ...]] = []
        self._epochs: list[np.ndarray] = []
        self._loss_kept: list[np.ndarray] = []
        self._packed_labels: list[np.ndarray] = []
        self._n_iter = np.zeros(n_models, dtype=int)

    def add_batch(
        self,
        batch: Batch,
        losses: tuple[Tensor, Tensor],
        weights: tuple[Tensor, Tensor],
        beside: Tensor | float = 0.0,
    ) -> None:
        """Take in one batch: its losses and weights, (M, b) each, and the objective beside them.

        They must not be part of a graph, which would be kept until they are summed up.

        `beside`, (M,), is a mean, as that of the auxiliary outliers; times the number of rows it is
        part of the same sum.
        """
        (loss_n, loss_a), (w_n, w_a) = losses, weights
        if isinstance(beside, Tensor):
            self._sums[0] += beside * batch.n_rows.reshape(-1)
        if batch.own is not None:
            loss_n, loss_a = batch.own * loss_n, batch.own * loss_a
        self._waiting.append((batch.position, loss_n, loss_a, w_n, w_a))
        if len(self._waiting) == _SUMMED_TOGETHER:
            self._sum_up()

    def _sum_up(self) -> None:
        """Take in the batches that wait."""
        position, loss_n, loss_a, w_n, w_a = (
            torch.cat(parts, dim=1) for parts in zip(*self._waiting, strict=True)
        )
        self._waiting.clear()
        objective = w_n * loss_n + w_a * loss_a
        # A rule may subtract the normal losses of known anomalies.
        kept = w_n.clamp(min=0)
        for total, values in zip(
            self._sums, (objective, loss_n, loss_a, kept * loss_n, kept), strict=True
        ):
            total += values.sum(dim=1)
        # Dropped rows, weights (0, 0), and undecided ones, (0.5, 0.5), count as anomalies.
        labels = w_a >= w_n
        if self._labels_rows is not None:
            labels &= self._labels_rows | (w_a > w_n)
        self._labels.scatter_(1, position, labels)

    def close_epoch(
        self, running: np.ndarray, n_drawn: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """End the epoch; return M objectives, and M normal losses of rows taken for normal.

        The latter are NaN if no row was trained as normal.

        `n_drawn` are the rows that each model was shown in it.
        """
        if self._waiting:
            self._sum_up()
        *means, weighted, kept = self._sums.cpu().numpy().astype(float) / np.array(n_drawn)
        self._sums.zero_()
        self._n_iter += running
        self._epochs.append(np.where(running, np.stack(means), np.nan))
        self._packed_labels.append(np.packbits(self._labels[:, :-1].cpu().numpy(), axis=1))
        loss_kept = np.divide(weighted, kept, out=np.full_like(kept, np.nan), where=kept > 0)
        self._loss_kept.append(np.where(running, loss_kept, np.nan))
        return means[0], loss_kept

    def mark(self) -> tuple[int, np.ndarray]:
        """Return what `go_back` takes to forget all that is recorded from now on."""
        return len(self._epochs), self._n_iter.copy()

    def go_back(self, mark: tuple[int, np.ndarray]) -> None:
        """Forget the epochs after a mark."""
        n_epochs, self._n_iter = mark
        for epochs in (self._epochs, self._loss_kept, self._packed_labels):
            del epochs[n_epochs:]

    def history(self, diverged: dict[int, str], interrupted: bool) -> TrainingHistory:
        """All epochs so far."""
        objective, loss_n, loss_a = np.stack(self._epochs, axis=1)
        return TrainingHistory(
            objective,
            loss_n,
            loss_a,
            self._n_iter,
            diverged,
            self._packed_labels,
            self._n_rows,
            interrupted,
            np.stack(self._loss_kept),
        )
