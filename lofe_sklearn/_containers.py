"""Rows of whatever holds them: arrays, sparse matrices, data frames, lists."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

# Rows of numbers after their validation.
Matrix: TypeAlias = np.ndarray | sparse.csr_matrix

# Of images: grey, colour, colour with opacity. An axis of another size is none of channels.
IMAGE_CHANNELS = (1, 3, 4)


class Subset:
    """Some rows or features, by number; subsets of equal numbers are equal.

    So what was found out about some rows can be looked up for the same rows, whoever asks.
    """

    def __init__(self, numbers: np.ndarray | None) -> None:
        self.numbers = numbers
        self._hash = hash(None if numbers is None else np.ascontiguousarray(numbers).tobytes())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Subset):
            return NotImplemented
        if self.numbers is None or other.numbers is None:
            return self.numbers is other.numbers
        return np.array_equal(self.numbers, other.numbers)

    def __hash__(self) -> int:
        return self._hash


def take_rows(data: Any, rows: np.ndarray) -> Any:
    """Rows of `data` by position, in a container of the same kind; COO and the like become CSR."""
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    if isinstance(data, (list, tuple)):
        return [data[i] for i in rows]
    if sparse.issparse(data) and data.format not in ("csr", "csc", "lil"):
        data = data.tocsr()
    return data[rows]


def count_rows(data: Any, name: str, owner: str) -> int:
    """Return the number of rows, or entries, of a container.

    Raises
    ------
    ValueError
        If `data` is a scalar, an iterator or another thing without a length.
    """
    shape = getattr(data, "shape", None)
    if shape is None and hasattr(data, "__len__"):
        return len(data)
    if not shape:
        raise ValueError(
            f"{owner}: {name} must be an array, a data frame, a sparse matrix or a list of rows; "
            f"got {data!r}."
        )
    return int(shape[0])


def take_metadata(params: Mapping[str, Any], n_samples: int, rows: np.ndarray) -> dict[str, Any]:
    """Fit or score parameters for `rows`: what has a value for each row is cut, the rest stays."""
    return {
        name: take_rows(value, rows) if _has_a_value_for_each(value, n_samples) else value
        for name, value in params.items()
    }


def _has_a_value_for_each(value: Any, n_samples: int) -> bool:
    if isinstance(value, (str, bytes, Mapping)):
        return False
    shape = getattr(value, "shape", None)
    if shape is not None:
        return len(shape) > 0 and shape[0] == n_samples
    return hasattr(value, "__len__") and len(value) == n_samples


def layout_of(block: Any) -> tuple:
    """Say, as a key, what two blocks of rows must have in common to be stacked."""
    columns = getattr(block, "columns", None)
    if columns is not None:
        return type(block), tuple(columns), tuple(map(str, block.dtypes))
    if sparse.issparse(block):
        return "sparse", block.shape[1:], block.dtype.str
    return "dense", block.shape[1:], block.dtype.str


def stack_rows(blocks: Sequence[Any]) -> Any:
    """Blocks of one layout, below each other."""
    first = blocks[0]
    if len(blocks) == 1:
        return first
    if sparse.issparse(first):
        return sparse.vstack(blocks, format="csr")
    if hasattr(first, "columns"):
        # The library of a frame is loaded, or there would be no frame; it stays optional here.
        library = sys.modules[type(first).__module__.partition(".")[0]]
        return library.concat(blocks)
    return np.concatenate(blocks)
