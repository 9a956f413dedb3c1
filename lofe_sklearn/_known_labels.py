"""Rows whose label is known, in the forms users have them: named masks, or one array of labels.

Masks by name, `known_anomalies` and `known_normal`, cannot be mixed up and are cut with the folds
of a cross-validation. The array `known_labels` holds +1 for normal rows and -1 for anomalies, the
opposite of data sets' labels, which have 1 for anomalies: ambiguous labels are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._validation import warn_user

_FORMS = (
    "+1 (known normal), -1 (known anomaly) or 0 (unknown), one for each row, or a pair of boolean "
    "masks (normal, anomalous)"
)
# The relative rounding error of a share times a number of rows, with room.
_ROUNDING = 1e-12
_MASKS = "known_anomalies=(labels == 1) and known_normal=(labels == 0)"


@dataclass(frozen=True, eq=False)
class Known:
    """Known labels as a user gives them.

    Parameters
    ----------
    labels : array-like of shape (n_samples,), pair of boolean masks (normal, anomalous), or None
        The argument `known_labels`.
    anomalies, normal : array-like of bool, shape (n_samples,), or None
        The arguments `known_anomalies` and `known_normal`.
    """

    labels: Any = None
    anomalies: Any = None
    normal: Any = None

    def read(
        self, n_samples: int, owner: str, X: Any = None, *, trains: bool = True
    ) -> np.ndarray | None:
        """Validate them.

        Parameters
        ----------
        n_samples : int
        owner : str
            Whose arguments they are, for the messages.
        X : DataFrame or other rows, optional
            As the user gave them: a Series must have the index of a DataFrame.
        trains : bool, default=True
            Whether the owner trains with the labels, and so warns if all are known.

        Returns
        -------
        known : ndarray of int8, shape (n_samples,), or None
            +1 normal, -1 anomaly, 0 unknown; None also if no label is known.

        Raises
        ------
        ValueError
            If they have another form, length or index, contradict each other, or may be labels of
            the other convention.
        """
        labels = _computed(self.labels)
        masks = {
            "known_normal": _computed(self.normal),
            "known_anomalies": _computed(self.anomalies),
        }
        given = [name for name, mask in masks.items() if mask is not None]
        if labels is None and not given:
            return None
        for name, value in {"known_labels": labels, **masks}.items():
            check_plain_values(value, name, owner)
        if labels is not None and given:
            raise ValueError(
                f"{owner}: known_labels must not be given beside {' and '.join(given)}, which says "
                "the same; pass the masks or the labels."
            )
        if given:
            masks_read = [
                np.zeros(n_samples, dtype=bool)
                if mask is None
                else _mask(mask, name, n_samples, owner, X)
                for name, mask in masks.items()
            ]
            known = _joined(owner, "known_anomalies and known_normal", *masks_read)
        elif _is_pair(labels):
            masks_read = [_mask_of_pair(mask, n_samples, owner, X) for mask in labels]
            known = _joined(owner, "known_labels", *masks_read)
        else:
            known = _labels(labels, n_samples, owner, X)
        if trains:
            return settled(known, owner)
        return known if known.any() else None


def pair_of_masks(known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Return validated labels in a form that passes the validation again."""
    return None if known is None else (known > 0, known < 0)


def settled(known: np.ndarray | None, owner: str) -> np.ndarray | None:
    """Return None if no label is known, and warn if all are."""
    if known is None or not known.any():
        return None
    if known.all():
        warn_user(
            f"{owner}: the known labels leave no row unknown, so there is no label to infer: "
            "the training is supervised, or, with normal rows only, that of one class. Use 0 for "
            "rows whose label is not known; of masks, False in both."
        )
    return known


def shares_with_known(known: np.ndarray | None) -> tuple[float, float]:
    """Return the least and the largest share of anomalies that known labels allow.

    With nothing but normal rows no share is ruled out: it says how many false alarms there may be.
    """
    if known is None or bool((known > 0).all()):
        return 0.0, 1.0
    return float(np.mean(known < 0)), float(np.mean(known <= 0))


