"""Columns of tables with more than numbers: reading them, and taking rows by number.

Tables are pandas or polars data frames, Arrow tables, and arrays of objects. Values are only ever
taken, never written, so that every type of column stays what it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn._containers import is_table_of_arrow, library_of
from lofe_sklearn._types import Floats, Ints


def column_names(table: Any) -> list[str] | None:
    """Return the names of the columns; None where they have none."""
    names = table.column_names if is_table_of_arrow(table) else getattr(table, "columns", None)
    return None if names is None else [str(name) for name in names]


def column_values(table: Any, column: int) -> list[Any]:
    """Return the values of a column, as the objects that its library makes of them."""
    if hasattr(table, "iloc"):
        return list(table.iloc[:, column])
    if is_table_of_arrow(table):
        return table.column(column).to_pylist()
    if _is_polars(table):
        return table.to_series(column).to_list()
    return list(table[:, column])


def column_of_numbers(table: Any, column: int) -> np.ndarray | None:
    """Return a column of numbers as an array; None where it is one of other values.

    Only columns of pandas that are arrays of NumPy already are returned; those of other libraries
    and types are read value by value.
    """
    if not hasattr(table, "iloc"):
        return None
    values = table.iloc[:, column]
    is_plain = isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf"
    return values.to_numpy() if is_plain else None


def names_classes(table: Any, column: int) -> bool:
    """Whether the type of a column says that its values, even numbers, are names."""
    return hasattr(table, "iloc") and hasattr(table.dtypes.iloc[column], "categories")


def with_columns_of(table: Any, columns: list[str]) -> Any:
    """Return the columns with these names, in this order."""
    if hasattr(table, "iloc"):
        own = column_names(table) or []
        number = {name: j for j, name in reversed(list(enumerate(own)))}  # the first of each name
        return table.iloc[:, [number[name] for name in columns]]
    return table.select(columns)


def row_like(table: Any, values: Floats) -> Any:
    """Return one row of numbers as a table like a given one."""
    row = values.reshape(1, -1)
    if hasattr(table, "iloc"):
        return library_of(table).DataFrame(row, columns=table.columns)
    if _is_polars(table):
        return library_of(table).DataFrame(row, schema=list(table.columns))
    if is_table_of_arrow(table):
        return library_of(table).table([[value] for value in row[0]], names=table.column_names)
    return row


def gathered(table: Any, rows: Ints) -> Any:
    """Return a table in which each column is taken from its own rows, (m, n_columns)."""
    numbers = rows.T
    if hasattr(table, "iloc"):
        columns = [
            table.iloc[:, j].take(own).reset_index(drop=True) for j, own in enumerate(numbers)
        ]
        return library_of(table).concat(columns, axis=1)
    if _is_polars(table):
        columns = [table.to_series(j).gather(own) for j, own in enumerate(numbers)]
        return library_of(table).DataFrame(columns)
    if is_table_of_arrow(table):
        columns = [table.column(j).take(own) for j, own in enumerate(numbers)]
        return library_of(table).table(columns, schema=table.schema)
    return np.take_along_axis(table, rows, axis=0)


def with_row_below(table: Any, row: Any) -> Any:
    """Return a table with a row of another below it; types that differ become a common one."""
    library = library_of(table)
    if hasattr(table, "iloc"):
        pairs = [(table.iloc[:, j], row.iloc[:, j]) for j in range(table.shape[1])]
        return library.concat([_joined(library, *pair) for pair in pairs], axis=1)
    if _is_polars(table):
        return library.concat([table, row], how="vertical_relaxed")
    if is_table_of_arrow(table):
        return library.concat_tables([table, row], promote_options="permissive")
    return np.concatenate([table, row])


def _joined(library: Any, column: Any, cell: Any) -> Any:
    """Join two pandas columns. If their categories differ, values stay and the type does not."""
    # Numbers that may be missing stay such: scikit-learn reads pandas' NA in no column of objects.
    if column.dtype == cell.dtype or {column.dtype.kind, cell.dtype.kind} <= set("iuf"):
        return library.concat([column, cell], ignore_index=True)
    values = library.Series([*column, *cell], name=column.name, dtype=object)
    return values.infer_objects()


def _is_polars(table: Any) -> bool:
    return hasattr(table, "to_series")
