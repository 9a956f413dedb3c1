"""Read images batch by batch, and raise or remember those that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from lofe_sklearn._validation import warn_user
from lofe_sklearn.features._cache import Cache
from lofe_sklearn.features._decode import BrokenImage
from lofe_sklearn.features._extractor import Extractor
from lofe_sklearn.features._sources import Images

# How many names of broken images a warning lists.
LISTED = 10
# Values of pixels; those from 0 to 1 leave these bounds by a little where they are interpolated.
Range: TypeAlias = tuple[float, float]
_LEAST, _MOST = -0.5, 1.5


class Reader:
    """Reads images of one shape, and turns them into rows of features.

    Parameters
    ----------
    images : Images
    shape : tuple (height, width, channels) or None
        The shape that all must have; None for any.
    skip : bool
        Whether broken images are left out and remembered, instead of raised.
    owner : str
        Name of the estimator, for errors.

    Attributes
    ----------
    broken : list of BrokenImage
        The images left out so far.
    range : tuple (low, high)
        The lowest and the highest value of the images read so far.
    """

    def __init__(
        self, images: Images, *, shape: tuple[int, ...] | None, skip: bool, owner: str
    ) -> None:
        self.images = images
        self.shape = shape
        self.skip = skip
        self.owner = owner
        self.broken: list[BrokenImage] = []
        self.range: Range = np.inf, -np.inf
        # The first image that is certainly not from 0 to 1, and its values.
        self._outside: tuple[str, Range] | None = None

    def read(self, indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Read images one after another, each with its index."""
        for i in indices:
            try:
                image = self.images.read(i)
            except BrokenImage as error:
                self._raise_or_remember(error)
                continue
            if self.shape not in (None, image.shape):
                raise ValueError(
                    f"{self.owner}: all images must have the shape (height, width, channels) of "
                    f"the first training image, {self.shape}; {self.images.name(i)} has "
                    f"{image.shape}. Resize or convert it, or set allow_mixed=True to resize all "
                    "images for the network."
                )
            self._note_range(i, image)
            yield i, image

    def features(
        self, batch: Sequence[int], extractor: Extractor, cache: Cache | None
    ) -> dict[int, np.ndarray]:
        """Return the row of each image of a batch that can be read, by its position."""

        def compute(indices: Sequence[int]) -> dict[int, np.ndarray]:
            read = dict(self.read(indices))
            if not read:
                return {}
            rows = extractor(list(read.values()), self.images.name(next(iter(read))))
            return dict(zip(read, rows, strict=True))

        return compute(batch) if cache is None else cache.rows(self._keys(batch), compute)

    def warn_of_broken(self) -> None:
        """Warn of images that were left out, at the user's line."""
        if not self.broken:
            return
        listed = "; ".join(str(error) for error in self.broken[:LISTED])
        n_more = len(self.broken) - LISTED
        warn_user(
            f"{self.owner}: {len(self.broken)} of {len(self.images)} images cannot be read, and "
            f"have no row in the result: {listed}{f'; and {n_more} more' if n_more > 0 else ''}."
        )

    def warn_of_range(self, trained: Range) -> None:
        """Warn, at the user's line, of images whose pixels are of another range than `trained`.

        One image of 0 to 255 among those of 0 to 1 looks white, and anomalous.
        """
        low, high = self.range
        if trained[0] >= 0 and trained[1] <= 1:  # else `warn_of_first` has warned
            if self._outside is None:
                return
            which, came = f"{self._outside[0]} has", self._outside[1]
        elif trained[1] > _MOST and low >= 0 and 0 < high <= 1:
            which, came = "all images have", self.range
        else:
            return
        warn_user(
            f"{self.owner}: {which} values from {came[0]:.4g} to {came[1]:.4g}, but the first "
            f"training image from {trained[0]:.4g} to {trained[1]:.4g}. Their features cannot be "
            "compared if white is not the same number in all images. Files and integers of 8 and "
            "16 bits are brought to 0 ... 1; divide floats by the value of white, such as 255."
        )

    def _note_range(self, i: int, image: np.ndarray) -> None:
        came = range_of(image)
        self.range = min(self.range[0], came[0]), max(self.range[1], came[1])
        if self._outside is None and _is_outside(came):
            self._outside = self.images.name(i), came

    def _keys(self, batch: Sequence[int]) -> dict[int, str]:
        keys = {}
        for i in batch:
            try:
                keys[i] = self.images.key(i)
            except BrokenImage as error:
                self._raise_or_remember(error)
        return keys

    def _raise_or_remember(self, error: BrokenImage) -> None:
        if not self.skip:
            error.remedy = error.remedy or "Mend or remove it, or set on_error='skip'."
            raise error
        self.broken.append(error)


def range_of(image: np.ndarray) -> Range:
    """Return the lowest and the highest value of an image."""
    return float(image.min()), float(image.max())


def warn_of_first(values: Range, owner: str) -> None:
    """Warn, at the user's line, if the first training image does not lie between 0 and 1."""
    low, high = values
    if low < 0 or high > 1:
        warn_user(
            f"{owner}: pixels given as floats should lie between 0 and 1; the first image has "
            f"values from {low:.4g} to {high:.4g}. If white is 255, pass X.astype(np.uint8) or "
            "X / 255."
        )


def _is_outside(values: Range) -> bool:
    return values[0] < _LEAST or values[1] > _MOST
