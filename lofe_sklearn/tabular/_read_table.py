"""Tables of pandas, polars and pyarrow, arrays and lists of rows, as one pandas frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from lofe_sklearn._containers import check_unmasked, readable_rows
from lofe_sklearn._not_rows import uneven_row
from lofe_sklearn._take_rows import in_native_order
from lofe_sklearn._validation import did_you_mean

if TYPE_CHECKING:
    import pandas as pd


class ColumnNames:
    """A sequence of names, such as a list of str."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is one; a single str is none, nor is what can be read only once."""
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            return False
        if hasattr(value, "__next__"):
            return False
        return all(isinstance(name, str) for name in value)

    def __str__(self) -> str:
        return "a list of column names"


def check_are_columns(keep: Sequence[str], table: pd.DataFrame, owner: str) -> None:
    """Raise ValueError if a name of `keep` is no column of the table."""
    unknown = [name for name in keep if name not in table.columns]
    if unknown:
        raise ValueError(
            f"{owner}: keep must name columns of X; X has no {named(unknown)}."
            f"{did_you_mean(unknown[0], table.columns)}"
        )


def read_table(X: Any, owner: str, name: str = "X") -> pd.DataFrame:
    """Return a table as a pandas frame whose columns have names of their own.

    Parameters
    ----------
    X : DataFrame of pandas or polars, Table or RecordBatch of pyarrow, 2-D array, list of rows
        The table. The rows of a list are lists or dicts. Columns without names become "x0", "x1",
        and so on.
    owner, name : str
        What messages call the estimator and its argument.

    Returns
    -------
    frame : pandas.DataFrame

    Raises
    ------
    TypeError
        If X is no table.
    ValueError
        If it has no rows or no columns, or two columns of one name.
    """
    import pandas as pd

    library = type(X).__module__.partition(".")[0]
    if isinstance(X, pd.DataFrame):
        frame = X.copy(deep=False)
    elif library == "polars" and type(X).__name__ == "DataFrame":
        frame = _of_polars(readable_rows(X, owner, name))
    elif library == "pyarrow" and type(X).__name__ in ("Table", "RecordBatch"):
        frame = X.to_pandas()
    elif isinstance(X, np.ndarray) and X.ndim == 2:
        check_unmasked(X, name, owner)
        frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    elif isinstance(X, list) and X and all(isinstance(row, (list, tuple, dict)) for row in X):
        if not isinstance(X[0], dict) and (uneven := uneven_row(X)):
            row, size, expected = uneven
            raise ValueError(
                f"{owner}: {name} must hold rows of one length; row {row} has {size}, and row 0 "
                f"has {expected}. Put None where a value is missing."
            )
        frame = pd.DataFrame(X)
        if not isinstance(X[0], dict):
            frame.columns = [f"x{i}" for i in range(frame.shape[1])]
    else:
        raise TypeError(_no_table(X, owner, name))
    _check_size(frame, owner, name)
    frame = in_native_order(frame)
    frame.columns = pd.Index([str(label) for label in frame.columns], dtype=object)
    twice = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise ValueError(
            f"{owner}: {name} must have columns with different names; {named(twice)} "
            f"{'comes' if len(twice) == 1 else 'come'} more than once. Rename these columns, or "
            "drop those that are copies."
        )
    return frame


def named(columns: list[str], most: int = 8) -> str:
    """Return the names of columns as a message has them; of many, how many more there are."""
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(map(repr, columns[:most])) + more


def _of_polars(X: Any) -> pd.DataFrame:
    """Return a pandas frame with the values of a polars frame; pyarrow is not needed for it."""
    import pandas as pd

    def values(column: Any) -> Any:
        dtype = column.dtype
        zone = getattr(dtype, "time_zone", None)
        if zone is not None:
            moments = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
            return pd.Series(moments).dt.tz_localize("UTC").dt.tz_convert(zone)
        plain_time = dtype.is_temporal() and str(dtype) != "Time"
        plain_number = dtype.is_numeric() and not dtype.is_decimal()
        if plain_time or plain_number:
            return pd.Series(column.to_numpy())
        texts = pd.Series(column.to_list(), dtype=object)
        return texts.astype("category") if str(dtype).startswith(("Categorical", "Enum")) else texts

    series = [values(column) for column in X.get_columns()]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame(index=range(X.height))
    frame.columns = list(X.columns)
    return frame


def _check_size(frame: pd.DataFrame, owner: str, name: str) -> None:
    n_rows, n_columns = frame.shape
    if n_columns == 0:
        raise ValueError(
            f"{owner}: {name} must have at least one column; got a table of {n_rows} rows and no "
            "columns. Was the file read with the right separator and header?"
        )
    if n_rows == 0:
        raise ValueError(
            f"{owner}: {name} must have at least one row; got a table without rows, with the "
            f"columns {named([str(label) for label in frame.columns])}."
        )


def _no_table(X: Any, owner: str, name: str) -> str:
    kind = type(X).__name__
    remedy = "Make it a table with pandas.DataFrame(...)."
    if isinstance(X, (str, bytes)) or hasattr(X, "__fspath__"):
        remedy = "Read the file first, with pandas.read_csv or pandas.read_parquet."
    elif sparse.issparse(X):
        remedy = "A sparse matrix holds only numbers: give it to the detector itself."
    elif hasattr(X, "collect") or hasattr(X, "compute"):
        call = "collect" if hasattr(X, "collect") else "compute"
        kind = f"{type(X).__module__.partition('.')[0]}.{kind}"
        remedy = f"Compute its rows first, with {name}.{call}()."
    elif len(getattr(X, "shape", ())) == 2 and not hasattr(X, "__dlpack__"):  # on disk
        remedy = f"Read its rows first, with {name}[:]."
    elif hasattr(X, "to_frame"):
        remedy = (
            f"One column becomes a table by {name}.to_frame(); one row is taken as a table by "
            "table.iloc[[0]]."
        )
    return (
        f"{owner}: {name} must be a table: a DataFrame of pandas or polars, a Table of pyarrow, a "
        f"2-D array or a list of rows; got {kind}. {remedy}"
    )