def contamination_with_known(contamination: float, known: np.ndarray | None) -> float:
    """Return `contamination`, or the share closest to it that known labels allow."""
    least, most = shares_with_known(known)
    return min(max(contamination, least), most)


def unknown_share(contamination: float, known: np.ndarray | None, n_samples: int) -> float:
    """Share of anomalies among the rows of unknown label, given the share among all."""
    if known is None:
        return contamination
    n_unknown = int((known == 0).sum())
    left = contamination * n_samples - int((known < 0).sum())
    # 0.07 times 100 is a little more than 7: beside 7 known anomalies no other is left, of which
    # rules would label at least one.
    if n_unknown == 0 or left <= _ROUNDING * n_samples:
        return 0.0
    return min(1.0, left / n_unknown)


def warn_of_other_contamination(
    low: float, high: float, known: np.ndarray | None, owner: str
) -> None:
    """Tell the user that known labels rule out the ratio, or all from `low` to `high`."""
    if known is None:
        return
    n_rows, (least, most) = len(known), shares_with_known(known)
    given = f"contamination={low:g}" if low == high else f"contamination=({low:g}, {high:g})"
    remedy = "set contamination to the share that you expect among all training rows"
    if round(high * n_rows) < round(least * n_rows):
        warn_user(
            f"{owner}: the known labels name {round(least * n_rows)} of {n_rows} rows anomalous, "
            f"more than {given} allows. {least:.3g} is used instead, as if there were no other "
            f"anomalies; {remedy}, the known ones among them."
        )
    elif round(low * n_rows) > round(most * n_rows):
        warn_user(
            f"{owner}: the known labels name {n_rows - round(most * n_rows)} of {n_rows} rows "
            f"normal, so that there are fewer anomalies than {given} says. {most:.3g} is used "
            f"instead, as if all others were anomalies; {remedy}."
        )


