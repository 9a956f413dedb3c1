"""Metrics of outlier scores with an explicit outlier label."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score

from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._types import Bools, Floats
from lofe_sklearn._validation import Described, Number, as_numbers, check_argument, check_finite
from lofe_sklearn.metrics._is_anomaly import both_classes


def roc_auc(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: how often a normal row scores above an anomaly.

    The chance that of a normal row and an anomaly, drawn at random, the normal one scores higher;
    ties count half. 0.5 is chance. It does not depend on the share of anomalies.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels as `is_anomaly` reads them: booleans with True for anomalies, {0, 1} with 1 for
        anomalies, or {-1, +1} with -1 for anomalies. Both classes must be there.
    scores : array-like of shape (n_samples,)
        As `score_samples` and `decision_function` return them: the higher, the more normal. Pass
        ``-scores`` of a detector whose scores are high for anomalies, as PyOD's are: a sign
        cannot be told from the numbers.

    Returns
    -------
    auc : float
        In [0, 1].

    Raises
    ------
    ValueError
        If one of both classes is missing, a label is another, a score is not finite, or the
        lengths differ.

    Examples
    --------
    >>> from lofe_sklearn.metrics import roc_auc
    >>> roc_auc([0, 0, 1, 1], [0.9, 0.2, 0.1, 0.4])
    0.75
    """
    anomalous, normality = _check(y_true, scores, "roc_auc")
    return float(roc_auc_score(anomalous, -normality))


def average_precision(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Average precision of the anomalies, in the order of the scores from the lowest up.

    The precision among the rows at or below a threshold, averaged over the anomalies found on the
    way. Chance is the share of anomalies, so it is comparable only at one share.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels as `is_anomaly` reads them; both classes must be there.
    scores : array-like of shape (n_samples,)
        The higher, the more normal; see `roc_auc`. Equal scores are passed in one step.

    Returns
    -------
    precision : float
        In [0, 1].

    Raises
    ------
    ValueError
        If one of both classes is missing, a label is another, a score is not finite, or the
        lengths differ.

    Examples
    --------
    >>> from lofe_sklearn.metrics import average_precision
    >>> round(average_precision([0, 0, 1, 1], [0.9, 0.2, 0.1, 0.4]), 3)
    0.833
    """
    anomalous, normality = _check(y_true, scores, "average_precision")
    return float(average_precision_score(anomalous, -normality))


def f1_at_true_ratio(y_true: ArrayLike, scores: ArrayLike) -> float:
    """F1 score with as many rows flagged as there are anomalies.

    With the numbers of flagged rows and of anomalies equal, precision, recall and F1 are one
    number. It is what the LOE paper [1]_ reports for tabular data.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels as `is_anomaly` reads them: booleans with True for anomalies, {0, 1} with 1 for
        anomalies, or {-1, +1} with -1 for anomalies. Both classes must be there.
    scores : array-like of shape (n_samples,)
        As `score_samples` and `decision_function` return them: the higher, the more normal. Where
        the last rows to flag tie with others, it is the mean over all choices among them.

    Returns
    -------
    f1 : float
        In [0, 1].

    Raises
    ------
    ValueError
        If one of both classes is missing, a label is another, a score is not finite, or the
        lengths differ.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088.

    Examples
    --------
    >>> from lofe_sklearn.metrics import f1_at_true_ratio
    >>> f1_at_true_ratio([0, 0, 1, 1], [0.9, 0.2, 0.1, 0.4])
    0.5
    """
    anomalous, normality = _check(y_true, scores, "f1_at_true_ratio")
    return _precision_of_lowest(anomalous, normality, int(anomalous.sum()))


def precision_at_n(y_true: ArrayLike, scores: ArrayLike, *, n: int | None = None) -> float:
    """Share of anomalies among the `n` rows of the lowest scores.

    It is the success rate of somebody who has time to look at `n` rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels as `is_anomaly` reads them; both classes must be there.
    scores : array-like of shape (n_samples,)
        The higher, the more normal; see `roc_auc`. Where the last of the `n` rows tie with others,
        it is the mean over all choices among them, whatever the order of the rows.
    n : int, default=None
        Rows to look at, in [1, n_samples]. None takes the number of anomalies, which makes it
        `f1_at_true_ratio`.

    Returns
    -------
    precision : float
        In [0, 1]; with more rows than anomalies it cannot reach 1.

    Raises
    ------
    ValueError
        If `n` is out of range, one of both classes is missing, a label is another, a score is not
        finite, or the lengths differ.

    Examples
    --------
    >>> from lofe_sklearn.metrics import precision_at_n
    >>> precision_at_n([0, 0, 1, 1], [0.9, 0.2, 0.1, 0.4], n=1)
    1.0
    """
    anomalous, normality = _check(y_true, scores, "precision_at_n")
    if n is None:
        return _precision_of_lowest(anomalous, normality, int(anomalous.sum()))
    n_rows = len(normality)
    needed = f"an integer in [1, {n_rows}], the number of rows, or None for the number of anomalies"
    check_argument(
        "precision_at_n", "n", n, Described(Number(Integral, low=1, high=n_rows), needed)
    )
    return _precision_of_lowest(anomalous, normality, int(n))


def _check(y_true: ArrayLike, scores: ArrayLike, owner: str) -> tuple[Bools, Floats]:
    anomalous = both_classes(y_true, owner=owner)
    check_plain_values(scores, "scores", owner)
    normality = _one_for_each(scores, len(anomalous), owner)
    check_finite(normality, f"{owner}: scores must be finite; got {{value}} in row {{row}}.")
    return anomalous, normality


def _one_for_each(scores: ArrayLike, n_samples: int, owner: str) -> Floats:
    """Return the scores as numbers, or raise ValueError unless there is one for each label."""
    values = np.asarray(scores)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(
            f"{owner}: scores must be a 1d array, one number for each label of y_true; got shape "
            f"{values.shape}."
        )
    if len(values) != n_samples:
        raise ValueError(
            f"{owner}: scores must be one number for each label of y_true; their numbers are "
            f"inconsistent, {len(values)} scores for {n_samples} labels."
        )
    # In float64, since unsigned integers and booleans cannot be negated.
    return as_numbers(values, "scores", owner)


def _precision_of_lowest(anomalous: Bools, normality: Floats, n: int) -> float:
    last = np.partition(normality, n - 1)[n - 1]
    below, tied = normality < last, normality == last
    # Sets are often sorted by class: the first of the rows that tie would all be of one class.
    n_missing = n - np.count_nonzero(below)
    return float((anomalous[below].sum() + n_missing * anomalous[tied].mean()) / n)
