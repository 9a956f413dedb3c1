"""Rows that are given to a function, as an array of finite numbers, and how far they spread."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array

from lofe_sklearn._bad_rows import what_is_wrong
from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._not_rows import what_holds_rows
from lofe_sklearn._tensors import tensor_as_array
from lofe_sklearn._types import Floats
from lofe_sklearn.sources._find_source import check_computed


def finite_rows(X: Any, name: str, owner: str, *, accept_sparse: str | bool = False) -> Any:
    """Return rows in double precision.

    Raises
    ------
    ValueError
        If they are no rows of finite numbers; the message names `owner`, `name` and the columns.
    TypeError
        If they are yet to be computed.
    """
    check_computed(X, owner, name)
    check_plain_values(X, name, owner)
    try:
        rows = check_array(
            tensor_as_array(X), accept_sparse=accept_sparse, dtype=np.float64, input_name=name
        )
    except (TypeError, ValueError, OverflowError) as error:
        reason = what_is_wrong(X, name, None)
        if reason is None and (instead := what_holds_rows(X, name)):
            reason = f"{name} must hold rows of numbers; {instead}"
        reason = reason or f"{name}: {error}"
        raise ValueError(f"{owner}: {reason}") from error
    values = rows if isinstance(rows, np.ndarray) else rows.data
    if not np.isfinite(values).all():  # scikit-learn's check is left out under assume_finite
        raise ValueError(f"{owner}: {what_is_wrong(X, name, None)}")
    return rows


def deviations(rows: Floats) -> Floats:
    """Return the standard deviation of each feature, whose squares may over- or underflow."""
    # In units that are powers of two, which change no digit.
    units = np.ldexp(1.0, np.frexp(np.abs(rows).max(axis=0))[1] - 1)
    return np.asarray((rows / units).std(axis=0) * units)
