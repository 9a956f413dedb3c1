"""Messages about rows that cannot be used: which columns are wrong, from which row on, the remedy.

They are made only after a check has failed, so that good rows cost no time here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._containers import is_table_of_arrow
from lofe_sklearn._kinds_of_values import TIMES
from lofe_sklearn._not_rows import no_rows
from lofe_sklearn.exceptions import (
    NoSuchDeviceError,
    TrainingDivergedError,
    UnusableRowsError,
)

TEXT, DATES, OTHERS = "text", "dates or times", "lists or other objects"
TOO_LARGE = "integers that no float can hold"
MISSING, INFINITE = "missing values (NaN)", "infinity"

# A message names so many columns, and counts the others.
_NAMED = 3
# What messages call the rows that a fit takes beside X.
OUTLIERS = "outliers"
_OF_OUTLIERS = (
    "Rows must be finite numbers, and a Pipeline does not transform outliers: give them as its "
    "last step gets X, such as pipeline[:-1].transform(outliers) of the fitted Pipeline."
)
_OF_FUNCTIONS = (
    "Rows must be finite numbers: fill in missing values before, as scikit-learn's SimpleImputer "
    "does, or make numbers of a table by lofe_sklearn.tabular.TableFeatures."
)


def what_is_wrong(
    X: Any, name: str, detector: str | None, feature_names: Any = None, first_row: int = 0
) -> str | None:
    """Name the columns that hold something else than finite numbers, and the remedy.

    Parameters
    ----------
    X : {array-like, sparse matrix, data frame}
        Rows as the user gave them, or after their validation.
    name : str
        What the message calls X.
    detector : str or None
        The class at the end of the pipeline that the message recommends; None for a function of
        rows, which no pipeline ends in.
    feature_names : array-like of str, optional
        The names of the columns. Default: those of X itself, if it has any.
    first_row : int, default=0
        The user's number of the first row of X, where it is a block of more rows.

    Returns
    -------
    message : str or None
        None if X holds only finite numbers, or is no table at all.
    """
    found: dict[str, list[str]] = {}
    for column, kind, row, value in _bad_columns(X, feature_names):
        seen = f"row {first_row + row}"
        if kind not in (MISSING, INFINITE, TOO_LARGE):
            seen = f"{value!r} in {seen}"
        found.setdefault(kind, []).append(f"{column} ({seen})")
    if not found:
        return None
    what = "; ".join(f"{kind} in {_some(columns)}" for kind, columns in found.items())
    if detector is None:
        remedy = _OF_FUNCTIONS
    elif name == OUTLIERS:
        remedy = _OF_OUTLIERS
    else:
        remedy = _remedy(found, detector, _names_of_columns(X) is not None)
    return f"{name} contains {what}. {remedy}"


def of_all_columns(error: ValueError, X: Any, name: str, owner: str, first_row: int = 0) -> str:
    """Say what is wrong with all columns of a table, where a check has stopped at one of them.

    Parameters
    ----------
    error : ValueError
        The error of the check. Its message is kept if X is no table, or holds only finite numbers.
    X : {array-like, sparse matrix, data frame}
        The rows.
    name, owner : str
        What the message calls X and the estimator.
    first_row : int, default=0
        The user's number of the first row of X, where it is a block of more rows.

    Returns
    -------
    message : str
    """
    is_table = _names_of_columns(X) is not None
    found = what_is_wrong(X, name, owner, None, first_row) if is_table else None
    return str(error) if found is None else f"{owner}: {found}"


def explained(
    error: Exception,
    X: Any,
    name: str,
    owner: str,
    fitted: Any,
    namesake: str,
    first_row: int = 0,
) -> str:
    """Say what scikit-learn's check of rows has found, with its columns and a remedy.

    Parameters
    ----------
    error : Exception
        The error of the check.
    X : {array-like, sparse matrix, data frame}
        The rows.
    name : str
        What the message calls X.
    owner : str
        The class of the detector that the user called.
    fitted : OutlierDetector or None
        The detector whose features X must have, if it is fitted.
    namesake : str
        What messages say the features are for: the owner, or the backbone that the user chose.
    first_row : int, default=0
        The user's number of the first row of X.

    Returns
    -------
    message : str
    """
    names = getattr(fitted, "feature_names_in_", None)
    columns = _names_of_columns(X)
    if columns == []:
        return (
            f"{owner}: Found array with 0 feature(s) (shape={tuple(X.shape)}) while a minimum of 1 "
            f"is required by {owner}."
        )
    if columns is not None and len(set(columns)) < len(columns):
        return f"{owner}: {error}\nRename columns of {name}, or drop those that are copies."
    if names is not None and columns is not None and columns != list(names):
        ordered = f"{name}[detector.feature_names_in_] has them in that order."
        return f"{owner}: {error}{ordered if set(columns) == set(names) else ''}"
    found = what_is_wrong(X, name, owner, names, first_row)
    width, expected = _width(X), getattr(fitted, "n_features_in_", None)
    if found is None and expected is not None and width not in (None, expected):
        found = (
            f"{name} has {width} features, but {namesake} is expecting {expected} features as "
            "input."
        )
    if found is None and (instead := no_rows(error, X, name, owner)):
        return f"{owner}: {instead}"
    if found is None and name != "X" and name not in str(error):
        return f"{owner}: {name}: {error}"  # scikit-learn does not say which argument it is
    if found is not None and isinstance(error, TypeError):
        return f"{owner}: {found} ({error})"
    return f"{owner}: {found or error}"


@contextmanager
def blaming_rows(
    owner: str, X: Any, feature_names: Any = None, name: str = "X", first_row: int = 0
) -> Iterator[None]:
    """Say which detector cannot compute, and with which rows, after a computation failed.

    Under ``assume_finite`` scikit-learn leaves out its check, so bad values are found only now.

    Parameters
    ----------
    owner : str
        The class of the detector that the user called.
    X : {ndarray, CSR matrix}
        Rows after their validation.
    feature_names : array-like of str, optional
    name : str, default="X"
        What the message calls X.
    first_row : int, default=0
        The user's number of the first row of X.
    """
    try:
        yield
    except (ValueError, TrainingDivergedError) as error:
        found = what_is_wrong(X, name, owner, feature_names, first_row)
        if found is not None:
            raise ValueError(f"{owner}: {found}") from error
        if isinstance(error, UnusableRowsError):
            if getattr(error, "what", None) == "X":
                vars(error)["what"] = name
                vars(error)["row"] += first_row
            raise ValueError(f"{owner}: {error}") from error
        if isinstance(error, TrainingDivergedError):
            raise TrainingDivergedError(f"{owner}: {error}") from error
        if isinstance(error, NoSuchDeviceError):
            raise ValueError(f"{owner}: {error}") from error
        raise


def column_name(column: int, feature_names: Any = None) -> str:
    """Return how a message calls a column; one beyond all names has a number."""
    is_named = feature_names is not None and column < len(feature_names)
    return f"column {repr(str(feature_names[column])) if is_named else column}"


def _some(columns: list[str]) -> str:
    more = len(columns) - _NAMED
    return ", ".join(columns[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _remedy(found: dict[str, list[str]], detector: str, is_table: bool) -> str:
    """Return the code of a pipeline that takes such rows and ends in `detector`."""
    table = f"lofe_sklearn.tabular.table_pipeline({detector}())"
    first = " Replace infinity by NaN before." if INFINITE in found else ""
    if TOO_LARGE in found:
        first = f" Replace {TOO_LARGE} by NaN, or by their logarithms, before."
    drop = " Drop columns of lists or other objects before." if OTHERS in found else ""
    if not found.keys().isdisjoint((TEXT, DATES, OTHERS)):
        return (
            f"{detector} could not convert it to numbers: use {table}, which takes tables of text, "
            f"dates and missing values.{drop}{first}"
        )
    filled = f"make_pipeline(SimpleImputer(), {detector}())"
    flagged = f", or {table}, which also flags them" if is_table else ""
    return (
        f"Rows must be finite numbers: use {filled}, where scikit-learn's SimpleImputer fills in "
        f"missing values{flagged}.{first}"
    )


def _names_of_columns(X: Any) -> list[Any] | None:
    """Return the names of a table's columns; None for what is no table."""
    if is_table_of_arrow(X):  # whose `columns` are the values
        return list(X.column_names)
    return list(X.columns) if hasattr(X, "columns") else None


