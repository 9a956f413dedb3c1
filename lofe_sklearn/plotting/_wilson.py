"""Intervals of shares."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

# The bars hold the true share in nine of ten cases.
_LEVEL = 0.9


def wilson(shares: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval of shares, by the numbers of rows that they are of."""
    z = float(ndtri((1 + _LEVEL) / 2))
    size = 1 + z**2 / counts
    middle = (shares + z**2 / (2 * counts)) / size
    half = z * np.sqrt(shares * (1 - shares) / counts + z**2 / (4 * counts**2)) / size
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
