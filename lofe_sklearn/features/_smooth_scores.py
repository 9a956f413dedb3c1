"""smooth_scores: scores of frames, smoothed over the time of their clip."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._containers import check_plain_values, check_unmasked
from lofe_sklearn._types import Floats, Ints
from lofe_sklearn._validation import (
    Described,
    Number,
    OneOf,
    as_numbers,
    check_argument,
    check_finite,
)

Kernel: TypeAlias = Literal["gaussian", "box"]
SIGMA = Described(Number(low=0), "a number of at least 0, and finite")
KERNEL = OneOf(("gaussian", "box"))


def smooth_scores(
    scores: ArrayLike,
    groups: ArrayLike,
    frames: ArrayLike | None = None,
    *,
    sigma: float = 3.0,
    kernel: Kernel = "gaussian",
) -> Floats:
    """Average scores over neighbouring frames of a clip, never across clips.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Any scores, in any order.
    groups : array-like of shape (n_samples,)
        The clip of each.
    frames : array-like of shape (n_samples,), default=None
        The number of each one's frame in its clip. Default: they are in order and none is missing.
    sigma : float, default=3.0
        How far the average reaches, in frames: the standard deviation of the Gaussian, which is cut
        off at three of them, or half the width of the box. 0 changes nothing.
    kernel : {"gaussian", "box"}, default="gaussian"
        Weights: falling with the distance in frames, or all alike.

    Returns
    -------
    smoothed : ndarray of float64, shape (n_samples,)
        Weighted means of the scores. At the ends of a clip, and next to missing frames, they are
        means of fewer scores.

    Raises
    ------
    ValueError
        If the lengths differ or `sigma` or `kernel` is not valid.

    Examples
    --------
    >>> from lofe_sklearn.features import smooth_scores
    >>> smooth_scores([0, 0, 9, 0, 0, 5], groups=[1, 1, 1, 1, 1, 2], sigma=1, kernel="box")
    array([0., 3., 3., 3., 0., 5.])
    """
    owner = "smooth_scores"
    check_argument(owner, "sigma", sigma, SIGMA)
    check_argument(owner, "kernel", kernel, KERNEL)
    check_plain_values(scores, "scores", owner)
    check_unmasked(groups, "groups", owner)
    values, clips = as_numbers(scores, "scores", owner), np.asarray(groups)
    if values.ndim != 1 or clips.shape != values.shape:
        raise ValueError(
            f"{owner}: scores and groups must be of one shape (n_samples,); got {values.shape} and "
            f"{clips.shape}."
        )
    check_finite(values, f"{owner}: scores must be finite; got {{value}} in row {{row}}.")
    numbers = None if frames is None else _frame_numbers(frames, len(values), owner)
    clip_rows = _rows_of_clips(clips, owner)
    if sigma == 0:  # also of two scores of one frame
        return values.copy()
    smoothed = np.empty_like(values)
    for rows in clip_rows:
        times = np.arange(len(rows), dtype=np.float64) if numbers is None else numbers[rows]
        smoothed[rows] = _smooth_clip(values[rows], times, sigma, kernel)
    return smoothed


def _rows_of_clips(clips: np.ndarray, owner: str) -> list[Ints]:
    """Return the rows of each group, ascending, or raise ValueError if a group is missing."""
    try:
        names, clip_of, sizes = np.unique(clips, return_inverse=True, return_counts=True)
        missing = names[names != names]
    except TypeError as error:  # None or pandas.NA beside others
        raise ValueError(
            f"{owner}: groups must name the clip of each score by numbers, or by texts; got values "
            f"that cannot be compared ({error})."
        ) from error
    if len(missing):
        raise ValueError(f"{owner}: groups must name the clip of each score; got {missing[0]}.")
    return np.split(np.argsort(clip_of, kind="stable"), np.cumsum(sizes)[:-1])


def _frame_numbers(frames: ArrayLike, n: int, owner: str) -> Floats:
    """Return the frames as finite numbers, one for each of n scores."""
    if np.shape(frames) != (n,):
        raise ValueError(
            f"{owner}: frames must have one number for each score, {n}; got the shape "
            f"{np.shape(frames)}."
        )
    check_plain_values(frames, "frames", owner)
    numbers = as_numbers(frames, "frames", owner)
    check_finite(numbers, f"{owner}: frames must be finite; got {{value}} in row {{row}}.")
    return numbers


def _smooth_clip(scores: Floats, times: Floats, sigma: float, kernel: Kernel) -> Floats:
    order = np.argsort(times, kind="stable")
    reach = sigma if kernel == "box" else 3 * sigma
    first = np.searchsorted(times[order], times - reach, side="left")
    end = np.searchsorted(times[order], times + reach, side="right")
    result = np.empty_like(scores)
    for i, time in enumerate(times):
        near = order[first[i] : end[i]]
        if kernel == "box":
            weights = np.ones(len(near))
        else:
            weights = np.exp(-0.5 * ((times[near] - time) / sigma) ** 2)
        result[i] = weights @ scores[near] / weights.sum()
    return result