def _width(X: Any) -> int | None:
    """Return the number of columns; None for what is no table."""
    try:
        shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
    except ValueError:  # lists of several lengths
        return None
    return shape[1] if len(shape) == 2 else None


def _bad_columns(X: Any, feature_names: Any) -> Iterator[tuple[str, str, int, Any]]:
    """Yield the column, kind, first row and first value of all that is no finite number."""
    # Rows with another number of columns may be wrong too, and then no name is known to be theirs.
    if feature_names is None or _width(X) != len(feature_names):
        feature_names = _names_of_columns(X)
    for number, values, rows in _columns_of(X):
        column = column_name(number, feature_names)
        for kind, bad in _kinds(values):
            where = np.flatnonzero(bad)
            if len(where):
                first = where[0] if rows is None else where[rows[where].argmin()]
                row = first if rows is None else rows[first]
                yield column, kind, int(row), _plain(values[first])


def _columns_of(X: Any) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """Yield the number and values of each column, and the rows of the values if X is sparse."""
    if sparse.issparse(X):
        values = X.tocoo()
        for number in np.unique(values.col):
            own = values.col == number
            yield int(number), values.data[own], values.row[own]
    elif _names_of_columns(X) is not None:
        for number in range(X.shape[1]):
            yield number, _values_of(_column(X, number)), None
    else:
        try:
            table = np.asarray(X)
        except ValueError:  # lists of several lengths
            return
        if table.ndim == 2:
            yield from ((number, table[:, number], None) for number in range(table.shape[1]))


