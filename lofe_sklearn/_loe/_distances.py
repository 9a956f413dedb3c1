"""How far rows are from others, features standardised."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

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


def less_zeros(X: Matrix, scaling: engine.RowScaling) -> sparse.csr_matrix:
    """Scale rows, and subtract what zeros become: they are as far from each other as before.

    So the rows are as sparse as they were.
    """
    rows: Any = sparse.csr_matrix(X)
    zeros = np.clip(scaling.of_zeros, -_FAR, _FAR)[rows.indices]
    stored = np.clip(scaling.of_stored(rows), -_FAR, _FAR) - zeros
    return sparse.csr_matrix((stored, rows.indices, rows.indptr), shape=rows.shape)


def has_few_stored(X: Any) -> bool:
    """Whether to compute with the stored values only."""
    n_values = X.shape[0] * X.shape[1]
    return bool(
        sparse.issparse(X) and X.shape[1] >= _MANY_FEATURES and X.nnz <= _FEW_STORED * n_values
    )


class Distances:
    """Distances of rows to others that are kept.

    Parameters
    ----------
    kept : {ndarray, CSR matrix} of shape (n_kept, d)
        An array if they are `standardised`, and a sparse matrix if they are `less_zeros`.
    scaling : RowScaling
    """

    def __init__(self, kept: np.ndarray | sparse.csr_matrix, scaling: engine.RowScaling) -> None:
        own: Any = kept
        self._kept, self._scaling, self._is_sparse = own, scaling, sparse.issparse(own)
        if self._is_sparse:
            self._targets = own.T.tocsr()
        else:  # all of it in one product
            self._targets = np.vstack([-own.T, _half_squares(own), np.ones(len(own))])

    def read(self, X: Matrix) -> Any:
        """Scale rows as the kept ones are."""
        return (less_zeros if self._is_sparse else standardised)(X, self._scaling)

    def half_squares_of_kept(self) -> np.ndarray:
        """Half of the square of each kept row's length, (n_kept,)."""
        return _half_squares(self._kept)

    def half_squared(self, rows: Any) -> np.ndarray:
        """Half of the squared distances, (n, n_kept), of rows that were read, up to rounding.

        |x - y|^2 / 2 = -xy + |y|^2 / 2 + |x|^2 / 2
        """
        own = _half_squares(rows)
        if not self._is_sparse:
            return np.column_stack([rows, np.ones(len(own)), own]) @ self._targets
        squares = own[:, np.newaxis] + _half_squares(self._kept)
        return squares - (rows @ self._targets).toarray()

    def exact(self, rows: Any, to: np.ndarray) -> np.ndarray:
        """Return the distance of each row that was read to the kept row that `to` names.

        By differences: the rounding errors of products depend on which rows come together.
        """
        norm = linalg.norm if self._is_sparse else np.linalg.norm
        return np.asarray(norm(rows - self._kept[to], axis=1))


def _half_squares(rows: Any) -> np.ndarray:
    if sparse.issparse(rows):
        return np.asarray(rows.multiply(rows).sum(axis=1)).ravel() / 2
    return np.einsum("ij,ij->i", rows, rows) / 2
