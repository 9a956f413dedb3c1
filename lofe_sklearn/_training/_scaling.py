"""Input scaling inside an estimator: a shift and a factor a feature, from the training rows.

How the features are scaled decides more than most hyperparameters do, and the right choice
depends on the backbone, so each backbone has a measured default.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import row_norms
from sklearn.utils.sparsefuncs import mean_variance_axis, min_max_axis

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix
from lofe_sklearn._training._sketching import SKETCHED, with_sums
from lofe_sklearn._training._spread_rows import SpreadRows
from lofe_sklearn._training._winsorizing import winsorize
from lofe_sklearn.engine import TooLargeError

AnyRows: TypeAlias = Matrix | SpreadRows

SCALINGS = (None, "auto", "rms", "minmax", "standard", "winsorized", SKETCHED)

# Share of negative values, of those that are not zero, from which features count as centred: noise
# and outliers make fewer, and features centred at their mean or median about a half.
_CENTRED = 0.3
# Share of the features' total variance from which one of them is nearly all there is.
_NEARLY_ALL = 0.99
_EPS = np.finfo(np.float64).eps
# Magnitudes whose squares, and those of their rounding errors, neither over- nor underflow.
_SQUARED = 1e-100, 1e100
# Share of a feature's largest value below which no unit has another of its values: the largest is
# none of them. Only looked at where the largest is larger than what is measured in any unit, as are
# the largest numbers of both precisions, which stand for missing values in some files.
_BESIDE, _HUGE = 1e-30, 1e30
# Values that differ by a smaller share of their size, such as times of one day in milliseconds
# since 1970, keep fewer than twelve of the 24 bits that float32 has for them.
FEW_BITS = 2.0**-12
# So many rows are enough for quartiles, and so many values of them are held.
_ENOUGH_ROWS, _MOST_VALUES = 2**16, 2**24
# A constant up to this is known to 0.01 even where it comes in float32.
_LARGE = 1e5


def resolve_scaling(X: np.ndarray | sparse.csr_matrix, scaling: str | None) -> str | None:
    """Return which scaling ``"auto"`` stands for on X; any other is returned as it is."""
    if scaling != "auto":
        return scaling
    return "minmax" if _is_centred(X) or keeps_few_bits(X) else "rms"


def keeps_few_bits(X: np.ndarray | sparse.csr_matrix) -> bool:
    """Whether a feature has values so close to each other that float32 hardly tells them apart.

    Networks compute in float32. ``"rms"`` takes nothing off the features, and so leaves them too
    close. Features that are constant up to rounding do not count.
    """
    low, high = range_of(X)
    return bool((_are_close(low, high, FEW_BITS) & differ(low, high, X.shape[0])).any())


def differ(low: np.ndarray, high: np.ndarray, n_samples: int) -> np.ndarray:
    """Whether so many values of each range differ by more than rounding.

    A sum of columns that is 1 in every row comes out as 1 or one bit less.
    """
    return (high > low) & ~_are_close(low, high, n_samples * _EPS)


def fit_scaling(X: AnyRows, scaling: str | None) -> engine.Scaling | None:
    """Shift and factor such that ``(X - shift) * factor`` is scaled; None for no scaling.

    Behind them may stand the limits of the scaled values.

    Parameters
    ----------
    X : {ndarray, CSR matrix, SpreadRows} of shape (n_samples, n_features)
    scaling : {None, "auto", "rms", "minmax", "standard", "winsorized", "sketched"}
        ``"rms"`` divides X as a whole by the median of its rows' root mean squares: zero stays
        zero, features keep their sizes relative to each other, and no outlier moves the scale.
        ``"minmax"`` maps each feature's training range to [0, 1], ``"standard"`` its mean to 0 and
        its standard deviation to 1. A feature that is constant up to rounding becomes 0 on the
        training rows, with a factor of 1, or of ``1e5 / abs(value)`` where that is less.
        ``"winsorized"`` is ``"standard"``, but values more than 20 interquartile ranges from the
        median are cut off there, in features whose standard deviation this lowers by a third.
        ``"sketched"`` is ``"winsorized"``, and adds more than 512 features up to as many sums.
        ``"auto"`` is ``"minmax"`` where X is centred already, so that its zeros mean nothing, or
        where the values of a feature are close to each other and far from 0; else ``"rms"``.

    Returns
    -------
    shift, factor, low, high, sums : ndarray of shape (n_features,), or None
        Without the last if nothing is added up, and without the last three if nothing is cut off
        either.

    Raises
    ------
    TooLargeError
        If a value is so large, such as the largest of all numbers where a sensor was silent, that
        the other values of its feature could not be told apart.
    """
    scaling = resolve_scaling(X, scaling)
    if scaling is None:
        return None
    n_samples, n_features = X.shape
    if scaling == "rms":
        return np.zeros(n_features), np.full(n_features, 1.0 / _typical_size(X))
    low, high = range_of(X)
    units = units_of(low, high)
    for column in np.flatnonzero(np.maximum(np.abs(low), np.abs(high)) > _HUGE):
        _check_that_nothing_vanishes(X, int(column))
    if scaling == "minmax":
        return shift_and_factor(low, high, units, None, n_samples)
    moments = _moments(in_units(X, units))
    if scaling == "standard":
        return shift_and_factor(low, high, units, moments, n_samples)
    features, sample = _for_quartiles(X)
    cut = winsorize(
        sample / units[features], features, *moments, lambda j: _column(X, j) / units[j]
    )
    found = cut.limit(shift_and_factor(low, high, units, (cut.mean, cut.variance), n_samples))
    return with_sums(found, int((low < high).sum())) if scaling == SKETCHED else found


def shift_and_factor(
    low: np.ndarray,
    high: np.ndarray,
    units: np.ndarray,
    moments: tuple[np.ndarray, np.ndarray] | None,
    n_samples: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the scaling of features of which some statistics are known.

    Parameters
    ----------
    low, high : ndarray of shape (n_features,)
        The range of each feature.
    units : ndarray of shape (n_features,)
        What the moments are computed in.
    moments : pair of ndarray or None
        Mean and variance, for ``"standard"``; None for ``"minmax"``.
    n_samples : int
    """
    if moments is None:
        shift, spread = low, high / units - low / units
        largest = np.maximum(np.abs(low), np.abs(high)) / units
        constant = spread <= n_samples * _EPS * largest
    else:
        mean, variance = moments
        shift, spread = mean * units, np.sqrt(variance)
        constant = _is_constant(mean, variance, n_samples)
    with np.errstate(over="ignore", under="ignore"):
        factor = 1.0 / np.where(constant, 1.0, spread) / units
    constant |= ~np.isfinite(factor)  # a spread of denormal numbers
    # Relative to a large value: what is left of it is rounding, of float32 where rows come in that.
    steady = 1.0 / np.maximum(1.0, np.abs(low) / _LARGE)
    return np.where(constant, low, shift), np.where(constant, steady, factor)


