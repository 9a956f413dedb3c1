"""Kinds of values that no number stands for: times, complex numbers and records."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np

# How types of columns begin in pandas and Arrow, and the types of single values: Python's, from
# which pandas' are derived, and NumPy's.
_NAMES = (
    *("period", "timestamp", "date32", "date64", "time32", "time64", "duration"),
    "extension<pandas.period",
)
TIMES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def kind_of_values(dtype: Any, values: Callable[[], Any]) -> str:
    """Return "time", "complex" or "record" for types of such values, and "" for others."""
    if hasattr(dtype, "categories") and hasattr(dtype.categories, "dtype"):  # of pandas
        return kind_of_values(dtype.categories.dtype, lambda: dtype.categories)
    kind = getattr(dtype, "kind", "")
    is_temporal = getattr(dtype, "is_temporal", None)  # polars' types have it
    if kind in ("m", "M") or str(dtype).startswith(_NAMES) or (is_temporal and is_temporal()):
        return "time"
    if getattr(dtype, "names", None) and kind == "V":
        return "record"
    if kind == "c":
        return "complex"
    if kind == "O":
        for value in np.asarray(values(), dtype=object).ravel():
            if isinstance(value, TIMES):
                return "time"
            if isinstance(value, (complex, np.complexfloating)):
                return "complex"
    return ""
