"""From scores to probabilities: how likely a row of such a score is an anomaly.

The logit of the probability is linear in the score. Without labels, neither of its two numbers can
be learned:

- The slope is a constant. A score of several members is the mean of standardised log losses, so
  where they disagree scores are closer together, and probabilities less sure, by themselves. Slopes
  found for each set, from held-out scores or a mixture of normal distributions, are far
  too steep: models agree on their mistakes. Shrunk to a constant they were no better than it.
- The intercept makes the mean probability the contamination ratio, over the training rows as their
  models score them and as others do, which have not seen them. Members fit the rows they are
  trained on better than new ones: their own scores alone would make new normal rows suspicious.

Known labels correct the intercept, since what is wrong is the ratio, more than anything else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.utils import ClassifierTags, Tags

from lofe_sklearn._cut import tolerance, tolerances
from lofe_sklearn._loe._scale import CommonScale
from lofe_sklearn._types import Floats, MatrixLike
from lofe_sklearn._validation import Number

# Logits for each unit of the score. Between 1.5 and 2.5 nothing much changes.
_SLOPE = 2.0
# How far known labels may easily move the logit of the ratio: a found one is good to a factor of
# about two. So one label of each class hardly matters, and dozens do.
_TRUST = math.log(2)
# The relative rounding error of a share times a number of rows, with room.
_ROUNDING = 1e-12
_SHARE = Number(low=0, high=1, exclude_low=True)


@dataclass(frozen=True)
class Posterior:
    """The probability that a row is an anomaly, a rising function of its outlier score.

    Attributes
    ----------
    scale : CommonScale
        What scores are brought to a unit by.
    intercept : float
        Logit of the probability of a row of average score.
    share : float
        The share of anomalies that the probabilities are for.
    """

    scale: CommonScale
    intercept: float
    share: float

    @classmethod
    def of(
        cls,
        scale: CommonScale,
        scores: np.ndarray,
        ratio: float,
        held_out: np.ndarray | None,
        known: np.ndarray | None,
        *,
        most: float = 1.0,
    ) -> Posterior:
        """Find the intercept.

        Parameters
        ----------
        scale : CommonScale
        scores : ndarray of shape (n_samples,)
            Scores of the training rows, high for normal.
        ratio : float
            The share of anomalies among them.
        held_out : ndarray of shape (n_samples,) or None
            Their scores by models that have not seen them.
        known : ndarray of int8, shape (n_samples,), or None
            -1 for known anomalies, +1 for normal rows, 0 for all others.
        most : float
            At most this share of the training rows gets a probability above 1/2.
        """
        if not 0 < ratio < 1:
            # Every row is known to be of one class, or none or all are to be flagged: half a row
            # less than that, since the logits of 0 and 1 are infinite.
            least = 0.5 / len(scores)
            ratio = float(np.clip(ratio, least, 1 - least))
        own = scale.standardised(scores)
        highest = _highest_intercept(own, most, scale.unit)
        if held_out is None:
            return cls(scale, min(_intercept(own, ratio), highest), ratio)
        unseen = scale.standardised(held_out)
        intercept = min(_intercept(np.concatenate([own, unseen]), ratio), highest)
        # A class of which no row is known says nothing for or against the ratio: a user who names
        # ten anomalies may have looked at more than ten rows.
        if known is None or not ((known < 0).any() and (known > 0).any()):
            return cls(scale, intercept, ratio)
        # A known row's own score tells that it was trained with its label. Halfway between what a
        # new row of its kind scores and what a training row of the same rank does, both are served.
        logits = _SLOPE * (_of_equal_rank(own, unseen, scale.unit) + unseen) / 2 + intercept
        shift = min(_shift(logits[known != 0], known[known != 0] < 0), highest - intercept)
        return cls(scale, intercept + shift, float(expit(logit(ratio) + shift)))

    def proba(self, scores: np.ndarray, share: float | None = None) -> np.ndarray:
        """Turn scores, (n,), into probabilities, (n,); `share` as if so many were anomalies.

        Raises
        ------
        ValueError
            If `share` is not between 0 and 1.
        """
        shift = 0.0
        if share is not None:
            if not (_SHARE.accepts(share) and share < 1):
                raise ValueError(
                    "LOE: contamination in anomaly_proba must be a number in (0, 1), the share of "
                    f"anomalies among rows like those of X, or None; got {share!r}."
                )
            shift = logit(share) - logit(self.share)
        return expit(_SLOPE * self.scale.standardised(scores) + self.intercept + shift)


class PosteriorMixin:
    """The method that turns a fitted detector's scores into probabilities."""

    score_samples: Any
    _posterior: Posterior

    def anomaly_proba(self, X: MatrixLike, contamination: float | None = None) -> Floats:
        """Estimate the probability that each row is an anomaly.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.
        contamination : float in (0, 1), optional
            Share of anomalies to expect among rows like those of X, if it differs from the share
            in training: the odds are multiplied accordingly. Default: the share in training.

        Returns
        -------
        proba : ndarray of float64, shape (n_samples,)
            In [0, 1]. It ranks rows as ``-score_samples(X)`` does, with ties only if a
            probability is rounded to 0 or 1, and does not depend on the other rows of X.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If X cannot be used, or `contamination` is not between 0 and 1.

        Notes
        -----
        The logit is linear in the standardised logarithm of the normal loss, averaged over members
        and evidence. Its intercept makes the mean over the training rows `contamination_`. If there
        are `held_out_scores_`, the mean is over these too. The intercept is lower if more rows than
        the upper end of `contamination_interval_` would otherwise be above 1/2. So a probability is
        as good as the ranking and that ratio: if the ratio is half of the truth, so are most
        probabilities. `set_threshold` with a share or a number sets the ratio anew, and limits the
        rows above 1/2 to that share. With a false discovery rate or a false alarm rate, which do
        not tell the ratio, both stay those of the fit.

        Known labels act on the training, and so on the scores. With ``contamination="auto"``,
        `held_out_folds` and known rows of both classes, they correct the intercept too, by a
        penalised logistic regression. For that, choose the rows to be labelled at random or by
        their scores, not by their class. A known row gets the probability that its score has,
        neither 0 nor 1.

        Examples
        --------
        >>> import numpy as np
        >>> from lofe_sklearn import LOE, DeepSVDD
        >>> rng = np.random.default_rng(0)
        >>> X = np.concatenate([rng.normal(0, 1, (190, 4)), rng.normal(6, 1, (10, 4))])
        >>> detector = LOE(DeepSVDD(), contamination=0.05, random_state=0).fit(X)
        >>> proba = detector.anomaly_proba(X)
        >>> bool(proba[190:].min() > 0.5 > proba[:190].max()), round(float(proba.mean()), 3)
        (True, 0.05)
        """
        scores = self.score_samples(X)  # raises if not fitted
        return self._posterior.proba(scores, contamination)

    def predict_proba(self, X: MatrixLike) -> Floats:
        """Estimate the probabilities that each row is normal and that it is an anomaly.

        These are the probabilities of `anomaly_proba`, under the name and in the shape that a
        Pipeline and other tools hand on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.

        Returns
        -------
        proba : ndarray of float64, shape (n_samples, 2)
            Column 0 is the probability that the row is normal, column 1 that it is an anomaly:
            ``proba[:, 1]`` is ``anomaly_proba(X)``.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If X cannot be used.

        Notes
        -----
        The order is that of the labels of data sets, 0 for normal rows and 1 for anomalies, and of
        PyOD's detectors. It is not that of the labels -1 and +1 that `predict` returns, so there is
        no attribute ``classes_``.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from lofe_sklearn import LOE, DeepSVDD
        >>> rng = np.random.default_rng(0)
        >>> X = np.concatenate([rng.normal(0, 1, (190, 4)), rng.normal(6, 1, (10, 4))])
        >>> detector = LOE(DeepSVDD(), contamination=0.05, random_state=0)
        >>> pipeline = make_pipeline(StandardScaler(), detector).fit(X)
        >>> bool(pipeline.predict_proba(X)[190:, 1].min() > 0.5)
        True
        """
        anomaly = self.anomaly_proba(X)
        return np.column_stack([1 - anomaly, anomaly])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        # What has predict_proba says for how many classes, though it is no classifier.
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags


