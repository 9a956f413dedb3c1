"""The distance from which a picture stands out from the rest, found without labels."""

from __future__ import annotations

import math

import numpy as np

from lofe_sklearn._types import Floats

# Iglewicz and Hoaglin's cut.
_CUT = 3.5
# By these factors the median deviation, and the mean one, become a standard deviation.
_OF_MEDIAN, _OF_MEAN = 1 / 0.6745, math.sqrt(math.pi / 2)
# A logarithm and its inverse may round a distance down, and pictures that tie at the cut are no
# exceptions.
_ROUNDING = 1e-12


def standing_out(distances: Floats) -> float:
    """Return the distance whose logarithm has a modified z-score of 3.5.

    Logarithms are used since the largest of many distances has a long right tail. If more than half
    of the distances are equal, the median deviation is 0, and the mean one takes its place.
    """
    logs = np.log(np.maximum(distances, np.finfo(np.float64).tiny))
    median = np.median(logs)
    deviations = np.abs(logs - median)
    spread = _OF_MEDIAN * np.median(deviations) or _OF_MEAN * deviations.mean()
    return float(np.exp(median + _CUT * spread) * (1 + _ROUNDING))
