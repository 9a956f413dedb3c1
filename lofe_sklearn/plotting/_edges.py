"""Edges of a histogram's bars, on an axis that suits scores with and without a long tail."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn._validation import MOST_PARTS, Number, OneOf, check_argument

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Scores that span more interquartile ranges have a tail that hides the rest.
_LONG = 30
# Scores that differ by less than this share of their size differ by rounding.
_ALIKE = 1e-12
# On an axis that is not linear.
_N_TICKS = 5


def check_bins(owner: str, bins: Any, xscale: Any) -> None:
    """Raise ValueError unless these can be the arguments of `scaled_edges`."""
    check_argument(owner, "bins", bins, Number(Integral, low=1, most=MOST_PARTS))
    check_argument(owner, "xscale", xscale, OneOf(("auto", "linear", "asinh")))


def scaled_edges(
    axes: Axes,
    scores: np.ndarray,
    bins: int,
    xscale: str,
    threshold: float | None = None,
    interval: Sequence[float] = (),
) -> np.ndarray:
    """Set the scale of the axis; return the edges of the bars.

    No bar of several spans the threshold: rows on either side of it are in different bars. The
    axis also suits the threshold and the interval, which may be far from all scores.
    """
    low, quarter, middle, three, high = np.percentile(scores, [0, 25, 50, 75, 100])
    width = three - quarter
    largest = max(abs(low), abs(high))
    if high - low <= _ALIKE * largest or low == high:
        # Bars narrower than rounding would be empty, or none.
        width, margin = 0.0, max(0.5, 1e3 * _ALIKE * largest)
        low, high = low - margin, high + margin
    marks = (*interval,) if threshold is None else (threshold, *interval)
    finite = [mark for mark in marks if np.isfinite(mark)]
    first, last = min(low, *finite, high), max(low, *finite, high)
    if width == 0 and last - first > _LONG * (high - low):
        width = (high - low) / _LONG
    is_long = last - first > _LONG * width
    if xscale == "linear" or (xscale == "auto" and not is_long) or width == 0:
        if axes.get_xscale() != "linear":  # of axes that something else was drawn on
            axes.set_xscale("linear")
        return _even_edges(low, high, bins, threshold)

    def forward(values: Any) -> Any:
        return np.arcsinh((values - middle) / width)

    def back(places: np.ndarray) -> np.ndarray:
        return middle + width * np.sinh(places)

    axes.set_xscale("function", functions=(forward, back))
    ticks = back(np.linspace(forward(first), forward(last), _N_TICKS))
    axes.set_xticks(ticks, _told_apart(ticks))
    place = None if threshold is None else forward(threshold)
    edges = back(_even_edges(forward(low), forward(high), bins, place))
    # Rounding must not leave out the ends, nor put rows on the wrong side of the threshold.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    if threshold is not None and low < threshold <= high and bins > 1:
        edges[np.argmin(abs(edges - threshold))] = threshold
    return edges


def _even_edges(low: float, high: float, bins: int, through: float | None) -> np.ndarray:
    """Return the edges of bars of equal width from `low` to `high`, one of them at `through`."""
    if through is None or not low < through <= high or bins == 1:
        return np.linspace(low, high, bins + 1)
    # One bar is kept for the shift, so that the last one ends above `high`: rows at a threshold
    # are normal, and belong to the bar on its right.
    width = (high - low) / (bins - 1)
    n_below = min(math.ceil((through - low) / width), bins - 1)
    edges = through + width * np.arange(-n_below, bins - n_below + 1)
    edges[0] = min(edges[0], low)
    return edges


def _told_apart(ticks: np.ndarray) -> list[str]:
    """Write ticks with as many digits as it takes to tell them apart."""
    for digits in range(2, 9):
        texts = [f"{tick:.{digits}g}" for tick in ticks]
        if len(set(texts)) == len(texts):
            break
    return texts
