"""The typical value of any column: numbers, dates, texts, missing values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from lofe_sklearn._take_rows import take_rows
from lofe_sklearn.inspection._columns import (
    column_of_numbers,
    column_values,
    gathered,
    names_classes,
)

# The number of rows that typical values are found from; of more rows, evenly spaced ones are used.
_ENOUGH_ROWS = 20_000


def typical_row(table: Any, as_read: Any = None) -> Any:
    """Return a table of one row, which has the typical value of each column.

    Parameters
    ----------
    table : table of shape (n_rows, n_columns)
        A data frame, a table of Arrow's or an array of objects.
    as_read : like `table`, optional
        What the values stand for, by which the typical ones are found: numbers for text that is
        read as numbers.
    """
    as_read = table if as_read is None else as_read
    if table.shape[0] > _ENOUGH_ROWS:
        some = np.linspace(0, table.shape[0] - 1, _ENOUGH_ROWS).astype(int)
        table, as_read = take_rows(table, some), take_rows(as_read, some)
    columns = range(table.shape[1])
    rows = []
    for j in columns:
        numbers = column_of_numbers(as_read, j)
        if numbers is not None and not names_classes(table, j):
            rows.append(_row_of_median(numbers))
        else:
            values = column_values(as_read, j)
            rows.append(row_of_typical_value(values, are_names=names_classes(table, j)))
    return gathered(table, np.array([rows]))


def row_of_typical_value(values: Sequence[Any], *, are_names: bool = False) -> int:
    """Return the number of a row that has the typical value of a column.

    That is the median of numbers, dates and times, the lower of two middle values, and the most
    frequent of all other values. If all texts differ it is the middle one in alphabetical order,
    which is the median of dates written like 2024-01-31. If most values are missing, a missing one
    is typical.

    Parameters
    ----------
    values : sequence
        Of one column; at least one.
    are_names : bool, default=False
        Whether numbers only name classes.
    """
    there = [i for i, value in enumerate(values) if not is_missing(value)]
    if 2 * len(there) < len(values):
        return next(i for i, value in enumerate(values) if is_missing(value))
    known = [values[i] for i in there]
    if are_names or any(isinstance(value, (str, bool, np.bool_)) for value in known):
        counts = Counter(map(_key, known))
        value, count = counts.most_common(1)[0]
        all_differ = count == 1 and all(isinstance(each, str) for each in known)
        order = None if are_names or not all_differ else _order(known)
        first = [_key(each) for each in known].index(value)
    else:
        order, first = _order(known), 0
        if order is None:
            keys = [_key(each) for each in known]
            first = keys.index(Counter(keys).most_common(1)[0][0])
    return there[first if order is None else order[(len(known) - 1) // 2]]


def _row_of_median(numbers: np.ndarray) -> int:
    """Return what `row_of_typical_value` does, of an array of numbers and NaN."""
    missing = np.isnan(numbers)
    if 2 * missing.sum() > len(numbers):
        return int(missing.argmax())
    there = np.flatnonzero(~missing)
    return int(there[np.argsort(numbers[there], kind="stable")[(len(there) - 1) // 2]])


def is_missing(value: Any) -> bool:
    """Whether a value stands for a missing one: None, NaN, also of decimals, NaT, or pandas' NA."""
    if isinstance(value, str):  # most values of large tables, so they come first
        return False
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def is_same(value: Any, other: Any) -> bool:
    """Whether two values are equal, or both missing."""
    if is_missing(value) or is_missing(other):
        return is_missing(value) and is_missing(other)
    return bool(_key(value) == _key(other))


def _order(values: list[Any]) -> list[int] | None:
    """Return the numbers of values in ascending order; None where they have none."""
    try:
        return sorted(range(len(values)), key=values.__getitem__)
    except (TypeError, ValueError):  # of several types, or arrays
        return None


def _key(value: Any) -> Any:
    """Return the key by which a value is counted and compared."""
    return repr(value) if value.__hash__ is None else value
