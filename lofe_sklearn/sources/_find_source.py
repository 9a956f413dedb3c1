"""Whether rows that a user gives are in memory, or a source to be read from."""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn.sources._blocks import read_whole
from lofe_sklearn.sources._dask_rows import dask_source
from lofe_sklearn.sources._parquet import ParquetRows, ParquetSource
from lofe_sklearn.sources._row_source import MappedArray, RowSource

# Attributes that containers in memory have, and stored arrays do not have.
_IN_MEMORY = (
    "__array_interface__",
    "__dlpack__",
    "__cuda_array_interface__",  # after that: torch's raises an error for sparse tensors
    "__arrow_c_stream__",
    "iloc",
)

# By library, the methods that make a table of what is yet to be computed or read. Tables and frames
# do not have them.
_CALLS = {"polars": ("collect",), "pyarrow": ("to_table", "read_all", "read")}


def source_of(X: Any, owner: str, name: str = "X") -> RowSource | None:
    """Return the source that X stands for; None if X is in memory, or does not hold rows.

    Parameters
    ----------
    X : object
        As the user gave it.
    owner, name : str
        Whose argument it is, and which, for messages.

    Raises
    ------
    ValueError
        If the number of rows is not known, or X cannot be read any more.
    TypeError
        If it is something that is to be computed first.
    """
    check_computed(X, owner, name)
    library = type(X).__module__.partition(".")[0]
    if isinstance(X, np.memmap):
        mapped = getattr(X, "_mmap", None) is not None and X.ndim >= 2
        return MappedArray(X) if mapped else None
    if library == "dask":
        return dask_source(X, owner, name)
    if isinstance(X, ParquetRows):
        return ParquetSource(X)
    if isinstance(X, (np.ndarray, list, tuple, type)) or any(hasattr(X, n) for n in _IN_MEMORY):
        return None
    try:
        shape = getattr(X, "shape", None)
    except Exception as error:  # any error of the library that X is of
        raise ValueError(
            f"{owner}: {name}, a {library}.{type(X).__name__}, cannot be "
            f"read ({type(error).__name__}: {error}). Its file may be closed: keep it open while "
            "rows are read."
        ) from error
    if not isinstance(shape, tuple) or len(shape) < 2 or not hasattr(X, "dtype"):
        return None
    is_array = hasattr(X, "__getitem__") and not hasattr(X, "tocsr")
    return RowSource(X) if is_array else None


def check_computed(X: Any, owner: str, name: str = "X") -> None:
    """Raise TypeError for what a call would make a table of, such as a lazy frame."""
    library = type(X).__module__.partition(".")[0]
    calls = _CALLS.get(library, ())
    call = next((call for call in calls if hasattr(X, call)), None)
    if call is not None:
        article = "an" if type(X).__name__[0] in "AEIOU" else "a"
        in_blocks = (
            ", or files of Parquet as lofe_sklearn.sources.ParquetRows(paths), which are read in "
            "blocks"
        )
        raise TypeError(
            f"{owner}: {name} must be rows; got {article} {type(X).__name__}, which is yet to be "
            f"{'read' if library == 'pyarrow' else 'computed'}. Pass {name}.{call}()"
            f"{in_blocks if library == 'pyarrow' else ''}."
        )


def in_memory(X: Any, owner: str, name: str = "X") -> Any:
    """Return X; a small source is read completely, and a mapped array stays as it is.

    Raises
    ------
    ValueError
        If it is a source of more rows than are read whole, or cannot be read.
    """
    source = source_of(X, owner, name)
    if source is None:
        return X
    if not source.is_small and not isinstance(source, MappedArray):
        raise ValueError(
            f"{owner}: {name} must be in memory here; got a {source.name} of shape {source.shape}, "
            f"{source.nbytes / 2**20:.0f} MiB. Pass a part of its rows, as in {name}[:10_000]; or "
            "raise the limit, a sixteenth of sklearn.set_config(working_memory=...), in MiB."
        )
    return read_whole(source, owner, name)
