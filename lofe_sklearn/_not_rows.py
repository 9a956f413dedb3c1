"""What is given in the place of rows of numbers: files, folders, images, dicts and generators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from os import PathLike
from typing import Any

import numpy as np


def holds_files(X: Any) -> bool:
    """Whether X is a folder or a file, or a list or array of their names or encoded contents."""
    first = X[0] if isinstance(X, list | tuple) and len(X) else X
    is_text = getattr(getattr(X, "dtype", None), "kind", "f") in "SU" and X.ndim < 2
    return isinstance(first, str | PathLike | bytes) or is_text


def what_holds_rows(X: Any, name: str) -> str | None:
    """Say what X is, and how to make it rows, if it is no array that NumPy reads."""
    if isinstance(X, np.ndarray) and X.shape == ():  # of one object
        X = X.item()
    frame = f"pandas.DataFrame({name}) makes a table of it"
    arrays = _names_of_arrays(X)
    if arrays is not None:
        which = f"as in {name}[{arrays[0]!r}]" if arrays else "if it has some"
        return f"got a {type(X).__name__} of arrays; pass one of them, {which}."
    if hasattr(X, "__arrow_c_array__") and hasattr(X, "field"):
        return f"got a {type(X).__name__}; pyarrow.Table.from_struct_array({name}) makes a table."
    if isinstance(X, Mapping):
        return f"got a {type(X).__name__}; {frame}."
    first = X[0] if isinstance(X, list | tuple | np.ndarray) and len(X) else None
    if isinstance(first, Mapping):
        return f"got a {type(first).__name__} for each row; {frame}."
    if isinstance(X, Iterator | Set):
        return f"got a {type(X).__name__}; pass a list of rows, an array or a data frame."
    return None


def _names_of_arrays(X: Any) -> list[str] | None:
    """Return the names of the arrays in a file or a group of NumPy, HDF5 or Zarr; None for others.

    These have a method to close them, or attributes of their own. A dict has arrays if its values
    have rows.
    """
    if hasattr(X, "shape") or not (hasattr(X, "keys") and hasattr(X, "__getitem__")):
        return None
    names = list(X.keys()) if X else []  # a file of HDF5 that is closed has none
    is_stored = hasattr(X, "close") or hasattr(X, "attrs")
    return names if is_stored or (names and getattr(X[names[0]], "ndim", 1) > 1) else None


def no_rows(error: Exception, X: Any, name: str, owner: str) -> str | None:
    """Say what X, which the message calls `name`, is instead of rows, and what reads it."""
    images = f"lofe_sklearn.features.ImageFeatures, before {owner} in a Pipeline"
    if "Found array with dim" in str(error):
        return (
            f"{error} Images are rows for {images}, or for LOE(MHRot()). Of other arrays, merge "
            "the axes after the first."
        )
    if holds_files(X):
        return (
            f"{name} must hold rows of numbers; got text, such as names of files, or encoded "
            f"images. {images}, turns images into rows; pandas.read_csv reads a table."
        )
    if found := what_holds_rows(X, name):
        return f"{name} must hold rows of numbers; {found}"
    if "setting an array element with a sequence" in str(error):
        return f"{name} must hold rows of one length, or images of one size{_first_other(X)}"
    return None


def uneven_row(X: Any) -> tuple[int, str, str] | None:
    """Return the first row of another length than row 0, and the sizes of both; None if none is."""
    sizes = [_size(row) for row in X]
    other = next((row for row, size in enumerate(sizes) if size != sizes[0]), None)
    return None if other is None else (other, sizes[other], sizes[0])


def as_array(X: Any, owner: str, name: str = "X") -> Any:
    """Return rows in lists as an array, and other containers as they are.

    Raises
    ------
    ValueError
        If they do not have one length.
    """
    try:
        return X if hasattr(X, "shape") else np.asarray(X)
    except ValueError as error:
        raise ValueError(f"{owner}: {no_rows(error, X, name, owner) or error}") from error


def _first_other(X: Any) -> str:
    uneven = uneven_row(X) if len(X) else None
    if uneven is None:
        return ". Some of its values are lists themselves; give each number a column of its own."
    row, size, expected = uneven
    return (
        f"; row {row} has {size}, and row 0 has {expected}. Give each row as many values as the "
        "others, or leave it out."
    )


def _size(row: Any) -> str:
    """Say how large a row is, or an image."""
    shape = getattr(row, "shape", None)
    if shape is not None and len(shape) > 1:
        return f"the shape {tuple(shape)}"
    if isinstance(row, str | bytes) or not hasattr(row, "__len__"):
        return f"no values but is {row!r:.40}"
    return "1 value" if len(row) == 1 else f"{len(row)} values"
