"""Contaminate clean data with known anomalies, to see what a detector makes of it."""

from __future__ import annotations

import math

import numpy as np
from sklearn.utils import check_array, check_random_state


def contaminate(X, outliers, *, contamination=0.1, noise=1.0, shuffle=True, random_state=None):
    """Mix rows drawn from `outliers` into `X`, so that they make up a given share.

    Parameters
    ----------
    X : array-like of shape (n_normal, n_features)
        Normal rows; all of them are kept.
    outliers : array-like of shape (n_outliers, n_features)
        Anomalous rows to draw from: without replacement, unless more are needed than there are.
    contamination : float, default=0.1
        Share of anomalies in the result, in [0, 1). As many are added as fit into it, which is
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
        If a parameter is out of range or the numbers of features differ.

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
    if not 0 <= contamination < 1:
        raise ValueError(f"contaminate: contamination must be in [0, 1); got {contamination!r}.")
    if not (noise >= 0 and math.isfinite(noise)):
        raise ValueError(f"contaminate: noise must be a finite number >= 0; got {noise!r}.")
    X = check_array(X, dtype=np.float64, input_name="X")
    outliers = check_array(outliers, dtype=np.float64, input_name="outliers")
    if X.shape[1] != outliers.shape[1]:
        raise ValueError(
            f"contaminate: X has {X.shape[1]} features and outliers has {outliers.shape[1]}; both "
            "must have the same."
        )
    rng = check_random_state(random_state)
    n_added = n_outliers_for(len(X), contamination)
    drawn = outliers[rng.choice(len(outliers), size=n_added, replace=n_added > len(outliers))]
    drawn = drawn + noise * outliers.std(axis=0) * rng.standard_normal(drawn.shape)

    mixed = np.concatenate([X, drawn])
    y = np.concatenate([np.zeros(len(X), dtype=np.int64), np.ones(n_added, dtype=np.int64)])
    if shuffle:
        order = rng.permutation(len(mixed))
        mixed, y = mixed[order], y[order]
    return mixed, y


def n_outliers_for(n_normal, contamination):
    """Return how many anomalies beside `n_normal` rows fit into the share `contamination`."""
    # The tolerance keeps 90 * 0.1 / 0.9, which is 10 but for rounding, from being 9.
    return math.floor(n_normal * contamination / (1 - contamination) + 1e-9)
