"""What all protocols on tables share: the checks of rows and labels, and the limits on size."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_X_y

from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._tensors import tensor_as_array
from lofe_sklearn._types import Floats, Ints, RandomState
from lofe_sklearn._validation import Described, Number, check_argument, check_seed
from lofe_sklearn.datasets._finite_rows import finite_rows

LIMIT = Described(Number(Integral, low=1, optional=True), "an integer of at least 1 or None")


def check_labelled(
    X: ArrayLike, y: ArrayLike, *, owner: str, min_normal: int = 1, min_anomalous: int = 1
) -> tuple[Floats, Ints]:
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
    check_plain_values(y, "y", owner)
    try:
        rows, labels = check_X_y(finite_rows(X, "X", owner), tensor_as_array(y), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        reason = str(error).removeprefix(f"{owner}: ")
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{owner}: {reason}") from error
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            f"{owner}: y must be 1 for anomalies and 0 for normal rows; got the values "
            f"{np.unique(labels)[:5].tolist()}."
        )
    labels = labels.astype(np.int64)
    _check_numbers(labels, owner=owner, min_normal=min_normal, min_anomalous=min_anomalous)
    return rows, labels


def _check_numbers(
    y: Ints, *, owner: str, min_normal: int = 1, min_anomalous: int = 1, where: str = ""
) -> None:
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
    X: ArrayLike,
    y: ArrayLike,
    *,
    max_samples: int | None,
    min_samples: int | None,
    random_state: RandomState,
    owner: str,
    min_normal: int = 1,
    min_anomalous: int = 1,
) -> tuple[Floats, Ints, np.random.RandomState]:
    """Return checked rows and labels, drawn so that their number is within the limits.

    Parameters
    ----------
    X, y : array-like
        Rows and labels, as `check_labelled` takes them.
    max_samples : int or None
        If there are more rows, this number is drawn without replacement.
    min_samples : int or None
        If there are fewer rows, this number is drawn with replacement.
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
    rows, labels = check_labelled(X, y, owner=owner, **needed)
    check_argument(owner, "max_samples", max_samples, LIMIT)
    check_argument(owner, "min_samples", min_samples, LIMIT)
    if max_samples is not None and min_samples is not None and min_samples > max_samples:
        raise ValueError(
            f"{owner}: min_samples={min_samples} must not be above max_samples={max_samples}."
        )
    rng = check_seed(owner, random_state)
    if min_samples is not None and len(labels) < min_samples:
        drawn = rng.choice(len(labels), size=min_samples, replace=True)
    elif max_samples is not None and len(labels) > max_samples:
        drawn = rng.choice(len(labels), size=max_samples, replace=False)
    else:
        return rows, labels, rng
    where = f" among the {len(drawn)} rows that were drawn (raise the limit or change the seed)"
    _check_numbers(labels[drawn], owner=owner, where=where, **needed)
    return rows[drawn], labels[drawn], rng
