"""A column of known labels: what its values mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn._command_line._exits import BadData
from lofe_sklearn._command_line._table_files import TableFile
from lofe_sklearn.inspection._typical_row import is_missing

if TYPE_CHECKING:
    import pandas as pd

ANOMALY = frozenset(["1", "true", "yes", "anomaly", "anomalous", "abnormal", "outlier"])
NORMAL = frozenset(["0", "false", "no", "normal", "inlier"])
UNKNOWN = frozenset(["", "unknown", "?"])
_ALLOWED = (
    "1, true, yes, anomaly, anomalous, abnormal or outlier for anomalies; 0, false, no, normal or "
    "inlier for normal rows; an empty field, unknown or ? where the label is not known"
)


def read_known(values: pd.Series, table: TableFile, path: object) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of known anomalies and of known normal rows.

    Parameters
    ----------
    values : pandas.Series
        The column; case does not matter.
    table : TableFile
        Says where a row is.
    path : object
        The file, for messages.

    Raises
    ------
    BadData
        If a value is not allowed, or if no label is known.
    """
    words = [_word(value) for value in values]
    for row, word in zip(values.index, words, strict=True):
        if word not in ANOMALY | NORMAL | UNKNOWN:
            hint = ""
            if word == "-1":
                hint = (
                    ". -1 is scikit-learn's label for anomalies, and 1 its label for normal rows, "
                    "the opposite of 1 here: write the words"
                )
            raise BadData(
                f"{path}, {table.place(row)}: {str(values.loc[row])[:40]!r} in column "
                f"{values.name!r} is no label. Labels are {_ALLOWED}{hint}"
            )
    anomalies = np.array([word in ANOMALY for word in words])
    normal = np.array([word in NORMAL for word in words])
    if not (anomalies.any() or normal.any()):
        raise BadData(
            f"{path}: column {values.name!r} has no known label. Labels are {_ALLOWED}. Leave out "
            "--known if there are none"
        )
    return anomalies, normal


def _word(value: Any) -> str:
    if is_missing(value):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (int, float, np.number)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip().lower().removesuffix(".0")
