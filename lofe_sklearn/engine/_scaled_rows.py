"""How features are scaled: by a shift, a factor and, for some, limits; wide rows are added up."""

from __future__ import annotations

from functools import cached_property
from typing import TypeAlias

import numpy as np
from scipy import sparse

from lofe_sklearn.engine._sketch import added_up, slots_of

# Shift and factor; behind them may stand the lowest and the highest scaled value of each feature,
# and then the sum that each is added to.
Scaling: TypeAlias = tuple[np.ndarray, ...]


def scaled(X: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Scale rows, (n, d): ``(X - shift) * factor``, cut off at the limits. In float64."""
    shift, factor, *limits = scaling[:4]
    with np.errstate(over="ignore"):  # what overflows is cut off, or refused by who computes on
        result = (X.astype(np.float64, copy=False) - shift) * factor
    return np.clip(result, *limits, out=result) if limits else result


def sums_of(scaling: Scaling | None) -> np.ndarray | None:
    """Return the number of the sum that each feature is added to, or None without sums."""
    return None if scaling is None or len(scaling) < 5 else scaling[4].astype(np.int64)


def n_inputs(scaling: Scaling | None, n_features: int) -> int:
    """Return how many values of a row of so many features a network is given."""
    sums = sums_of(scaling)
    return n_features if sums is None else int(sums.max()) + 1


def parts_of(scaling: Scaling | None, n_features: int) -> np.ndarray:
    """Return shift, factor and both limits, (4, d), whichever of them there are."""
    parts = np.tile([[0.0], [1.0], [-np.inf], [np.inf]], n_features)
    if scaling is not None:
        parts[: len(scaling[:4])] = scaling[:4]
    return parts


class RowScaling:
    """Scales rows and, if there are sums, adds their features up.

    Of sparse rows only the stored values are computed with: what is 0 becomes the same number in
    each row. The result is that of dense rows, exactly, but for sums up to rounding.

    Parameters
    ----------
    scaling : Scaling or None
    n_features : int
    """

    def __init__(self, scaling: Scaling | None, n_features: int) -> None:
        self._scaling, self._sums = scaling, sums_of(scaling)
        self._slots = None if self._sums is None else slots_of(self._sums)
        self._n_features, self.n_inputs = n_features, n_inputs(scaling, n_features)

    def limit(self, largest: float) -> float:
        """Return how large scaled values may be for sums of them to be at most `largest`."""
        return largest if self._slots is None else largest / len(self._slots)

    def scaled(self, X: np.ndarray) -> np.ndarray:
        """Scale rows, (n, d), without adding them up."""
        return X if self._scaling is None else scaled(X, self._scaling)

    def added_up(self, rows: np.ndarray) -> np.ndarray:
        """Turn scaled rows, (n, d), into what a network is given, (n, n_inputs)."""
        return rows if self._slots is None else added_up(rows, self._slots)

    @cached_property
    def of_zeros(self) -> np.ndarray:
        """What zeros are scaled to, (d,)."""
        return self.scaled(np.zeros(self._n_features))

    def of_stored(self, X: sparse.csr_matrix) -> np.ndarray:
        """Scale the stored values of sparse rows, without adding them up."""
        if self._scaling is None:
            return np.asarray(X.data)
        return scaled(X.data, tuple(part[X.indices] for part in self._scaling[:4]))

    @cached_property
    def _largest_of_zeros(self) -> float:
        return float(np.abs(self.of_zeros).max(initial=0))

    @cached_property
    def _sums_of_zeros(self) -> np.ndarray:
        return self.added_up(self.of_zeros[np.newaxis])

    def of_sparse(self, X: sparse.csr_matrix, dtype: np.dtype, largest: float) -> np.ndarray | None:
        """Return the rows, scaled and added up, or None where a value may be beyond the limit."""
        values, limit = self.of_stored(X), self.limit(largest)
        if not (np.abs(values).max(initial=0) <= limit and self._largest_of_zeros <= limit):
            return None
        if self._sums is not None:
            return self._sums_of_sparse(X, values, self._sums[X.indices]).astype(dtype)
        rows = np.empty(X.shape, dtype)
        rows[:] = self.of_zeros.astype(dtype)
        rows[np.repeat(np.arange(len(rows)), np.diff(X.indptr)), X.indices] = values
        return rows

    def _sums_of_sparse(
        self, X: sparse.csr_matrix, values: np.ndarray, where: np.ndarray
    ) -> np.ndarray:
        """Add what the stored values differ by from zeros to the sums of zeros."""
        differences = values - self.of_zeros[X.indices]
        shape = X.shape[0], self.n_inputs
        sums = sparse.csr_matrix((differences, where, X.indptr), shape=shape).toarray()
        sums += self._sums_of_zeros
        return sums
