"""The local outlier factor: evidence of anomalies beside dense groups."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from lofe_sklearn._containers import Matrix
from lofe_sklearn._loe._classical import Neighbors, Unfit

# Half of a squared distance that is this share of the rows' own squares is 0 but for rounding.
_EQUAL = 1e-12
# Half of squared distances that differ by less are equal but for rounding.
TIE = 1e-6
# Half of a squared distance beyond this counts as it: sums of its root must be finite.
FURTHEST = 1e30


class LocalDensity(Neighbors):
    """Local outlier factor with 10 neighbours, by the same rows and distances as `Neighbors`.

    A row scores high whose place is sparser than those of its neighbours (Breunig et al. 2000). So
    anomalies beside a dense group are found, which are closer to it than the rows of sparse groups
    are to each other. Equal rows count once, as that paper suggests: where more are equal than
    there are neighbours, the density would have no bound.
    """

    label: ClassVar[str] = "the local outlier factor"
    n_neighbors: ClassVar[int] = 10

    @classmethod
    def suits(cls, n_samples: int, n_features: int) -> bool:
        """Whether rows of this shape are worth a try."""
        return n_samples > 2 * cls.n_neighbors

    def fit(self, X: Matrix, y: Any = None, *, others: list[Any] | None = None) -> Self:
        """Keep the rows that are compared with, their reach and their density.

        Raises
        ------
        Unfit
            If too few rows differ.
        """
        super().fit(X, others=others)
        distances = self._distances()
        near = distances.half_squared(self.rows_)
        sizes = distances.half_squares_of_kept()
        equal = near <= _EQUAL * (sizes[:, None] + sizes)
        is_first = ~np.tril(equal, -1).any(axis=1)
        if is_first.sum() <= self.n_neighbors:
            raise Unfit(
                f"only {is_first.sum()} of the {len(is_first)} rows that neighbours are sought "
                f"among differ, and more than {self.n_neighbors} must"
            )
        self.rows_ = self.rows_[is_first]
        near = near[is_first][:, is_first].astype(np.float32)
        np.fill_diagonal(near, np.inf)  # a row is not its own neighbour here
        self.reach_ = _length(np.partition(near, self.k - 1, axis=1)[:, self.k - 1])
        self.density_ = 1.0 / self._mean_reach(near, *self._neighbors(near))
        return self

    def outlier_scores(self, X: Matrix) -> np.ndarray:
        """Score rows, high for anomalies: about 1 where a row is as close as its neighbours are."""
        scores = np.empty(X.shape[0])
        for block, _, near in self._blocks(X, self._distances()):
            which, starts = self._neighbors(near)
            density = _mean_of_each(self.density_[which % near.shape[1]], starts)
            scores[block] = density * self._mean_reach(near, which, starts)
        return scores

    def _neighbors(self, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of neighbours, row after row, and where each row's begin.

        The nearest k, and all that are as far as the k-th.
        """
        kth = np.partition(near, self.k - 1, axis=1)[:, self.k - 1]
        are_near = near <= kth[:, None] * (1.0 + TIE)
        n_each = np.count_nonzero(are_near, axis=1)
        return np.flatnonzero(are_near), np.cumsum(n_each) - n_each

    def _mean_reach(self, near: np.ndarray, which: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return the mean distance of each row's neighbours, each at least its own reach."""
        reach = np.maximum(_length(near.ravel()[which]), self.reach_[which % near.shape[1]])
        return _mean_of_each(reach, starts)


def _length(half_squared: np.ndarray) -> np.ndarray:
    return np.sqrt(2.0 * np.clip(half_squared, 0.0, FURTHEST, dtype=np.float64))


def _mean_of_each(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the means of values that lie one row after the other."""
    return np.add.reduceat(values, starts) / np.diff(starts, append=len(values))
