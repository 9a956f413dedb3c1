"""The rows of a source, validated: sampled in a first pass, and in windows of mixed blocks.

A window holds blocks from all over the source, in the order of a new permutation in each epoch,
and its rows are shuffled when they are trained on. After Xu et al., SIGMOD 2022, arXiv 2206.05830.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn._progress import part
from lofe_sklearn._training._column_statistics import ColumnStatistics
from lofe_sklearn.sources._blocks import BLOCKS_IN_A_WINDOW, Blocks
from lofe_sklearn.sources._row_source import RowSource, window_bytes

# Rows of the sample at most, and the share of a window's bytes that they may take.
_SAMPLE_ROWS, _SAMPLE_SHARE = 65_536, 1 / 2
# Bytes of a row besides its values: its number, order, labels and weights, for each model.
_BESIDE = 64
_LEAST_ROWS = 32


class BlockReader(Protocol):
    """What a stream asks of a detector."""

    def _prepare_rows(
        self, X: Any, *, again: bool = False, is_block: bool = False
    ) -> PreparedRows: ...
    def _rows_of_block(self, X: Any, layout: Any, first_row: int) -> Any: ...


@dataclass(frozen=True, eq=False)
class Survey:
    """What the first pass over a source has found.

    Attributes
    ----------
    rows : PreparedRows
        A random sample of the rows, in their order.
    numbers : ndarray of int
        Which rows these are.
    statistics : ColumnStatistics
        Of all rows.
    """

    rows: PreparedRows
    numbers: np.ndarray
    statistics: ColumnStatistics


class Stream:
    """Validated rows of a source.

    Parameters
    ----------
    detector : BlockReader
        It validates the blocks, and learns the number and the names of the features.
    source : RowSource
    n_models : int
        Models that are trained together, which share the memory of a window.
    again : bool
        Whether the detector is fitted to such rows already.
    """

    def __init__(
        self, detector: BlockReader, source: RowSource, n_models: int, *, again: bool
    ) -> None:
        self._detector, self._owner, self._again = detector, type(detector).__name__, again
        self.n_samples = source.shape[0]
        row_bytes = 16 * source.n_values + _BESIDE * n_models
        self._window_rows = max(_LEAST_ROWS, int(window_bytes() / row_bytes))
        self._sample_rows = min(
            *(self.n_samples, _SAMPLE_ROWS),
            max(_LEAST_ROWS, int(_SAMPLE_SHARE * window_bytes() / (8 * max(1, source.n_values)))),
        )
        self._blocks = Blocks(source, self._window_rows // BLOCKS_IN_A_WINDOW, self._owner)
        self._checksums: list[int] = []
        self._first: PreparedRows | None = None

    @property
    def n_windows(self) -> int:
        """Windows of an epoch."""
        return -(-self.n_samples // self._window_rows)

    def survey(self) -> Survey:
        """Read all rows once: check them, and find out what is needed of them."""
        rng = np.random.default_rng(0)
        numbers = np.sort(rng.choice(self.n_samples, self._sample_rows, replace=False))
        sample, statistics = [], None
        for start, rows in self.blocks():
            own = ColumnStatistics.of(rows, start)
            statistics = own if statistics is None else statistics.with_more(own)
            here = numbers[(numbers >= start) & (numbers < start + len(rows))]
            sample.append(rows[here - start])
        first = self._first
        if first is None or statistics is None:
            raise ValueError(f"{self._owner}: X has no rows.")
        rows = np.concatenate(sample)
        prepared = PreparedRows(rows, first.feature_names, first.layout, self.n_samples)
        return Survey(prepared, numbers, statistics)

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the first row of each block, and the block, in their order."""
        for number, start in enumerate(self._blocks.starts):
            with part(1 / len(self._blocks), "reading rows"):
                yield int(start), self._read(number)

    def windows(self, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each window, and their numbers, in an order that the seed decides."""
        order = np.random.default_rng(seed).permutation(len(self._blocks))
        sizes = self._blocks.stops[order] - self._blocks.starts[order]
        window = (np.cumsum(sizes) - sizes) * self.n_windows // self.n_samples
        for own in (order[window == i] for i in range(self.n_windows)):
            if len(own) == 0:  # a chunk that is larger than a window
                continue
            starts, stops = self._blocks.starts[own], self._blocks.stops[own]
            rows, end = None, 0
            for number, size in zip(own, stops - starts, strict=True):
                block = self._read(int(number))
                if rows is None:
                    rows = np.empty((int((stops - starts).sum()), block.shape[1]), block.dtype)
                rows[end : end + size] = block
                end += size
            numbers = [np.arange(a, b) for a, b in zip(starts, stops, strict=True)]
            if rows is not None:
                yield rows, np.concatenate(numbers)

    def _read(self, number: int) -> np.ndarray:
        """Read a block, and hold it to what it was when it was read first."""
        start, stop = int(self._blocks.starts[number]), int(self._blocks.stops[number])
        block = self._blocks.read(number)
        where = f"{self._owner}: rows {start} to {stop - 1} of X"
        if sparse.issparse(block):
            raise ValueError(
                f"{where} are a sparse matrix, but a source must give dense rows. Make its blocks "
                "dense, as in X.map_blocks(lambda block: block.toarray()) with Dask."
            )
        if self._first is None:
            self._first = first = self._detector._prepare_rows(
                block, again=self._again, is_block=True
            )
            rows = first.X
        else:
            first = self._first
            rows = self._detector._rows_of_block(block, first.layout, start)
        if rows.dtype != first.X.dtype:
            raise ValueError(
                f"{where} are of type {rows.dtype}, but the first ones of {first.X.dtype}: its "
                "parts have different types. Bring all of them to one."
            )
        checksum = zlib.crc32(np.ascontiguousarray(rows).data)
        if number == len(self._checksums):
            self._checksums.append(checksum)
        elif self._checksums[number] != checksum:
            raise ValueError(
                f"{where} have changed since they were read first. Fit when nothing is written to "
                "it any more."
            )
        return rows
