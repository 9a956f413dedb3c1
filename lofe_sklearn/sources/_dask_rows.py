"""Dask's arrays and data frames as sources of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn.sources._row_source import RowSource, common_dtype


class DaskArray(RowSource):
    """Rows of a Dask array, computed a range at a time."""

    reads_whole_chunks = True
    remedy = "X.rechunk({0: n_rows})"

    def chunk_ends(self) -> np.ndarray:
        """Return the ends of its chunks along the rows."""
        return np.cumsum(self.array.chunks[0])

    def read(self, start: int, stop: int) -> Any:
        """Compute a range of rows; masks stay, and so do sparse blocks."""
        rows = self.array[start:stop].compute()
        is_special = sparse.issparse(rows) or np.ma.is_masked(rows)
        return rows if is_special else np.asarray(rows)


class DaskFrame(RowSource):
    """Rows of a Dask data frame, whose partitions are computed when they are read."""

    reads_whole_chunks = True
    remedy = "X.repartition(partition_size='50MB')"

    def __init__(self, frame: Any) -> None:
        self.array, self.name = frame, "dask.DataFrame"
        lengths = np.asarray(frame.map_partitions(len).compute())
        self._ends = np.cumsum(lengths)
        self.shape = int(self._ends[-1]), len(frame.columns)
        self.dtype = common_dtype(map(_numeric, frame.dtypes))

    def chunk_ends(self) -> np.ndarray:
        """Return the ends of its partitions."""
        return self._ends

    def read(self, start: int, stop: int) -> Any:
        """Compute the partitions that hold a range of rows, as a pandas frame."""
        if start >= stop:  # Dask cannot compute no partitions
            return self.array._meta
        first = int(np.searchsorted(self._ends, start, side="right"))
        last = int(np.searchsorted(self._ends, stop, side="left"))
        offset = int(self._ends[first - 1]) if first else 0
        frame = self.array.partitions[first : last + 1].compute()
        expected = int(self._ends[last]) - offset
        if len(frame) != expected:
            raise OSError(
                f"partitions {first} to {last} had {expected} rows, and have {len(frame)}"
            )
        return frame.iloc[start - offset : stop - offset]


def dask_source(X: Any, owner: str, name: str = "X") -> RowSource | None:
    """Return the source that a Dask collection stands for.

    Raises
    ------
    TypeError
        If it is one column, or neither an array nor a data frame.
    ValueError
        If it is an array whose number of rows is not known, or a frame with a partition that cannot
        be read.
    """
    kind = type(X).__name__
    is_delayed = kind.startswith("Delayed")  # it seems to have every attribute
    if is_delayed or not (hasattr(X, "dtype") or hasattr(X, "columns")):
        raise TypeError(
            f"{owner}: {name} must be a table of rows; got a Dask {kind}. Pass {name}.compute()."
        )
    if not hasattr(X, "chunks") and getattr(X, "ndim", 2) == 1:
        raise TypeError(
            f"{owner}: {name} must be a table of rows; got a Dask {kind}. Pass {name}.to_frame()."
        )
    if hasattr(X, "npartitions") and hasattr(X, "columns"):
        try:
            return DaskFrame(X)
        except Exception as error:  # any error of what makes the partitions
            raise ValueError(
                f"{owner}: {name}, a dask.DataFrame, cannot be read: counting the rows of its "
                f"partitions failed ({type(error).__name__}: {error}). "
                f"{name}.map_partitions(len).compute() shows where, and must work first."
            ) from error
    shape = X.shape
    if len(shape) < 2:
        return None
    if any(np.isnan(size) for size in shape):
        raise ValueError(
            f"{owner}: {name} is a Dask array of shape {shape}, whose number of rows is not known. "
            f"Call {name}.compute_chunk_sizes() first."
        )
    return DaskArray(X)


def _numeric(dtype: Any) -> np.dtype:
    """Return the type of a column's values in an array; object if they are not numbers."""
    dtype = getattr(dtype, "numpy_dtype", dtype)
    return dtype if isinstance(dtype, np.dtype) else np.dtype(object)
