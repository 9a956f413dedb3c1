"""Experimental protocols of the papers, as functions with a seed."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state, check_X_y

from lofe_sklearn.datasets._contaminate import contaminate


def loe_tabular_split(X, y, *, contamination=0.1, random_state=None):
    """Split a labelled set as the LOE paper does for tabular data [1]_.

    The normal rows are split in half at random. The first half, contaminated with noisy copies of
    anomalies, is for training; the second half together with all real anomalies is for testing.
    The paper reports the F1 score with as many test rows flagged as there are anomalies
    (`lofe_sklearn.metrics.f1_at_true_ratio`), as a mean over five seeds.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        All rows.
    y : array-like of shape (n_samples,)
        1 for anomalies, 0 for normal rows.
    contamination : float, default=0.1
        Share of anomalies in the training rows, in [0, 1).
    random_state : int, RandomState instance or None, default=None
        Seeds the split and the contamination.

    Returns
    -------
    X_train, X_test : ndarray of float64, shapes (n_train, n_features) and (n_test, n_features)
        The rows of both parts; the training rows are shuffled.
    y_train, y_test : ndarray of int, shapes (n_train,) and (n_test,)
        1 for anomalies, 0 for normal rows. `y_train` is for looking at only.

    Raises
    ------
    ValueError
        If y has other values than 0 and 1, no anomaly, or fewer than two normal rows.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088, section 4.3.

    Examples
    --------
    >>> from lofe_sklearn.datasets import load_thyroid, loe_tabular_split
    >>> X, y = load_thyroid(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = loe_tabular_split(X, y, random_state=0)
    >>> X_train.shape, int(y_train.sum()), X_test.shape, int(y_test.sum())
    ((2043, 6), 204, (1933, 6), 93)
    """
    X, y = check_X_y(X, y, dtype=np.float64)
    if not np.isin(y, (0, 1)).all():
        raise ValueError(
            "loe_tabular_split: y must be 1 for anomalies and 0 for normal rows; got the values "
            f"{np.unique(y)[:5].tolist()}."
        )
    anomalous = y == 1
    if not anomalous.any() or (~anomalous).sum() < 2:
        raise ValueError(
            "loe_tabular_split: y must have at least one anomaly (1) and two normal rows (0); got "
            f"{int(anomalous.sum())} and {int((~anomalous).sum())}."
        )
    rng = check_random_state(random_state)
    normal, anomalies = rng.permutation(X[~anomalous]), X[anomalous]
    half = len(normal) // 2
    X_train, y_train = contaminate(
        normal[:half], anomalies, contamination=contamination, random_state=rng
    )
    X_test = np.concatenate([normal[half:], anomalies])
    y_test = np.repeat([0, 1], [len(normal) - half, len(anomalies)])
    return X_train, X_test, y_train, y_test
