"""Protocols of the paper on Diffusion Time Estimation: one class, and a bootstrap of all rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._types import RandomState, TrainTestSplit
from lofe_sklearn.datasets._protocols._labelled_rows import drawn_within


def one_class_split(
    X: ArrayLike,
    y: ArrayLike,
    *,
    max_samples: int | None = 50_000,
    min_samples: int | None = None,
    random_state: RandomState = None,
) -> TrainTestSplit:
    """Train on half of the normal rows, test on the other half and all anomalies.

    Its authors call this the semi-supervised setting: the training rows are clean. The normal rows
    are split in half at random. It shows what detectors that expect contamination lose on clean
    rows. ROC AUC, average precision and F1 are reported, as means over five seeds. The protocol is
    that of [1]_.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        All rows.
    y : array-like of shape (n_samples,)
        1 for anomalies, 0 for normal rows.
    max_samples : int or None, default=50_000
        If X has more rows, this number is drawn at random without replacement before the split.
        50,000 is the limit of the paper's code; None takes all rows.
    min_samples : int, optional
        If X has fewer rows, this number is drawn with replacement before the split. The paper's
        code does so with 1,000, as ADBench does, and a test row may then be a training row too. By
        default nothing is duplicated.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws and the split. (The paper's code takes the first half in the order of the
        file, so that its splits do not differ between seeds.)

    Returns
    -------
    X_train, X_test : ndarray of float64, shapes (n_train, n_features) and (n_test, n_features)
        The rows of both parts.
    y_train, y_test : ndarray of int, shapes (n_train,) and (n_test,)
        1 for anomalies, 0 for normal rows; `y_train` is all 0.

    Raises
    ------
    ValueError
        If y has other values than 0 and 1, no anomaly or fewer than two normal rows (also among
        the rows that were drawn), or if a limit is not a positive integer.

    See Also
    --------
    loe_tabular_split : The same split, with contaminated training rows.

    References
    ----------
    .. [1] V. Livernoche, V. Jain, Y. Hezaveh, S. Ravanbakhsh (2024). On Diffusion Modeling for
       Anomaly Detection. ICLR. arXiv:2305.18593, section 4.

    Examples
    --------
    >>> from lofe_sklearn.datasets import load_thyroid, one_class_split
    >>> X, y = load_thyroid(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = one_class_split(X, y, random_state=0)
    >>> X_train.shape, int(y_train.sum()), X_test.shape, int(y_test.sum())
    ((1839, 6), 0, (1933, 6), 93)
    """
    rows, labels, rng = drawn_within(
        X,
        y,
        max_samples=max_samples,
        min_samples=min_samples,
        random_state=random_state,
        owner="one_class_split",
        min_normal=2,
    )
    normal = rng.permutation(np.flatnonzero(labels == 0))
    half = len(normal) // 2
    train, test = normal[:half], np.concatenate([normal[half:], np.flatnonzero(labels == 1)])
    return rows[train], rows[test], labels[train], labels[test]


def bootstrap_unsupervised(
    X: ArrayLike,
    y: ArrayLike,
    *,
    max_samples: int | None = 50_000,
    min_samples: int | None = None,
    random_state: RandomState = None,
) -> TrainTestSplit:
    """Fit on a bootstrap sample of all rows without their labels, and score all rows.

    The training rows are drawn with replacement, as many as X has, anomalous or not; the test rows
    are the whole set, each row once. About 63 % of them were therefore seen in training. The draw
    lets the results of detectors without randomness of their own vary between seeds. ROC AUC,
    average precision and F1 are reported, as means over five seeds. The protocol is that of [1]_.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        All rows.
    y : array-like of shape (n_samples,)
        1 for anomalies, 0 for normal rows.
    max_samples : int or None, default=50_000
        If X has more rows, this number is drawn at random without replacement first, and is then
        the whole set. 50,000 is the limit of the paper's code; None takes all rows.
    min_samples : int, optional
        If X has fewer rows, this number is drawn with replacement first, as the paper's code does
        with 1,000. By default nothing is duplicated but by the bootstrap.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws.

    Returns
    -------
    X_train, X_test : ndarray of float64, shape (n, n_features)
        The bootstrap sample, and all rows: X itself if it is an array of float64 and nothing
        was drawn first.
    y_train, y_test : ndarray of int, shape (n,)
        1 for anomalies, 0 for normal rows. `y_train` is for looking at only, and may have no
        anomaly if there are few.

    Raises
    ------
    ValueError
        If y has other values than 0 and 1, no anomaly or no normal row (also among the rows that
        were drawn first), or if a limit is not a positive integer.

    See Also
    --------
    adbench_unsupervised : Fit on all rows themselves.

    References
    ----------
    .. [1] V. Livernoche, V. Jain, Y. Hezaveh, S. Ravanbakhsh (2024). On Diffusion Modeling for
       Anomaly Detection. ICLR. arXiv:2305.18593, section 4. The description of the settings in the
       paper's code says that the test rows are the whole set.

    Examples
    --------
    >>> from lofe_sklearn.datasets import bootstrap_unsupervised, load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = bootstrap_unsupervised(X, y, random_state=0)
    >>> X_train.shape, X_test.shape, int(y_test.sum())
    ((3772, 6), (3772, 6), 93)
    """
    rows, labels, rng = drawn_within(
        X,
        y,
        max_samples=max_samples,
        min_samples=min_samples,
        random_state=random_state,
        owner="bootstrap_unsupervised",
    )
    drawn = rng.choice(len(labels), size=len(labels), replace=True)
    return rows[drawn], rows, labels[drawn], labels
