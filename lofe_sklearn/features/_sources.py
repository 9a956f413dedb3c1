"""All forms of images as one kind of sequence: n images with names, read one at a time.

The forms are an array, a list (of arrays, file names, encoded bytes or Pillow images), a folder, or
anything with ``len`` and ``[i]``. An image is decoded only when it is read.
"""

from __future__ import annotations

import math
import os
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import joblib
import numpy as np
from sklearn.utils.validation import validate_data

from lofe_sklearn._containers import IMAGE_CHANNELS
from lofe_sklearn._tensors import tensor_as_array
from lofe_sklearn._types import FilePath, MatrixLike
from lofe_sklearn.features._decode import (
    CANNOT_OPEN,
    MAX_PIXELS,
    WHITE,
    BrokenImage,
    is_pair,
    read_image,
    which_is_white,
    why_not_opened,
)
from lofe_sklearn.features._folders import files_of

# Grey pictures are taken to have at least this number of columns, if they are as high.
_LEAST_SIDE = 8
# An array or a table, a folder, or a list of arrays, files, bytes or Pillow images.
ImagesLike: TypeAlias = MatrixLike | FilePath | Sequence[Any]


class NamedImages(Sequence):
    """A sequence of images that says what errors call each of them."""

    @abstractmethod
    def name(self, i: int) -> str:
        """Return how errors call image i."""


class Images:
    """Images with a name and a key for each, decoded when asked for.

    Parameters
    ----------
    items : sequence
        What :func:`~lofe_sklearn.features._decode.read_image` reads, at each position.
    owner : str
        Name of the estimator, for errors.
    max_pixels : int or None
        Pixels of the largest image that is decoded.
    """

    def __init__(
        self,
        items: Sequence[Any] | np.ndarray,
        owner: str,
        max_pixels: int | None = MAX_PIXELS,
    ) -> None:
        self.items = items
        self.owner = owner
        self.max_pixels = max_pixels

    def __len__(self) -> int:
        return len(self.items)

    def name(self, i: int) -> str:
        """Return how errors call image i: its file's name, or its position."""
        if isinstance(self.items, NamedImages):
            return self.items.name(i)
        item = self.items[i]
        return os.fspath(item) if isinstance(item, str | os.PathLike) else f"image {i}"

    def read(self, i: int) -> np.ndarray:
        """Decode image i: float32 of shape (h, w, c), from 0 to 1."""
        try:
            return read_image(self._item(i), self.max_pixels)
        except BrokenImage as error:
            if error.index is None:  # else a clip has named its frame
                error.index, error.name = i, self.name(i)
            raise

    def _item(self, i: int) -> Any:
        return self.items[i]

    def key(self, i: int) -> str:
        """Return the key of image i in a cache: its content, or the state of its file."""
        item = self.items[i]
        if isinstance(item, str | os.PathLike):
            try:
                path = Path(item).resolve()
                state = path.stat()
            except CANNOT_OPEN as error:
                reason = why_not_opened(error, item)
                raise BrokenImage(reason, index=i, name=self.name(i)) from error
            return joblib.hash((str(path), state.st_size, state.st_mtime_ns))
        if isinstance(item, bytes | bytearray | memoryview):
            return joblib.hash(bytes(item))
        if hasattr(item, "getbands"):  # Pillow's: palette, transparency and turning count too
            return joblib.hash(self.read(i))
        if np.ma.is_masked(item):
            return joblib.hash((np.ma.getdata(item), np.ma.getmaskarray(item)))
        return joblib.hash(np.asarray(item))


class PixelRows(Images):
    """Rows of pixels, each an image (channels, height, width) laid out flat."""

    def __init__(self, rows: np.ndarray, shape: tuple[int, int, int], owner: str) -> None:
        super().__init__(rows, owner)
        self.shape = shape

    def key(self, i: int) -> str:
        """Return the key of row i in this shape."""
        return f"{super().key(i)} {self.shape}"

    def _item(self, i: int) -> np.ndarray:
        """Give row i its shape; where the image has more values than the row, they are zero."""
        row = np.asanyarray(self.items[i])
        if np.ma.is_masked(row):
            return row  # which is an error
        image = np.zeros(math.prod(self.shape), dtype=row.dtype)
        image[: len(row)] = row
        return image.reshape(self.shape).transpose(1, 2, 0)


def is_array_of_numbers(X: Any) -> bool:
    """Whether X is what scikit-learn validates: a table or an array of numbers, sparse or not."""
    # A column, such as one of file names: of polars, which says no number of axes, too.
    if hasattr(X, "to_list") and getattr(X, "ndim", 1) == 1:
        return False
    if hasattr(X, "__array__") or hasattr(X, "tocsr") or hasattr(X, "columns"):
        kind = getattr(getattr(X, "dtype", None), "kind", "f")
        return kind not in "SU" and not (kind == "O" and getattr(X, "ndim", 2) == 1)
    # Lists of lists of numbers are tables, lists of anything else are images.
    return (
        isinstance(X, list | tuple)
        and len(X) > 0
        and (isinstance(X[0], list | tuple) or np.isscalar(X[0]))
        and not isinstance(X[0], str | bytes)
        and not is_pair(X[0])
    )


def number_of_axes(X: Any) -> int:
    """Return the number of axes of a table, an array or nested lists."""
    if not isinstance(X, list | tuple):
        return int(getattr(X, "ndim", 2))
    try:
        return np.ndim(X)
    except ValueError:  # of lists of several lengths, which is said where they are validated
        return 2


