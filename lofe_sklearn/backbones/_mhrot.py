"""MHRot: images whose rotation and shifts can be told are normal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self, Unpack

import numpy as np
from sklearn.utils import Tags
from torch import nn

from lofe_sklearn._containers import Matrix
from lofe_sklearn._training import SCALINGS, SKETCHED, Task, Trained
from lofe_sklearn._types import Ints
from lofe_sklearn._validation import IMAGE_SHAPE, MOST, MOST_PARTS, Number, OneOf
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._mhrot_module import MHRotModule
from lofe_sklearn.backbones._pixels import (
    images_to_rows,
    patches_of_pixels,
    shape_of_rows,
    warn_of_other_white,
    warn_of_rows_that_are_no_images,
)
from lofe_sklearn.backbones._shared import Scaling, Shared


@with_shared_docs
class MHRot(Backbone):
    """MHRot: anomaly detection in images by predicting their transformations.

    Each image is seen rotated and shifted in all combinations, and a network with one head for
    each transformation tells which of its values was taken. It succeeds for images like the
    training images. On its own it is trained blind, as if all images were normal;
    ``LOE(MHRot(...))`` trains it on contaminated data. The method is that of [1]_.

    The input is images, (n, channels, height, width), (n, height, width, channels) or
    (n, height, width), of integers or floats, or rows of their pixels.

    Parameters
    ----------
    image_shape : tuple of three ints, optional
        Channels, height and width of the images. Default: those of the input; rows of d pixels are
        grey images if d is a square number, or images of three channels if d / 3 is one.
    depth : int, default=16
        Layers of the network, 6 n + 4, as in the LOE paper [2]_.
    width : int, default=4
        Factor of the network's numbers of channels, as in the LOE paper.
    dropout : float, default=0.0
        Share of values set to zero inside the network's blocks, in [0, 0.9]. The paper's 0.3 makes
        the members of an `LOE` differ from models trained alone.
    flips : bool, default=False
        Whether images are mirrored as well, which makes 72 views of the 36 and a fourth head.
    n_views : int, optional
        Views used in each training step; the steps take turns through all views. Default: all.
        Scores always use all.
    anomaly_weight : float, default=1.0
        Factor of the anomaly loss. The LOE paper's published runs took 0.5.
    scaling : {None, "auto", "rms", "minmax", "standard", "winsorized"}, default=None
        Scaling of single pixels, learned from the training images. The network standardises whole
        channels itself. ``"winsorized"`` is ``"standard"``, but cuts far values off first.
    max_epochs : int, default=16
        Passes over the training rows.
    lr : float, default=1e-3
        Learning rate of Adam.
    %(training_parameters)s

    Attributes
    ----------
    image_shape_ : tuple of three ints
        Channels, height and width of the images.
    %(fitted_attributes)s

    See Also
    --------
    LOE : Trains this backbone on contaminated data.

    Notes
    -----
    The normal loss of an image is the mean over views and heads of the cross-entropy of the right
    value, the anomaly loss `anomaly_weight` times that of the uniform distribution. A view is the
    image mirrored, shifted by a quarter of its side or not at all in both directions, and turned;
    what a shift uncovers is filled by reflection. The network is a Wide-ResNet [3]_ with group
    instead of batch normalisation, so that no row's losses depend on the rows beside it.

    Each channel is standardised by its mean and standard deviation over the training images, so
    pixels from 0 to 255 and from 0 to 1 give the same model; images to score must be of the same
    kind as those of `fit`.

    Settings: the defaults with ``dropout=0.3, anomaly_weight=0.5`` are those of the LOE paper [2]_
    for CIFAR-10; for Fashion-MNIST it takes ``max_epochs=3, lr=1e-4``. They are for a GPU. A
    CPU is enough for ``MHRot(depth=10, width=1, n_views=4, max_epochs=20, lr=3e-3)`` on some
    hundred images of 14 x 14 pixels.

    Memory: a step keeps ``batch_size * n_views`` views. With the default network one of 32 x 32
    pixels takes 5 MB, a step of all views of 32 rows 5.5 GB; ``n_views=8`` makes it 1.2 GB. With
    depth 10 and width 1 a view of 28 x 28 pixels takes 0.7 MB. Scoring is done in blocks, which
    take about 100 MB on a CPU.

    References
    ----------
    .. [1] D. Hendrycks, M. Mazeika, S. Kadavath, D. Song (2019). Using Self-Supervised Learning Can
       Improve Model Robustness and Uncertainty. NeurIPS. arXiv:1906.12340.
    .. [2] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088.
    .. [3] S. Zagoruyko, N. Komodakis (2016). Wide Residual Networks. BMVC. arXiv:1605.07146.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from lofe_sklearn import MHRot
    >>> images = load_digits().images[:200]
    >>> images.shape
    (200, 8, 8)
    >>> detector = MHRot(depth=10, width=1, n_views=4, max_epochs=2, random_state=0).fit(images)
    >>> round(float((detector.predict(images) == -1).mean()), 2)
    0.1
    """

    own_constraints = {
        "image_shape": IMAGE_SHAPE,
        # Sums of pixels are no image.
        "scaling": OneOf(tuple(each for each in SCALINGS if each != SKETCHED)),
        "depth": Number(Integral, low=10, step=6, most=MOST_PARTS),
        "width": Number(Integral, low=1, most=MOST),
        "dropout": Number(low=0, high=0.9),
        "flips": OneOf((False, True)),
        "n_views": Number(Integral, low=1, optional=True),
        "anomaly_weight": Number(low=0, exclude_low=True),
    }
    input_dtypes = [*Backbone.input_dtypes, np.uint8]
    layout_parameters = ("image_shape",)
    default_init = None  # an isolation forest on pixels tells little about images

    def __init__(
        self,
        *,
        image_shape: Sequence[int] | None = None,
        depth: int = 16,
        width: int = 4,
        dropout: float = 0.0,
        flips: bool = False,
        n_views: int | None = None,
        anomaly_weight: float = 1.0,
        scaling: Scaling = None,
        max_epochs: int = 16,
        batch_size: int = 32,
        lr: float = 1e-3,
        **shared: Unpack[Shared],
    ) -> None:
        self.image_shape = image_shape
        self.depth = depth
        self.width = width
        self.dropout = dropout
        self.flips = flips
        self.n_views = n_views
        self.anomaly_weight = anomaly_weight
        super().__init__(
            scaling=scaling, max_epochs=max_epochs, batch_size=batch_size, lr=lr, **shared
        )

    def build_module(self, n_features: int) -> nn.Module:
        owner = type(self).__name__
        total = 72 if self.flips else 36
        if self.n_views is not None and self.n_views > total:
            raise ValueError(
                f"{owner}: n_views must be at most {total}, the number of all views with "
                f"flips={self.flips}; got {self.n_views}. None takes them all."
            )
        return MHRotModule(
            n_features,
            image_shape=shape_of_rows(n_features, self.image_shape, owner),
            depth=self.depth,
            width=self.width,
            dropout=self.dropout,
            flips=self.flips,
            n_views=self.n_views,
            anomaly_weight=self.anomaly_weight,
        )

    def to_rows(self, X: Any, layout: Any = None) -> tuple[Any, Any]:
        owner = type(self).__name__
        asked = layout if layout is not None or self.image_shape is None else self.image_shape
        rows, found = images_to_rows(X, None if asked is None else tuple(asked), owner)
        if layout is None and found is None and len(rows.shape) == 2 and rows.shape[1] > 0:
            found = shape_of_rows(rows.shape[1], asked, owner)
            warn_of_rows_that_are_no_images(rows.shape[1], found, owner)
        return rows, found

    def feature_groups(self, n_features: int, layout: Any = None) -> Ints | None:
        shape = layout or shape_of_rows(n_features, self.image_shape, type(self).__name__)
        return patches_of_pixels(n_features, shape)

    def warn_of_other_rows(self, X: Matrix, owner: str, name: str) -> None:
        factor: Any = self.module_.factor
        spread = 1.0 / factor.detach().cpu().numpy().astype(float)
        if self._scaling is not None:
            spread = spread / self._scaling[1]
        warn_of_other_white(X, float(spread.max()), owner, name)

    def resolved(self, X: Matrix, layout: Any = None) -> Self:
        shape = layout or shape_of_rows(X.shape[1], self.image_shape, type(self).__name__)
        # The square for other rows is found again from their number of values.
        exact = math.prod(shape) == X.shape[1]
        return super().resolved(X, shape).set_params(image_shape=shape if exact else None)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _set_trained(self, task: Task, trained: Trained, layout: Any) -> None:
        super()._set_trained(task, trained, layout)
        self.image_shape_ = self._layout = self.module_.image_shape
