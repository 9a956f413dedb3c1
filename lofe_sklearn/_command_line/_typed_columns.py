"""Columns of text as numbers and truth values, where all of their values are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lofe_sklearn._command_line._csv_file import looks_like_decimal_commas
from lofe_sklearn._command_line._exits import BadData
from lofe_sklearn._command_line._notes import Notes
from lofe_sklearn._command_line._table_files import TableFile
from lofe_sklearn.tabular._code_texts import code_length

if TYPE_CHECKING:
    import pandas as pd


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which columns of nothing but numbers, as text, are numbers.

    Numbers are read as `TableFeatures` reads them in tables that come later, so that a row has the
    same score in both.
    """
    import pandas as pd

    columns = {name: _typed_column(frame[name]) for name in frame.columns}
    return pd.DataFrame(columns, index=frame.index)


def _typed_column(values: pd.Series) -> pd.Series:
    import pandas as pd

    if values.dtype != object or pd.api.types.infer_dtype(values, skipna=True) != "string":
        return values
    # Each text once: most columns of many rows have few different ones. The number of a missing
    # value is -1, so that it takes what stands last in the arrays below.
    rows, different = pd.factorize(values)
    texts = pd.Series(different, dtype=object)
    words = texts.str.strip().str.lower()
    if words.isin(["true", "false"]).all():
        truth = np.array([*(word == "true" for word in words), None], dtype=object)
        return pd.Series(truth[rows], index=values.index, dtype=object)
    numbers = pd.to_numeric(words, errors="coerce").astype(np.float64)
    are_text = numbers.isna().any() or code_length(texts) > 0
    return values if are_text else pd.Series(np.append(numbers, np.nan)[rows], index=values.index)


def note_decimal_commas(
    frame: pd.DataFrame, notes: Notes, are_numbers: Callable[[str], bool]
) -> None:
    """Say which columns of text seem to be numbers with a decimal comma, and how to read them.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns of text.
    notes : Notes
    are_numbers : callable
        Whether the features of a column, by its name, are numbers all the same.
    """
    seem = [name for name in frame.columns if looks_like_decimal_commas(frame[name])]
    found = [repr(name) for name in seem if not are_numbers(name)]
    if found:
        notes.add(
            f"the values of {', '.join(found[:8])} look like numbers with a decimal comma, and are "
            "read as text. Pass --decimal , to read them as numbers"
        )


def check_finite(frame: pd.DataFrame, table: TableFile, path: object) -> None:
    """Raise BadData for infinite numbers, and say where the first one is."""
    for name in frame.columns:
        values = frame[name]
        if values.dtype.kind == "f":
            infinite = np.flatnonzero(np.isinf(values.to_numpy()))
            if len(infinite):
                row = int(values.index[infinite[0]])
                raise BadData(
                    f"{path}, {table.place(row)}: {values.loc[row]} in column {name!r} is infinite "
                    "or too large. Leave the field empty if the value is missing"
                )