def _of_equal_rank(values: np.ndarray, ranked: np.ndarray, unit: float) -> np.ndarray:
    """Return, for each of `ranked`, the one of `values` that has its rank.

    Those that tie up to rounding get the mean over their ranks: the order of the rows does not
    decide.
    """
    ascending = np.sort(ranked)
    differ = np.diff(ascending) > 2 * tolerances(ranked, ascending, unit)[1:]
    firsts = np.append(0, np.flatnonzero(differ) + 1)
    means = np.add.reduceat(np.sort(values), firsts) / np.diff(np.append(firsts, len(ranked)))
    return np.asarray(means[np.searchsorted(ascending[firsts], ranked, side="right") - 1])


def _intercept(units: np.ndarray, ratio: float) -> float:
    """Find the intercept by which the mean probability is `ratio`."""
    logits = _SLOPE * units
    # All probabilities are below the ratio at one end, and above it at the other.
    low, high = logit(ratio) - logits.max() - 1, logit(ratio) - logits.min() + 1
    return float(brentq(lambda value: expit(logits + value).mean() - ratio, low, high))


def _highest_intercept(units: np.ndarray, most: float, unit: float) -> float:
    """Find the intercept above which more than the share `most` of rows is likelier anomalous."""
    # 0.29 times 100 is a little less than 29, which are the rows that the share stands for.
    n_most = math.floor(most * len(units) * (1 + _ROUNDING))
    if n_most >= len(units):
        return math.inf
    last = float(np.sort(units)[len(units) - n_most - 1])
    # Out of reach of rounding, by which rows are scored again.
    return -_SLOPE * (last + tolerance(units, last, unit))


def _shift(logits: np.ndarray, is_anomaly: np.ndarray) -> float:
    """Find the shift of logits under which known labels are likeliest, near 0 by a normal prior."""

    def slope(shift: float) -> float:
        return float(np.sum(is_anomaly - expit(logits + shift)) - shift / _TRUST**2)

    furthest = _TRUST**2 * len(logits) + 1
    return float(brentq(slope, -furthest, furthest))
