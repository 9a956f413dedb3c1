"""Some rows of a container, by number, in a container of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._containers import is_of_arrow


def take_rows(data: Any, rows: np.ndarray) -> Any:
    """Rows of `data` by position, in a container of the same kind.

    COO and the like become CSR, and sequences of Python's, such as a tuple or a deque, lists. What
    has nothing but a buffer, such as a memoryview or a tensor of Arrow's, becomes an array.
    """
    if hasattr(data, "iloc"):
        return in_native_order(data).iloc[rows]
    if sparse.issparse(data):
        is_by_row = data.format in ("csr", "csc", "lil")
        return (data if is_by_row else data.tocsr())[rows]
    if is_of_arrow(data) and hasattr(data, "take"):
        return data.take(rows)
    if not hasattr(data, "shape"):
        return [data[i] for i in rows]
    if isinstance(data, memoryview) or is_of_arrow(data):
        data = np.asarray(data)
    return data[rows]


def take_metadata(params: Mapping[str, Any], n_samples: int, rows: np.ndarray) -> dict[str, Any]:
    """Fit or score parameters for `rows`: what has a value for each row is cut, the rest stays."""
    return {
        name: take_rows(value, rows) if _has_a_value_for_each(value, n_samples) else value
        for name, value in params.items()
    }


def in_native_order(data: Any) -> Any:
    """Return a pandas frame or Series in the processor's byte order.

    pandas cannot take rows or find equal values in the other one, which files of FITS, NetCDF 3 and
    some instruments have.
    """
    if not hasattr(data, "columns"):  # a Series
        return data if _is_native(data.dtype) else data.astype(data.dtype.newbyteorder("="))
    foreign = [number for number, dtype in enumerate(data.dtypes) if not _is_native(dtype)]
    if foreign:
        data = data.copy(deep=False)
    for number in foreign:  # by position: labels may come twice
        values = data.iloc[:, number].to_numpy()
        data.isetitem(number, values.astype(values.dtype.newbyteorder("=")))
    return data


def _is_native(dtype: Any) -> bool:
    return not isinstance(dtype, np.dtype) or dtype.isnative


def _has_a_value_for_each(value: Any, n_samples: int) -> bool:
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__getitem__"):
        return False
    shape = getattr(value, "shape", None)
    if shape is not None:
        return len(shape) > 0 and shape[0] == n_samples
    return hasattr(value, "__len__") and len(value) == n_samples