def _check_that_nothing_vanishes(X: Any, column: int) -> None:
    sizes = np.abs(values := _column(X, column))
    row = int(sizes.argmax())
    if vanishes(sizes[sizes > 0].min(), sizes[row]):
        raise TooLargeError(float(values[row]), None, row, column)


def vanishes(smallest: float, largest: float) -> bool:
    """Whether one magnitude of a feature cannot be told from 0 beside a huge one."""
    return bool(largest > _HUGE and smallest < _BESIDE * largest)


def units_of(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Find a unit of each feature in which squares of its values neither over- nor underflow."""
    return _units(low, high, *_SQUARED)


def units_within(X: np.ndarray | sparse.csr_matrix, smallest: float, largest: float) -> np.ndarray:
    """Find a unit of each feature, 1 for those whose largest value is within range.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    smallest, largest : float
        What the largest magnitude of a feature may be. The unit of others is a power of two.

    Returns
    -------
    units : ndarray of shape (n_features,)
    """
    return _units(*range_of(X), smallest, largest)


def shift_within(X: np.ndarray | sparse.csr_matrix, share: float) -> np.ndarray:
    """Find what to take off each feature, so that its values differ by more than that share.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Nothing is taken off sparse rows, whose zeros have to stay.
    share : float
        Of the largest magnitude of a feature.

    Returns
    -------
    shift : ndarray of shape (n_features,)
        The smallest value of features whose values differ by less; 0 for all others.
    """
    if sparse.issparse(X):
        return np.zeros(X.shape[1])
    low, high = range_of(X)
    return np.where(_are_close(low, high, share), low, 0.0)


def _are_close(low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """Whether values of these ranges differ, but by less than a share of their size."""
    apart = high / 2 - low / 2  # no difference overflows
    return (apart > 0) & (apart < share / 2 * np.maximum(np.abs(low), np.abs(high)))


def range_of(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest value of each feature."""
    low, high = min_max_axis(X, axis=0) if sparse.issparse(X) else (X.min(axis=0), X.max(axis=0))
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)


