"""Pictures to projected patches, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lofe_sklearn.features._decode import BrokenImage
from lofe_sklearn.features._image_features import ImageFeatures
from lofe_sklearn.features._sources import Images
from lofe_sklearn.images._projection import Projection, learn_projection

# The number of pictures from which the scale of features is learned.
_LEARNED_FROM = 64


class Progress(Protocol):
    """Receives the progress of the reading."""

    def reach(self, done: float, text: str = "", detail: str = "") -> None:
        """Say which share is done."""


@contextmanager
def no_picture_skipped() -> Iterator[None]:
    """Keep errors of broken pictures from recommending on_error, which has no effect here."""
    try:
        yield
    except BrokenImage as error:
        error.remedy = "Mend or remove it."
        raise


class PatchReader:
    """Turns pictures into patches: a fitted `ImageFeatures`, and a projection.

    Attributes
    ----------
    images : ImageFeatures
    projection : Projection
        Set by `learn`.
    """

    projection: Projection

    def __init__(self, images: ImageFeatures) -> None:
        self.images = images

    def open(self, X: Any) -> Images:
        """Return pictures that can be read one by one."""
        return self.images._open(X, reset=False)

    def learn(
        self,
        pictures: Images,
        n_components: int | None,
        random_state: np.random.RandomState,
        progress: Progress,
    ) -> NDArray[np.float32]:
        """Set the projection, and return the training patches, (n, n_cells, n_components)."""
        rows = self._rows(pictures, progress)
        first = [
            row for _, row in zip(range(min(_LEARNED_FROM, len(pictures))), rows, strict=False)
        ]
        n_features = first[0].shape[1]
        features = np.concatenate(first).reshape(-1, n_features)
        self.projection = learn_projection(features, n_components, random_state)
        patches = np.empty(
            (len(pictures), *first[0].shape[:1], self.projection.directions.shape[1]),
            dtype=np.float32,
        )
        for i, row in enumerate(first):
            patches[i] = self.projection(row)
        for i, row in enumerate(rows, start=len(first)):
            patches[i] = self.projection(row)
        return patches

    def read(self, X: Any, progress: Progress) -> Iterator[NDArray[np.float32]]:
        """Yield the patches of one picture after another, (n_cells, n_components)."""
        for row in self._rows(self.open(X), progress):
            yield self.projection(row)

    def _rows(self, pictures: Images, progress: Progress) -> Iterator[NDArray[np.float32]]:
        n = len(pictures)
        images = copy(self.images)
        images.on_error = "raise"  # it may have been changed since the fit
        with no_picture_skipped():
            for batch, rows in images._stream(pictures):
                for i, row in rows.items():
                    # Comparisons with NaN are false, so that the picture would count as normal.
                    if not np.isfinite(row).all():
                        raise ValueError(
                            f"PatchDetector: the network gives NaN or infinity for "
                            f"{pictures.name(i)}. Its pixels should lie between 0 and 1."
                        )
                    grid = images.patches(row[None])[0]
                    yield grid.reshape(-1, grid.shape[-1])
                progress.reach(batch.stop / n, f"picture {batch.stop}/{n}")