def _column(X: Any, number: int) -> Any:
    if hasattr(X, "iloc"):
        return X.iloc[:, number]
    return X.column(number) if is_table_of_arrow(X) else X[:, number]


def _values_of(column: Any) -> np.ndarray:
    """Return one column as an array; its values as objects where each is a list."""
    try:
        values = np.asarray(column)
    except (ValueError, TypeError):  # lists of several lengths
        values = np.empty(0)
    if values.shape == (len(column),):
        return values
    objects = np.empty(len(column), dtype=object)
    for row, value in enumerate(column.to_list() if hasattr(column, "to_list") else column):
        objects[row] = value
    return objects


def _kinds(values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield which values of a column are of which kind."""
    if values.dtype.kind == "f":
        yield MISSING, np.isnan(values)
        yield INFINITE, np.isinf(values)
    elif values.dtype.kind in "mM":
        yield DATES, ~np.isnat(values)
    elif values.dtype.kind not in "biuc":
        kinds = np.array([_kind(value) for value in values], dtype=object)
        for kind in (TEXT, DATES, OTHERS, TOO_LARGE, MISSING, INFINITE):
            yield kind, kinds == kind


def _kind(value: Any) -> str | None:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return MISSING
    if isinstance(value, TIMES) or type(value).__name__ == "Period":
        return DATES
    try:
        number = float(value)
    except ValueError:
        return TEXT
    except TypeError:
        return None if isinstance(value, complex) else OTHERS
    except OverflowError:
        return TOO_LARGE
    if np.isnan(number):
        return MISSING
    return INFINITE if np.isinf(number) else None


def _plain(value: Any) -> Any:
    """Return a value whose repr is short and names no library."""
    if isinstance(value, TIMES) or type(value).__name__ == "Period":
        return str(value)
    plain = value.item() if isinstance(value, np.generic) else value
    return plain[:30] if isinstance(plain, (str, bytes)) else plain
