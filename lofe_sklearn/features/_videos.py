"""VideoFeatures: windows of frames to rows of features of appearance and motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._notebook import DocumentationMixin
from lofe_sklearn._tensors import tensor_as_array
from lofe_sklearn._types import MatrixLike
from lofe_sklearn._validation import Constraint, OneOf, check_parameters
from lofe_sklearn._versions import VersionedPickleMixin
from lofe_sklearn.features._clips import Clip
from lofe_sklearn.features._extractor import as_rgb
from lofe_sklearn.features._image_features import ImageFeatures
from lofe_sklearn.features._sources import (
    NamedImages,
    is_array_of_numbers,
    looks_like_one_picture,
    number_of_axes,
    rows_of_pixels,
)
from lofe_sklearn.features._windows import VideoWindows


class VideoFeatures(
    VersionedPickleMixin,
    DocumentationMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Turn windows of frames into rows of features of appearance and motion.

    A row has the features of the window's last frame, by a frozen network for images, and the
    features of a picture of the motion before it. Nothing is trained. Frames are read when they are
    needed, and are not kept::

        windows = video_windows(["monday.mp4", "tuesday.mp4"])
        model = make_pipeline(VideoFeatures(), StandardScaler(), LOE(NeuTraL.for_features()))
        TemporalSmoothing(model).fit(windows)

    Parameters
    ----------
    images : ImageFeatures, default=None
        Turns a picture into features; a grid reaches its parameters as ``images__image_size`` and
        so on. Default: ``ImageFeatures()``. Its ``max_pixels`` is the limit for frames too.
    appearance : bool, default=True
        Whether the features of the last frame are in a row.
    motion : {"difference", "stack", None}, default="difference"
        - ``"difference"``: features of the picture of absolute differences, pixel by pixel, between
          the last frame and the window's first; still parts are black in it.
        - ``"stack"``: features of the first, middle and last frame in grey, as red, green and blue:
          still parts have no colour.
        - None: no motion.

    Attributes
    ----------
    images_ : ImageFeatures
        Fitted on the last frame of the first training window.
    n_features_in_ : int
        Number of values in a window.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of a data frame's columns.

    Raises
    ------
    BrokenImage
        If a frame cannot be read; a ``ValueError`` that names clip and frame. The ``on_error`` of
        `images` does not apply: every window has its row.
    ValueError
        If neither appearance nor motion is asked for, or windows or frames differ in shape.

    See Also
    --------
    video_windows : Cuts clips into windows.
    TemporalSmoothing : Smooths a detector's scores over the frames of a clip.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088, section 4.4: frames as rows of
       features of a frozen network. The features of motion are this library's addition.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from lofe_sklearn.features import ImageFeatures, VideoFeatures, video_windows
    >>> clips = np.random.default_rng(0).random((2, 20, 12, 16))
    >>> windows = video_windows(list(clips), length=4, pad=True)
    >>> images = ImageFeatures(torch.nn.Conv2d(3, 6, kernel_size=4), image_size=16)
    >>> VideoFeatures(images).fit_transform(windows).shape
    (40, 12)
    """

    _constraints: ClassVar[dict[str, Constraint]] = {
        "appearance": OneOf((True, False)),
        "motion": OneOf(("difference", "stack", None)),
    }
    # Both parameters as they were in the fit; None in files of versions that did not keep them.
    _fitted_with: tuple[bool, str | None] | None = None

    def __init__(
        self,
        images: ImageFeatures | None = None,
        *,
        appearance: bool = True,
        motion: Literal["difference", "stack"] | None = "difference",
    ) -> None:
        self.images = images
        self.appearance = appearance
        self.motion = motion

    def fit(self, X: MatrixLike | VideoWindows, y: object = None) -> Self:
        """Load the network, and learn the shape of the frames; nothing is trained.

        Parameters
        ----------
        X : VideoWindows, or array of shape (n, length, h, w[, c]) or (n, h * w)
            Windows, one for each sample; rows of a table are windows of one grey frame.
        y : ignored
            For scikit-learn's sake.

        Returns
        -------
        self : VideoFeatures

        Raises
        ------
        ValueError, TypeError
            If X or a parameter cannot be used.
        """
        with all_or_nothing(self) as fitted:
            check_parameters(self, self._constraints)
            owner = type(self).__name__
            if not self.appearance and self.motion is None:
                raise ValueError(f"{owner}: there is no feature; set appearance=True, or motion.")
            if not isinstance(self.images, ImageFeatures | None):
                raise ValueError(
                    f"{owner}: images must be an ImageFeatures or None; got {self.images!r}."
                )
            windows = fitted._open(X, reset=True)
            images = ImageFeatures() if self.images is None else clone(self.images)
            check_parameters(images, images._constraints)
            first = np.stack(windows.read(0, range(windows.length), images.max_pixels))
            if isinstance(X, VideoWindows):
                fitted.n_features_in_ = first.size
            fitted.images_ = images.set_params(on_error="raise").fit([first[-1]])
            fitted._fitted_with = self.appearance, self.motion
            n_pictures = int(self.appearance) + int(self.motion is not None)
            fitted._n_features_out = n_pictures * len(fitted.images_.get_feature_names_out())
        return self

    def transform(self, X: MatrixLike | VideoWindows) -> NDArray[np.float32]:
        """Return the features of windows.

        Parameters
        ----------
        X : VideoWindows, or array of shape (n, length, h, w[, c]) or (n, h * w)
            Windows as for `fit`.

        Returns
        -------
        features : ndarray of float32, shape (n, n_features_out)
            Appearance first, then motion.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        check_is_fitted(self)
        windows = self._open(X, reset=False)
        appearance, motion = self._fitted_with or (self.appearance, self.motion)
        drawings: list[Drawing] = [_appearance] if appearance else []
        if motion is not None:
            drawings.append(MOTIONS[motion])
        limit = self.images_.max_pixels
        blocks = [
            self._images_for(draw).transform(_Pictures(windows, draw, limit)) for draw in drawings
        ]
        return np.concatenate(blocks, axis=1)

    def _images_for(self, draw: Drawing) -> ImageFeatures:
        """Return what turns pictures of a kind into features: a stack always has three channels."""
        if draw is not _stack:
            return self.images_
        images = copy(self.images_)
        images.image_shape_ = (*self.images_.image_shape_[:2], 3)
        return images

    def _open(self, X: Any, *, reset: bool) -> VideoWindows:
        owner = type(self).__name__
        if isinstance(X, VideoWindows):
            if len(X) == 0:
                raise ValueError(f"{owner}: X has no windows (0 samples); at least 1 is needed.")
            return X
        if is_array_of_numbers(X) and number_of_axes(X) < 3:
            check_plain_values(X, "X", owner)
            rows = rows_of_pixels(validate_data(self, tensor_as_array(X), reset=reset), None, owner)
            return _each_a_clip([[rows.read(i)] for i in range(len(rows))], 1)
        check_plain_values(X, "X", owner)
        try:
            array = np.asarray(X)
        except ValueError:  # clips of several lengths
            array = np.empty(0)
        if array.ndim not in (4, 5) or 0 in array.shape:
            came = f"an array of shape {X.shape}" if hasattr(X, "shape") else type(X).__name__
            raise ValueError(
                f"{owner}: X must be windows made by video_windows(clips), or an array (n, length, "
                f"height, width[, channels]); got {came}."
            )
        X = array
        if X.ndim == 4 and looks_like_one_picture(X.shape[1:]):
            raise ValueError(
                f"{owner}: X must be windows of frames (n, length, height, width[, channels]); got "
                f"an array of shape {X.shape}, which is pictures (n, height, width, channels). For "
                "windows of one frame pass X[:, None], and for one window X[None]."
            )
        if reset:
            self.n_features_in_ = X[0].size
        return _each_a_clip(X, X.shape[1])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _each_a_clip(windows: Sequence[Any] | np.ndarray, length: int) -> VideoWindows:
    clips = [Clip(frames, f"window {i}") for i, frames in enumerate(windows)]
    return VideoWindows(clips, np.arange(len(clips)), np.full(len(clips), length - 1), length)


def _appearance(windows: VideoWindows, i: int, max_pixels: int | None) -> np.ndarray:
    return windows.read(i, [windows.length - 1], max_pixels)[0]


def _difference(windows: VideoWindows, i: int, max_pixels: int | None) -> np.ndarray:
    first, last = windows.read(i, [0, windows.length - 1], max_pixels)
    if last.shape[2] == 4:
        # As they look on white. The difference of two opacities would hide the picture.
        moved = np.abs(as_rgb(last) - as_rgb(first))
        return np.concatenate([moved, np.ones_like(moved[:, :, :1])], axis=2)
    return np.abs(last - first)


def _stack(windows: VideoWindows, i: int, max_pixels: int | None) -> np.ndarray:
    middle = (windows.length - 1) // 2
    frames = windows.read(i, [0, middle, windows.length - 1], max_pixels)
    return np.stack([as_rgb(frame).mean(axis=2) for frame in frames], axis=2)


Drawing: TypeAlias = Callable[[VideoWindows, int, int | None], np.ndarray]
MOTIONS: dict[str, Drawing] = {
    "difference": _difference,
    "stack": _stack,
}


class _Pictures(NamedImages):
    """One picture for each window, made when it is read."""

    def __init__(self, windows: VideoWindows, draw: Drawing, max_pixels: int | None) -> None:
        self.windows = windows
        self.draw = draw
        self.max_pixels = max_pixels

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, i: Any) -> Any:
        return self.draw(self.windows, i, self.max_pixels)

    def name(self, i: int) -> str:
        """Return how errors call the picture."""
        return self.windows.name(i)
