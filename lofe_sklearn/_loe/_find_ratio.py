"""What can be known of the contamination without labels: a belief, from a prior and agreement.

No score says by itself how many rows are anomalies: rows far out are there in clean data too. Over
the benchmarks' sets, thinned to all sorts of ratios, no statistic of the scores tells much. So a
prior is part of every answer, and is said: anomalies are rare, unless the data say otherwise.

What the data can say is how far detectors of different kinds agree on the rows on top. If the rows
above a cut are of another kind, different detectors put the same ones there; a cut through the
middle of one kind divides them by chance. Detectors agree on other rows too, so what counts is how
much more they agree at a cut than they usually do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from lofe_sklearn._cut import tolerances
from lofe_sklearn._validation import warn_user
from lofe_sklearn.exceptions import NoSeparateGroupWarning

# The cuts that are compared.
RATIOS = np.geomspace(0.001, 0.5, 28)
# The prior is log-normal. Both numbers, and the constants below, were chosen on the benchmarks'
# sets: see the study `nothing_chosen`.
PRIOR_MEAN = 0.03
PRIOR_DEVIATION = 2.0
# How much a given agreement changes the belief.
_SHARPNESS = 1.25
# The logit of the agreement that is usual at some cuts.
_USUAL_AT = np.log([0.001, 0.01, 0.05, 0.2, 0.5])
_USUAL = np.array([-0.02, 0.54, 0.65, 0.70, 0.71])
# Agreement below is chance, and above full agreement, as far as rows can tell.
_CHANCE, _FULL = 0.05, 0.99
# So many rows at most are flagged where no separate group was seen.
MOST_UNSEEN = 0.05
# Agreement from which the rows above each cut are a group of their own. Full agreement on eight
# rows is enough, or on ten if the group is so large that it needs better grounds.
SEPARATE = np.where(RATIOS <= MOST_UNSEEN, 0.935, 0.95)
SEPARATE[RATIOS > 0.3] = np.inf
# They also are if so many pairs agree so well: of a large group some detectors find only a part.
_FEW_PAIRS, _SEPARATE_FOR_FEW = 3, 0.97
# The share of the belief that lies outside the interval, at each end.
_TAIL = 0.1


@dataclass(frozen=True)
class FoundRatio:
    """A ratio, and the interval in which it may as well lie.

    Attributes
    ----------
    value : float
    low, high : float
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Belief:
    """How likely each ratio is.

    Attributes
    ----------
    probability : ndarray of shape (len(RATIOS),)
        Sums to 1.
    is_separate : bool
        Whether the detectors, or three pairs of them, agree so well on the rows above some cut that
        these are a group of their own.
    prior : ndarray of shape (len(RATIOS),)
        How likely each ratio was before the detectors were compared. Sums to 1.
    agreement : ndarray of shape (len(RATIOS),) or None
        How far the detectors agree at each cut; None where there were fewer than two.
    most_unseen : float
        The ratio is at most this where no group was seen to be separate.
    is_one_feature : bool
        Whether nothing was learned since the rows differ in one feature only.
    """

    probability: np.ndarray
    is_separate: bool
    prior: np.ndarray
    agreement: np.ndarray | None = None
    most_unseen: float = MOST_UNSEEN
    is_one_feature: bool = False

    @property
    def found(self) -> FoundRatio:
        """The geometric mean, and the interval that holds four fifths of the belief.

        Where no group was seen to be separate, the mean is at most `most_unseen`.
        """
        logs, reached = np.log(RATIOS), np.cumsum(self.probability)
        half_a_step = np.sqrt(RATIOS[1] / RATIOS[0])
        low = RATIOS[int((reached >= _TAIL).argmax())] / half_a_step
        high = RATIOS[int((reached >= 1 - _TAIL).argmax())] * half_a_step
        mean = float(np.exp(self.probability @ logs))
        if not self.is_separate:
            mean = min(mean, self.most_unseen)
        return FoundRatio(mean, float(min(low, mean)), float(min(0.5, max(high, mean))))

    def weights(self, ratios: np.ndarray) -> np.ndarray:
        """Weigh members by how likely the ratios are that they assume: (M,), the mean is 1."""
        weights = np.interp(np.log(ratios), np.log(RATIOS), self.probability)
        total = weights.sum()
        return weights * len(weights) / total if total > 0 else np.ones(len(weights))


