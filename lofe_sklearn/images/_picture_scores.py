"""Scores, labels and heat maps of pictures by a fitted `PatchDetector`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._progress import job, part
from lofe_sklearn._thresholds import ThresholdMixin
from lofe_sklearn._types import Floats, Ints
from lofe_sklearn._validation import (
    AnyOf,
    Constraint,
    ListOf,
    Number,
    check_argument,
    check_parameters,
)
from lofe_sklearn.features._image_features import ImageFeatures
from lofe_sklearn.features._sources import ImagesLike
from lofe_sklearn.images._heat_maps import heat_map
from lofe_sklearn.images._patch_model import PatchModel
from lofe_sklearn.images._reading_patches import PatchReader, Progress

_SIZE = ListOf(Number(Integral, low=1), length=2, name="a pair (height, width) of integers")


class PictureScoresMixin(ThresholdMixin):
    """The part of PatchDetector that scores pictures."""

    _constraints: ClassVar[dict[str, Constraint]]
    images_: ImageFeatures
    offset_: float
    contamination_: float
    labels_: Ints
    smoothing: float
    verbose: int
    _reader: PatchReader
    _model: PatchModel

    def score_samples(self, X: ImagesLike) -> Floats:
        """Return the score of each picture: the higher, the more normal.

        Parameters
        ----------
        X : array, list, path or sequence
            Pictures as for `fit`.

        Returns
        -------
        scores : ndarray of float64, shape (n,)
            Minus the distance of the picture's most anomalous patch. With ``"padim"``, 1 is the
            usual distance at its place.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used, such as a file that is no picture.
        """
        return self.score_patches(X).min(axis=(1, 2))

    def score_images(self, X: ImagesLike) -> Floats:
        """Return the score of each picture, as `score_samples` does: high for normal ones.

        Parameters
        ----------
        X : array, list, path or sequence
            Pictures as for `fit`.

        Returns
        -------
        scores : ndarray of float64, shape (n,)

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used, such as a file that is no picture.
        """
        return self.score_samples(X)

    def score_patches(self, X: ImagesLike) -> Floats:
        """Return the score of each patch: the higher, the more normal.

        Parameters
        ----------
        X : array, list, path or sequence
            Pictures as for `fit`.

        Returns
        -------
        scores : ndarray of float64, shape (n, grid_size, grid_size)
            Minus the distances to what is normal at the place.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used, such as a file that is no picture.
        """
        check_is_fitted(self)
        with self._shown() as progress:
            distances = [
                self._model.distances(patches) for patches in self._reader.read(X, progress)
            ]
        return self._as_grid(-np.stack(distances).astype(np.float64))

    def decision_function(self, X: ImagesLike) -> Floats:
        """Return scores above the threshold: negative for defective pictures.

        Parameters
        ----------
        X : array, list, path or sequence
            Pictures as for `fit`.

        Returns
        -------
        decision : ndarray of float64, shape (n,)
            ``score_samples(X) - offset_``.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used, such as a file that is no picture.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ImagesLike) -> Ints:
        """Tell defective pictures from normal ones.

        Parameters
        ----------
        X : array, list, path or sequence
            Pictures as for `fit`.

        Returns
        -------
        is_inlier : ndarray of int, shape (n,)
            -1 for defective pictures, 1 for normal ones.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used, such as a file that is no picture.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def heatmap(self, X: ImagesLike, *, size: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Return maps of how anomalous each place of a picture is.

        Parameters
        ----------
        X : array, list, path or sequence
            Pictures as for `fit`.
        size : tuple (height, width), default=None
            Of the maps, in pixels. Default: that of the first training picture. With
            ``allow_mixed=True`` pictures of other sizes get maps of this size too.

        Returns
        -------
        heat : ndarray of float32, shape (n, height, width)
            High at anomalous places: the distances of the patches, interpolated and smoothed.
            Without smoothing, a picture is flagged if its map exceeds ``-offset_``. The map of a
            flagged picture may stay below it, since interpolation lowers peaks, unless `size` is
            that of the grid. In a map of fewer pixels each has the largest distance of its patches.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used, such as a file that is no picture.
        """
        check_is_fitted(self)
        check_parameters(self, self._constraints)  # smoothing may have been changed since the fit
        check_argument(type(self).__name__, "size", size, AnyOf(_SIZE, None))
        height, width = self.images_.image_shape_[:2] if size is None else size
        return np.stack(
            [heat_map(-cells, height, width, self.smoothing) for cells in self.score_patches(X)]
        )

    def _as_grid(self, cells: NDArray[Any]) -> NDArray[Any]:
        side = math.isqrt(cells.shape[1])
        return cells.reshape(len(cells), side, side)

    @contextmanager
    def _shown(self) -> Iterator[Progress]:
        show = self.verbose > 0
        with job(type(self).__name__, show=show), part(1.0, "pictures") as progress:
            yield progress

    # Needed by ThresholdMixin.

    def _adopt_threshold(self, offset: float, share: float) -> None:
        self.offset_ = offset
        self.contamination_ = share
        self.labels_ = np.where(self._training_scores < offset, -1, 1)

    def _held_out_calibration(self, asked: str) -> Floats:
        return self._training_scores

    def _bound_false_discoveries(self, rate: float) -> None:
        raise ValueError(
            f"{type(self).__name__}: a false_discovery_rate needs pictures that are known to be "
            "normal: p_values(X, calibration=pictures) and scipy.stats.false_discovery_control "
            "bound the rate. Or give contamination or n_flagged."
        )
