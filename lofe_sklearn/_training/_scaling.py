"""Input scaling inside an estimator: a shift and a factor a feature, from the training rows.

How the features are scaled decides more than most hyperparameters do, and the right choice
depends on the backbone, so each backbone has a measured default.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import row_norms
from sklearn.utils.sparsefuncs import mean_variance_axis, min_max_axis

SCALINGS = (None, "auto", "rms", "minmax", "standard")

# Share of negative values, of those that are not zero, from which features count as centred: noise
# and outliers make fewer, and features centred at their mean or median about a half.
_CENTRED = 0.3
# Share of the features' total variance from which one of them is nearly all there is.
_NEARLY_ALL = 0.99


def resolve_scaling(X: np.ndarray | sparse.csr_matrix, scaling: str | None) -> str | None:
    """Return which scaling ``"auto"`` stands for on X; any other is returned as it is."""
    if scaling != "auto":
        return scaling
    return "minmax" if _is_centred(X) else "rms"


def fit_scaling(
    X: np.ndarray | sparse.csr_matrix, scaling: str | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Shift and factor such that ``(X - shift) * factor`` is scaled; None for no scaling.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    scaling : {None, "auto", "rms", "minmax", "standard"}
        ``"rms"`` divides X as a whole by the median of its rows' root mean squares: zero stays
        zero, features keep their sizes relative to each other, and no outlier moves the scale.
        ``"minmax"`` maps each feature's training range to [0, 1], ``"standard"`` its mean to 0 and
        its standard deviation to 1. A constant feature becomes 0 on the training rows.
        ``"auto"`` is ``"minmax"`` where X is centred already, so that its zeros mean nothing, and
        else ``"rms"``.

    Returns
    -------
    shift, factor : ndarray of float64, shape (n_features,), or None
    """
    scaling = resolve_scaling(X, scaling)
    if scaling is None:
        return None
    if scaling == "rms":
        return np.zeros(X.shape[1]), np.full(X.shape[1], 1.0 / _typical_size(X))
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


def _typical_size(X: np.ndarray | sparse.csr_matrix) -> float:
    """Median over the rows of their root mean square; over the non-zero ones if most are zero."""
    sizes = row_norms(X.astype(np.float64, copy=False)) / np.sqrt(X.shape[1])
    median = float(np.median(sizes))
    if median == 0.0 and sizes.any():
        median = float(np.median(sizes[sizes > 0]))
    return median or 1.0


def _is_centred(X: np.ndarray | sparse.csr_matrix) -> bool:
    values = np.asarray(X.data if sparse.issparse(X) else X)
    n_negative, n_nonzero = int((values < 0).sum()), int((values != 0).sum())
    return n_negative >= _CENTRED * max(1, n_nonzero)


def one_feature_dominates(X: np.ndarray | sparse.csr_matrix) -> bool:
    """Whether one feature has nearly all of the variance of X."""
    if sparse.issparse(X):
        variance = mean_variance_axis(X.astype(np.float64), axis=0)[1]
    else:
        variance = X.var(axis=0, dtype=np.float64)
    return bool(variance.max() > _NEARLY_ALL * variance.sum())
