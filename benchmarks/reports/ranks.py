"""Detectors compared over many data sets: ranks, Friedman's test, and what may be told apart.

As in Demšar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7: the
detectors are ranked on each set, Friedman's test (with Iman's and Davenport's correction) says
whether the mean ranks differ at all, Nemenyi's test which of them do. Benavoli et al. (2016),
JMLR 17, object that Nemenyi's verdict on two detectors depends on the others that were compared;
Wilcoxon's signed-rank tests of all pairs with Holm's correction do not.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    names : list of str
        The detectors, best mean rank first; everything else is in this order.
    ranks : array of shape (k,)
        Mean ranks over the sets, 1 the best.
    n_sets : int
        The number of sets.
    statistic, p_chi2 : float
        Friedman's statistic, corrected for ties, and its p value.
    f_statistic, p_value : float
        Iman's and Davenport's F of it, and its p value: the one that decides.
    critical_difference : float
        Mean ranks further apart than this differ by Nemenyi's test.
    groups : list of (int, int)
        First and last of each run of detectors that Nemenyi's test does not tell apart.
    p_pairs : array of shape (k, k)
        Wilcoxon's signed-rank p values of all pairs, corrected by Holm's method.
    level : float
        The level of significance.
    """

    names: list[str]
    ranks: Floats
    n_sets: int
    statistic: float
    p_chi2: float
    f_statistic: float
    p_value: float
    critical_difference: float
    groups: list[tuple[int, int]]
    p_pairs: Floats
    level: float

    @property
    def significant(self) -> bool:
        """Whether Friedman's test says that the detectors differ at all."""
        return self.p_value < self.level


def rank_rows(scores: Floats) -> Floats:
    """Rank the detectors on each set, 1 the highest score, ties sharing their mean rank.

    Parameters
    ----------
    scores : array of shape (n_sets, k)
        Higher is better.

    Returns
    -------
    array of shape (n_sets, k)
        The ranks.
    """
    return stats.rankdata(-np.asarray(scores, dtype=float), axis=1)


def friedman(scores: Floats) -> tuple[float, float]:
    """Return Friedman's statistic, corrected for ties, and its p value; (0, 1) where all tie."""
    scores = np.asarray(scores, dtype=float)
    if (scores == scores[:, :1]).all():
        return 0.0, 1.0
    statistic, p_value = stats.friedmanchisquare(*scores.T)
    return float(statistic), float(p_value)


def iman_davenport(statistic: float, n_sets: int, k: int) -> tuple[float, float]:
    """Return Iman's and Davenport's F of Friedman's statistic, and its p value."""
    rest = n_sets * (k - 1) - statistic
    if rest <= 1e-9:  # the same order on every set
        return np.inf, 0.0
    value = (n_sets - 1) * statistic / rest
    return float(value), float(stats.f.sf(value, k - 1, (k - 1) * (n_sets - 1)))


def critical_difference(k: int, n_sets: int, level: float = 0.05) -> float:
    """Return how far apart two mean ranks of `k` detectors must be, by Nemenyi's test."""
    q = stats.studentized_range.ppf(1 - level, k, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * n_sets)))


def wilcoxon_holm(scores: Floats) -> Floats:
    """Test all pairs of detectors by Wilcoxon's signed ranks, corrected by Holm's method.

    Parameters
    ----------
    scores : array of shape (n_sets, k)

    Returns
    -------
    array of shape (k, k)
        Corrected p values; 1 on the diagonal.
    """
    scores = np.asarray(scores, dtype=float)
    pairs = list(combinations(range(scores.shape[1]), 2))
    raw = np.array([wilcoxon(scores[:, i], scores[:, j]) for i, j in pairs])
    order = np.argsort(raw, kind="stable")
    stepwise = raw[order] * np.arange(len(raw), 0, -1)
    corrected = np.empty_like(raw)
    corrected[order] = np.minimum(np.maximum.accumulate(stepwise), 1.0)
    result = np.ones((scores.shape[1],) * 2)
    for (i, j), value in zip(pairs, corrected, strict=True):
        result[i, j] = result[j, i] = value
    return result


def wilcoxon(first: Floats, second: Floats) -> float:
    """Return the p value of Wilcoxon's signed-rank test, zeros split as in Demšar (2006)."""
    difference = np.round(np.asarray(first) - np.asarray(second), 12)
    if not difference.any():
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "sample size too small": the p value says so too
        return float(stats.wilcoxon(difference, zero_method="zsplit").pvalue)


def runs(different: Bools) -> list[tuple[int, int]]:
    """Return the longest runs, of two or more, in which no pair differs.

    Parameters
    ----------
    different : array of shape (k, k)
        Whether two detectors differ, in the order of their mean ranks.

    Returns
    -------
    list of (int, int)
        First and last index of each run; none lies within another.
    """
    found: list[tuple[int, int]] = []
    k = len(different)
    for first in range(k):
        last = first
        while last + 1 < k and not different[first : last + 2, first : last + 2].any():
            last += 1
        if last > first and not (found and found[-1][1] >= last):
            found.append((first, last))
    return found


def compare(scores: Floats, names: list[str], level: float = 0.05) -> Comparison:
    """Compare three or more detectors over two or more sets.

    Parameters
    ----------
    scores : array of shape (n_sets, k)
        Higher is better; nothing missing.
    names : list of str
        The k detectors.
    level : float, default=0.05
        The level of significance.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        For fewer than three detectors or two sets, or where a score is missing.
    """
    scores = np.asarray(scores, dtype=float)
    n_sets, k = scores.shape
    if k < 3 or n_sets < 2:
        raise ValueError(
            f"Friedman's test needs three detectors and two sets or more; got {k} and {n_sets}."
        )
    if not np.isfinite(scores).all():
        raise ValueError("every detector needs a score on every set; some are missing.")
    ranks = rank_rows(scores).mean(axis=0)
    order = np.argsort(ranks, kind="stable")
    ranks, scores = ranks[order], scores[:, order]
    statistic, p_chi2 = friedman(scores)
    f_statistic, p_value = iman_davenport(statistic, n_sets, k)
    distance = critical_difference(k, n_sets, level)
    # Where Friedman's test finds nothing, the tests that come after it are not to be looked at.
    different = (np.abs(ranks[:, None] - ranks) > distance) & (p_value < level)
    return Comparison(
        names=[names[i] for i in order],
        ranks=ranks,
        n_sets=n_sets,
        statistic=statistic,
        p_chi2=p_chi2,
        f_statistic=f_statistic,
        p_value=p_value,
        critical_difference=distance,
        groups=runs(different),
        p_pairs=wilcoxon_holm(scores),
        level=level,
    )
