"""The one rule by which labels of any encoding are read."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._types import Bools, Floats

_RULE = "booleans (True: anomaly), 0 and 1 (1: anomaly), or -1 and +1 (-1: anomaly)"


def is_anomaly(y: ArrayLike, *, name: str = "y") -> Bools:
    """Read labels in any of the usual encodings: which rows are anomalies.

    The rule: among booleans, True is an anomaly. Among values that are all 0 or 1, 1 is an anomaly.
    Among values that are all -1 or +1, -1 is an anomaly, as in ``predict``. All other values are
    errors, and so is a `y` of ones only, which means "all anomalies" in one encoding and "all
    normal" in another.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Booleans, {0, 1} or {-1, +1}, of any type that holds them: list, array, Series. At least
        one label.
    name : str, default="y"
        What error messages call `y`.

    Returns
    -------
    anomalous : ndarray of bool, shape (n_samples,)
        True for anomalies.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional, is empty, holds NaN or any other value, or only ones.

    See Also
    --------
    lofe_sklearn.model_selection.OutlierStratifiedKFold : Folds that read labels by this rule.

    Examples
    --------
    >>> from lofe_sklearn.metrics import is_anomaly
    >>> is_anomaly([0, 0, 1])
    array([False, False,  True])
    >>> is_anomaly([1, 1, -1])
    array([False, False,  True])
    """
    labels = _as_vector(y, name)
    if labels.dtype == np.bool_:
        return labels.copy()
    values = set(np.unique(_as_numbers(labels, name)).tolist())
    if values == {1.0}:
        raise ValueError(
            f"{name} holds only the label 1, which means an anomaly if labels are 0 and 1, and "
            "normal if they are -1 and 1. Pass booleans, True for anomalies, or labels with both "
            "classes in them; in cross-validation, OutlierStratifiedKFold puts both into every "
            "fold."
        )
    if values >= {-1.0, 0.0} and values <= {-1.0, 0.0, 1.0}:
        raise ValueError(
            f"{name} holds both -1 and 0. 0 means unknown only in fit(..., known_labels=...); here "
            f"every label must be known: {_RULE}. Drop the rows of unknown label."
        )
    if not (values <= {0.0, 1.0} or values <= {-1.0, 1.0}):
        other = sorted(values - {-1.0, 0.0, 1.0})
        raise ValueError(
            f"{name} must hold {_RULE}; got {', '.join(f'{v:g}' for v in other[:5])}. "
            f"Turn it into booleans, as in {name.split()[-1]} == label_of_anomalies."
        )
    return np.asarray(labels == (-1 if -1.0 in values else 1), dtype=bool)


def both_classes(y_true: ArrayLike, *, owner: str) -> Bools:
    """Read labels as `is_anomaly` does, and raise unless both classes are there."""
    name = f"{owner}: y_true"
    labels = _as_vector(y_true, name)
    # Ones alone are ambiguous to is_anomaly; here one class is missing, whichever it is.
    ones_only = labels.dtype != np.bool_ and bool((_as_numbers(labels, name) == 1).all())
    anomalous = np.zeros(0, dtype=bool) if ones_only else is_anomaly(labels, name=name)
    if ones_only or anomalous.all() or not anomalous.any():
        missing = (
            "holds only the label 1, one class"
            if ones_only
            else f"holds no {'normal rows' if anomalous.all() else 'anomalies'}"
        )
        raise ValueError(
            f"{name} must hold both anomalies and normal rows, but {missing}. Score rows of both: "
            "in cross-validation, OutlierStratifiedKFold puts both into every fold; with fewer "
            "anomalies than folds, use fewer folds."
        )
    return anomalous


def _as_vector(y: ArrayLike, name: str) -> NDArray[Any]:
    """Return `y` as a non-empty one-dimensional array, of bool where all of it is boolean."""
    check_plain_values(y, name)
    labels = np.asarray(y)
    if labels.ndim == 0:
        raise ValueError(
            f"{name} must be a list, an array or a Series, with one label for each row; got {y!r}."
        )
    if labels.ndim != 1:
        raise ValueError(
            f"{name} must be one-dimensional, one label for each row; got shape {labels.shape}. "
            "For a column, pass y.ravel(), or the column of the frame by its name."
        )
    if len(labels) == 0:
        raise ValueError(f"{name} must hold at least one label; got an empty array.")
    if labels.dtype == object:
        boolean = [isinstance(label, (bool, np.bool_)) for label in labels]
        if all(boolean):
            return labels.astype(bool)
        if any(boolean):
            other = labels[boolean.index(False)]
            raise ValueError(
                f"{name} must be all booleans or all numbers; got booleans and {other!r}. "
                "Encode missing labels as False or drop their rows."
            )
    return labels


def _as_numbers(labels: NDArray[Any], name: str) -> Floats:
    """Return labels as float64; text is refused."""
    # np.isin and the like would silently compare text with numbers.
    for label in labels if labels.dtype.kind not in "iuf" else ():
        if label is not None and not isinstance(label, Real):
            raise ValueError(
                f"{name} must hold {_RULE}; got {label!r}. "
                f"Turn it into booleans, as in {name.split()[-1]} == label_of_anomalies."
            )
    try:
        numbers = labels.astype(np.float64)
    except OverflowError as error:  # an integer beyond every float
        raise ValueError(f"{name} must hold {_RULE}. {error}") from error
    missing = np.isnan(numbers)
    if missing.any():
        raise ValueError(
            f"{name} holds a missing label in row {np.flatnonzero(missing)[0]}. Drop the rows "
            f"whose label is not known; the others must be {_RULE}."
        )
    return numbers
