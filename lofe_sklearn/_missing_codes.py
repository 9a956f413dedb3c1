"""Numbers such as -999 that stand for missing values, and count as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._validation import warn_user

# Codes are whole numbers of so many nines: 99 may be an age, and a percentage ends there.
_NINES_BELOW_ZERO, _NINES_ABOVE = 2, 3
# In fewer rows it may as well be a value that was mistyped.
_FEWEST_ROWS = 3
_SHOWN = 3


def code_in(values: np.ndarray) -> tuple[float, int] | None:
    """Return the code in the values of a column, and in how many rows it is; None for no code.

    It is farther from all other values than any two of these are from each other, or the only
    negative one.
    """
    if not len(values):
        return None
    for code in (float(values.min()), float(values.max())):
        if not _is_code(code):
            continue
        others = values[values != code]
        n_rows = len(values) - len(others)
        if n_rows < _FEWEST_ROWS or not len(others):
            continue
        low, high = float(others.min()), float(others.max())
        is_far = high - low < min(abs(code - low), abs(code - high))
        if low < high and (is_far or code < 0 <= low):
            return code, n_rows
    return None


def warn_of_codes_in_rows(owner: str, X: Any, names: Any, n_rows: int | None = None) -> None:
    """Tell the user about codes in the columns of numeric rows; a zero is none, so not if sparse.

    `names` are those of the columns, or None. X may be a sample of `n_rows` rows.
    """
    if sparse.issparse(X) or X.ndim != 2 or not len(X):
        return
    ends = np.stack([X.min(axis=0), X.max(axis=0)])
    columns = [int(j) for j in np.flatnonzero([any(map(_is_code, own)) for own in ends.T.tolist()])]
    warn_of_codes(
        owner,
        {repr(j if names is None else names[j]): code_in(X[:, j]) for j in columns},
        "Replace it with NaN, and fill that in by SimpleImputer(add_indicator=True) before the "
        "detector; or use table_pipeline, which takes NaN.",
        "" if n_rows in (None, len(X)) else f" of a sample of {len(X):,}",
    )


def warn_of_codes(
    owner: str, found: Mapping[str, tuple[float, int] | None], remedy: str, of_which: str = ""
) -> None:
    """Tell the user about codes, by the names of columns as they are to be shown.

    `of_which` says which rows are counted, if these are not all.
    """
    codes = {name: code for name, code in found.items() if code is not None}
    if not codes:
        return
    shown = [
        f"{name} ({code:.0f} in {n} rows{of_which})"
        for name, (code, n) in list(codes.items())[:_SHOWN]
    ]
    more = f" and {len(codes) - _SHOWN} more" if len(codes) > _SHOWN else ""
    warn_user(
        f"{owner}: a number that looks like a code for missing values, and like no other value of "
        f"its column: {', '.join(shown)}{more}. Rows that hold one rank among the anomalies. "
        f"{remedy}"
    )


def _is_code(value: float) -> bool:
    if not np.isfinite(value) or value != round(value):
        return False
    digits = str(abs(round(value)))
    fewest = _NINES_BELOW_ZERO if value < 0 else _NINES_ABOVE
    return len(digits) >= fewest and set(digits) == {"9"}
