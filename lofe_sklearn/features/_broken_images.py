"""Images that cannot be read, found before they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral

import numpy as np

from lofe_sklearn._validation import Number, check_argument
from lofe_sklearn.features._decode import MAX_PIXELS, BrokenImage
from lofe_sklearn.features._sources import (
    Images,
    ImagesLike,
    images_of_array,
    is_array_of_numbers,
    open_images,
    rows_of_squares,
)


def find_broken_images(X: ImagesLike, *, max_pixels: int | None = MAX_PIXELS) -> list[BrokenImage]:
    """Read all images once, and return what is wrong with those that cannot be read.

    Parameters
    ----------
    X : path, list or array
        Images as `ImageFeatures` takes them.
    max_pixels : int, default=33554432
        As in `ImageFeatures`: files of more pixels are broken, unless they are JPEG files that can
        be decoded smaller. None leaves Pillow's limit alone.

    Returns
    -------
    broken : list of BrokenImage
        One for each broken image, with ``index``, its position, ``name`` and ``reason``.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.features import find_broken_images
    >>> images = [np.zeros((8, 8)), b"no picture", np.zeros((8, 8, 2))]
    >>> for broken in find_broken_images(images):
    ...     print(broken.index, broken.reason)
    1 these bytes are no image in a known format
    2 an image has 1, 3 or 4 channels; this array is of shape (8, 8, 2)
    """
    owner = "find_broken_images"
    check_argument(owner, "max_pixels", max_pixels, Number(Integral, low=1, optional=True))
    if not is_array_of_numbers(X):
        return list(_broken(open_images(X, owner, max_pixels)))
    array = np.asanyarray(X)  # masked pixels stay masked
    is_rows = array.ndim == 2
    return list(_broken((rows_of_squares if is_rows else images_of_array)(array, owner)))


def _broken(images: Images) -> Iterator[BrokenImage]:
    for i in range(len(images)):
        try:
            images.read(i)
        except BrokenImage as error:
            yield error
