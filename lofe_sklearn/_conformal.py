"""Where scores stand among other scores: conformal p-values, percentiles, false discovery rates.

All scores are high for normal rows. Two scores that differ by no more than `near` count as equal,
since rounding depends on which rows are scored together; see `_cut`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from lofe_sklearn._types import Floats

# To sort the scores of many training rows would take most of the time that a single row takes.
_FEW = 8


def conformal_p_values(
    scores: np.ndarray, calibration: np.ndarray, near: np.ndarray | float
) -> Floats:
    """Return (1 + number of calibration scores at least as anomalous) / (n + 1) for each score.

    A calibration score that equals the score is counted, which makes the p-value larger.
    """
    at_least = _counter_of(calibration, len(scores))(scores + near, "right")
    return np.asarray((1.0 + at_least) / (len(calibration) + 1.0), dtype=np.float64)


def alarm_threshold(
    calibration: np.ndarray, rate: float, near: np.ndarray, wide: np.ndarray
) -> float | None:
    """Return the score below which the p-value is at most `rate`; None if no p-value is so small.

    `near` is that of each calibration score, and `wide` that in single precision. The threshold
    keeps the distance `wide` where there is room, so that it holds for scores of both precisions.
    """
    n = len(calibration)
    # The formula of the p-values, so that rounding does not tell the two apart.
    n_allowed = int(np.count_nonzero((1.0 + np.arange(n)) / (n + 1.0) <= rate))
    if n_allowed == 0:
        return None
    # So many calibration scores, less one, may be at least as anomalous as a row that is flagged.
    order = np.argsort(calibration, kind="stable")
    ascending, last = calibration[order], order[n_allowed - 1]
    highest = float(calibration[last] - near[last])
    first = int(np.searchsorted(ascending, highest))  # the first one that is not flagged
    room = ascending[first] - ascending[first - 1] if first else np.inf
    return float(min(highest, ascending[first] - min(wide[last], room / 2)))


def percentiles(scores: np.ndarray, others: np.ndarray, near: np.ndarray) -> Floats:
    """Return the percentage of `others` that are less anomalous; equal ones count half."""
    count = _counter_of(others, len(scores))
    more, at_least = count(scores - near, "left"), count(scores + near, "right")
    return 100.0 - 50.0 * (more + at_least) / len(others)


def _counter_of(values: np.ndarray, n_limits: int) -> Callable[[np.ndarray, str], Any]:
    """Return what counts the values below each limit ("left"), or up to it ("right")."""
    if n_limits > _FEW:
        return partial(np.searchsorted, np.sort(values))

    def count(limits: np.ndarray, side: str) -> np.ndarray:
        below = np.less if side == "left" else np.less_equal
        return np.array([np.count_nonzero(below(values, limit)) for limit in limits], dtype=np.intp)

    return count


def rates_of_p_values(p_values: np.ndarray) -> Floats:
    """Return the false discovery rate at which 1, 2, ... of the smallest p-values are rejected.

    By the procedure of Benjamini and Hochberg, so in ascending order and at most 1.
    """
    n = len(p_values)
    rates = np.sort(p_values) * n / np.arange(1, n + 1)
    # A rate that allows many rejections also allows fewer.
    return np.minimum(1.0, np.minimum.accumulate(rates[::-1])[::-1])


def rates_of_probabilities(proba: np.ndarray) -> Floats:
    """Return the expected share of normal rows among the 1, 2, ... of highest probability."""
    normal = 1.0 - np.sort(proba)[::-1]
    return np.cumsum(normal) / np.arange(1, len(normal) + 1)
