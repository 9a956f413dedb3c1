"""The typical value of each column of a table, as plain values that can be stored in a model
file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn.inspection._typical_row import is_missing, typical_row
from lofe_sklearn.tabular._plain_columns import EMPTY, TIME, Column
from lofe_sklearn.tabular._vectorizing import Reading

if TYPE_CHECKING:
    import pandas as pd


def typical_values(
    columns: Mapping[str, Column], table: pd.DataFrame, reading: Reading
) -> dict[str, tuple[str, Any]]:
    """Return kind and typical value of each column of a table, which the user sees in reasons.

    The typical one of texts that are read as numbers or times is their median too. Times are
    written as text, in the form of ISO 8601, with their zone's offset from UTC.
    """
    import pandas as pd

    frame = pd.concat([column.values for column in columns.values()], axis=1)
    read = [reading.as_read(name, column.values) for name, column in columns.items()]
    row = typical_row(frame, pd.concat(read, axis=1))
    typical = {}
    for j, (name, column) in enumerate(columns.items()):
        value = row.iloc[0, j]
        plain = None if is_missing(value) or column.kind == EMPTY else value
        if plain is not None:
            plain = str(plain) if isinstance(plain, str) or column.kind == TIME else float(plain)
            plain = as_truth_value(plain) if _holds_truth_values(table[name]) else plain
        typical[name] = (column.kind, plain)
    return typical


def as_one_row(typical: Mapping[str, tuple[str, Any]]) -> pd.DataFrame:
    """Return typical values as a table."""
    import pandas as pd

    return pd.DataFrame(
        {
            name: [pd.Timestamp(value) if kind == TIME and value is not None else value]
            for name, (kind, value) in typical.items()
        }
    )


def as_truth_value(plain: float | str) -> bool:
    """Return the truth value of a plain one, which is 0 or 1, or in categories "0" or "1"."""
    return bool(float(plain))


def _holds_truth_values(values: pd.Series) -> bool:
    from pandas.api import types

    if values.dtype == object:
        return all(isinstance(value, (bool, np.bool_)) or is_missing(value) for value in values)
    return types.is_bool_dtype(values.dtype)
