"""The title of a display, and checks of its arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn._any_detector import innermost_detector
from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._types import Floats
from lofe_sklearn._validation import as_numbers, check_finite


def name_of(estimator: Any, name: str | None) -> str:
    """Return the title of a picture: by default the name of the detector's class."""
    return type(innermost_detector(estimator)).__name__ if name is None else name


def finite_values(values: Any, name: str, owner: str) -> Floats:
    """Return a vector of at least one finite number.

    Raises
    ------
    ValueError
        If `values` is something else.
    """
    check_plain_values(values, name, owner)
    numbers = as_numbers(values, name, owner)
    if numbers.ndim != 1 or len(numbers) == 0:
        raise ValueError(
            f"{owner}: {name} must be one-dimensional with at least one value, one for each row; "
            f"got shape {numbers.shape}."
        )
    check_finite(
        numbers,
        f"{owner}: {name} must be finite, but row {{row}} has {{value}}. Leave such rows out.",
    )
    return numbers


def check_same_length(owner: str, **named: Any) -> None:
    """Raise ValueError unless all have one value for each of the same rows."""
    lengths = {name: len(values) for name, values in named.items() if values is not None}
    if len(set(lengths.values())) > 1:
        got = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"{owner}: there must be one value for each row everywhere; {got}.")


def signs(labels: Any, owner: str) -> np.ndarray:
    """Return labels of the form of ``predict``.

    Raises
    ------
    ValueError
        If a label is neither -1 nor +1.
    """
    values = finite_values(labels, "labels", owner)
    other = np.setdiff1d(values, (-1, 1))
    if len(other):
        raise ValueError(
            f"{owner}: labels must be those of predict, -1 for anomalies and +1 for normal rows; "
            f"got {other[0]:g}."
        )
    return values.astype(int)
