"""Features of one size, with the long tails of numbers shortened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lofe_sklearn._types import Bools, Floats

# The interquartile range of a normal distribution, in standard deviations.
_RANGE = 1.349


@dataclass(frozen=True, eq=False)
class Scale:
    """Location and spread of each feature in the training rows.

    Parameters
    ----------
    is_number : ndarray of bool, shape (n_features,)
        Which features are numbers of the table, whose tails are shortened.
    centres, spreads : ndarray of shape (n_features,)
        Median and robust standard deviation.
    means, deviations : ndarray of shape (n_features,)
        Mean and standard deviation after the tails are shortened.
    """

    is_number: Bools
    centres: Floats
    spreads: Floats
    means: Floats
    deviations: Floats

    @classmethod
    def of(cls, features: Floats, is_number: Bools) -> Scale:
        """Look at the training rows, which have no gaps."""
        low, centres, high = np.percentile(features, [25, 50, 75], axis=0)
        spreads = (high - low) / _RANGE
        spreads = np.where(spreads > 0, spreads, _positive(features.std(axis=0)))
        shortened = _shorten(features, is_number, centres, spreads)
        deviations = _positive(shortened.std(axis=0))
        return cls(is_number, centres, spreads, shortened.mean(axis=0), deviations)

    def apply(self, features: Floats) -> Floats:
        """Return features without gaps on the common scale."""
        shortened = _shorten(features, self.is_number, self.centres, self.spreads)
        return (shortened - self.means) / self.deviations


def _shorten(features: Floats, is_number: Bools, centres: Floats, spreads: Floats) -> Floats:
    return np.where(is_number, np.arcsinh((features - centres) / spreads), features)


def _positive(sizes: Floats) -> Floats:
    return np.where(sizes > 0, sizes, 1.0)
