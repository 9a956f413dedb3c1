"""The range and the moments of features whose rows come in blocks, and the scaling by them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lofe_sklearn._training._scaling import (
    check_that_nothing_vanishes,
    fit_scaling,
    is_huge,
    shift_and_factor,
)
from lofe_sklearn.engine import Scaling, TooLargeError

# The squares of larger values, and of their rounding errors, would overflow.
_LARGEST = 1e100


@dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """What the scaling of features takes.

    Attributes
    ----------
    n_samples : int
    low, high, mean, variance : ndarray of float64, shape (n_features,)
    smallest : ndarray of float64, shape (n_features,)
        The smallest magnitude but 0.
    row : ndarray of int, shape (n_features,)
        Where the value of the largest magnitude is.
    """

    n_samples: int
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    smallest: np.ndarray
    row: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray) -> ColumnStatistics:
        """Compute those of a block.

        Raises
        ------
        TooLargeError
            If the square of a value would overflow.
        """
        block = np.asarray(X, dtype=np.float64)
        sizes = np.abs(block)
        rows, smallest = sizes.argmax(axis=0), np.where(sizes > 0, sizes, np.inf).min(axis=0)
        peaks = sizes[rows, np.arange(block.shape[1])]
        if peaks.max(initial=0) > _LARGEST:
            column = int(peaks.argmax())
            row = int(rows[column])
            raise TooLargeError(float(block[row, column]), None, row, column)
        low, high = block.min(axis=0), block.max(axis=0)
        mean, variance = block.mean(axis=0), block.var(axis=0)
        return cls(len(block), low, high, mean, variance, smallest, rows)

    def with_more(self, other: ColumnStatistics) -> ColumnStatistics:
        """Return those of both sets of rows, these first [1]_.

        References
        ----------
        .. [1] T. F. Chan, G. H. Golub, R. J. LeVeque (1983). Algorithms for computing the sample
           variance. The American Statistician 37(3).
        """
        n_samples = self.n_samples + other.n_samples
        share = other.n_samples / n_samples
        apart = other.mean - self.mean
        within = (1 - share) * self.variance + share * other.variance
        return ColumnStatistics(
            n_samples,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.mean + share * apart,
            within + share * (1 - share) * apart**2,
            np.minimum(self.smallest, other.smallest),
            np.where(other._peak > self._peak, self.n_samples + other.row, self.row),
        )

    @property
    def _peak(self) -> np.ndarray:
        """The largest magnitude of each feature."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def check_scaling(self, scaling: str | None, features: np.ndarray | None) -> None:
        """Raise TooLargeError where `fit_scaling` does, with the row among all rows."""
        if scaling not in ("minmax", "standard"):
            return
        huge = np.flatnonzero(is_huge(self.low, self.high))
        for column in huge if features is None else np.intersect1d(huge, features):
            low, high = float(self.low[column]), float(self.high[column])
            value = high if high > -low else low
            smallest, row = float(self.smallest[column]), int(self.row[column])
            check_that_nothing_vanishes(smallest, value, row, int(column))

    def scaling(
        self, scaling: str | None, sample: np.ndarray, features: np.ndarray | None
    ) -> Scaling | None:
        """Find the shift and the factor that `fit_scaling` would, or nearly.

        Parameters
        ----------
        scaling : {None, "rms", "minmax", "standard"}
            ``"rms"`` is found from the sample, since it needs a median of all rows.
        sample : ndarray of shape (n_sample, n_features)
        features : ndarray of int or None
            Those that count; None for all.
        """
        if scaling not in ("minmax", "standard"):
            return fit_scaling(sample if features is None else sample[:, features], scaling)
        own = self if features is None else self._of_columns(features)
        moments = None if scaling == "minmax" else (own.mean, own.variance)
        units = np.ones(len(own.low))
        return shift_and_factor(own.low, own.high, units, moments, own.n_samples)

    def _of_columns(self, features: np.ndarray) -> ColumnStatistics:
        own = {name: getattr(self, name)[features] for name in ("low", "high", "mean", "variance")}
        return replace(self, **own)
