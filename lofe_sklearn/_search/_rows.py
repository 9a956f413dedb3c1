"""Rows of whatever holds them: arrays, sparse matrices, data frames, lists."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._validation import take_rows


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
