"""How features are scaled: by a shift, a factor and, for some, limits."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from scipy import sparse

# Shift and factor; behind them may stand the lowest and the highest scaled value of each feature.
Scaling: TypeAlias = tuple[np.ndarray, ...]


def scaled(X: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Scale rows, (n, d): ``(X - shift) * factor``, cut off at the limits. In float64."""
    shift, factor, *limits = scaling
    with np.errstate(over="ignore"):  # what overflows is cut off, or refused by who computes on
        result = (X.astype(np.float64, copy=False) - shift) * factor
    return np.clip(result, *limits, out=result) if limits else result


def parts_of(scaling: Scaling | None, n_features: int) -> np.ndarray:
    """Return shift, factor and both limits, (4, d), whichever of them there are."""
    parts = np.tile([[0.0], [1.0], [-np.inf], [np.inf]], n_features)
    if scaling is not None:
        parts[: len(scaling)] = scaling
    return parts


class SparseScaling:
    """Scales sparse rows and makes them dense, with work for their stored values only.

    What is 0 becomes the same number in each row, so that rows of many features, as of texts, are
    a copy of these numbers with a few others in it. The result is exactly that of `scaled`.

    Parameters
    ----------
    scaling : Scaling or None
    n_features : int
    """

    def __init__(self, scaling: Scaling | None, n_features: int) -> None:
        zeros = np.zeros(n_features)
        self._scaling = scaling
        self._of_zeros = zeros if scaling is None else scaled(zeros, scaling)

    def dense(self, X: sparse.csr_matrix, dtype: np.dtype, limit: float) -> np.ndarray | None:
        """Return the scaled rows, (n, d), or None where a value may be beyond the limit."""
        values = X.data
        if self._scaling is not None:
            values = scaled(values, tuple(part[X.indices] for part in self._scaling))
        if not all(np.abs(part).max(initial=0) <= limit for part in (values, self._of_zeros)):
            return None
        rows = np.empty(X.shape, dtype)
        rows[:] = self._of_zeros.astype(dtype)
        rows[np.repeat(np.arange(len(rows)), np.diff(X.indptr)), X.indices] = values
        return rows
