"""The distance from which a picture stands out from the rest, found without labels."""

from __future__ import annotations

import numpy as np

from lofe_sklearn._types import Floats

# Iglewicz and Hoaglin's cut, and the factor that makes a median deviation a standard one.
_CUT = 3.5
_NORMAL = 0.6745
# A logarithm and its inverse may round a distance down, and pictures that tie at the cut are no
# exceptions.
_ROUNDING = 1e-12


def standing_out(distances: Floats) -> float:
    """Return the distance whose logarithm has a modified z-score of 3.5.

    Logarithms are used since the largest of many distances has a long right tail.
    """
    logs = np.log(np.maximum(distances, np.finfo(np.float64).tiny))
    median = np.median(logs)
    spread = np.median(np.abs(logs - median))
    return float(np.exp(median + _CUT * spread / _NORMAL) * (1 + _ROUNDING))
