"""PatchDetector: defects in pictures, and where they are."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import get_tags

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._cut import threshold
from lofe_sklearn._nested_parameters import NestedParameters
from lofe_sklearn._no_classes import NoClasses
from lofe_sklearn._notebook import DocumentationMixin
from lofe_sklearn._validation import (
    CONTAMINATION,
    RANDOM_STATE,
    AnyOf,
    Constraint,
    Number,
    OneOf,
    check_parameters,
    check_seed,
)
from lofe_sklearn._versions import VersionedPickleMixin
from lofe_sklearn.features._image_features import ImageFeatures
from lofe_sklearn.features._sources import ImagesLike
from lofe_sklearn.images._patch_model import fit_patch_model
from lofe_sklearn.images._picture_scores import PictureScoresMixin
from lofe_sklearn.images._reading_patches import PatchReader, no_picture_skipped
from lofe_sklearn.images._standing_out import standing_out

# The share that is labelled as anomalies if the contamination is not known.
_ASSUMED = 0.1
_FEWEST_PICTURES = 2


class PatchDetector(
    VersionedPickleMixin,
    DocumentationMixin,
    PictureScoresMixin,
    NestedParameters,
    OutlierMixin,
    BaseEstimator,
):
    """Find defective pictures, and say where in them the defect is.

    Each picture is a grid of patches, described by a frozen network. Normal patches are learned
    from the training pictures, some of which may be defective: LOE's latent labels decide which
    patches are left out. A picture is as anomalous as its most anomalous patch::

        detector = PatchDetector(contamination=0.1).fit("parts/")
        detector.predict(["new.png"])  # -1: defective
        detector.heatmap(["new.png"])  # where

    Parameters
    ----------
    images : ImageFeatures, default=None
        Turns pictures into patches, with ``pooling="grid"``; its parameters are set as
        ``images__grid_size`` and so on. Default: EfficientNet-Lite0 at a grid of 14 by 14, three of
        its layers side by side, the earliest of which sees small scratches:
        ``ImageFeatures(layers=["_blocks.2", "_blocks.4", "_blocks.10"], pooling="grid",
        grid_size=14)``. Its `on_error` is ignored, since every picture gets a score, and so is its
        `verbose`.
    position : {"auto", "padim", "patchcore", "anywhere"}, default="auto"
        What a patch is compared with.

        - ``"padim"``: the patches at the same place, which one Gaussian describes [1]_. For
          pictures that are aligned to within a fraction of a patch: parts in a fixture.
        - ``"patchcore"``: the nearest of the normal patches at most `radius` cells away. For
          pictures that are aligned roughly.
        - ``"anywhere"``: the nearest of all normal patches, wherever they are [2]_. For pictures
          that are not aligned: surfaces, textiles, photographs from different places.
        - ``"auto"``: ``"padim"`` if the place of a patch explains more than half of the variance
          (`explained_by_position_`), else ``"anywhere"``. It needs no labels.
    contamination : "auto" or float in (0, 0.5], default="auto"
        The share of defective pictures among the training pictures. This share of the patches of
        each cell (``"padim"``), or of the pictures, is labelled as anomalies, and `predict` flags
        this share of the pictures. With ``"auto"`` one in ten is labelled, and `predict` flags the
        pictures that stand out, which may be none: those whose modified z-score [3]_ of the
        logarithm of their score is above 3.5. It takes the mean absolute deviation if more than
        half of the pictures have one score, as copies of one picture have.
    method : {"hard", "soft", "blind"}, default="hard"
        The weight of patches or pictures that are labelled as anomalies: none, half, or the same as
        all others. Soft labels are safer if nothing or much is defective; see Notes.
    n_components : int, default=64
        Random directions that a patch's features are projected to, after they are standardised.
        None keeps all features.
    radius : int, default=1
        Of ``"patchcore"``, in cells: 1 compares a patch with those of the cells around its own.
    bank_size : int, default=10000
        The approximate number of patches that ``"patchcore"`` and ``"anywhere"`` keep to compare
        with: a coreset, in equal parts from all cells.
    smoothing : float, default=0.25
        Standard deviation of the Gaussian that heat maps are smoothed by, in widths of a patch.
        At 14 patches to 224 pixels it is the 4 pixels of both papers.
    max_iter : int, default=10
        Rounds of labelling and learning, at most.
    random_state : int, RandomState or None, default=None
        Draws the directions.
    verbose : int, default=0
        1 shows a progress bar after two seconds (extra ``lofe-sklearn[progress]``).

    Attributes
    ----------
    images_ : ImageFeatures
        Fitted.
    position_ : {"padim", "patchcore", "anywhere"}
        The position that is used.
    explained_by_position_ : float
        The share of the variance of the training patches that their place explains; about 0 for
        pictures that are not aligned, and above .8 for aligned ones.
    contamination_ : float
        The share of the training pictures that is flagged.
    offset_ : float
        ``decision_function`` is ``score_samples`` minus it.
    labels_ : ndarray of int, shape (n,)
        -1 for the training pictures that are flagged, 1 for others.
    patch_labels_ : ndarray of int, shape (n, grid_size, grid_size)
        -1 for the training patches that are labelled as anomalies.
    n_iter_ : int
        Rounds of labelling and learning; with ``"padim"`` the most rounds of any cell.
    n_features_in_ : int
        Number of values in a picture.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of a data frame's columns.

    Raises
    ------
    BrokenImage
        If a picture cannot be read; a ``ValueError`` with ``index``, ``name`` and ``reason``.
    ValueError
        If a parameter is not valid, there are fewer than two pictures, they differ in size or
        channels (the message names the file), or the grid is larger than the network's maps.

    See Also
    --------
    pixel_roc_auc : How well heat maps show where defects are.
    lofe_sklearn.features.ImageFeatures : Rows of whole pictures for any detector.

    Notes
    -----
    *LOE's labels.* For ``"padim"`` the normal loss of a patch is its negative log-likelihood under
    its cell's Gaussian, and the anomaly loss is a constant. Labels and Gaussians are minimised in
    turn, as LOE does [4]_, here in closed form, so that the sum of the losses falls with each step.
    With hard labels it is the concentration step of the minimum covariance determinant. The
    covariance is shrunk to that of all cells, which counts for as many pictures as there are
    components. With ``"patchcore"`` and ``"anywhere"`` labels are those of whole pictures, and the
    bank holds patches of the others. With soft labels it holds the patches of marked pictures too,
    and distances to these count twice.

    *Training pictures* are recognised, and scored as if the model had not been trained on them. So
    their scores are comparable with those of new pictures, as the threshold requires.

    *Memory.* Pictures are read batch by batch. During `fit`, ``grid_size ** 2 * n_components``
    numbers are kept of each training picture, 50 kB by default; afterwards about 1 kB.

    References
    ----------
    .. [1] T. Defard, A. Setkov, A. Loesch, R. Audigier (2021). PaDiM: a Patch Distribution Modeling
       Framework for Anomaly Detection and Localization. ICPR Workshops. arXiv:2011.08785.
    .. [2] K. Roth, L. Pemula, J. Zepeda, B. Schölkopf, T. Brox, P. Gehler (2022). Towards Total
       Recall in Industrial Anomaly Detection. CVPR. arXiv:2106.08265.
    .. [3] B. Iglewicz, D. Hoaglin (1993). How to Detect and Handle Outliers. ASQC Quality Press.
    .. [4] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088.

    Examples
    --------
    With a small network of your own, on pictures of noise around one pattern:

    >>> import numpy as np
    >>> import torch
    >>> from lofe_sklearn.features import ImageFeatures
    >>> from lofe_sklearn.images import PatchDetector
    >>> rng = np.random.default_rng(0)
    >>> pictures = 0.5 + 0.1 * rng.random((40, 32, 32)) + np.linspace(0, 0.3, 32)
    >>> pictures[:3, 4:8, 20:24] = 0.1  # a hole in three of them
    >>> images = ImageFeatures(torch.nn.AvgPool2d(4), image_size=32, pooling="grid", grid_size=8)
    >>> detector = PatchDetector(images, random_state=0).fit(pictures)
    >>> detector.position_, np.flatnonzero(detector.labels_ == -1)
    ('padim', array([0, 1, 2]))
    >>> heat = detector.heatmap(pictures[:1])
    >>> heat.shape, bool(4 <= heat[0].max(axis=1).argmax() < 8)
    ((1, 32, 32), True)
    """

    _constraints: ClassVar[dict[str, Constraint]] = {
        "position": OneOf(("auto", "padim", "patchcore", "anywhere")),
        "contamination": AnyOf(CONTAMINATION, OneOf(("auto",))),
        "method": OneOf(("hard", "soft", "blind")),
        "n_components": Number(Integral, low=1, optional=True),
        "radius": Number(Integral, low=0),
        "bank_size": Number(Integral, low=1),
        "smoothing": Number(low=0),
        "max_iter": Number(Integral, low=1),
        "random_state": RANDOM_STATE,
        "verbose": Number(Integral, low=0),
    }

    classes_ = NoClasses()

    def __init__(
        self,
        images: ImageFeatures | None = None,
        *,
        position: Literal["auto", "padim", "patchcore", "anywhere"] = "auto",
        contamination: Literal["auto"] | float = "auto",
        method: Literal["hard", "soft", "blind"] = "hard",
        n_components: int | None = 64,
        radius: int = 1,
        bank_size: int = 10_000,
        smoothing: float = 0.25,
        max_iter: int = 10,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.images = images
        self.position = position
        self.contamination = contamination
        self.method = method
        self.n_components = n_components
        self.radius = radius
        self.bank_size = bank_size
        self.smoothing = smoothing
        self.max_iter = max_iter
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ImagesLike, y: object = None) -> Self:
        """Learn what patches look like.

        Parameters
        ----------
        X : array of shape (n, h, w[, c]), (n, c, h, w) or (n, c * h * w), list, path or sequence
            At least two pictures, in any form that `ImageFeatures` takes: a folder, a list of
            files, an array.
        y : ignored
            For scikit-learn's sake.

        Returns
        -------
        self : PatchDetector

        Raises
        ------
        ValueError, TypeError
            If X, such as a file that is no picture, or a parameter cannot be used.
        FileNotFoundError
            If there is no such folder.
        """
        with all_or_nothing(self) as fitted:
            check_parameters(self, self._constraints)
            owner = type(self).__name__
            random_state = check_seed(owner, self.random_state)
            with self._shown() as progress:
                with no_picture_skipped():
                    fitted.images_ = self._new_images().fit(X)
                reader = PatchReader(fitted.images_)
                pictures = reader.open(X)
                if len(pictures) < _FEWEST_PICTURES:
                    raise ValueError(
                        f"{owner}: a minimum of {_FEWEST_PICTURES} pictures is required to learn "
                        f"what varies between them; got 1 sample ({pictures.name(0)}). Add "
                        "pictures of the same kind."
                    )
                patches = reader.learn(pictures, self.n_components, random_state, progress)
            contamination = _ASSUMED if self.contamination == "auto" else self.contamination
            fitted._reader = reader
            fitted._model, marked = fit_patch_model(
                patches,
                grid_size=fitted.images_.grid_size,
                position=self.position,
                contamination=float(contamination),
                method=self.method,
                radius=self.radius,
                bank_size=self.bank_size,
                max_iter=self.max_iter,
            )
            fitted.position_ = fitted._model.position
            fitted.n_iter_ = fitted._model.n_iter
            fitted.explained_by_position_ = fitted._model.explained_by_position
            fitted.patch_labels_ = np.where(fitted._as_grid(marked), -1, 1)
            fitted._training_scores = -fitted._model.held_out.max(axis=1).astype(np.float64)
            if self.contamination == "auto":
                offset = -standing_out(-fitted._training_scores)
                share = float(np.mean(fitted._training_scores < offset))
            else:
                share = float(self.contamination)
                offset = threshold(fitted._training_scores, share)
            fitted._adopt_threshold(offset, share)
        return self

    def _new_images(self) -> ImageFeatures:
        owner = type(self).__name__
        if self.images is None:
            return self._default_of("images")
        if not isinstance(self.images, ImageFeatures) or self.images.pooling != "grid":
            raise ValueError(
                f"{owner}: images must be an ImageFeatures with pooling='grid', or None; got "
                f"{self.images!r}."
            )
        return clone(self.images).set_params(on_error="raise")

    def _default_of(self, name: str) -> Any:
        if name != "images":
            return None
        layers = ["_blocks.2", "_blocks.4", "_blocks.10"]
        return ImageFeatures(layers=layers, pooling="grid", grid_size=14)

    @property
    def n_features_in_(self) -> int:
        """Number of values in a picture."""
        return self.images_.n_features_in_

    @property
    def feature_names_in_(self) -> Any:
        """Names of a data frame's columns."""
        return self.images_.feature_names_in_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(ImageFeatures()).input_tags
        return tags
