"""The range and the moments of features whose rows come in blocks, and the scaling by them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from lofe_sklearn._training._scaling import fit_scaling, shift_and_factor, units_of, vanishes
from lofe_sklearn._training._sketching import SKETCHED, with_sums
from lofe_sklearn._training._winsorizing import winsorize
from lofe_sklearn.engine import Scaling, TooLargeError

# The squares of larger values, and of their rounding errors, would overflow.
_LARGEST = 1e100
# Scalings that all rows decide about, by their range or their moments.
_BY_STATISTICS = "minmax", "standard", "winsorized", SKETCHED


@dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """What the scaling of features takes.

    Attributes
    ----------
    n_samples : int
    low, high, mean, variance : ndarray of float64, shape (n_features,)
        Mean and variance of a feature mean nothing if the square of a value overflows.
    smallest : ndarray of float64, shape (n_features,)
        The smallest magnitude that is not 0; infinity for zeros only.
    peak_rows : ndarray of int, shape (n_features,)
        The row of the largest magnitude.
    """

    n_samples: int
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    smallest: np.ndarray
    peak_rows: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, first_row: int = 0) -> ColumnStatistics:
        """Compute those of a block, whose first row has the number `first_row`."""
        block = np.asarray(X, dtype=np.float64)
        sizes = np.abs(block)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, variance = block.mean(axis=0), block.var(axis=0)
        return cls(
            len(block),
            block.min(axis=0),
            block.max(axis=0),
            mean,
            variance,
            sizes.min(axis=0, where=sizes > 0, initial=np.inf),
            first_row + sizes.argmax(axis=0),
        )

    @property
    def peaks(self) -> np.ndarray:
        """The largest magnitude of each feature."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def with_more(self, other: ColumnStatistics) -> ColumnStatistics:
        """Return those of both sets of rows [1]_.

        References
        ----------
        .. [1] T. F. Chan, G. H. Golub, R. J. LeVeque (1983). Algorithms for computing the sample
           variance. The American Statistician 37(3).
        """
        n_samples = self.n_samples + other.n_samples
        share = other.n_samples / n_samples
        with np.errstate(over="ignore", invalid="ignore"):
            apart = other.mean - self.mean
            within = (1 - share) * self.variance + share * other.variance
            mean, variance = self.mean + share * apart, within + share * (1 - share) * apart**2
        return ColumnStatistics(
            n_samples,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            mean,
            variance,
            np.minimum(self.smallest, other.smallest),
            np.where(other.peaks > self.peaks, other.peak_rows, self.peak_rows),
        )

    def check(self, scaling: str | None, features: np.ndarray | None) -> None:
        """Refuse what `fit_scaling` refuses, before any row is scaled.

        Raises
        ------
        TooLargeError
            If the other values of a feature vanish beside its largest one, or if a square would
            overflow in its variance. Row and column are those of all rows.
        """
        if scaling not in _BY_STATISTICS:
            return
        for column in range(len(self.low)) if features is None else map(int, features):
            peak, row = self.peaks[column], int(self.peak_rows[column])
            value = self.high[column] if self.high[column] == peak else self.low[column]
            if vanishes(self.smallest[column], peak):
                raise TooLargeError(float(value), None, row, column)
            if scaling != "minmax" and peak > _LARGEST:
                raise TooLargeError(float(value), _LARGEST, row, column)

    def scaling(
        self, scaling: str | None, sample: np.ndarray, features: np.ndarray | None
    ) -> Scaling | None:
        """Find the shift and the factor that `fit_scaling` would, or nearly.

        Parameters
        ----------
        scaling : {None, "rms", "minmax", "standard", "winsorized", "sketched"}
            ``"rms"`` is found from the sample, since it needs a median of all rows, and so are
            where ``"winsorized"`` and ``"sketched"`` cut values off, and their moments then.
        sample : ndarray of shape (n_sample, n_features)
        features : ndarray of int or None
            Those that count; None for all.
        """
        if scaling not in _BY_STATISTICS:
            return fit_scaling(sample if features is None else sample[:, features], scaling)
        own = self if features is None else self._of_columns(features)
        if scaling == "minmax":
            return shift_and_factor(
                own.low, own.high, units_of(own.low, own.high), None, own.n_samples
            )
        units, moments = np.ones(len(own.low)), (own.mean, own.variance)
        if scaling == "standard":
            return shift_and_factor(own.low, own.high, units, moments, own.n_samples)
        rows = (sample if features is None else sample[:, features]).astype(np.float64, copy=False)
        cut = winsorize(rows, np.arange(rows.shape[1]), *moments, lambda j: rows[:, j])
        moments = cut.mean, cut.variance
        found = cut.limit(shift_and_factor(own.low, own.high, units, moments, own.n_samples))
        return with_sums(found, int((own.low < own.high).sum())) if scaling == SKETCHED else found

    def _of_columns(self, features: np.ndarray) -> ColumnStatistics:
        of_columns = [each.name for each in fields(self) if each.name != "n_samples"]
        return replace(self, **{name: getattr(self, name)[features] for name in of_columns})
