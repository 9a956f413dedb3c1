"""Sources of rows that need not fit into memory: their shape, and ranges of their rows."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
from sklearn import get_config

# Shares of scikit-learn's `working_memory`, 1024 MiB by default: for a source that is read
# completely, and for the rows that are trained on at a time, with all values kept for them.
_WHOLE, _WINDOW = 1 / 16, 1 / 8
# The largest share for a chunk that can only be read completely.
_CHUNK = 1 / 4


class RowSource:
    """Rows of an array that is stored elsewhere.

    Parameters
    ----------
    array : object
        It has ``shape`` and ``dtype``, and returns rows as ``array[start:stop]``.
    """

    # Whether a chunk is always read completely, even for a few of its rows.
    reads_whole_chunks = False
    # What makes chunks smaller, for messages.
    remedy = ""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.name = f"{type(array).__module__.partition('.')[0]}.{type(array).__name__}"
        self.shape = tuple(int(size) for size in array.shape)
        self.dtype = np.dtype(array.dtype)

    @property
    def n_values(self) -> int:
        """Values of a row."""
        return math.prod(self.shape[1:])

    @property
    def nbytes(self) -> int:
        """Bytes of all rows in memory."""
        return self.shape[0] * self.n_values * self.dtype.itemsize

    @property
    def is_small(self) -> bool:
        """Whether the rows are few enough to be read whole."""
        return self.nbytes <= _WHOLE * working_memory()

    def chunk_ends(self) -> np.ndarray:
        """Return the row after the last one of each chunk that is stored; one for no chunks."""
        chunks = getattr(self.array, "chunks", None)
        n_rows = chunks[0] if isinstance(chunks, (tuple, list)) and chunks else None
        if not isinstance(n_rows, (int, np.integer)) or n_rows < 1:  # it means something else
            return np.array([self.shape[0]])
        return np.append(np.arange(n_rows, self.shape[0], n_rows), self.shape[0])

    def read(self, start: int, stop: int) -> Any:
        """Read a range of rows; an array keeps its mask, so that what is masked is refused."""
        rows = self.array[start:stop]
        return rows if np.ma.is_masked(rows) else np.asarray(rows)

    def read_whole(self) -> Any:
        """Read all rows."""
        return self.read(0, self.shape[0])


class MappedArray(RowSource):
    """Rows of a file that is mapped into memory; its pages are released once they are read."""

    def __init__(self, array: np.memmap) -> None:
        super().__init__(array)
        self.name = "np.memmap"
        pages = getattr(array, "_mmap", None)
        n_skipped = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
        self._size = 0 if pages is None else n_skipped + len(pages)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Copy a range of rows."""
        self._check_size()
        rows = np.array(self.array[start:stop])
        self._give_back()
        return rows

    def read_whole(self) -> np.ndarray:
        """Return the array itself, which is read as any other."""
        self._check_size()
        return self.array

    def _check_size(self) -> None:
        """Raise OSError if pages are beyond the end of the file: to touch one ends the process."""
        name = self.array.filename
        if name is None:
            return
        with suppress(FileNotFoundError):  # the pages of a file that was deleted stay
            if os.stat(name).st_size < self._size:
                raise OSError(f"the file {name} has shrunk")

    def _give_back(self) -> None:
        pages = getattr(self.array, "_mmap", None)
        # Pages of a private copy may hold values that the user has written; all others are the
        # file's.
        if pages is not None and self.array.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)


def common_dtype(dtypes: Iterable[np.dtype]) -> np.dtype:
    """Return the type of rows whose columns have these types; object if one holds no numbers."""
    kinds = list(dtypes)
    if any(dtype.kind not in "biufc" for dtype in kinds):
        return np.dtype(object)
    return np.result_type(*kinds) if kinds else np.dtype(np.float64)


def working_memory() -> float:
    """Bytes of scikit-learn's setting `working_memory`."""
    return float(get_config()["working_memory"]) * 2**20


def window_bytes() -> float:
    """Bytes for the rows in memory at a time, with all values kept for them."""
    return _WINDOW * working_memory()


def largest_chunk() -> float:
    """Bytes of the largest chunk that is read as a whole."""
    return _CHUNK * working_memory()
