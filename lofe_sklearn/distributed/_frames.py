"""Columns of frames of pandas, polars and pyarrow, and of Ray's dicts of arrays, each as it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lofe_sklearn._containers import is_table_of_arrow

_FRAMES = "a frame of pandas, polars or pyarrow, or a dict of arrays"
# How libraries whose frames are elsewhere hand on frames that are here.
_HANDED_ON = {
    "dask": "Pass frame.map_partitions(scorer, meta=scorer.empty(frame)).",
    "ray": "Pass dataset.map_batches(scorer).",
    "pyspark": "Pass frame.mapInPandas(scorer.over, scorer.spark_schema(frame)).",
}


def column_names(frame: Any) -> list[Any]:
    """Return the names of the columns, which in pandas may be numbers, tuples and others.

    Raises
    ------
    TypeError
        If `frame` is none of the kinds there are.
    ValueError
        If the arrays of a dict do not have one length.
    """
    if isinstance(frame, Mapping):
        _check_lengths(frame)
        return list(frame)
    if type(frame).__name__ == "LazyFrame":  # to look at its names would warn
        raise TypeError(f"BatchScorer takes {_FRAMES}; got LazyFrame. Pass frame.collect().")
    names = frame.column_names if is_table_of_arrow(frame) else getattr(frame, "columns", None)
    if names is None or not _has_rows_here(frame):
        library = type(frame).__module__.partition(".")[0]
        advice = _HANDED_ON.get(library, "Wrap an array in one, as pandas.DataFrame(rows).")
        kind = (
            f"{library}.{type(frame).__name__}" if library in _HANDED_ON else type(frame).__name__
        )
        raise TypeError(f"BatchScorer takes {_FRAMES}; got {kind}. {advice}")
    return list(names)


def _check_lengths(arrays: Mapping[str, Any]) -> None:
    sizes = {name: len(own) if hasattr(own, "__len__") else None for name, own in arrays.items()}
    if len(set(sizes.values())) > 1 or None in sizes.values():
        found = ", ".join(
            f"{name!r} {'is one value' if size is None else f'has {size}'}"
            for name, size in sizes.items()
        )
        raise ValueError(
            f"BatchScorer: the arrays of a dict must have one length, with a value for each row; "
            f"got others: {found}."
        )


def _has_rows_here(frame: Any) -> bool:
    """Whether the number of rows is known, as it is not of frames that are yet to be computed."""
    shape = getattr(frame, "shape", None)
    return isinstance(shape, tuple) and all(isinstance(size, int) for size in shape)


def count(frame: Any) -> int:
    """Return the number of rows."""
    if isinstance(frame, Mapping):
        return len(next(iter(frame.values()), ()))
    return int(frame.shape[0])


def as_array(frame: Any, names: Sequence[str]) -> np.ndarray:
    """Return some columns side by side, without their names."""
    table = select(frame, names, as_table=True)
    if is_table_of_arrow(table):
        table = table.to_pandas()
    return np.asarray(table.to_numpy())


def select(frame: Any, names: Sequence[Any], *, as_table: bool = False) -> Any:
    """Return some columns, by name or by the text of a name that is none, such as "0" for 0.

    With `as_table` they have the names that are given, and those of a dict become a frame.
    """
    if isinstance(frame, Mapping):
        chosen = {own: frame[own] for own in _own_names(frame, names)}
        if not as_table:
            return chosen
        import pandas as pd

        return pd.DataFrame(dict(zip(names, chosen.values(), strict=True)))
    if hasattr(frame, "iloc"):
        own = _own_names(frame, names)
        chosen = frame[own]
        return chosen if own == list(names) or not as_table else chosen.set_axis(names, axis=1)
    # Asked of the class, since a column of pandas may be named so.
    return frame.select(list(names)) if hasattr(type(frame), "select") else frame[list(names)]


def _own_names(frame: Any, names: Sequence[Any]) -> list[Any]:
    own = frame if isinstance(frame, Mapping) else frame.columns
    by_text = {str(name): name for name in own}
    return [name if name in own else by_text[str(name)] for name in names]


def with_columns(frame: Any, columns: Mapping[str, np.ndarray]) -> Any:
    """Return the frame with more columns behind its own."""
    if isinstance(frame, Mapping):
        return {**frame, **columns}
    library = sys.modules[
        type(frame).__module__.partition(".")[0]
    ]  # loaded, or there'd be no frame
    if is_table_of_arrow(frame):
        arrays = {name: frame.column(name) for name in frame.column_names}
        # A table, or a batch of records as Spark's mapInArrow hands on.
        return type(frame).from_pydict({**arrays, **columns})
    if hasattr(type(frame), "with_columns"):
        series = {name: library.Series(v) for name, v in columns.items()}
        # A frame of polars without columns has no rows that others could be put beside.
        return frame.with_columns(**series) if frame.width else library.DataFrame(series)
    if len(frame.columns) == 0:  # whose labels may be of several levels
        return library.DataFrame(dict(columns), index=frame.index)
    return frame.assign(**columns)
