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


def _what_holds_rows(X: Any, name: str) -> str | None:
    """Say what X is, and how to make it rows, if it is no array that NumPy reads."""
    if getattr(X, "shape", None) == ():  # NumPy's array of one object
        X = X.item()
    frame = f"pandas.DataFrame({name}) makes a table of it"
    if isinstance(X, Mapping):
        return f"got a {type(X).__name__}; {frame}."
    first = X[0] if isinstance(X, list | tuple | np.ndarray) and len(X) else None
    if isinstance(first, Mapping):
        return f"got a {type(first).__name__} for each row; {frame}."
    if isinstance(X, Iterator | Set):
        return f"got a {type(X).__name__}; pass a list of rows, an array or a data frame."
    return None


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
    if isinstance(error, TypeError) and (found := _what_holds_rows(X, name)):
        return f"{name} must hold rows of numbers; {found}"
    if "inhomogeneous" in str(error):
        return f"{name} must hold rows of one length, or images of one size ({error})"
    return None
