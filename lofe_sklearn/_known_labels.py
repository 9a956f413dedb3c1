"""Rows whose label is known: +1 normal, -1 anomaly, 0 unknown, in the forms users have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._validation import warn_user

_FORMS = (
    "+1 (known normal), -1 (known anomaly) or 0 (unknown), one for each row, or a pair of boolean "
    "masks (normal, anomalous)"
)


def check_known_labels(
    known_labels: Any, n_samples: int, owner: str, X: Any = None
) -> np.ndarray | None:
    """Validate known labels.

    Parameters
    ----------
    known_labels : array-like of shape (n_samples,), pair of boolean masks, or None
    n_samples : int
    owner : str
        Whose parameter it is, for the messages.
    X : DataFrame or other rows, optional
        As the user gave them: a Series of labels must have the index of a DataFrame.

    Returns
    -------
    known : ndarray of int8, shape (n_samples,), or None
        None also where no label is known.

    Raises
    ------
    ValueError
        If they have another form, length or index, or contradict each other.
    """
    if known_labels is None:
        return None
    check_plain_values(known_labels, "known_labels", owner)
    if _is_pair(known_labels):
        masks = [_mask(mask, n_samples, owner, X) for mask in known_labels]
        both = np.flatnonzero(masks[0] & masks[1])
        if len(both):
            raise ValueError(
                f"{owner}: known_labels must not name a row both normal and anomalous; the two "
                f"masks (normal, anomalous) do so in {len(both)} rows, the first is row {both[0]}."
            )
        labels = masks[0].astype(np.int8) - masks[1].astype(np.int8)
    else:
        labels = _labels(known_labels, n_samples, owner, X)
    if not labels.any():
        return None
    if labels.all():
        warn_user(
            f"{owner}: known_labels leaves no row unknown, so that there is no label to infer: "
            "the training is supervised, or, with normal rows only, that of one class. Use 0 for "
            "rows whose label is not known."
        )
    return labels


def contamination_with_known(contamination: float, known: np.ndarray | None) -> float:
    """Return `contamination`, but no less than the share of known anomalies."""
    return contamination if known is None else max(contamination, float(np.mean(known < 0)))


def unknown_share(contamination: float, known: np.ndarray | None, n_samples: int) -> float:
    """Share of anomalies among the rows of unknown label, given the share among all."""
    if known is None:
        return contamination
    n_unknown = int((known == 0).sum())
    left = contamination * n_samples - int((known < 0).sum())
    return min(1.0, max(0.0, left / n_unknown)) if n_unknown else 0.0


def warn_of_low_contamination(contamination: float, known: np.ndarray | None, owner: str) -> None:
    """Tell the user that more anomalies are known than `contamination` allows."""
    least = contamination_with_known(contamination, known)
    if known is not None and round(contamination * len(known)) < round(least * len(known)):
        warn_user(
            f"{owner}: known_labels names {round(least * len(known))} of {len(known)} rows "
            f"anomalous, more than contamination={contamination:g} allows. It is taken for "
            f"{least:.3g}, as if there were no others; set contamination to the share that you "
            "expect among all training rows, the known ones among them."
        )


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and all(np.ndim(part) == 1 for part in value)
    )


def _mask(mask: Any, n_samples: int, owner: str, X: Any) -> np.ndarray:
    values = _checked_shape(mask, n_samples, owner, X)
    if values.dtype != bool:
        raise ValueError(
            f"{owner}: known_labels must be two boolean masks, (normal, anomalous), if it is a "
            f"pair; got an array of {values.dtype}. Missing values are False; labels go into one "
            "array."
        )
    return values


def _labels(known_labels: Any, n_samples: int, owner: str, X: Any) -> np.ndarray:
    labels = _checked_shape(known_labels, n_samples, owner, X)
    if labels.dtype == bool:
        raise ValueError(
            f"{owner}: known_labels must be {_FORMS}; got one boolean mask, which does not say "
            "whether True stands for normal or for anomalous."
        )
    values = np.array([_number(label) for label in labels.tolist()], dtype=float)
    invalid = np.flatnonzero(~np.isin(values, (-1.0, 0.0, 1.0)))
    if len(invalid):
        raise ValueError(
            f"{owner}: known_labels must be {_FORMS}; got {labels[invalid[0]]!r} in row "
            f"{invalid[0]}. Encode missing labels as 0."
        )
    return values.astype(np.int8)


def _number(label: Any) -> float:
    try:
        return float(label)
    except (TypeError, ValueError):  # pandas' NA, a string
        return np.nan


def _checked_shape(known_labels: Any, n_samples: int, owner: str, X: Any) -> np.ndarray:
    labels = np.asarray(known_labels)
    if labels.shape != (n_samples,):
        raise ValueError(
            f"{owner}: known_labels must hold one label for each row of X, shape ({n_samples},); "
            f"got shape {labels.shape}. Use 0 for the rows whose label is not known."
        )
    of_pandas = hasattr(known_labels, "iloc") and hasattr(X, "iloc")
    if of_pandas and not known_labels.index.equals(X.index):
        raise ValueError(
            f"{owner}: known_labels must have the index of X, in the same order; it has another "
            "one. known_labels.reindex(X.index, fill_value=0) goes by the index, "
            "known_labels.to_numpy() by position."
        )
    return labels