def _computed(value: Any) -> Any:
    """Return what a collection of Dask, or each of a pair, holds; others as they are."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return tuple(map(_computed, value))
    is_of_dask = type(value).__module__.partition(".")[0] == "dask"
    return value.compute() if is_of_dask and hasattr(value, "compute") else value


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and all(np.ndim(part) == 1 for part in value)
    )


def _joined(owner: str, name: str, normal: np.ndarray, anomalous: np.ndarray) -> np.ndarray:
    both = np.flatnonzero(normal & anomalous)
    if len(both):
        raise ValueError(
            f"{owner}: {name} must not name a row both normal and anomalous; the two masks do so "
            f"in {len(both)} rows, the first is row {both[0]}."
        )
    return normal.astype(np.int8) - anomalous.astype(np.int8)


def _mask_of_pair(mask: Any, n_samples: int, owner: str, X: Any) -> np.ndarray:
    more = (
        " A pair of masks is not cut with the folds of scikit-learn's searches: pass the masks as "
        "known_normal and known_anomalies, or one array of +1, -1 and 0."
    )
    values = _checked_shape(mask, "known_labels", n_samples, owner, X, more)
    if values.dtype != bool:
        raise ValueError(
            f"{owner}: known_labels must be two boolean masks, (normal, anomalous), if it is a "
            f"pair; got an array of {values.dtype}. Missing values are False; labels go into one "
            "array."
        )
    return values


def _mask(mask: Any, name: str, n_samples: int, owner: str, X: Any) -> np.ndarray:
    """Read a mask; the name of its argument says what True stands for."""
    values = np.asarray(mask)
    if values.dtype == object and all(isinstance(value, (bool, np.bool_)) for value in values.flat):
        values = values.astype(bool)  # pandas' nullable booleans
    if values.dtype != bool:
        why = (
            "A sparse mask becomes an array by mask.toarray().ravel()."
            if values.ndim == 0
            else "Missing values are False: mask.fillna(False)."
            if values.dtype == object
            else "Labels become a mask by a comparison, as in "
            f"{name}=(y == {1 if name == 'known_anomalies' else 0}). Row numbers are not taken, "
            "since they could not be cut with the folds of a cross-validation: "
            f"mask = np.zeros({n_samples}, dtype=bool); mask[rows] = True."
        )
        raise ValueError(
            f"{owner}: {name} must be a boolean mask with one value for each row of X; got an "
            f"array of {values.dtype} of shape {values.shape}. {why}"
        )
    return _checked_shape(mask, name, n_samples, owner, X, values=values)


def _labels(known_labels: Any, n_samples: int, owner: str, X: Any) -> np.ndarray:
    more = " Use 0 for the rows whose label is not known."
    labels = _checked_shape(known_labels, "known_labels", n_samples, owner, X, more)
    if labels.dtype == bool:
        raise ValueError(
            f"{owner}: known_labels must be {_FORMS}; got one boolean mask, which does not say "
            "whether True stands for normal or for anomalous. Pass it as known_normal or as "
            "known_anomalies."
        )
    values = np.array([_number(label) for label in labels.tolist()], dtype=float)
    invalid = np.flatnonzero(~np.isin(values, (-1.0, 0.0, 1.0)))
    if len(invalid):
        missing = np.isnan(values).any() and (values == 1).any() and not (values == -1).any()
        remedy = (
            f"If 1 stands for anomalies, 0 for normal rows and a missing value for unknown ones, "
            f"pass {_MASKS}."
            if missing
            else "Encode missing labels as 0."
        )
        first = invalid[0]
        raise ValueError(
            f"{owner}: known_labels must be {_FORMS}; got {labels.tolist()[first]!r} in row "
            f"{first}. {remedy}"
        )
    n_positive = int((values > 0).sum())
    if n_positive and not (values < 0).any():
        raise ValueError(
            f"{owner}: known_labels must hold a -1 where it holds +1; got +1 in {n_positive} of "
            f"{n_samples} rows and -1 in none, which may mean two things. In known_labels +1 is a "
            "row known to be normal, -1 a known anomaly and 0 an unknown row. In labels of data "
            "sets 1 is an anomaly and 0 a normal row. Pass known_normal=(labels == 1) if these "
            "rows are known to be normal, and known_anomalies=(labels == 1) if they are known "
            "anomalies; both are masks, which cannot be mixed up, also where a fold of a "
            "cross-validation has lost the only -1."
        )
    return values.astype(np.int8)


def _number(label: Any) -> float:
    try:
        return float(label)
    except (TypeError, ValueError, OverflowError):  # pandas' NA, a string
        return np.nan


def _checked_shape(
    given: Any,
    name: str,
    n_samples: int,
    owner: str,
    X: Any,
    more: str = "",
    values: np.ndarray | None = None,
) -> np.ndarray:
    """Return an argument as an array, one value a row; `values` if it is one already."""
    labels = np.asarray(given) if values is None else values
    if labels.shape != (n_samples,):
        what = "label" if name == "known_labels" else "value"
        raise ValueError(
            f"{owner}: {name} must hold one {what} for each row of X, shape ({n_samples},); "
            f"got {_given(given, labels, name)}.{more}"
        )
    fill = f", fill_value={'0' if name == 'known_labels' else 'False'}"
    check_index(given, name, X, owner, fill)
    return labels


def _given(given: Any, labels: np.ndarray, name: str) -> str:
    """Say what was given in the place of one label a row."""
    if sparse.issparse(given):
        kind = f"a {type(given).__name__} of shape {given.shape}"
        return f"{kind}. {name}.toarray().ravel() is an array of such labels"
    return f"shape {labels.shape}" if labels.ndim else f"a {type(given).__name__}"


def check_index(given: Any, name: str, X: Any, owner: str, fill: str = "") -> None:
    """Raise ValueError if a Series has not the index of the DataFrame X.

    `fill` is how the advice to reindex fills gaps.
    """
    of_pandas = hasattr(given, "iloc") and hasattr(X, "iloc")
    if of_pandas and not given.index.equals(_computed(X.index)):
        raise ValueError(
            f"{owner}: {name} must have the index of X, in the same order; it has another "
            f"one. {name}.reindex(X.index{fill}) goes by the index, "
            f"{name}.to_numpy() by position."
        )
