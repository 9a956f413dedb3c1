"""Where a ranking is cut into outliers and inliers: rows that tie are on one side.

The rounding of a row's score depends on the rows that it is computed with. A threshold that equals
the score of a row, or of many equal rows, would let rounding decide about them. So a threshold
keeps a distance from the scores around it: that of single precision where there is room, since rows
may be scored in it whatever the threshold was set by.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._config import get_config
from lofe_sklearn._validation import warn_user

# The promised precision of scores, in interquartile ranges of the training rows' scores.
_PROMISED = 1e-7
# The relative rounding error of double precision, with room for sums of many numbers.
_ROUNDING = 1e-12
# The same of single precision.
_SINGLE_ROUNDING = 1e-5
# A group of fewer than eight different rows tells nothing by which detectors could agree on it.
_FEW_ROWS = 7


def tolerance(values: np.ndarray, at: float, unit: float = 0.0) -> float:
    """Return the difference up to which two of `values` that are close to `at` are equal.

    `unit` is the size of what they are computed from, if that is larger than the values. Values far
    from `at` are not considered, since one extreme score would make all others equal.
    """
    return float(tolerances(values, np.array(at), unit))


def tolerances(values: np.ndarray, at: np.ndarray, unit: float = 0.0) -> np.ndarray:
    """Return `tolerance` for each number of an array."""
    low, high = np.percentile(values, [25, 75])
    return np.maximum(_PROMISED * float(high - low), _ROUNDING * np.maximum(np.abs(at), unit))


def single_tolerances(at: np.ndarray, unit: float = 0.0) -> np.ndarray:
    """Return `tolerances` for scores that are computed in single precision."""
    return np.asarray(_SINGLE_ROUNDING * np.maximum(np.abs(at), unit))


def scores_in_single() -> bool:
    """Whether networks score in single precision now."""
    return get_config()["scoring_dtype"] == "float32"


def threshold(
    scores: np.ndarray,
    contamination: float,
    *,
    unit: float = 0.0,
    at_most: bool = False,
    in_single: bool | None = None,
) -> float:
    """Find the score below which a share `contamination` of `scores` lies.

    If the percentile equals a score up to rounding, either all rows of that score are cut off or
    none, whichever share is closer, and the threshold lies beside them; none if the share must be
    `at_most` the one asked for. If all rows tie, none is cut off. `in_single` says whether rounding
    is that of single precision; None: if scores are computed in it now.
    """
    cut = float(np.percentile(scores, 100.0 * contamination))
    ascending, near = np.sort(scores), tolerance(scores, cut, unit)
    wide = max(near, float(single_tolerances(np.array(cut), unit)))
    closest = int(np.abs(ascending - cut).argmin())
    if scores_in_single() if in_single is None else in_single:
        first, last = _tied(ascending, closest, wide)
        # Many different scores may be close to each other, and are no tie.
        if ascending[last - 1] - ascending[first] <= 2 * wide:
            near = wide
    if abs(ascending[closest] - cut) > near:
        return cut
    first, last = _tied(ascending, closest, near)
    if at_most or _taken(first, last, contamination * len(scores), len(scores)) == first:
        room = ascending[first] - ascending[first - 1] if first else np.inf
        return float(ascending[first] - min(wide, room / 2))
    room = ascending[last] - ascending[last - 1] if last < len(ascending) else np.inf
    return float(ascending[last - 1] + min(wide, room / 2))


def share_of_repeated(scores: np.ndarray, unit: float = 0.0) -> float:
    """Return the share of the rows of lowest score that are repeated, and far from all others.

    They are at most seven different ones, each of which comes twice on average, or more often,
    while most of the others are no repetitions. They are far from the others if the gap is wider
    than the interquartile range of all scores. Without such rows the share is 0.
    """
    ascending, n = np.sort(scores), len(scores)
    low, high = np.percentile(ascending, [25, 75])
    near = np.maximum(tolerances(scores, ascending, unit), single_tolerances(ascending, unit))
    gaps = np.diff(ascending)
    ends = np.flatnonzero(gaps > 2 * near[1:]) + 1
    n_different = 1 + np.arange(min(len(ends), _FEW_ROWS))
    n_others = len(ends) + 1 - n_different
    ends = ends[:_FEW_ROWS]
    is_far = gaps[ends - 1] > high - low
    are_repeated = (ends >= 2 * n_different) & (n - ends < 2 * n_others)
    return float(ends[is_far & are_repeated].max(initial=0)) / n


def clean_cuts(scores: np.ndarray, *, unit: float = 0.0, in_single: bool = False) -> np.ndarray:
    """Return how many of the lowest scores a threshold can cut off without splitting a tie.

    The numbers are in ascending order. All scores can be cut off only if they are not all equal.
    `in_single` says whether their rounding is that of single precision.
    """
    ascending = np.sort(scores)
    gaps, near = np.diff(ascending), tolerances(scores, ascending, unit)
    differ = gaps > 2 * near[1:]
    if in_single:
        wide = single_tolerances(ascending, unit)
        is_gap = gaps > 2 * wide[1:]
        first = np.append(0, np.flatnonzero(is_gap) + 1)
        last = np.append(first[1:], len(scores)) - 1
        # As in `threshold`: many different scores may be close to each other, and are no tie.
        is_tie = ascending[last] - ascending[first] <= 2 * wide[first]
        differ &= is_gap | ~np.repeat(is_tie, last - first + 1)[1:]
    ends = np.flatnonzero(differ) + 1
    return np.append(ends, len(scores)) if len(ends) else ends


def warn_of_equal_scores(
    owner: str,
    scores: np.ndarray,
    X: Any,
    unit: float = 0.0,
    *,
    offset: float = 0.0,
    asked: float = 0.0,
) -> None:
    """Tell the user that training rows which may differ have one score, and that none is flagged.

    Parameters
    ----------
    owner : str
        Name of the detector.
    scores : ndarray of shape (n,)
        High for normal rows.
    X : ndarray, sparse matrix or SpreadRows of shape (n, d)
    unit : float
        As in `tolerance`.
    offset : float
        The threshold on the scores.
    asked : float
        The share of the rows that the user asked to be flagged; 0 if no share was asked for.
    """
    if len(scores) == 2:
        return  # two rows are equally far from the mean of several members' scores by construction
    lowest = float(scores.min())
    is_one = np.ptp(scores) <= _ROUNDING * max(abs(float(scores[0])), unit)
    wanted = round(asked * len(scores))
    flags_none = wanted > 0 and offset <= lowest
    if not (is_one or flags_none) or not _rows_differ(X):
        return
    if is_one:
        warn_user(
            f"{owner}: all {len(scores)} training rows have the same score, {scores[0]:.6g}, "
            "though the rows differ: the detector cannot tell them apart, and predict flags none. "
            "Bring the features to a common scale (scaling='minmax'), lower lr, or look for a "
            "parameter of the backbone whose size is far from its default."
        )
        return
    count = int((scores <= lowest + 2 * tolerance(scores, lowest, unit)).sum())
    warn_user(
        f"{owner}: predict flags no training row, though contamination={asked:.3g} asks for "
        f"{wanted} of {len(scores)}: {count} rows share the lowest score, and rows of equal score "
        "get one label. If these rows differ, or if most rows are like them, the detector cannot "
        "rank this table: set scaling='standard', or choose another backbone."
    )


def _rows_differ(X: Any) -> bool:
    highest, lowest = X.max(axis=0), X.min(axis=0)
    if sparse.issparse(highest):
        highest, lowest = highest.toarray(), lowest.toarray()
    return bool((highest != lowest).any())


def untied(values: np.ndarray, marked: np.ndarray, wanted: float) -> np.ndarray:
    """Change marks so that tied rows are all marked or none, if the highest `values` are marked.

    Parameters
    ----------
    values : ndarray of shape (n,)
    marked : ndarray of bool, shape (n,)
        Returned unchanged if it splits no tie, or if it marks other rows than the highest.
    wanted : float
        How many rows there should be.
    """
    count = int(marked.sum())
    if count in (0, len(values)):
        return marked
    lowest, highest = float(values[marked].min()), float(values[~marked].max())
    near = tolerance(values, lowest)
    if not abs(lowest - highest) <= 2 * near:
        return marked
    order = np.argsort(-values, kind="stable")
    first, last = _tied(-values[order], count, near)
    result = np.zeros(len(values), dtype=bool)
    result[order[: _taken(first, last, wanted, len(values))]] = True
    return result


def _tied(ascending: np.ndarray, row: int, near: float) -> tuple[int, int]:
    """Return the ends of the run of values around `row` whose neighbours are equal."""
    gaps = np.flatnonzero(np.diff(ascending) > 2 * near)
    before, after = gaps[gaps < row], gaps[gaps >= row]
    return (
        int(before[-1]) + 1 if len(before) else 0,
        int(after[0]) + 1 if len(after) else len(ascending),
    )


def _taken(first: int, last: int, wanted: float, n: int) -> int:
    """Return how many to take where the rows from `first` to `last` cannot be told apart."""
    everything = first == 0 and last == n
    return last if last - wanted < wanted - first and not everything else first
