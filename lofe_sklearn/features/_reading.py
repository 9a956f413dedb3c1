"""Read images batch by batch, and raise or remember those that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lofe_sklearn._validation import warn_user
from lofe_sklearn.features._cache import Cache
from lofe_sklearn.features._decode import BrokenImage
from lofe_sklearn.features._extractor import Extractor
from lofe_sklearn.features._sources import Images

# How many names of broken images a warning lists.
LISTED = 10


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
    """

    def __init__(
        self, images: Images, *, shape: tuple[int, ...] | None, skip: bool, owner: str
    ) -> None:
        self.images = images
        self.shape = shape
        self.skip = skip
        self.owner = owner
        self.broken: list[BrokenImage] = []

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


def warn_of_range(image: np.ndarray, owner: str) -> None:
    """Warn, at the user's line, of floats that do not lie between 0 and 1."""
    warn_user(
        f"{owner}: pixels given as floats should lie between 0 and 1; the first image has values "
        f"from {image.min():.4g} to {image.max():.4g}. If white is 255, pass X.astype(np.uint8) or "
        "X / 255."
    )
