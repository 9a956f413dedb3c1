"""Typical values of features: medians that occur in the training rows."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from lofe_sklearn._containers import Matrix
from lofe_sklearn._types import Floats

# Rows that a median is taken of; of more, as many evenly spaced ones. The error of the rank is then
# a fifth of a percent.
_ENOUGH_ROWS = 100_000


def typical_values(X: Matrix) -> Floats:
    """Return the median of each feature: of two middle values the lower, so that it occurs in X.

    Missing values (NaN) are left out; of a feature that has no others the median is NaN.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)

    Returns
    -------
    medians : ndarray of float64, shape (n_features,)
    """
    if X.shape[0] > _ENOUGH_ROWS:
        X = X[np.linspace(0, X.shape[0] - 1, _ENOUGH_ROWS).astype(int)]
    if sparse.issparse(X):
        return _sparse_medians(sparse.csc_matrix(X))
    # Feature by feature, so that no second copy of X is made.
    return np.array([_median(np.asarray(X[:, j], dtype=np.float64)) for j in range(X.shape[1])])


def _sparse_medians(X: sparse.csc_matrix) -> Floats:
    """Medians of the columns, which are zero unless most values are stored and of one sign."""
    medians = np.zeros(X.shape[1])
    for j in np.flatnonzero(2 * np.diff(X.indptr) >= X.shape[0]):
        stored = X.data[X.indptr[j] : X.indptr[j + 1]].astype(np.float64)
        medians[j] = _median(np.append(stored, np.zeros(X.shape[0] - len(stored))))
    return medians


def _median(values: Floats) -> float:
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return np.nan
    middle = (len(values) - 1) // 2
    return float(np.partition(values, middle)[middle])