def _units(low: np.ndarray, high: np.ndarray, smallest: float, largest: float) -> np.ndarray:
    """Find a unit of each feature, a power of two: 1 but where its values are out of range."""
    peak = np.maximum(np.abs(low), np.abs(high))
    fits = (peak == 0) | ((peak >= smallest) & (peak <= largest))
    return np.where(fits, 1.0, np.ldexp(1.0, np.frexp(peak)[1] - 1))


def in_units(X: Any, units: np.ndarray) -> Any:
    """Divide each feature by its unit."""
    if (units == 1.0).all():
        return X
    if sparse.issparse(X):
        return sparse.csr_matrix((X.data / units[X.indices], X.indices, X.indptr), shape=X.shape)
    return X / units


def _moments(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each feature."""
    if sparse.issparse(X):
        return mean_variance_axis(X.astype(np.float64), axis=0)
    return X.mean(axis=0, dtype=np.float64), X.var(axis=0, dtype=np.float64)


def _is_constant(mean: np.ndarray, variance: np.ndarray, n_samples: int) -> np.ndarray:
    """Whether a variance is no more than what the rounding error of the mean makes of it.

    The mean of n values is off by n eps times itself, at most, the sum of squares by n eps times
    itself [1]_. It is the bound that scikit-learn's StandardScaler has.

    .. [1] T. F. Chan, G. H. Golub, R. J. LeVeque (1983). Algorithms for computing the sample
       variance. The American Statistician 37(3).
    """
    return variance <= n_samples * _EPS * variance + (n_samples * mean * _EPS) ** 2


def _typical_size(X: Any) -> float:
    """Median over the rows of their root mean square; over the non-zero ones if most are zero."""
    sizes = X.each(_sizes) if isinstance(X, SpreadRows) else _sizes(X)
    median = float(np.median(sizes))
    if median == 0.0 and sizes.any():
        median = float(np.median(sizes[sizes > 0]))
    return median if median >= np.finfo(np.float64).tiny else 1.0


def _column(X: Any, column: int) -> np.ndarray:
    values: np.ndarray = X[:, [column]].toarray()[:, 0] if sparse.issparse(X) else X[:, column]
    return values.astype(np.float64, copy=False)


def _for_quartiles(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return which features have quartiles that may differ, and enough rows of them."""
    if isinstance(X, SpreadRows):
        return np.arange(X.shape[1]), X.sample
    most = min(_ENOUGH_ROWS, max(2, _MOST_VALUES // X.shape[1]))
    if X.shape[0] > most:
        X = X[np.sort(np.random.default_rng(0).choice(X.shape[0], most, replace=False))]
    if not sparse.issparse(X):
        return np.arange(X.shape[1]), X
    # Of the others three values in four are zero.
    counts = np.bincount(X.indices, minlength=X.shape[1])
    filled = np.flatnonzero(counts > X.shape[0] // 4)
    return filled, X[:, filled].toarray()


def _sizes(X: np.ndarray | sparse.csr_matrix) -> np.ndarray:
    """Root mean square of each row."""
    X = X.astype(np.float64, copy=False)
    peaks = np.asarray(
        abs(X).max(axis=1).todense() if sparse.issparse(X) else np.abs(X).max(axis=1)
    )
    units = _units(peaks.ravel(), peaks.ravel(), *_SQUARED)
    if (units != 1.0).any():
        X = sparse.diags(1.0 / units) @ X if sparse.issparse(X) else X / units[:, None]
    return row_norms(X) / np.sqrt(X.shape[1]) * units


def _is_centred(X: np.ndarray | sparse.csr_matrix) -> bool:
    values = np.asarray(X.data if sparse.issparse(X) else X)
    n_negative, n_nonzero = int((values < 0).sum()), int((values != 0).sum())
    return n_negative >= _CENTRED * max(1, n_nonzero)


def one_feature_dominates(X: np.ndarray | sparse.csr_matrix) -> bool:
    """Whether one feature has nearly all of the variance of X."""
    units = _units(*range_of(X), *_SQUARED)
    mean, variance = _moments(in_units(X, units))
    variance = np.where(_is_constant(mean, variance, X.shape[0]), 0.0, variance)
    variance = variance * np.square(units / units.max())
    return bool(variance.max() > _NEARLY_ALL * variance.sum())
