"""Rows of numbers in which groups of features can be given typical values."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._containers import Matrix
from lofe_sklearn._types import Bools, Floats, Ints


class PlainRows:
    """Rows of an array or a sparse matrix, which is made dense a few rows at a time.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    typical : ndarray of float64, shape (n_features,)
    part_of : ndarray of int, shape (n_features,)
        The number of the group that each feature belongs to.
    """

    def __init__(self, X: Matrix, typical: Floats, part_of: Ints) -> None:
        self.X, self.typical, self.part_of = X, typical, part_of
        self.n_rows, self.values_per_row = X.shape
        self.n_parts = int(part_of.max()) + 1

    def differing(self, start: int, stop: int) -> Bools:
        """Return which groups of some rows have a value that is not typical, (m, n_parts)."""
        block = self._dense(slice(start, stop))
        row, feature = np.nonzero(~_same(block, self.typical))
        differs = np.zeros((len(block), self.n_parts), dtype=bool)
        differs[row, self.part_of[feature]] = True
        return differs

    def mixed(self, rows: Ints, is_typical: Bools) -> Any:
        """Return rows by number, with typical values in some groups of each."""
        return np.where(is_typical[:, self.part_of], self.typical, self._dense(rows))

    @property
    def values(self) -> Floats:
        """All rows, dense."""
        return self._dense(slice(None))

    def _dense(self, rows: Any) -> Floats:
        block = self.X[rows]
        return np.asarray(block.toarray() if sparse.issparse(block) else block, dtype=np.float64)


def _same(values: Floats, typical: Floats) -> Bools:
    return (values == typical) | (np.isnan(values) & np.isnan(typical))
