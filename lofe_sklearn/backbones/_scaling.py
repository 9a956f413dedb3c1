"""Input scaling inside an estimator: one shift and one factor a feature, from the training rows.

How the features are scaled decides more than most hyperparameters do, and the right choice
depends on the backbone, so each backbone has a measured default.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis, min_max_axis

SCALINGS = (None, "minmax", "standard")


def fit_scaling(
    X: np.ndarray | sparse.csr_matrix, scaling: str | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Shift and factor such that ``(X - shift) * factor`` is scaled; None for no scaling.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    scaling : {None, "minmax", "standard"}
        ``"minmax"`` maps each feature's training range to [0, 1], ``"standard"`` its mean to 0 and
        its standard deviation to 1. A constant feature becomes 0 on the training rows.

    Returns
    -------
    shift, factor : ndarray of float64, shape (n_features,), or None
    """
    if scaling is None:
        return None
    if sparse.issparse(X):
        if scaling == "minmax":
            low, high = (np.asarray(a, dtype=np.float64) for a in min_max_axis(X, axis=0))
        else:
            mean, variance = mean_variance_axis(X.astype(np.float64), axis=0)
    elif scaling == "minmax":
        low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    else:
        mean, variance = X.mean(axis=0, dtype=np.float64), X.var(axis=0, dtype=np.float64)

    shift, spread = (low, high - low) if scaling == "minmax" else (mean, np.sqrt(variance))
    # The rounding error of a mean is not a spread: a constant feature has none.
    constant = spread <= 10 * np.finfo(np.float64).eps * np.abs(shift)
    return shift, 1.0 / np.where(constant, 1.0, spread)
