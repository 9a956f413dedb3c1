"""ADBench's protocols: fit and score all rows, and a stratified split."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._types import Ints, RandomState, TrainTestSplit
from lofe_sklearn._validation import Described, Number, check_argument
from lofe_sklearn.datasets._protocols._labelled_rows import drawn_within

PROPER_SHARE = Described(
    Number(low=0, high=1, exclude_low=True, exclude_high=True), "in (0, 1), a number"
)


def adbench_unsupervised(
    X: ArrayLike,
    y: ArrayLike,
    *,
    max_samples: int | None = 10_000,
    min_samples: int | None = None,
    random_state: RandomState = None,
) -> TrainTestSplit:
    """Fit on all rows without their labels, and score the same rows.

    The setting that most papers mean by "unsupervised on ADBench" [1]_: the rows to be scored are
    trained on, without their labels. ADBench's own runs score unsupervised detectors on a held-out
    part: to compare with its published figures use `adbench_split`. ROC AUC and average
    precision are reported.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        All rows.
    y : array-like of shape (n_samples,)
        1 for anomalies, 0 for normal rows.
    max_samples : int or None, default=10_000
        If X has more rows, this number is drawn at random without replacement, anomalous or not.
        10,000 is ADBench's limit; None takes all rows.
    min_samples : int, optional
        If X has fewer rows, this number is drawn with replacement. ADBench does so with 1,000. By
        default nothing is duplicated, since duplicates make a small set look denser than it is.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws; without a draw nothing is random.

    Returns
    -------
    X_train, X_test : ndarray of float64, shape (n, n_features)
        The rows; both are the same array, and X itself if it is one of float64 and nothing
        was drawn.
    y_train, y_test : ndarray of int, shape (n,)
        1 for anomalies, 0 for normal rows; both are the same array. `y_train` is for looking at
        only.

    Raises
    ------
    ValueError
        If y has other values than 0 and 1, if there is no anomaly or no normal row (also among the
        rows that were drawn), or if a limit is not a positive integer.

    See Also
    --------
    adbench_split : Score held-out rows.
    bootstrap_unsupervised : Score all rows after fitting on a bootstrap sample of them.

    References
    ----------
    .. [1] S. Han, X. Hu, H. Huang, M. Jiang, Y. Zhao (2022). ADBench: Anomaly Detection Benchmark.
       NeurIPS Datasets and Benchmarks. arXiv:2206.09426.

    Examples
    --------
    >>> from lofe_sklearn.datasets import adbench_unsupervised, load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = adbench_unsupervised(X, y)
    >>> X_train.shape, X_test is X_train, int(y_test.sum())
    ((3772, 6), True, 93)
    """
    rows, labels, _ = drawn_within(
        X,
        y,
        max_samples=max_samples,
        min_samples=min_samples,
        random_state=random_state,
        owner="adbench_unsupervised",
    )
    return rows, rows, labels, labels


def adbench_split(
    X: ArrayLike,
    y: ArrayLike,
    *,
    test_size: float = 0.3,
    max_samples: int | None = 10_000,
    min_samples: int | None = None,
    random_state: RandomState = None,
) -> TrainTestSplit:
    """Split rows at random into 70 % for training and 30 % for testing, as ADBench does.

    The split is stratified: normal rows and anomalies are each split in that proportion, so that
    the training rows are contaminated like the whole set. ADBench then scales each feature to
    [0, 1] by the training rows, which is left to the detector here, reports ROC AUC and average
    precision, and repeats everything with the seeds 1, 2 and 3. The protocol is that of [1]_.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        All rows.
    y : array-like of shape (n_samples,)
        1 for anomalies, 0 for normal rows.
    test_size : float, default=0.3
        Share of the test rows, in (0, 1), of the normal rows and of the anomalies, rounded; but
        both parts get at least one of each.
    max_samples : int or None, default=10_000
        If X has more rows, this number is drawn at random without replacement before the split.
        10,000 is ADBench's limit; None takes all rows.
    min_samples : int, optional
        If X has fewer rows, this number is drawn with replacement before the split. ADBench does so
        with 1,000, and a test row may then be a training row too. By default nothing is duplicated.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws and the split.

    Returns
    -------
    X_train, X_test : ndarray of float64, shapes (n_train, n_features) and (n_test, n_features)
        The rows of both parts, shuffled.
    y_train, y_test : ndarray of int, shapes (n_train,) and (n_test,)
        1 for anomalies, 0 for normal rows. `y_train` is for looking at only.

    Raises
    ------
    ValueError
        If y has other values than 0 and 1, if there are fewer than two anomalies or normal rows
        (also among the rows that were drawn), or if a parameter is out of range.

    See Also
    --------
    adbench_unsupervised : Fit and score all rows.
    lofe_sklearn.adapters.adbench.ADBenchDetector : Let ADBench run a detector itself.

    References
    ----------
    .. [1] S. Han, X. Hu, H. Huang, M. Jiang, Y. Zhao (2022). ADBench: Anomaly Detection Benchmark.
       NeurIPS Datasets and Benchmarks. arXiv:2206.09426.

    Examples
    --------
    >>> from lofe_sklearn.datasets import adbench_split, load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = adbench_split(X, y, random_state=0)
    >>> X_train.shape, int(y_train.sum()), X_test.shape, int(y_test.sum())
    ((2640, 6), 65, (1132, 6), 28)
    """
    check_argument("adbench_split", "test_size", test_size, PROPER_SHARE)
    rows, labels, rng = drawn_within(
        X,
        y,
        max_samples=max_samples,
        min_samples=min_samples,
        random_state=random_state,
        owner="adbench_split",
        min_normal=2,
        min_anomalous=2,
    )
    parts: tuple[list[Ints], list[Ints]] = [], []
    for label in (0, 1):
        of_label = rng.permutation(np.flatnonzero(labels == label))
        n_test = min(max(round(test_size * len(of_label)), 1), len(of_label) - 1)
        parts[0].append(of_label[n_test:])
        parts[1].append(of_label[:n_test])
    train, test = (rng.permutation(np.concatenate(part)) for part in parts)
    return rows[train], rows[test], labels[train], labels[test]
