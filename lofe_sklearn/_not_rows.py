"""What is given in the place of rows of numbers: files, folders and images."""

from __future__ import annotations

from os import PathLike
from typing import Any


def holds_files(X: Any) -> bool:
    """Whether X is a folder or a file, or a list or array of their names or encoded contents."""
    first = X[0] if isinstance(X, list | tuple) and len(X) else X
    is_text = getattr(getattr(X, "dtype", None), "kind", "f") in "SU" and X.ndim < 2
    return isinstance(first, str | PathLike | bytes) or is_text


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
    if "inhomogeneous" in str(error):
        return f"{name} must hold rows of one length, or images of one size ({error})"
    return None
