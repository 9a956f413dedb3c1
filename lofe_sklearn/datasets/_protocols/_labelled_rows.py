"""What all protocols on tables share: the checks of rows and labels, and the limits on size."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state, check_X_y


def check_labelled(X, y, *, owner, min_normal=1, min_anomalous=1):
    """Return rows as float64 and labels as integers, after checking both.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        1 for anomalies, 0 for normal rows.
    owner : str
        Name of the protocol, for errors.
    min_normal, min_anomalous : {1, 2}, default=1
        How many rows of each kind the protocol needs.

    Returns
    -------
    X : ndarray of float64, shape (n_samples, n_features)
    y : ndarray of int, shape (n_samples,)

    Raises
    ------
    ValueError
        If y has other values than 0 and 1, or too few rows of one kind.
    """
    X, y = check_X_y(X, y, dtype=np.float64)
    if not np.isin(y, (0, 1)).all():
        raise ValueError(
            f"{owner}: y must be 1 for anomalies and 0 for normal rows; got the values "
            f"{np.unique(y)[:5].tolist()}."
        )
    y = y.astype(np.int64)
    _check_numbers(y, owner=owner, min_normal=min_normal, min_anomalous=min_anomalous)
    return X, y


def _check_numbers(y, *, owner, min_normal=1, min_anomalous=1, where=""):
    """Raise ValueError if y has too few 0s or 1s; `where` says among what."""
    n_anomalous = int(y.sum())
    n_normal = len(y) - n_anomalous
    if n_anomalous < min_anomalous or n_normal < min_normal:
        anomalies = ["one anomaly", "two anomalies"][min_anomalous - 1]
        normal_rows = ["one normal row", "two normal rows"][min_normal - 1]
        raise ValueError(
            f"{owner}: y must have at least {anomalies} (1) and {normal_rows} (0){where}; got "
            f"{n_anomalous} and {n_normal}."
        )


def drawn_within(
    X, y, *, max_samples, min_samples, random_state, owner, min_normal=1, min_anomalous=1
):
    """Return checked rows and labels, drawn so that their number keeps within the limits.

    Parameters
    ----------
    X, y : array-like
        Rows and labels, as `check_labelled` takes them.
    max_samples : int or None
        Of more rows, so many are drawn without replacement.
    min_samples : int or None
        Of fewer rows, so many are drawn with replacement.
    random_state : int, RandomState instance or None
        Seeds the draw.
    owner : str
        Name of the protocol, for errors.
    min_normal, min_anomalous : {1, 2}, default=1
        How many rows of each kind the protocol needs, before and after the draw.

    Returns
    -------
    X : ndarray of float64, shape (n, n_features)
    y : ndarray of int, shape (n,)
    rng : RandomState
        To go on drawing with.

    Raises
    ------
    ValueError
        If the labels are not as needed, a limit is not an integer of at least 1 or None, or the
        limits contradict each other.
    """
    needed = {"min_normal": min_normal, "min_anomalous": min_anomalous}
    X, y = check_labelled(X, y, owner=owner, **needed)
    for name, limit in [("max_samples", max_samples), ("min_samples", min_samples)]:
        whole = isinstance(limit, Integral) and not isinstance(limit, bool)
        if limit is not None and not (whole and limit >= 1):
            raise ValueError(
                f"{owner}: {name} must be an integer of at least 1 or None; got {limit!r}."
            )
    if None not in (max_samples, min_samples) and min_samples > max_samples:
        raise ValueError(
            f"{owner}: min_samples={min_samples} must not be above max_samples={max_samples}."
        )
    rng = check_random_state(random_state)
    if min_samples is not None and len(y) < min_samples:
        drawn = rng.choice(len(y), size=min_samples, replace=True)
    elif max_samples is not None and len(y) > max_samples:
        drawn = rng.choice(len(y), size=max_samples, replace=False)
    else:
        return X, y, rng
    where = f" among the {len(drawn)} rows that were drawn (raise the limit or change the seed)"
    _check_numbers(y[drawn], owner=owner, where=where, **needed)
    return X[drawn], y[drawn], rng
