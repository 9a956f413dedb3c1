"""Images as rows of pixels: in which order they come, and what their shape is.

A row is an image (channels, height, width) laid out flat in that order. Everything but the network
itself works on rows, so images may be cut into chunks, mixed, masked and checked like any others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lofe_sklearn._containers import IMAGE_CHANNELS, Matrix
from lofe_sklearn._not_rows import holds_files
from lofe_sklearn._types import Ints
from lofe_sklearn._validation import warn_user

Shape = tuple[int, int, int]

# Patches along each side of an image, at most.
_PATCHES = 8
# Standard deviations between black and white that show that white is another number.
_OTHER_WHITE = 50
# The standard deviation of pixels up to 255 is larger.
_OF_BYTES = 5


def images_to_rows(X: Any, shape: Shape | None, owner: str) -> tuple[Any, Shape | None]:
    """Lay images out as rows; return anything else as it is.

    Parameters
    ----------
    X : array-like
        Images (n, c, h, w), (n, h, w, c) or (n, h, w), or rows (n, d) in any container.
    shape : tuple (c, h, w), optional
        The required shape of the images. Default: inferred from X.
    owner : str
        Name of the estimator, for errors.

    Returns
    -------
    rows : array-like
        Of shape (n, c * h * w) and X's type of number, if X were images; else X.
    shape : tuple (c, h, w) or None
        The images' shape; None if X were no images.

    Raises
    ------
    ValueError
        If the images are not square, if the order of their axes cannot be told, if they are not of
        the asked shape, or if a pixel is no finite number.
    """
    check_no_files(X, owner)
    try:
        X = X if hasattr(X, "shape") else np.asarray(X)
    except ValueError as error:
        raise ValueError(f"{owner}: X must hold images of one size ({error})") from error
    check_not_one_image(tuple(X.shape), shape, owner)
    if len(X.shape) < 3:
        return X, None
    if len(X.shape) > 4:
        raise ValueError(
            f"{owner}: X must be images (n, channels, height, width) or (n, height, width), or "
            f"rows (n, features); got {len(X.shape)} axes, {tuple(X.shape)}. Merge the first ones."
        )
    images = np.asarray(X)
    check_finite_pixels(images, owner)
    if images.ndim == 3:
        images = images[:, None]
    if _channels_come_last(images.shape, shape, owner):
        images = images.transpose(0, 3, 1, 2)
    found = (images.shape[1], images.shape[2], images.shape[3])
    check_square(found, owner)
    return np.ascontiguousarray(images).reshape(len(images), math.prod(found)), found


def check_no_files(X: Any, owner: str) -> None:
    """Raise ValueError for a folder, and for a list of file names or of encoded images."""
    if holds_files(X):
        raise ValueError(
            f"{owner}: X must be an array of pixels; got file names, a folder or encoded images. "
            "lofe_sklearn.features.ImageFeatures reads files and turns them into rows for any "
            f"detector; for {owner}, decode them all to one size, by Pillow for instance."
        )


def check_finite_pixels(images: np.ndarray, owner: str) -> None:
    """Raise ValueError if a pixel is NaN or infinite.

    A later check would name the column of a table, and an imputer that takes tables.
    """
    if images.dtype.kind != "f" or np.isfinite(images).all():
        return
    bad = ~np.isfinite(images)
    n_images = int(bad.any(axis=tuple(range(1, images.ndim))).sum())
    first = tuple(map(int, np.unravel_index(bad.argmax(), images.shape)))
    what = "NaN" if np.isnan(images[first]) else "infinite"
    raise ValueError(
        f"{owner}: pixels must be finite numbers; X{list(first)} is {what}. {n_images} of "
        f"{len(images)} images have such pixels. Leave these images out, or fill the gaps before, "
        "as np.nan_to_num(X) does."
    )


def check_not_one_image(axes: tuple[int, ...], shape: Shape | None, owner: str) -> None:
    """Raise ValueError for an array that is one image of the required shape (c, h, w)."""
    if shape is None:
        return
    channels, height, width = shape
    # Rows of two values are placed in a square of two by two.
    is_flat = len(axes) == 2 and axes[1] in (math.prod(shape), 2)
    is_several = len(axes) == 3 and channels == 1 and axes[1:] == shape[1:]
    if axes in ((height, width), shape, (height, width, channels)) and not (is_flat or is_several):
        raise ValueError(
            f"{owner}: X must hold several images; got an array of shape {axes}, which is a single "
            "image. Pass X[None]."
        )


def _channels_come_last(axes: tuple[int, ...], shape: Shape | None, owner: str) -> bool:
    _, second, third, last = axes
    first_reading, last_reading = (second, third, last), (last, second, third)
    if shape is not None:
        if first_reading == shape:
            return False
        if last_reading == shape:
            return True
        raise ValueError(
            f"{owner}: the images must be of shape (channels, height, width) = {shape}; got "
            f"{first_reading} for each. Resize them or, before fit, set image_shape."
        )
    can_be_first = third == last
    can_be_last = second == third and last in IMAGE_CHANNELS
    if can_be_first and can_be_last and last != 1:
        raise ValueError(
            f"{owner}: X of shape {axes} may be images (n, channels, height, width) = "
            f"(n, {second}, {third}, {last}) or (n, height, width, channels). Set "
            f"image_shape={first_reading} for the first, or transpose X with "
            "X.transpose(0, 3, 1, 2) for the second and then set it."
        )
    if can_be_first or can_be_last:
        return not can_be_first
    # Neither reading is square, which is refused: name the likelier one.
    return last in IMAGE_CHANNELS and second not in IMAGE_CHANNELS


def shape_of_rows(n_features: int, shape: Sequence[int] | None, owner: str) -> Shape:
    """Shape of the images that rows of `n_features` values are.

    Rows that are no images are placed in the smallest square that holds them.

    Raises
    ------
    ValueError
        If `shape` does not have `n_features` values or is not square.
    """
    if shape is not None:
        asked = (int(shape[0]), int(shape[1]), int(shape[2]))
        check_square(asked, owner)
        if math.prod(asked) != n_features:
            raise ValueError(
                f"{owner}: image_shape={asked} has {math.prod(asked)} values, but the rows of X "
                f"have {n_features}. Set image_shape=(channels, height, width) of these rows."
            )
        return asked
    for n_channels in (1, 3):
        side = math.isqrt(n_features // n_channels)
        if n_channels * side * side == n_features:
            return n_channels, side, side
    side = math.isqrt(n_features - 1) + 1
    return 1, side, side


def patches_of_pixels(n_features: int, shape: Shape) -> Ints:
    """Return the number of the square patch that each pixel is part of, in all channels."""
    _, height, width = shape
    side = math.ceil(height / _PATCHES)
    pixel = np.arange(n_features) % (height * width)
    row, column = pixel // width // side, pixel % width // side
    return row * math.ceil(width / side) + column


def warn_of_rows_that_are_no_images(n_features: int, shape: Shape, owner: str) -> None:
    """Warn if no image has this number of values, so that `shape` is only a way to place them."""
    if math.prod(shape) == n_features:
        return
    side = shape[1]
    warn_user(
        f"{owner}: rows of {n_features} features do not look like square images of one or three "
        f"channels. They are placed line by line in a square of {side} x {side}, the rest of it "
        "zero. Set image_shape=(channels, height, width) if they are images; if they are not, "
        "another backbone suits them better."
    )


def warn_of_other_white(X: Matrix, spread: float, owner: str, name: str) -> None:
    """Warn of images to score whose white is another number than in the training images.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    spread : float
        Standard deviation of the training images' pixels.
    owner, name : str
        The estimator and its argument, for the message.
    """
    low, high = float(X.min()), float(X.max())
    are_shares = low >= 0 and 0 < high <= 1 and spread > _OF_BYTES
    are_bytes = high - low > _OTHER_WHITE * spread and spread < 1 < high
    if are_shares or are_bytes:
        warn_user(
            f"{owner}: {name} has pixels from {low:.4g} to {high:.4g}, but those of the training "
            f"images have a standard deviation of {spread:.4g}. Scores mean nothing if white is "
            "another number, such as 255 instead of 1. Divide by it in fit and here alike."
        )


def check_square(shape: Shape, owner: str) -> None:
    """Raise ValueError for images whose rotation by 90 degrees has another shape."""
    _, height, width = shape
    if height != width:
        raise ValueError(
            f"{owner}: images must be square to be rotated by 90 degrees; got (channels, height, "
            f"width) = {shape}. Crop them, or pad them with np.pad. Images of other channels than "
            "1, 3 or 4 come as (n, channels, height, width)."
        )
