"""The contaminated track: one class, with a share of anomalies left in the training rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._types import RandomState, TrainTestSplit
from lofe_sklearn._validation import Described, Number, check_argument, check_seed
from lofe_sklearn.datasets._contaminate import SHARE
from lofe_sklearn.datasets._protocols._labelled_rows import LIMIT, check_labelled

SOME_SHARE = Described(
    Number(low=0, high=1, exclude_low=True, exclude_high=True), "in (0, 1), a number"
)


def contaminated_one_class_split(
    X: ArrayLike,
    y: ArrayLike,
    *,
    contamination: float = 0.1,
    max_contamination: float = 0.2,
    max_train_samples: int | None = None,
    max_test_samples: int | None = None,
    random_state: RandomState = None,
) -> TrainTestSplit:
    """Split as `one_class_split` does, and leave a share of anomalies in the training rows.

    Made for comparing shares: with one seed, all of them have the same test rows and the same
    number of training rows, and the anomalies of a lower share are among those of a higher one. The
    normal rows are split in half at random. Up to half of the anomalies are set aside, as many as
    the share `max_contamination` needs. They are never tested. Some of them, by `contamination`,
    replace normal training rows: without noise, and none twice.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        All rows.
    y : array-like of shape (n_samples,)
        1 for anomalies, 0 for normal rows.
    contamination : float, default=0.1
        Share of anomalies in the training rows, in [0, max_contamination]; their number is rounded
        down.
    max_contamination : float, default=0.2
        The highest share that is to be compared, in (0, 1). If half of the anomalies are too few
        for it, fewer rows are used for training.
    max_train_samples : int, optional
        Most training rows. Default: half of the normal rows.
    max_test_samples : int, optional
        Most test rows: normal ones and anomalies in the proportion of all test rows, but at least
        one anomaly. Default: the other half of the normal rows, and all anomalies that are not set
        aside.
    random_state : int, RandomState instance or None, default=None
        Seeds the split, and the draw of the anomalies.

    Returns
    -------
    X_train, X_test : ndarray of float64, shapes (n_train, n_features) and (n_test, n_features)
        The rows of both parts; the training rows are shuffled.
    y_train, y_test : ndarray of int, shapes (n_train,) and (n_test,)
        1 for anomalies, 0 for normal rows. `y_train` is for looking at only.

    Raises
    ------
    ValueError
        If y has other values than 0 and 1, or fewer than two anomalies or normal rows, or if a
        parameter is out of range.

    See Also
    --------
    one_class_split : The same without contamination, and with all anomalies tested.
    loe_tabular_split : The LOE paper's: noisy copies of tested anomalies are trained on.

    Examples
    --------
    >>> from lofe_sklearn.datasets import contaminated_one_class_split, load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> for contamination in (0.0, 0.1, 0.2):
    ...     X_train, X_test, y_train, y_test = contaminated_one_class_split(
    ...         X, y, contamination=contamination, random_state=0
    ...     )
    ...     print(len(y_train), int(y_train.sum()), len(y_test), int(y_test.sum()))
    230 0 1887 47
    230 23 1887 47
    230 46 1887 47
    """
    owner = "contaminated_one_class_split"
    check_argument(owner, "contamination", contamination, SHARE)
    check_argument(owner, "max_contamination", max_contamination, SOME_SHARE)
    check_argument(owner, "max_train_samples", max_train_samples, LIMIT)
    check_argument(owner, "max_test_samples", max_test_samples, LIMIT)
    if contamination > max_contamination:
        raise ValueError(
            f"{owner}: contamination={contamination} must not be above "
            f"max_contamination={max_contamination}; raise that to compare higher shares."
        )
    rows, labels = check_labelled(X, y, owner=owner, min_normal=2, min_anomalous=2)
    rng = check_seed(owner, random_state)
    normal, anomalies = (rng.permutation(np.flatnonzero(labels == label)) for label in (0, 1))
    n_normal = len(normal) // 2
    n_train = min(n_normal, _whole(len(anomalies) // 2 / max_contamination))
    if max_train_samples is not None:
        n_train = min(n_train, max_train_samples)
    n_added, n_aside = (_whole(n_train * share) for share in (contamination, max_contamination))
    train = rng.permutation(np.r_[normal[: n_train - n_added], anomalies[:n_added]])
    left = normal[n_normal:], anomalies[n_aside:]
    n_left = sum(map(len, left))
    n_test = n_left if max_test_samples is None else min(n_left, max_test_samples)
    n_anomalous = max(round(n_test * len(left[1]) / n_left), 1)
    test = np.r_[left[0][: n_test - n_anomalous], left[1][:n_anomalous]]
    return rows[train], rows[test], labels[train], labels[test]


def _whole(number: float) -> int:
    # The tolerance keeps 230 * 0.1, which is 23 but for rounding, from being 22.
    return math.floor(number + 1e-9)
