"""Rows in any container: arrays, sparse matrices, data frames, Arrow tables, lists."""

from __future__ import annotations

import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from lofe_sklearn._kinds_of_values import kind_of_values
from lofe_sklearn._tensors import COMPLEX, check_tensors, tensor_as_array

# Rows of numbers after their validation.
Matrix: TypeAlias = np.ndarray | sparse.csr_matrix

# Channels of images: grey, colour, colour with opacity. An axis of another size is not one of
# channels.
IMAGE_CHANNELS = (1, 3, 4)


class Subset:
    """Some rows or features, by number; subsets of equal numbers are equal.

    So results for a subset of the rows can be looked up by the subset.
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
        given = data.item() if shape == () and hasattr(data, "item") else data
        got = repr(given) if np.isscalar(given) else f"a {type(given).__name__}"
        needed = "an array, a data frame, a sparse matrix or a list of rows"
        raise ValueError(f"{owner}: {name} must be {needed}; got {got}.")
    return int(shape[0])


def layout_of(block: Any) -> tuple:
    """Return a key that is equal for blocks of rows that can be stacked."""
    if is_of_arrow(block):
        return type(block), tuple(block.column_names), tuple(map(str, block.schema.types))
    columns = getattr(block, "columns", None)
    if columns is not None:
        return type(block), tuple(columns), tuple(map(str, block.dtypes))
    if sparse.issparse(block):
        return "sparse", block.shape[1:], block.dtype.str
    return "dense", block.shape[1:], block.dtype.str


def stack_rows(blocks: Sequence[Any]) -> Any:
    """Stack blocks of one layout below each other."""
    first = blocks[0]
    if len(blocks) == 1:
        return first
    if sparse.issparse(first):
        return sparse.vstack(blocks, format="csr")
    if is_of_arrow(first):
        return library_of(first).concat_tables(blocks)
    if hasattr(first, "columns"):
        return library_of(first).concat(blocks)
    return np.concatenate(blocks)


def labels_as_array(y: Any) -> Any:
    """Return labels that scikit-learn may not be able to index as an array, and others as they are.

    These are Arrow's arrays, by the version of scikit-learn, memoryviews, and sequences of Python's
    other than lists and tuples.
    """
    if is_of_arrow(y):
        return y if hasattr(y, "column_names") else np.asarray(y)
    is_sequence = isinstance(y, Sequence | deque | array) and not isinstance(y, str | bytes)
    return np.asarray(y) if is_sequence and not isinstance(y, list | tuple) else tensor_as_array(y)


def readable_rows(X: Any, owner: str, name: str = "X") -> Any:
    """Return rows as given, in a container that scikit-learn reads.

    A record batch of Arrow's becomes a table, whose column names are then seen. Integers of 128
    bits, which polars reads from files where 64 do not suffice, become floats: NumPy has none.

    Raises
    ------
    ValueError
        If the index arrays of a sparse matrix do not fit together: compiled code would read or
        write beyond them.
    """
    if is_of_arrow(X) and type(X).__name__ == "RecordBatch":
        return library_of(X).Table.from_batches([X])
    is_of_polars = type(X).__module__.partition(".")[0] == "polars"
    if is_of_polars and str(getattr(X, "dtype", "")).startswith("Array("):
        return X.to_numpy()  # one row in each entry, though the shape does not say so
    if is_of_polars and type(X).__name__ == "DataFrame":
        long = [name for name, dtype in X.schema.items() if str(dtype).endswith("Int128")]
        return X.cast(dict.fromkeys(long, library_of(X).Float64)) if long else X
    fault = _fault_of_indices(X) if sparse.issparse(X) and len(X.shape) == 2 else None
    if fault is not None:
        raise ValueError(
            f"{owner}: {name} must be a valid sparse matrix; got one in {X.format.upper()} format "
            f"whose {fault}. Its index arrays were changed or built incorrectly. Build it anew, "
            "with scipy.sparse.coo_array((values, (rows, columns)), shape=shape)."
        )
    return tensor_as_array(X)


def tidy_csr(X: Any) -> Any:
    """Return a CSR matrix in the form that every library takes.

    Its column numbers are in order. Values that are given several times are summed, as scipy's
    `toarray` does. Its indices have 32 bits if these suffice, since scikit-learn's trees and libsvm
    read no others. Arrays of X that have this form already are not copied.
    """
    n_values = int(X.indptr[-1])
    fits = max(*X.shape, n_values) <= np.iinfo(np.int32).max
    index_dtype = np.int32 if fits else np.int64
    # A new matrix: flags that X keeps about itself may be out of date, and X must not change.
    tidy = type(X)(X.shape, dtype=X.dtype)
    tidy.data = X.data[:n_values]
    tidy.indices = X.indices[:n_values].astype(index_dtype, copy=False)
    tidy.indptr = X.indptr.astype(index_dtype, copy=False)
    if not tidy.has_canonical_format:
        tidy = tidy.copy()
        tidy.sum_duplicates()
    return tidy


def _fault_of_indices(X: Any) -> str | None:
    """Say what is wrong with the index arrays of a sparse matrix; None if nothing is."""
    if X.format == "coo":
        for numbers, size, axis in zip((X.row, X.col), X.shape, ("row", "column"), strict=True):
            if len(numbers) != len(X.data):
                return f"{axis} numbers are {len(numbers)} for {len(X.data)} values"
            fault = _outside(numbers, size, axis)
            if fault is not None:
                return fault
    if X.format not in ("csr", "csc", "bsr"):
        return None
    blocks = X.blocksize if X.format == "bsr" else (1, 1)
    shape = [size // block for size, block in zip(X.shape, blocks, strict=True)]
    axes = ["row", "column"]
    if X.format == "csc":
        shape, axes = shape[::-1], axes[::-1]
    indptr, indices = X.indptr, X.indices
    if indptr.dtype.kind != "i" or indices.dtype.kind != "i":
        return f"indptr and indices are of {indptr.dtype} and {indices.dtype}, not signed integers"
    if indptr.shape != (shape[0] + 1,):
        return f"indptr has shape {indptr.shape}, not ({shape[0] + 1},), one more than {axes[0]}s"
    if indices.shape != X.data.shape[:1]:
        return f"indices have shape {indices.shape} for {X.data.shape[0]} values"
    falls = np.flatnonzero(indptr[1:] < indptr[:-1])
    if indptr[0] != 0:
        return f"indptr starts with {indptr[0]}, not 0"
    if len(falls):
        at = falls[0]
        return f"indptr falls from {indptr[at]} to {indptr[at + 1]} at {axes[0]} {at}"
    if indptr[-1] > len(indices):
        return f"indptr ends with {indptr[-1]}, beyond the {len(indices)} values"
    return _outside(indices[: indptr[-1]], shape[1], axes[1])


def _outside(numbers: np.ndarray, size: int, axis: str) -> str | None:
    """Say which of some row or column numbers is out of range."""
    for number in (numbers.min(initial=0), numbers.max(initial=0)) if len(numbers) else ():
        if not 0 <= number < size:
            return f"{axis} numbers must be from 0 to {size - 1}, but one is {number}"
    return None


def is_of_arrow(data: Any) -> bool:
    """Whether `data` is a table, an array or a tensor of pyarrow."""
    return type(data).__module__.partition(".")[0] == "pyarrow"


def is_table_of_arrow(data: Any) -> bool:
    """Whether `data` is a table or a batch of records of pyarrow: something with named columns."""
    return is_of_arrow(data) and hasattr(data, "column_names")


def library_of(data: Any) -> Any:
    """Return the library of a frame, which is loaded, or there would be no frame."""
    return sys.modules[type(data).__module__.partition(".")[0]]


def check_plain_values(data: Any, name: str, owner: str = "", first_row: int = 0) -> None:
    """Raise ValueError for values that a conversion to floats would change silently.

    NumPy drops the mask of a masked array and the imaginary part of a complex number, and turns
    dates and times into a count of days or nanoseconds. Tensors that it cannot read are named too,
    and so are records, which are one value each to it.

    Parameters
    ----------
    data : array-like
        Rows, labels or scores, in whatever container the user has them.
    name, owner : str
        What messages call `data`, and the function or class whose argument it is.
    first_row : int, default=0
        The user's number of the first row of `data`, where it is a block of more rows.
    """
    check_unmasked(data, name, owner, first_row)
    prefix = f"{owner}: {name}" if owner else name
    check_tensors(data, name, prefix)
    # Arrays of Dask are read by NumPy; its frames and their columns are not.
    if type(data).__module__.startswith("dask.dataframe"):
        raise TypeError(f"{prefix} must be computed before. Pass {name.split()[-1]}.compute().")
    for column, dtype, values in _columns(data):
        where = "" if column is None else f" in column {column!r}"
        kind = kind_of_values(dtype, values)
        if kind == "time":
            raise ValueError(
                f"{prefix} must hold numbers; got dates or times{where}. Turn each into a number "
                "that means something, such as the hour, the weekday or the seconds since a fixed "
                "date, or drop it; lofe_sklearn.tabular.table_pipeline does so for tables."
            )
        if kind == "record":
            raise ValueError(
                f"{prefix} must hold numbers; got records{where} with the fields "
                f"{_some(dtype.names)}. "
                f"pandas.DataFrame({name.split()[-1]}[:]) makes columns of the fields."
            )
        if kind == "complex":
            raise ValueError(f"{prefix} {COMPLEX.format(where=where)}")


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names[:3])) + (" and others" if len(names) > 3 else "")


def check_unmasked(data: Any, name: str, owner: str = "", first_row: int = 0) -> None:
    """Raise ValueError for a masked array, or a list of such, in which something is masked."""
    for i, part in enumerate(data if isinstance(data, (list, tuple)) else (data,)):
        if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part):
            n_masked = int(np.ma.count_masked(part))
            row = i if part is not data else int(np.argwhere(np.atleast_1d(part.mask))[0, 0])
            raise ValueError(
                f"{owner + ': ' if owner else ''}{name} must hold no masked values, since it is "
                f"not known which values they stand for; {n_masked} of {part.size} are masked. "
                f"Fill them, as in {name.split()[-1]}.filled(value), or drop their rows. The first "
                f"is in row {first_row + row}."
            )


def _columns(data: Any) -> Iterator[tuple[Any, Any, Callable[[], Any]]]:
    """Yield label, type and values of each column; an array counts as one, labelled None.

    The values are looked up only if the type does not say enough.
    """
    if hasattr(data, "columns") and hasattr(data, "dtypes"):
        for i, (label, dtype) in enumerate(zip(data.columns, data.dtypes, strict=True)):
            # By position in pandas, where labels may come twice.
            yield label, dtype, partial(_column, data, i if hasattr(data, "iloc") else label)
        return
    if hasattr(data, "column_names") and hasattr(data, "schema"):  # tables of Arrow
        for field in data.schema:
            yield field.name, field.type, lambda: ()
        return
    if not hasattr(data, "dtype") and not sparse.issparse(data):
        if not isinstance(data, (list, tuple)) and not hasattr(data, "__array__"):
            return
        try:
            data = np.asarray(data)
        except (ValueError, TypeError):  # of several lengths or types; the validation says so
            return
    if getattr(data, "ndim", 1) == 2 and data.dtype == object:
        for i in range(data.shape[1]):
            yield i, data.dtype, partial(_column, data, i)
    else:
        yield None, data.dtype, lambda: data


def _column(data: Any, key: Any) -> Any:
    if hasattr(data, "iloc"):
        return data.iloc[:, key]
    return data[key] if hasattr(data, "columns") else data[:, key]
