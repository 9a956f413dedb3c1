"""Find the contamination without labels.

An ensemble whose members assume different ratios ranks the rows without deciding for one. For the
threshold a ratio is needed. Two ways to find one look at different things, and their geometric
mean errs less than either:

- If the rows above a cut really are of another kind, models that were trained on other rows put the
  same ones on top; a cut through the middle of one kind is not reproduced.
- If anomalies are of another kind, their scores form a component of their own in a mixture of
  normal distributions: the upper one.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import average_precision_score
from sklearn.mixture import BayesianGaussianMixture

# What members of an ensemble assume in turn where the ratio is not known, and the cuts compared.
RATIOS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
# Sharpness of the weights of cuts: high enough to leave out what is hardly reproduced.
_SHARPNESS = 8
# Average precision above chance that a few rows reach by luck: it says nothing for a cut.
_CHANCE = 0.1
# The mixture sees so many quantiles of the scores, which say all it needs.
_N_QUANTILES = 2000


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


def find_ratio(scores: np.ndarray, held_out: np.ndarray | None) -> FoundRatio:
    """Find the ratio to cut a ranking at, and how far it may be off.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Outlier scores of the ensemble, high for anomalies.
    held_out : ndarray of shape (n_samples,) or None
        Outlier scores of each row by an ensemble trained without it. None where there are too few
        rows for that: all cuts then count the same, and the interval is wide.

    Returns
    -------
    FoundRatio
        The mean of the logarithm of the cuts, weighted by how well they are reproduced, and of the
        mixture's ratio, which counts as much as all of them.
    """
    cuts = np.log(RATIOS)
    weights = np.full(len(cuts), 1 / len(cuts))
    if held_out is not None and np.ptp(scores) > 0:
        weights = reproduced(scores, held_out)
        cuts = np.append(cuts, np.log(upper_component(scores)))
        weights = np.append(weights, 1.0) / 2
    mean = float(weights @ cuts)
    deviation = float(np.sqrt(weights @ (cuts - mean) ** 2))
    high = min(0.5, float(np.exp(mean + deviation)))
    return FoundRatio(float(np.exp(mean)), float(np.exp(mean - deviation)), high)


def reproduced(scores: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """How well each cut of `scores` is reproduced by `held_out`: weights that sum to 1.

    By a power of the average precision that `held_out` reaches on the rows above the cut, on a
    scale on which chance is 0 and a perfect ranking 1.
    """
    order = np.argsort(-scores, kind="stable")
    weights = np.zeros(len(RATIOS))
    for i, cut in enumerate(RATIOS):
        above = np.zeros(len(scores), dtype=bool)
        above[order[: max(1, round(cut * len(scores)))]] = True
        precision = average_precision_score(above, held_out)
        weights[i] = max(_CHANCE, (precision - cut) / (1 - cut)) ** _SHARPNESS
    return weights / weights.sum()


def upper_component(scores: np.ndarray) -> float:
    """Weight of the upper component in a mixture of normal distributions, at most 1/2.

    The number of components is found too: a Dirichlet process prior empties those not needed.
    """
    n_points = min(len(scores), _N_QUANTILES)
    points = np.quantile(scores, (np.arange(n_points) + 0.5) / n_points)
    mixture = BayesianGaussianMixture(
        n_components=min(10, n_points),
        weight_concentration_prior=0.01,
        n_init=2,
        max_iter=500,
        random_state=0,
    )
    with warnings.catch_warnings():
        # A mixture that still moves a little after so many steps is as good.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(points[:, None])
    means = np.where(mixture.weights_ > 1 / n_points, mixture.means_[:, 0], -np.inf)
    return float(np.clip(mixture.weights_[means.argmax()], 1 / len(scores), 0.5))
