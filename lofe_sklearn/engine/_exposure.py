"""Outlier exposure: certain anomalies that are not among the training rows.

To a batch's objective comes the mean anomaly loss of as many of them as the batch has rows, drawn
anew for each step. After Hendrycks, Mazeika and Dietterich, ICLR 2019, arXiv 1812.04606.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import joblib
import numpy as np
import torch
from scipy import sparse
from torch import Tensor

Matrix: TypeAlias = np.ndarray | sparse.csr_matrix


@dataclass(frozen=True, eq=False)
class Exposure:
    """The outliers that one model is exposed to.

    Parameters
    ----------
    outliers : {ndarray, CSR matrix} of shape (m, d)
        Rows with the features of X.
    weight : float
        How much their mean anomaly loss counts beside the mean over the training rows.
    """

    outliers: np.ndarray | sparse.csr_matrix
    weight: float = 1.0


def outliers_below(
    X: Matrix, exposures: Sequence[Exposure | None]
) -> tuple[Matrix, dict[Exposure, range]]:
    """Put the outliers of several models below X, each set of them once.

    Returns
    -------
    stacked : {ndarray, CSR matrix} of shape (n + n_outliers, d)
        X itself without outliers.
    places : dict of Exposure to range
        The rows of `stacked` that are its outliers.
    """
    parts, end = [X], X.shape[0]
    places: dict[Exposure, range] = {}
    known: dict[str, range] = {}
    for exposure in exposures:
        if exposure is None or exposure in places:
            continue
        # Many fits validate the same outliers, each into an array of its own.
        content = joblib.hash(exposure.outliers)
        if content not in known:
            known[content] = range(end, end + exposure.outliers.shape[0])
            parts.append(exposure.outliers)
            end = known[content].stop
        places[exposure] = known[content]
    if len(parts) == 1:
        return X, places
    if any(map(sparse.issparse, parts)):
        return sparse.vstack([sparse.csr_matrix(part) for part in parts], format="csr"), places
    return np.concatenate(parts), places


class NoExposure:
    """A step on the rows of the batch alone."""

    # Whether something is drawn at random in each step.
    draws = False

    def extend(self, row: Tensor, sizes: Sequence[int]) -> Tensor:
        """Return the numbers of the rows of a step, given those of its batch, (M, b).

        Of the b rows of each model the first are its own, as many as `sizes` says.
        """
        return row

    def own(self, values: Tensor) -> Tensor:
        """Return the columns of `values` that belong to the batch."""
        return values

    def weights(self, w_n: Tensor, w_a: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights of all losses of a step, given those of its batch, (M, b) each."""
        return w_n, w_a

    def objective(self, loss_a: Tensor) -> Tensor | float:
        """Return what a step adds to each model's mean objective, given all anomaly losses."""
        return 0.0


class ExposureStep(NoExposure):
    """A step with as many outliers, drawn anew, as the batch has rows.

    Parameters
    ----------
    index : sequence of M Tensor of int, shapes (m,)
        The outliers of each model, as row numbers.
    weights : sequence of M floats
    seeds : sequence of M ints
        The draws are made on the CPU, so that every device sees the same.
    """

    draws = True

    def __init__(
        self, index: Sequence[Tensor], weights: Sequence[float], seeds: Sequence[int]
    ) -> None:
        self._index = index
        # Another sequence than that of the rows' order, which has the same seed.
        self._generators = [torch.Generator().manual_seed(seed + 1) for seed in seeds]
        self._weights = list(weights)
        self._n_rows = 0
        self._mean_weights = torch.zeros(len(index), 0)

    def extend(self, row: Tensor, sizes: Sequence[int]) -> Tensor:
        """Return the row numbers of the batch and, behind them, those of the outliers drawn.

        A model of a stack draws as many as it would draw alone: as it has rows of its own in the
        batch. Where these are fewer than others', it is filled up with one whose weight is zero.
        """
        self._n_rows = row.shape[1]
        filled_up = torch.stack([own[:1].expand(self._n_rows) for own in self._index])
        mean_weights = torch.zeros(len(sizes), self._n_rows)
        for m, (own, size) in enumerate(zip(self._index, sizes, strict=True)):
            drawn = torch.randint(len(own), (size,), generator=self._generators[m])
            filled_up[m, :size] = own[drawn.to(own.device)]
            mean_weights[m, :size] = self._weights[m] / size
        self._mean_weights = mean_weights.to(row.device)
        return torch.cat([row, filled_up], dim=1)

    def own(self, values: Tensor) -> Tensor:
        """Return the columns of `values` that belong to the batch."""
        return values[:, : self._n_rows]

    def weights(self, w_n: Tensor, w_a: Tensor) -> tuple[Tensor, Tensor]:
        """Give the outliers the weights of a mean anomaly loss, and no normal loss."""
        return (
            torch.cat([w_n, torch.zeros_like(self._mean_weights)], dim=1),
            torch.cat([w_a, self._mean_weights], dim=1),
        )

    def objective(self, loss_a: Tensor) -> Tensor:
        """Weighted mean anomaly loss of each model's outliers, (M,)."""
        return (self._mean_weights * loss_a[:, self._n_rows :]).sum(dim=1)
