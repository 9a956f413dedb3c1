"""Rows of which each process has a part, as one matrix: what depends on all of them is exchanged.

Sums, extremes and whatever is computed row by row are those of all rows. What needs the rows
themselves in one place, such as other detectors, gets a sample, which is all of them where they are
few.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from lofe_sklearn import engine
from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn._reasons._typical import typical_values
from lofe_sklearn._types import Floats

# A sample has at most so many rows, and so many values.
_MOST_ROWS, _MOST_VALUES = 2**17, 2**25


class SpreadRows:
    """Rows of which each process has a part. Its methods have to be called by all processes.

    Parameters
    ----------
    own : ndarray of shape (n_own, n_features)
        The validated rows of this process; of one type and one number of features in all.
    ranks : engine.Ranks

    Attributes
    ----------
    shape : tuple of int
        Of all rows.
    rows : slice
        Where those of this process stand among them.
    """

    def __init__(self, own: np.ndarray, ranks: engine.Ranks) -> None:
        self.own, self.ranks = own, ranks
        counts = ranks.of_all(len(own))
        start = sum(counts[: ranks.rank])
        self.rows = slice(start, start + len(own))
        self.shape = (sum(counts), *own.shape[1:])
        self.dtype = own.dtype

    @cached_property
    def sample_numbers(self) -> np.ndarray:
        """Numbers of the rows in the sample, in order."""
        n_rows = self.shape[0]
        most = min(_MOST_ROWS, max(2, _MOST_VALUES // self.shape[1]))
        if n_rows <= most:
            return np.arange(n_rows)
        return np.sort(np.random.default_rng(0).choice(n_rows, most, replace=False))

    @cached_property
    def sample(self) -> np.ndarray:
        """Rows that all processes have: all there are, or enough of them to stand for all."""
        numbers = self.sample_numbers
        mine = (numbers >= self.rows.start) & (numbers < self.rows.stop)
        rows = torch.zeros(len(numbers), self.shape[1], dtype=_torch_type(self.dtype))
        rows[torch.from_numpy(mine)] = torch.from_numpy(self.own[numbers[mine] - self.rows.start])
        return self.ranks.sum(rows).numpy()

    def each(self, compute: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Compute something of each row, (..., n): every process does its own, and gets all."""

        def of_own() -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(compute(self.own)))

        return self.ranks.whole(of_own, self.rows, self.shape[0]).numpy()

    def each_as_in_sample(
        self, of_sample: np.ndarray, compute: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Return a value of each row, (n,): of those in the sample the one that is given."""
        if len(of_sample) == self.shape[0]:
            return of_sample
        values = self.each(compute)
        values[self.sample_numbers] = of_sample
        return values

    def min(self, axis: int = 0) -> np.ndarray:
        """Smallest value of each feature."""
        return np.min(self.ranks.of_all(self.own.min(axis=axis)), axis=0)

    def max(self, axis: int = 0) -> np.ndarray:
        """Largest value of each feature."""
        return np.max(self.ranks.of_all(self.own.max(axis=axis)), axis=0)

    def mean(self, axis: int = 0, dtype: Any = None) -> np.ndarray:
        """Mean of each feature."""
        sums = self.ranks.of_all(self.own.sum(axis=axis, dtype=dtype))
        return np.sum(sums, axis=0) / self.shape[0]

    def var(self, axis: int = 0, dtype: Any = None) -> np.ndarray:
        """Variance of each feature."""
        mean = self.mean(axis, dtype)
        squares = np.square(self.own - mean, dtype=dtype).sum(axis=axis)
        return np.sum(self.ranks.of_all(squares), axis=0) / self.shape[0]

    def __truediv__(self, units: np.ndarray) -> SpreadRows:
        return SpreadRows(self.own / units, self.ranks)

    def __getitem__(self, where: tuple[slice, int]) -> np.ndarray:
        """Return one feature of all rows: ``X[:, column]``."""
        every, column = where
        if every != slice(None):
            raise NotImplementedError("Some rows of those of all processes cannot be taken.")
        return self.each(lambda own: own[:, column])

    def on_device(
        self,
        exposures: list[engine.Exposure | None],
        scaling: engine.Scaling | None,
        device: torch.device,
    ) -> engine.Shard:
        """Put the rows of this process, and the outliers, on a device, as a part of all."""
        with self.ranks.agreeing():
            return engine.Shard(
                self.own,
                ranks=self.ranks,
                start=self.rows.start,
                n_rows=self.shape[0],
                exposures=exposures,
                scaling=scaling,
                device=device,
            )


@dataclass(frozen=True, eq=False)
class PreparedSpreadRows(PreparedRows):
    """Rows of all processes after their validation."""

    X: Any

    @property
    def seen(self) -> np.ndarray:
        """The sample."""
        sample: np.ndarray = self.X.sample
        return sample

    @cached_property
    def typical_values(self) -> Floats:
        """Medians of the features, in the sample."""
        return typical_values(self.seen)


def _torch_type(dtype: Any) -> torch.dtype:
    return torch.from_numpy(np.empty(0, dtype=dtype)).dtype
