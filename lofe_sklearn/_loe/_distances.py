"""How far rows are from others, features standardised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix

# Standardised values beyond this would overflow when they are squared and summed.
_FAR = 1e100
# Share of stored values up to which a product with them is faster than one with all, of so many
# features.
_FEW_STORED, _MANY_FEATURES = 0.1, 512


def standardised(X: Matrix, scaling: engine.RowScaling) -> np.ndarray:
    """Scale rows, and cut off what could not be squared."""
    if sparse.issparse(X):
        rows = scaling.of_sparse(X, np.dtype(np.float64), _FAR)
        if rows is not None:
            return rows
    dense: Any = X.toarray() if sparse.issparse(X) else X  # type: ignore[union-attr]
    return np.clip(scaling.scaled(np.asarray(dense, dtype=np.float64)), -_FAR, _FAR)


def half_squared_distances(
    kept: np.ndarray, scaling: engine.RowScaling, X: Matrix
) -> Callable[[Any, np.ndarray], np.ndarray]:
    """Return what says how far rows of X, as given and standardised, are from the kept ones.

    |x - y|^2 / 2 = -xy + |y|^2 / 2 + |x|^2 / 2
    """
    if not _has_few_stored(X):
        # All of it in one product.
        targets = np.vstack([-kept.T, _half_squares(kept), np.ones(len(kept))])
        return lambda _, rows: (
            np.column_stack([rows, np.ones(len(rows)), _half_squares(rows)]) @ targets
        )
    # Only stored values are not what zeros become.
    of_zeros = standardised(np.zeros((1, kept.shape[1])), scaling)[0]
    offsets, columns = _half_squares(kept) - kept @ of_zeros, np.ascontiguousarray(kept.T)

    def of_sparse(some: Any, rows: np.ndarray) -> np.ndarray:
        where = np.repeat(np.arange(len(rows)), np.diff(some.indptr)), some.indices
        stored = rows[where] - of_zeros[some.indices]
        differences = sparse.csr_matrix((stored, some.indices, some.indptr), shape=rows.shape)
        return offsets + _half_squares(rows)[:, np.newaxis] - differences @ columns

    return of_sparse


def _has_few_stored(X: Any) -> bool:
    n_values = X.shape[0] * X.shape[1]
    return bool(
        sparse.issparse(X) and X.shape[1] >= _MANY_FEATURES and X.nnz <= _FEW_STORED * n_values
    )


def _half_squares(rows: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", rows, rows) / 2
