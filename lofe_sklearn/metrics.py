"""Metrics of outlier scores that leave no doubt which label is the outlier's."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d


def f1_at_true_ratio(y_true, scores):
    """F1 score with as many rows flagged as there are anomalies.

    With the numbers of flagged rows and of anomalies equal, precision, recall and F1 are one
    number. It is what the LOE paper reports for tabular data.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels: 1 or True for anomalies and 0 or False for normal rows; where there is a -1,
        that is the anomalies' label and +1 the normal rows'.
    scores : array-like of shape (n_samples,)
        As `score_samples` and `decision_function` return them: the higher, the more normal. Among
        equal scores the first rows are flagged.

    Returns
    -------
    f1 : float
        In [0, 1].

    Raises
    ------
    ValueError
        If one of both classes is missing, a label is another, or a score is not finite.

    Examples
    --------
    >>> from lofe_sklearn.metrics import f1_at_true_ratio
    >>> f1_at_true_ratio([0, 0, 1, 1], [0.9, 0.2, 0.1, 0.4])
    0.5
    """
    y_true, scores = column_or_1d(y_true), column_or_1d(scores)
    check_consistent_length(y_true, scores)
    labels = set(np.unique(y_true).tolist())
    if not (labels <= {0, 1} or labels <= {-1, 1}):
        raise ValueError(
            "f1_at_true_ratio: y_true must hold 1 for anomalies and 0 for normal rows, or -1 and "
            f"+1; got the values {sorted(labels, key=str)[:5]}."
        )
    if not np.isfinite(scores).all():
        raise ValueError("f1_at_true_ratio: scores must be finite; got NaN or infinity.")
    anomalous = y_true == (-1 if -1 in labels else 1)
    n_anomalies = int(anomalous.sum())
    if len(labels) < 2:
        raise ValueError(
            "f1_at_true_ratio: y_true must hold both anomalies and normal rows; got only the "
            f"label {labels.pop()!r}."
        )
    flagged = np.argsort(scores, kind="stable")[:n_anomalies]
    return float(anomalous[flagged].mean())