def believe(
    parties: Sequence[np.ndarray],
    n_samples: int,
    least: float = 0.0,
    most: float = 1.0,
    *,
    is_one_feature: bool = False,
) -> Belief:
    """Update the prior by how far detectors of different kinds agree.

    Parameters
    ----------
    parties : sequence of ndarray of shape (n_samples,)
        Outlier scores of the training rows, high for anomalies, by detectors of different kinds. Of
        fewer than two nothing is learned, and the belief is the prior.
    n_samples : int
    least, most : float
        The ratio is known to be between these.
    is_one_feature : bool
        Whether the rows differ in one feature only. All detectors then rank by how far rows are out
        in it: they agree on clean rows too, and nothing is learned.

    Returns
    -------
    Belief
    """
    lowest = min(max(1 / n_samples, least), RATIOS[-1])
    possible = (lowest <= RATIOS) & (max(most, RATIOS[lowest <= RATIOS][0]) >= RATIOS)
    log_belief = np.where(possible, log_prior(), -np.inf)
    prior = _normalised(log_belief)
    if len(parties) < 2 or is_one_feature:
        return Belief(prior, False, prior, None, most_unseen(n_samples), is_one_feature)
    of_pairs = _of_pairs(parties)
    # Of the half of the pairs that agree best: a detector that does not suit the rows is left out.
    n_pairs = of_pairs.shape[1]
    agreement = _of_best(of_pairs, n_pairs - n_pairs // 2)
    evidence = _SHARPNESS * (logit(agreement) - logit(usual_agreement()))
    of_few = _of_best(of_pairs, _FEW_PAIRS)[np.isfinite(SEPARATE)]
    is_separate = bool((agreement > SEPARATE).any() or of_few.max() > _SEPARATE_FOR_FEW)
    return Belief(
        _normalised(log_belief + evidence), is_separate, prior, agreement, most_unseen(n_samples)
    )


def most_unseen(n_samples: int) -> float:
    """Return the share whose percentile cuts off one row in twenty, or one of fewer rows."""
    n_flagged = max(1, int(MOST_UNSEEN * n_samples))
    return min(MOST_UNSEEN, (n_flagged - 0.5) / max(1, n_samples - 1))


def usual_agreement() -> np.ndarray:
    """How far detectors of different kinds usually agree at each cut, (len(RATIOS),)."""
    return expit(np.interp(np.log(RATIOS), _USUAL_AT, _USUAL))


def log_prior() -> np.ndarray:
    """Logarithm of the prior at each ratio, up to a constant, (len(RATIOS),)."""
    away: np.ndarray = (np.log(RATIOS) - np.log(PRIOR_MEAN)) / PRIOR_DEVIATION
    return -0.5 * away**2


def _normalised(log_belief: np.ndarray) -> np.ndarray:
    """Turn logarithms, -inf for what is not possible, into probabilities that sum to 1."""
    belief = np.exp(log_belief - log_belief.max())
    return belief / belief.sum()


def _of_best(of_pairs: np.ndarray, n_best: int) -> np.ndarray:
    """Return the mean agreement at each cut over so many pairs that agree best there."""
    best = np.sort(of_pairs, axis=1)[:, -n_best:]
    clipped: np.ndarray = np.clip(best.mean(axis=1), _CHANCE, _FULL)
    return clipped


def _of_pairs(parties: Sequence[np.ndarray]) -> np.ndarray:
    """How far each pair agrees on the rows above each cut, (n_ratios, n_pairs): 0 is chance.

    The share of the rows above one party's cut that are above the other's too, chance taken off.
    Half a row of pure chance is added, so that a single row says little, or half of as many rows as
    tie with each other above the cut: together they say no more than one of them.

    Where rows tie, it is chance which of them are above a cut. If many tie in two parties, since
    they are equal for example, then it is no finding that the others are above them: chance is what
    it would be among the others alone.
    """
    n_samples = len(parties[0])
    cuts = [min(max(1, round(r * n_samples)), max(1, n_samples // 2)) for r in RATIOS]
    ranked = [_Ranked.of(scores, cuts) for scores in parties]
    pairs = [
        (a, b, _tied_in_both(ranked[a], ranked[b])) for a in range(len(ranked)) for b in range(a)
    ]
    result = np.empty((len(RATIOS), len(pairs)))
    for i, n_above in enumerate(cuts):
        above = [each.above(i, n_above) for each in ranked]
        for j, (a, b, n_tied) in enumerate(pairs):
            share = min(1.0, n_above / max(1, n_samples - n_tied))
            half = 0.5 * min(ranked[a].alike[i], ranked[b].alike[i])
            shared = (_in_both(above[a], above[b]) + half * share) / (n_above + half)
            result[i, j] = (shared - share) / max(1 - share, 0.5)
    return result


@dataclass(frozen=True, eq=False)
class _Ranked:
    """One party's scores, and between which of them each cut lies.

    Attributes
    ----------
    scores : ndarray of shape (n_samples,)
    tie_low, tie_high : ndarray of shape (n_cuts,)
        Rows whose score is between the two tie with the last row above the cut.
    is_tied : ndarray of bool, shape (n_samples,)
        Which rows are the largest tie.
    alike : ndarray of shape (n_cuts,)
        How many rows above each cut have one score, as a mean over these scores.
    """

    scores: np.ndarray
    tie_low: np.ndarray
    tie_high: np.ndarray
    is_tied: np.ndarray
    alike: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, cuts: Sequence[int]) -> _Ranked:
        ascending = np.sort(scores)
        near = tolerances(scores, ascending)
        starts = np.append(0, np.flatnonzero(np.diff(ascending) > 2 * near[1:]) + 1)
        sizes = np.diff(np.append(starts, len(scores)))
        first, size = starts[sizes.argmax()], sizes.max()
        is_tied = (scores >= ascending[first]) & (scores <= ascending[first + size - 1])
        at = len(scores) - np.array(cuts)
        n_scores = len(starts) + 1 - np.searchsorted(starts, at, side="right")
        alike = np.array(cuts) / n_scores
        return cls(scores, (ascending - near)[at], (ascending + near)[at], is_tied, alike)

    def above(self, which: int, n_above: int) -> np.ndarray:
        """Return which rows are above the cut below `n_above` rows.

        If it splits a tie, return instead how likely each row is above it.
        """
        reached = self.scores >= self.tie_low[which]
        n_reached = np.count_nonzero(reached)
        if n_reached == n_above:
            return reached
        certain = self.scores > self.tie_high[which]
        n_certain = np.count_nonzero(certain)
        return np.where(certain, 1.0, reached * (n_above - n_certain) / (n_reached - n_certain))


def _in_both(a: np.ndarray, b: np.ndarray) -> float:
    """Return how many rows are expected above two cuts, given which rows are above each."""
    if a.dtype == b.dtype == bool:
        return float(np.count_nonzero(a & b))
    return float(a.astype(float) @ b.astype(float))


def _tied_in_both(a: _Ranked, b: _Ranked) -> int:
    """Return how many rows tie with each other in both; 0 if it is one."""
    n_tied = int(np.count_nonzero(a.is_tied & b.is_tied))
    return n_tied if n_tied > 1 else 0


def is_prior(belief: Belief, known: np.ndarray | None) -> bool:
    """Whether the ratio is hardly more than the prior: no group was seen, nor is one known."""
    return not belief.is_separate and (known is None or not (known < 0).any())


def warn_of_prior(belief: Belief, found: FoundRatio, flagged: float) -> None:
    """Tell the user that the ratio is hardly more than the prior."""
    why = "detectors of different kinds do not agree on which rows it would be"
    if belief.is_one_feature:
        why = "the rows differ in one feature, by which all detectors rank them alike"
    elif belief.agreement is None:
        why = "without evidence, there is nothing to compare the members with"
    warn_user(
        f"LOE: no separate group of anomalies was found: {why}. There may be few anomalies, or "
        f"none. predict flags {flagged:.2g} of the training rows, mostly by the assumption "
        f"that anomalies are rare; the interval is {found.low:.2g} to {found.high:.2g}. The "
        "ranking holds whatever the ratio is: set contamination if you know it, or how many rows "
        "you can look at by set_threshold(n_flagged=...).",
        NoSeparateGroupWarning,
    )
