"""The blocks of rows of a source, the same in every pass, and errors that name a block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lofe_sklearn.sources._row_source import RowSource, largest_chunk, window_bytes

# The number of blocks that are trained on together: a batch is drawn from all of their rows.
BLOCKS_IN_A_WINDOW = 16
# A chunk of up to this number of blocks is not cut.
_WHOLE_CHUNK = 4


class Blocks:
    """Blocks of about equal size, which end with chunks of the source if possible.

    Parameters
    ----------
    source : RowSource
    n_rows : int
        The approximate number of rows of a block.
    owner : str
        The reader's name, for messages.
    name : str, default="X"
        The name of the rows, for messages.

    Attributes
    ----------
    starts, stops : ndarray of int
        First row of each block, and the row after its last one.

    Raises
    ------
    ValueError
        If a chunk that can only be read as a whole is too large for the memory.
    """

    def __init__(self, source: RowSource, n_rows: int, owner: str, name: str = "X") -> None:
        self._source, self._owner, self._name = source, owner, name
        ends = source.chunk_ends()
        sizes = np.diff(ends, prepend=0)
        row_bytes = source.n_values * source.dtype.itemsize
        if source.reads_whole_chunks and sizes.max() * row_bytes > largest_chunk():
            largest = int(sizes.argmax())
            raise ValueError(
                f"{owner}: chunk {largest} of {name}, a {source.name}, has {sizes[largest]} rows, "
                f"{sizes[largest] * row_bytes / 2**20:.0f} MiB, and is read as a whole. At most a "
                f"quarter of scikit-learn's working_memory is allowed, {largest_chunk() / 2**20:g} "
                f"MiB. Make chunks smaller, by {source.remedy}, or raise the limit by "
                "sklearn.set_config(working_memory=...), in MiB."
            )
        self.stops = np.array(list(_cut(ends.tolist(), max(2, n_rows))))
        self.starts = np.append(0, self.stops[:-1])

    def __len__(self) -> int:
        return len(self.stops)

    def read(self, number: int) -> Any:
        """Read a block.

        Raises
        ------
        ValueError
            If it cannot be read, or has other rows or another type than the source says.
        """
        start, stop, source = int(self.starts[number]), int(self.stops[number]), self._source
        where = _place(source, start, stop, self._owner, self._name)
        block = _checked(lambda: source.read(start, stop), (stop - start, *source.shape[1:]), where)
        dtype = getattr(block, "dtype", None)  # frames and tables have a type for each column
        if dtype is not None and dtype != source.dtype:
            raise ValueError(
                f"{where} are of type {dtype}, but {self._name} says {source.dtype}: its "
                "partitions have different types. Bring all of them to one, by "
                f"{self._name}.astype(...) for example."
            )
        return block

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """Yield the first row of each block, and the block."""
        for number in range(len(self)):
            yield int(self.starts[number]), self.read(number)


def read_whole(source: RowSource, owner: str, name: str = "X") -> Any:
    """Read all rows of a source.

    Raises
    ------
    ValueError
        If they cannot be read, or have another shape than the source says.
    """
    where = _place(source, 0, source.shape[0], owner, name)
    return _checked(source.read_whole, source.shape, where)


def _checked(read: Callable[[], Any], shape: tuple[int, ...], where: str) -> Any:
    try:
        block = read()
    except Exception as error:  # any error of the library that reads the rows
        raise ValueError(
            f"{where} cannot be read ({type(error).__name__}: {error}). Check the file, or "
            "pass a part of the rows."
        ) from error
    if not block.shape:
        raise ValueError(f"{where} are no rows: got {block!r} for them. Pass what has rows.")
    if block.shape[0] < shape[0] and tuple(block.shape[1:]) == shape[1:]:
        raise ValueError(
            f"{where} are {block.shape[0]} rows and not {shape[0]}: the source has shrunk "
            "while it was read. Read it when no program writes to it any more."
        )
    if tuple(block.shape) != shape:
        raise ValueError(
            f"{where} have shape {tuple(block.shape)} and not {shape}: the source has changed "
            "while it was read, or its slices do not have the rows that its shape says. Read it "
            "when no program writes to it any more, or correct its shape."
        )
    return block


def _place(source: RowSource, start: int, stop: int, owner: str, name: str) -> str:
    return f"{owner}: rows {start} to {stop - 1} of {name}, a {source.name},"


def blocks_to_score(source: RowSource, owner: str, name: str = "X") -> Blocks:
    """Return the blocks in which the rows of a source are scored."""
    # The rows in double precision, and a scaled copy.
    n_rows = int(window_bytes() // (4 * 16 * max(1, source.n_values)))
    return Blocks(source, n_rows, owner, name)


def _cut(ends: list[int], n_rows: int) -> Iterator[int]:
    """Yield the ends of blocks of about `n_rows` rows: several whole chunks, or parts of one.

    A chunk of up to four times as many rows stays whole, since reading a part costs as much.
    """
    start = 0
    for i, end in enumerate(ends):
        is_last = i == len(ends) - 1
        if end - start < n_rows and not is_last:
            continue
        if end == start > 0:  # the last chunks are empty, as after a filter
            break
        n_parts = max(1, round((end - start) / n_rows))
        if len(ends) > 1 and end - start <= _WHOLE_CHUNK * n_rows:
            n_parts = 1
        yield from (start + (end - start) * part // n_parts for part in range(1, n_parts + 1))
        start = end
