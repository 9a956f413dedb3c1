"""The contamination ratio, found without labels.

An ensemble whose members assume different ratios ranks the rows without deciding for one. For the
threshold a ratio is needed: that at which the ranking is best predicted by models that have not
seen the rows they score. If the rows above a cut really are of another kind, models trained on
other rows put the same ones on top; a cut through the middle of one kind is not reproduced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

# What members of an ensemble assume in turn, where the ratio is not known.
RATIOS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
# Cuts that are compared; finer than the members' ratios.
CUTS = np.geomspace(0.005, 0.4, 24)
# Fewer rows in a fold than this cannot tell cuts apart.
_MIN_ROWS = 12
N_FOLDS = 3
# Sharpness of the weights of cuts: high enough to leave out what is hardly reproduced.
_SHARPNESS = 8
# Average precision above chance that a few rows reach by luck: it says nothing for a cut.
_CHANCE = 0.1


@dataclass(frozen=True)
class FoundRatio:
    """A ratio, and the interval in which it may as well lie.

    Attributes
    ----------
    value : float
    low, high : float
        One standard deviation of its logarithm below and above.
    """

    value: float
    low: float
    high: float


def spread_ratios(n_members: int) -> list[float]:
    """Assign a ratio to each member: all in turn, or evenly spread ones of fewer members."""
    if n_members <= 1:
        return [0.1] * n_members
    if n_members < len(RATIOS):
        chosen = np.linspace(0, len(RATIOS) - 1, n_members).round().astype(int)
        return [RATIOS[i] for i in chosen]
    return [RATIOS[i % len(RATIOS)] for i in range(n_members)]


def folds(n_samples: int, seed: int) -> list[np.ndarray]:
    """Held-out rows of each fold; none for so few rows that nothing could be found."""
    if n_samples < _MIN_ROWS * N_FOLDS:
        return []
    order = np.random.default_rng(seed).permutation(n_samples)
    return [np.sort(part) for part in np.array_split(order, N_FOLDS)]


def predictable_ratio(scores: np.ndarray, held_out: np.ndarray | None) -> FoundRatio:
    """Find the cut of the ranking that models which have not seen a row predict best.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Outlier scores of the ensemble, high for anomalies.
    held_out : ndarray of shape (n_samples,) or None
        Outlier scores of each row by an ensemble trained without it. None where there are too few
        rows for that: all cuts then count the same.

    Returns
    -------
    FoundRatio
        The geometric mean of the cuts, weighted by a power of the average precision that
        `held_out` reaches on the rows above them, less what chance would.
    """
    n_samples = len(scores)
    cuts = CUTS[np.round(CUTS * n_samples) >= 1]
    if held_out is None or len(cuts) < 2:
        weights = np.ones(len(CUTS))
        cuts = CUTS
    else:
        order = np.argsort(-scores, kind="stable")
        weights = np.zeros(len(cuts))
        for i, cut in enumerate(cuts):
            above = np.zeros(n_samples, dtype=bool)
            above[order[: round(cut * n_samples)]] = True
            excess = average_precision_score(above, held_out) - cut
            weights[i] = max(_CHANCE, excess) ** _SHARPNESS
    weights = weights / weights.sum()
    mean = float(weights @ np.log(cuts))
    deviation = float(np.sqrt(weights @ (np.log(cuts) - mean) ** 2))
    low, high = np.exp(mean - deviation), min(0.5, np.exp(mean + deviation))
    return FoundRatio(float(np.exp(mean)), float(low), float(high))


def thresholded_ratio(thresholder: Any, scores: np.ndarray) -> FoundRatio:
    """Let a thresholder find the ratio in outlier scores, high for anomalies.

    Raises
    ------
    ValueError
        If it returns neither a label for each score nor a ratio.
    """
    decide = thresholder.eval if hasattr(thresholder, "eval") else thresholder
    found = np.asarray(decide(scores))
    if found.shape == () and found.dtype.kind in "fiu" and 0 <= found <= 1:
        ratio = float(found)
    elif found.shape == scores.shape and set(np.unique(found).tolist()) <= {0, 1}:
        ratio = float(np.mean(found == 1))
    else:
        raise ValueError(
            f"LOE: the thresholder {thresholder!r} must return a label for each of the "
            f"{len(scores)} scores, 1 for outliers and 0 for others, or a ratio in [0, 1]; got "
            + (repr(found.item()) if found.ndim == 0 else f"{found.dtype} of shape {found.shape}.")
        )
    # A thresholder may find no outlier, or nothing else; `offset_` needs a ratio in between.
    ratio = float(np.clip(ratio, 1 / len(scores), 0.5))
    return FoundRatio(ratio, ratio, ratio)
