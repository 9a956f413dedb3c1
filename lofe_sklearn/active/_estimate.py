"""The contamination ratio, from the labels of rows that were not drawn at random."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import gaussian_kde
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array, column_or_1d

from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._cut import tolerance
from lofe_sklearn._known_labels import Known
from lofe_sklearn._tensors import tensor_as_array
from lofe_sklearn._types import Bools, Floats, KnownLabels, Mask
from lofe_sklearn._validation import CONTAMINATION, check_argument, check_finite
from lofe_sklearn.active._query import in_unit_range, standardised

# How far a prior ratio may be off: it is log-normal, and one standard deviation is a factor of
# seven, as in LOE's own prior.
_PRIOR_DEVIATION = 2.0
# The ratios that are compared.
_RATIOS = np.geomspace(1e-4, 0.5, 400)
# Which part of the belief lies below either end of what members assume. A ratio that is too high
# costs them less than one that is too low: they rank best if they start at the median.
_BELOW_LOW, _BELOW_HIGH = 0.5, 0.975
# Places that are equal in so many decimals differ by rounding; their spread is 1.
_DECIMALS = 9


class Estimate(NamedTuple):
    """A ratio, and the interval that members are spread over.

    Attributes
    ----------
    value : float
    low, high : float
        The median of what is believed, and the ratio exceeded with a probability of 2.5 %.
    """

    value: float
    low: float
    high: float


def estimate_contamination(
    scores: ArrayLike,
    known_labels: KnownLabels | None = None,
    *,
    known_anomalies: Mask | None = None,
    known_normal: Mask | None = None,
    embedding: ArrayLike | None = None,
    prior: float | None = None,
) -> float:
    """Estimate the share of anomalies among all rows from the labels of those asked about.

    Rows that were chosen because they look anomalous hold more anomalies than the others. So each
    answer is weighted: the rarer rows like its own are among the chosen rows, compared with all
    rows, the more it counts. With scores alone, that is the estimate of SOEL [1]_: the mean of y
    p(s) / q(s) over the answers, with y = 1 for an anomaly and kernel densities p of the scores of
    all rows and q of those asked about. With an embedding, each answer represents the rows that are
    closer to its own than to any other; answers about equal rows share them. That suits rows that
    were chosen to cover the embedding: these are more anomalous than other rows of their score.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Scores of all rows, by the detector that chose the rows to ask about. Scores of a detector
        trained with LOE tell much more than those of a blind one, which gives anomalies the same
        scores as normal rows.
    known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
        The answers in one array: -1 anomaly, +1 normal, 0 for rows that were not asked about
        (data sets' 1 for anomalies is refused); or masks ``(normal, anomalous)``.
    known_anomalies, known_normal : array-like of bool, shape (n_samples,), optional
        The answers as masks of the rows that are anomalies, and of those that are normal.
    embedding : array-like of shape (n_samples, n_outputs), optional
        All rows as that detector embeds them. The scores count as one more output.
    prior : float, optional
        The share of anomalies that was assumed before, in (0, 0.5]. It is believed as LOE believes
        its own prior: log-normal, with a factor of seven as the standard deviation. The estimate is
        the mean of what is believed after the answers. Since that prior is its median, the mean may
        be above it after a few normal rows. Answers speak only for rows like their own:
        if only some kind of rows was asked about, for example the most anomalous ones, they count
        less, and the prior is also used as the share among the rows that no answer represents. The
        mean of p(s) / q(s) tells how many rows are represented. Default: the answers alone.

    Returns
    -------
    contamination : float
        At least the share of the known anomalies among all rows, and at least one row; at most 0.5.

    Raises
    ------
    ValueError
        If no label is known, or a parameter cannot be used.

    References
    ----------
    .. [1] A. Li, C. Qiu, M. Kloft, P. Smyth, S. Mandt, M. Rudolph (2023). Deep Anomaly Detection
       under Labeling Budget Constraints. ICML. arXiv:2302.07832, section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.active import estimate_contamination
    >>> rng = np.random.default_rng(0)
    >>> scores = np.concatenate([rng.normal(-3, 1, 100), rng.normal(0, 1, 900)])
    >>> known = np.zeros(1000, dtype=int)
    >>> known[:20], known[500:520] = -1, 1  # half of those asked about, a tenth of all rows
    >>> round(estimate_contamination(scores, known), 2)
    0.15
    """
    answers = _read(scores, Known(known_labels, known_anomalies, known_normal), embedding)
    if prior is None:
        return answers.within(answers.alone)
    return _estimate(answers, prior).value


def estimate_with_interval(
    scores: ArrayLike, labels: Known, embedding: ArrayLike, prior: float
) -> Estimate:
    """Do as `estimate_contamination` does, and tell which ratios members should assume."""
    return _estimate(_read(scores, labels, embedding), prior)


class _Answers(NamedTuple):
    """What the answers say.

    Attributes
    ----------
    alone : float
        Their estimate of the ratio, without a prior.
    share : float
        Of anomalies among the rows that they represent.
    covered : float
        How large a part of all rows these are.
    n_answers : int
    least, most : float
        What the known labels leave possible.
    """

    alone: float
    share: float
    covered: float
    n_answers: int
    least: float
    most: float

    def within(self, ratio: float) -> float:
        return float(np.clip(ratio, self.least, self.most))


def _read(scores: ArrayLike, labels: Known, embedding: ArrayLike | None) -> _Answers:
    owner = "estimate_contamination"
    check_plain_values(scores, "scores", owner)
    try:
        values = column_or_1d(tensor_as_array(scores), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{owner}: scores must be a 1d array of numbers. {error}") from error
    known = labels.read(len(values), owner, trains=False)
    if known is None:
        raise ValueError(
            "estimate_contamination: no label is known; known_anomalies or known_normal must name "
            "at least one row."
        )
    check_finite(values, f"{owner}: scores must be finite; row {{row}} is not, it is {{value}}.")
    asked = known != 0
    anomalous = known[asked] < 0
    ratios = _density_ratios(values, asked)
    covered = min(1.0, float(ratios.mean()))
    alone = float(np.mean(anomalous * ratios))
    share = float(anomalous @ ratios / ratios.sum())
    if embedding is not None:
        places = _with_scores(_checked_embedding(embedding, owner), values)
        share = float(_cells(places, asked) @ anomalous)
        alone = covered * share
    least = max(float(np.mean(known < 0)), 1 / len(values))
    most = max(least, min(0.5, float(np.mean(known <= 0))))
    return _Answers(alone, share, covered, len(anomalous), min(least, 0.5), min(most, 0.5))


def _estimate(answers: _Answers, prior: float) -> Estimate:
    """Update a prior ratio by the answers."""
    check_argument("estimate_contamination", "prior", prior, CONTAMINATION)
    share, n_answers = answers.share, answers.n_answers * answers.covered
    log_belief = (
        -0.5 * (np.log(_RATIOS / prior) / _PRIOR_DEVIATION) ** 2
        + n_answers * share * np.log(_RATIOS)
        + n_answers * (1 - share) * np.log1p(-_RATIOS)
    )
    belief = np.exp(log_belief - log_belief.max())
    belief /= belief.sum()
    reached = np.cumsum(belief)
    half_a_step = (_RATIOS[1] / _RATIOS[0]) ** 0.5
    low = _RATIOS[int((reached >= _BELOW_LOW).argmax())] / half_a_step
    high = _RATIOS[int((reached >= _BELOW_HIGH).argmax())] * half_a_step
    # By scores alone, answers seem to represent fewer rows than they do. Of what was tried, the
    # root of that part came nearest to the true ratios.
    covered = answers.covered**0.5
    value = covered * float(belief @ _RATIOS) + (1 - covered) * prior
    return Estimate(*map(answers.within, (value, min(low, value), max(high, value))))


def _checked_embedding(embedding: ArrayLike, owner: str) -> Floats:
    check_plain_values(embedding, "embedding", owner)
    try:
        rows = check_array(tensor_as_array(embedding), dtype=np.float64, input_name="embedding")
        return np.asarray(rows)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{owner}: embedding must hold finite numbers of shape (n_samples, n_outputs), as "
            f"detector.embed(X) returns them. {error}"
        ) from error


def _density_ratios(scores: Floats, asked: Bools) -> Floats:
    """p(s) / q(s) of the rows asked about; all alike where their scores are."""
    # The ratios are the same in any unit, but the squares of scores may be too large or too small.
    scores = in_unit_range(scores[:, None])[:, 0]
    own = scores[asked]
    # Scores of equal rows may differ by rounding, which must not decide about the ratio.
    if np.ptp(own) <= tolerance(scores, float(own[0])):
        return np.ones(len(own))
    return gaussian_kde(scores)(own) / gaussian_kde(own)(own)


def _with_scores(embedding: Floats, scores: Floats) -> Floats:
    """Append the scores to the embedding, with the same weight as the whole embedding."""
    if len(embedding) != len(scores):
        raise ValueError(
            f"estimate_contamination: embedding must have a row for each of the {len(scores)} "
            f"scores; got {len(embedding)}."
        )
    outputs = standardised(embedding)
    outputs = outputs / max(1, outputs.shape[1]) ** 0.5
    return np.column_stack([outputs, standardised(scores[:, None])])


def _cells(places: Floats, asked: Bools) -> Floats:
    """Share of all rows that each of the rows asked about represents: those nearest to it.

    Answers in the same place, such as those about equal rows, share the rows nearest to it.
    """
    if places.shape[1] == 0:  # all rows are in one place
        places = np.zeros((len(places), 1))
    own = np.round(places[asked], _DECIMALS)
    different, place, n_answers = np.unique(own, axis=0, return_inverse=True, return_counts=True)
    nearest = NearestNeighbors(n_neighbors=1).fit(different)
    [cell] = nearest.kneighbors(places, return_distance=False).T
    shares = np.bincount(cell, minlength=len(different)) / len(places) / n_answers
    return np.asarray(shares[place.reshape(-1)])
