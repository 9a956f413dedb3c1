"""The local outlier factor: evidence of anomalies beside dense groups."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from lofe_sklearn._containers import Matrix
from lofe_sklearn._loe._classical import Neighbors, Unfit, judges, key_of_fit, kth_of
from lofe_sklearn._training import Memo

# Half of a squared distance that is this share of the rows' own squares is 0 but for rounding.
_EQUAL = 1e-12
# Neighbours whose distances differ by less than this share are equally far but for rounding.
TIE = 1e-6
# Half of squared distances below and above these count as them: the sums of their roots, and one
# over these, must be finite.
_NEAREST, FURTHEST = 1e-30, 1e30


class LocalDensity(Neighbors):
    """Local outlier factor with 10 neighbours, by the rows and distances of `Neighbors`.

    A row scores high whose place is sparser than those of its neighbours (Breunig et al. 2000). So
    anomalies beside a dense group are found, which are closer to it than the rows of sparse groups
    are to each other. Equal rows count once, as that paper suggests: where more are equal than
    there are neighbours, the density would have no bound.
    """

    label: ClassVar[str] = "the local outlier factor"
    n_neighbors: ClassVar[int] = 10
    # Fewer rows have no local densities to speak of (study `unseen-sets` of the benchmarks).
    least_samples: ClassVar[int] = 200

    @classmethod
    def suits(cls, n_samples: int, n_features: int) -> bool:
        """Whether rows of this shape are worth a try."""
        return n_samples >= cls.least_samples

    def fit(self, X: Matrix, y: Any = None, *, others: list[Any] | None = None) -> Self:
        """Keep the rows that are compared with, their reach and their density.

        Raises
        ------
        Unfit
            If too few rows differ.
        """
        return self.of(Neighbors(self.random_state).fit(X, others=others))

    def of(self, neighbors: Neighbors) -> Self:
        """Compare with the rows that a fitted detector compares with.

        Raises
        ------
        Unfit
            If too few rows differ.
        """
        self.scaling_, self.rows_ = neighbors.scaling_, neighbors.rows_
        distances = self.distances()
        near, sizes = distances.half_squared(self.rows_), distances.half_squares_of_kept()
        is_equal = near <= _EQUAL * (sizes[:, None] + sizes)
        self.is_first_ = ~np.tril(is_equal, -1).any(axis=1)
        n_distinct = int(self.is_first_.sum())
        if n_distinct <= self.n_neighbors:
            raise Unfit(
                f"only {n_distinct} of the {len(near)} rows that neighbours are sought among "
                f"differ, and more than {self.n_neighbors} must"
            )
        self.rows_ = self.rows_[self.is_first_]
        near = near[self.is_first_][:, self.is_first_].astype(np.float32)
        np.fill_diagonal(near, np.inf)  # a row is not its own neighbour here
        self.reach_ = _length(kth_of(near, self.k)).ravel()
        self.density_ = 1.0 / self._mean_reach(near, *self._neighbors(near))
        return self

    def outlier_scores(self, X: Matrix) -> np.ndarray:
        """Score rows, high for anomalies: about 1 where a row is as close as its neighbours are."""
        scores = np.empty(X.shape[0])
        for block, _, near in self.blocks(X, self.distances()):
            scores[block] = self._factors(near, *self._neighbors(near))
        return scores

    def scores_of_both(self, neighbors: Neighbors, X: Matrix) -> tuple[np.ndarray, np.ndarray]:
        """Score rows by the detector that this one was made `of`, and by this one.

        Distances take most of the time, and are computed once.
        """
        of_neighbors, own = np.empty((2, X.shape[0]))
        distances, all_differ = neighbors.distances(), bool(self.is_first_.all())
        for block, rows, near in neighbors.blocks(X, distances):
            kth = kth_of(near, neighbors.k)
            of_neighbors[block] = distances.exact(rows, (near == kth).argmax(axis=1))
            few = np.flatnonzero(near <= _with_ties(kth)) if all_differ else kth[:0]
            if len(few) == len(near) * neighbors.k:  # no row is tied with the last of them
                which, n_each = self._neighbors(near.ravel()[few].reshape(len(near), -1))
                own[block] = self._factors(near, few[which], n_each)
            else:
                near = near[:, self.is_first_]
                own[block] = self._factors(near, *self._neighbors(near))
        return of_neighbors, own

    def _neighbors(self, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of neighbours, row after row, and how many each row has.

        These are the nearest k, and all that are as far as the k-th.
        """
        are_near = near <= _with_ties(kth_of(near, self.k))
        return np.flatnonzero(are_near), np.count_nonzero(are_near, axis=1)

    def _factors(self, near: np.ndarray, which: np.ndarray, n_each: np.ndarray) -> np.ndarray:
        """Return the mean density of the neighbours over the row's own."""
        densities = self.density_[which % near.shape[1]]
        return _means(densities, n_each) * self._mean_reach(near, which, n_each)

    def _mean_reach(self, near: np.ndarray, which: np.ndarray, n_each: np.ndarray) -> np.ndarray:
        """Return the mean distance to the neighbours, to each at least its own reach."""
        reach = np.maximum(_length(near.ravel()[which]), self.reach_[which % near.shape[1]])
        return _means(reach, n_each)


def fit_both(X: Matrix, seed: int, memo: Memo) -> None:
    """Fit `Neighbors` and `LocalDensity` to X, where `fitted` finds them and their scores."""
    if key_of_fit(LocalDensity, seed, None) in memo:
        return
    neighbors = Neighbors(seed).fit(X, others=judges(X, seed, None, memo))
    density = LocalDensity(seed).of(neighbors)
    of_neighbors, own = density.scores_of_both(neighbors, X)
    memo[key_of_fit(Neighbors, seed, None)] = neighbors, of_neighbors
    memo[key_of_fit(LocalDensity, seed, None)] = density, own


def _with_ties(kth: np.ndarray) -> np.ndarray:
    """Return up to what values are equal to these; rounding may have made 0 negative."""
    return kth + TIE * np.abs(kth)


def _length(half_squared: np.ndarray) -> np.ndarray:
    return np.sqrt(2.0 * np.clip(half_squared, _NEAREST, FURTHEST, dtype=np.float64))


def _means(values: np.ndarray, n_each: np.ndarray) -> np.ndarray:
    """Return the means of values that lie one row after the other."""
    return np.add.reduceat(values, np.cumsum(n_each) - n_each) / n_each