def open_images(X: Any, owner: str, max_pixels: int | None = MAX_PIXELS) -> Images:
    """Images of a folder, a list or another sequence.

    Raises
    ------
    ValueError
        If a folder has no images, the list is empty, or X is none of these.
    FileNotFoundError
        If there is no such folder.
    """
    if isinstance(X, str | os.PathLike):
        X = files_of(Path(X), owner)
    elif hasattr(X, "to_list") or (hasattr(X, "tolist") and getattr(X, "ndim", 0) == 1):
        X = list(X)
    is_one = isinstance(X, Mapping | bytes | bytearray | memoryview)
    if not hasattr(X, "__len__") or not hasattr(X, "__getitem__") or is_one:
        advice = "Pass list(X)" if hasattr(X, "__next__") else "Put one image into a list"
        raise ValueError(
            f"{owner}: X must be images: an array (n, height, width[, channels]), a list of "
            f"arrays, file names or bytes, or a folder; got {type(X).__name__}. {advice}."
        )
    if len(X) == 0:
        raise ValueError(_no_images(owner))
    return Images(X, owner, max_pixels)


def looks_like_one_picture(shape: tuple[int, ...]) -> bool:
    """Whether an array of three axes is one picture (h, w, c), and not grey ones in a row.

    Grey pictures of 1, 3 or 4 columns would have to be that narrow.
    """
    return shape[2] in IMAGE_CHANNELS and min(shape[:2]) >= _LEAST_SIDE


def images_of_table(estimator: Any, X: Any, reset: bool, owner: str) -> PixelRows:
    """Validate a table of pixels as scikit-learn does, and give its rows their shape."""
    try:
        rows = validate_data(estimator, tensor_as_array(X), reset=reset)
        return rows_of_pixels(rows, estimator.image_shape, owner)
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"{owner}: a table must hold pixels as numbers; {error}. If a column has names of "
            "files, pass that column alone, as X['file']."
        ) from error


def check_not_one_image(X: Any, image_shape: tuple[int, ...], n_features: int, owner: str) -> None:
    """Raise ValueError for an array that is one image of the shape of the training images.

    Its lines would count as images.
    """
    shape = tuple(getattr(X, "shape", ()))
    is_row = len(shape) == 2 and shape[1] == n_features
    is_several = len(shape) == 3 and shape[1:] == image_shape[:2]
    if shape in (image_shape, image_shape[:2]) and not (is_row or is_several):
        raise ValueError(_one_image(X, owner))


def _one_image(X: Any, owner: str) -> str:
    return (
        f"{owner}: X must hold several images, or one in a list; got an array of shape "
        f"{tuple(X.shape)}, which is a single image. Pass [X]."
    )


def _no_images(owner: str) -> str:
    return f"{owner}: X has no images (0 samples); at least 1 is needed."


def images_of_array(X: np.ndarray, owner: str) -> Images:
    """Images (n, h, w), (n, h, w, c) or (n, c, h, w)."""
    if len(X) == 0:
        raise ValueError(_no_images(owner))
    if X.ndim not in (3, 4):
        raise ValueError(
            f"{owner}: an array of images must have 3 axes (n, height, width) or 4 (n, height, "
            f"width, channels); got {X.ndim}, shape {X.shape}."
        )
    if X.ndim == 3 and looks_like_one_picture(X.shape):
        raise ValueError(_one_image(X, owner))
    if X.ndim == 4 and X.shape[3] not in IMAGE_CHANNELS:
        if X.shape[1] not in IMAGE_CHANNELS:
            raise ValueError(
                f"{owner}: images must have 1, 3 or 4 channels, as last or second axis; got an "
                f"array of shape {X.shape}. Choose or combine channels before."
            )
        X = X.transpose(0, 2, 3, 1)
    return Images(X, owner)


def rows_of_pixels(X: np.ndarray, shape: tuple[int, int, int] | None, owner: str) -> PixelRows:
    """Rows (n, d) as images of the given shape, or else of square ones.

    Raises
    ------
    ValueError
        If the shape does not have d values, or the values of white cannot be told.
    """
    d = X.shape[1]
    if shape is not None:
        shape = (int(shape[0]), int(shape[1]), int(shape[2]))
        if math.prod(shape) != d:
            raise ValueError(
                f"{owner}: image_shape={shape} has {math.prod(shape)} values, but the rows of X "
                f"have {d}. Set image_shape=(channels, height, width) of these rows."
            )
        return PixelRows(_pixels_of(X, owner), shape, owner)
    for channels in (1, 3):
        side = math.isqrt(d // channels)
        if channels * side * side == d:
            return PixelRows(_pixels_of(X, owner), (channels, side, side), owner)
    side = math.isqrt(d - 1) + 1
    warnings.warn(
        f"{owner}: rows of {d} values do not look like square images of one or three channels. "
        f"They are placed line by line in a square of {side} x {side}, the rest of it zero. Set "
        "image_shape=(channels, height, width), or give an array (n, height, width, channels).",
        UserWarning,
        stacklevel=2,
    )
    return PixelRows(_as_they_are(X), (1, side, side), owner)


def rows_of_squares(X: np.ndarray, owner: str) -> PixelRows:
    """Rows of pixels whose shape is not known, as square images."""
    return rows_of_pixels(X, None, owner)


def _pixels_of(X: np.ndarray, owner: str) -> np.ndarray:
    """Refuse integers if the value of white is not known; those below 0 are not pixels."""
    values = _as_they_are(X)
    if values is not X and X.min() >= 0 and X.max() > 1:
        raise ValueError(f"{owner}: {which_is_white(X)}.")
    return values


def _as_they_are(X: np.ndarray) -> np.ndarray:
    """Return whole numbers of other types than pixels have as floats of the same values."""
    has_white = X.dtype.kind not in "ui" or X.dtype.newbyteorder("=") in WHITE
    return X if has_white else X.astype(np.float32)
