"""Numbers that are one number up to rounding, as sums of columns that are 1 in every row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_EPS = float(np.finfo(np.float64).eps)


def rounding_of(numbers: np.ndarray) -> float:
    """Return by how much numbers without gaps differ, at most, if it is by rounding; or 0.

    The sum of n numbers is off by n eps times itself, at most. Whole numbers are not rounded.
    """
    if not len(numbers) or (numbers == np.round(numbers)).all():
        return 0.0
    low, high = float(numbers.min()) / 2, float(numbers.max()) / 2  # no difference overflows
    most = len(numbers) * _EPS * max(abs(low), abs(high))
    return 2 * most if high - low <= most else 0.0


def n_different(values: pd.Series) -> int:
    """Return how many values there are, if those that differ by rounding count as one."""
    number: int = values.nunique()
    if values.dtype != np.float64 or number < 2:
        return number
    return 1 if rounding_of(values.dropna().to_numpy()) > 0 else number
