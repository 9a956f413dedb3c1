"""Features whose spread a few far values make: where these are cut off before all is standardised.

One amount of a million, or a -999 that stands for a missing value, makes the standard deviation of
its feature so large that all other values of it look alike. Whatever goes by distances is then
blind to that feature. Cut off at a limit (winsorized), the far values are still the farthest, and
the others can be told apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lofe_sklearn.engine import Scaling

# How far from the median values may lie, in interquartile ranges. Less hides anomalies that are
# more extreme than others, more leaves the others too close together. Chosen with the next number
# on both halves of the sets: see the study `far-values` of the benchmarks.
_REACH = 20.0
# By which factor cutting off must lower the standard deviation: other features stay as they are.
_WORTHWHILE = 1.5
# Quartiles that differ by less of their size differ by rounding, of float32 perhaps.
_EQUAL = 1e-6
_FEATURES_AT_A_TIME = 64


@dataclass(frozen=True, eq=False)
class Cut:
    """Where values of each feature are cut off, and the moments of what is left.

    Attributes
    ----------
    low, high : ndarray of shape (n_features,)
        Infinite for features that stay as they are.
    mean, variance : ndarray of shape (n_features,)
        All in the units that the features came in.
    """

    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def limit(self, scaling: Scaling) -> Scaling:
        """Add the limits to the shift and the factor, if any feature is cut."""
        is_cut = np.isfinite(self.low)
        if not is_cut.any():
            return scaling
        spread = np.sqrt(np.where(is_cut, self.variance, 1.0))
        middle = np.where(is_cut, self.mean, 0.0)
        return (*scaling, (self.low - middle) / spread, (self.high - middle) / spread)


def winsorize(
    sample: np.ndarray,
    features: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    values_of: Callable[[int], np.ndarray],
) -> Cut:
    """Find the limits of all features.

    Parameters
    ----------
    sample : ndarray of shape (n_sample, n_sampled)
        Values whose quartiles stand for those of all rows.
    features : ndarray of int, shape (n_sampled,)
        Numbers of their features. All others stay as they are.
    mean, variance : ndarray of shape (n_features,)
        Of all rows. They may be no numbers where squares overflow.
    values_of : callable
        Returns all values of a feature, given its number.

    Returns
    -------
    Cut
    """
    mean, variance = mean.copy(), variance.copy()
    cut = Cut(np.full(len(mean), -np.inf), np.full(len(mean), np.inf), mean, variance)
    # Few features at a time: what is made of them would be several times the size of the sample.
    starts = range(0, max(1, len(features)), _FEATURES_AT_A_TIME)
    parts = [_limits(sample[:, start : start + _FEATURES_AT_A_TIME]) for start in starts]
    low, high, narrower, differ = np.concatenate(parts, axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        is_cut = ~(np.sqrt(variance[features]) <= _WORTHWHILE * narrower) & (differ > 0)
    for place in np.flatnonzero(is_cut):
        feature = int(features[place])
        own = np.clip(values_of(feature), low[place], high[place])
        mean[feature], variance[feature] = own.mean(), own.var()
        cut.low[feature], cut.high[feature] = low[place], high[place]
    return cut


def _limits(sample: np.ndarray) -> np.ndarray:
    """Return limits of each feature, the spread within them, and whether its quartiles differ."""
    lower, middle, upper = np.quantile(sample, [0.25, 0.5, 0.75], axis=0)
    between = upper - lower
    low, high = middle - _REACH * between, middle + _REACH * between
    with np.errstate(over="ignore", invalid="ignore"):
        narrower = np.clip(sample, low, high).std(axis=0)
    differ = between > _EQUAL * np.maximum(np.abs(lower), np.abs(upper))
    return np.stack([low, high, narrower, differ])
