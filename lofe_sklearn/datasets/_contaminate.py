"""Contaminate clean data with known anomalies, to test detectors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._types import RandomState, RowsAndLabels
from lofe_sklearn._validation import Described, Number, check_argument, check_seed
from lofe_sklearn.datasets._finite_rows import deviations, finite_rows

# A share of anomalies that leaves normal rows.
SHARE = Described(Number(low=0, high=1, exclude_high=True), "in [0, 1), a number")
NOT_NEGATIVE = Described(Number(low=0), "a finite number >= 0")


def contaminate(
    X: ArrayLike,
    outliers: ArrayLike,
    *,
    contamination: float = 0.1,
    noise: float = 1.0,
    shuffle: bool = True,
    random_state: RandomState = None,
) -> RowsAndLabels:
    """Mix rows drawn from `outliers` into `X`, so that they make up a given share.

    Parameters
    ----------
    X : array-like of shape (n_normal, n_features)
        Normal rows; all of them are kept.
    outliers : array-like of shape (n_outliers, n_features)
        Anomalous rows to draw from: without replacement, unless more are needed than there are.
    contamination : float, default=0.1
        Share of anomalies in the result, in [0, 1). The number of added anomalies is
        ``floor(n_normal * contamination / (1 - contamination))``.
    noise : float, default=1.0
        Gaussian noise is added to the drawn rows, with `noise` times the standard deviation of
        each feature of `outliers`. 1.0 is the LOE paper's protocol [1]_, and keeps the rows from
        being met again in a test set; 0.0 adds the drawn rows as they are.
    shuffle : bool, default=True
        Shuffle the result; otherwise the anomalies come last.
    random_state : int, RandomState instance or None, default=None
        Seeds the draw, the noise and the shuffling.

    Returns
    -------
    X_contaminated : ndarray of float64, shape (n_samples, n_features)
        The mixed rows.
    y : ndarray of int, shape (n_samples,)
        1 for the added anomalies, 0 for normal rows.

    Raises
    ------
    ValueError
        If a parameter is out of range, the numbers of features differ, or a value is not finite.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.datasets import contaminate
    >>> X, y = contaminate(np.zeros((90, 2)), np.ones((5, 2)), contamination=0.1, random_state=0)
    >>> X.shape, int(y.sum())
    ((100, 2), 10)
    """
    check_argument("contaminate", "contamination", contamination, SHARE)
    check_argument("contaminate", "noise", noise, NOT_NEGATIVE)
    normal = finite_rows(X, "X", "contaminate")
    anomalous = finite_rows(outliers, "outliers", "contaminate")
    if normal.shape[1] != anomalous.shape[1]:
        raise ValueError(
            f"contaminate: X has {normal.shape[1]} features and outliers has "
            f"{anomalous.shape[1]}; both must have the same."
        )
    rng = check_seed("contaminate", random_state)
    n_added = n_outliers_for(len(normal), contamination)
    drawn = anomalous[rng.choice(len(anomalous), size=n_added, replace=n_added > len(anomalous))]
    drawn = drawn + noise * deviations(anomalous) * rng.standard_normal(drawn.shape)

    mixed = np.concatenate([normal, drawn])
    y = np.repeat(np.array([0, 1], dtype=np.int64), [len(normal), n_added])
    if shuffle:
        order = rng.permutation(len(mixed))
        mixed, y = mixed[order], y[order]
    return mixed, y


def n_outliers_for(n_normal: int, contamination: float) -> int:
    """Return how many anomalies beside `n_normal` rows fit into the share `contamination`."""
    # The tolerance keeps 90 * 0.1 / 0.9, which is 10 but for rounding, from being 9.
    return math.floor(n_normal * contamination / (1 - contamination) + 1e-9)
