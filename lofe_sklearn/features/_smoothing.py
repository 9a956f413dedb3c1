"""TemporalSmoothing: a detector's scores, smoothed over the frames of a clip."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, OutlierMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._any_detector import fit_to, innermost_detector, scores_of_wrapped
from lofe_sklearn._containers import check_unmasked
from lofe_sklearn._no_classes import NoClasses
from lofe_sklearn._notebook import DocumentationMixin
from lofe_sklearn._thresholds import ThresholdMixin
from lofe_sklearn._types import Floats, Ints, MatrixLike
from lofe_sklearn._validation import Constraint, check_parameters
from lofe_sklearn._versions import VersionedPickleMixin
from lofe_sklearn.features._smooth_scores import KERNEL, SIGMA, Kernel, smooth_scores
from lofe_sklearn.features._windows import VideoWindows

_NEEDS_OTHERS = "TemporalSmoothing: {} needs normal windows that were not trained on. "


class TemporalSmoothing(
    VersionedPickleMixin,
    DocumentationMixin,
    ThresholdMixin,
    OutlierMixin,
    MetaEstimatorMixin,
    BaseEstimator,
):
    """Smooth a detector's scores over the frames of each clip.

    An event lasts for many frames, so the scores of neighbouring frames tell about it too. Scores
    are averaged within a clip, never across two, and the threshold is set anew so that as many
    training windows are flagged as the detector flags.

    Parameters
    ----------
    estimator : outlier detector
        A detector with ``score_samples`` and ``decision_function``, or a pipeline that ends in one.
    sigma : float, default=3.0
        How far the average reaches, in frames: the standard deviation of the Gaussian, which is cut
        off at three of them, or half the width of the box. 0 changes nothing.
    kernel : {"gaussian", "box"}, default="gaussian"
        Weights: falling with the distance in frames, or all alike.

    Attributes
    ----------
    estimator_ : outlier detector
        Fitted.
    offset_ : float
        Smoothed score below which a window is flagged.
    n_features_in_ : int
        Where `estimator_` has it.
    feature_names_in_ : ndarray of str, shape (n_features,)
        Where `estimator_` has it.

    See Also
    --------
    smooth_scores : The average itself, for scores of any other detector.

    Notes
    -----
    The clip and the frame of a sample come from :class:`VideoWindows`. Rows of any other kind count
    as clips of one frame, and keep their scores.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn.pipeline import make_pipeline
    >>> from lofe_sklearn.features import (
    ...     ImageFeatures, TemporalSmoothing, VideoFeatures, video_windows
    ... )
    >>> clips = np.random.default_rng(0).random((2, 40, 12, 16))
    >>> clips[1, 20:30] /= 10
    >>> windows = video_windows(list(clips), length=3, pad=True)
    >>> images = ImageFeatures(torch.nn.AvgPool2d(4), image_size=16)
    >>> forest = IsolationForest(contamination=0.1, random_state=0)
    >>> model = TemporalSmoothing(make_pipeline(VideoFeatures(images), forest), sigma=2)
    >>> flagged = model.fit(windows).predict(windows) == -1
    >>> windows.groups[flagged], windows.frames[flagged]
    (array([1, 1, 1, 1, 1, 1, 1, 1]), array([21, 22, 23, 24, 25, 26, 27, 28]))
    """

    _constraints: ClassVar[dict[str, Constraint]] = {"sigma": SIGMA, "kernel": KERNEL}
    # Both parameters as they were in the fit, which the threshold goes with; None in files of
    # versions that did not keep them.
    _fitted_with: tuple[float, Kernel] | None = None

    classes_ = NoClasses()

    def __init__(self, estimator: Any, *, sigma: float = 3.0, kernel: Kernel = "gaussian") -> None:
        self.estimator = estimator
        self.sigma = sigma
        self.kernel = kernel

    def fit(self, X: MatrixLike | VideoWindows, y: object = None, **fit_params: Any) -> Self:
        """Fit the detector, and set the threshold on its smoothed training scores.

        Parameters
        ----------
        X : VideoWindows or array-like
            What the detector takes.
        y : ignored
            For scikit-learn's sake.
        **fit_params
            For the detector's ``fit``.

        Returns
        -------
        self : TemporalSmoothing

        Raises
        ------
        ValueError, TypeError
            If X, a parameter or the detector cannot be used.
        """
        with all_or_nothing(self) as fitted:
            check_parameters(self, self._constraints)
            check_unmasked(X, "X", type(self).__name__)
            _check_detector(self.estimator, type(self).__name__)
            if get_config()["enable_metadata_routing"]:
                fit_params = process_routing(self, "fit", **fit_params).estimator.fit
            fitted._fitted_with = self.sigma, self.kernel
            fitted.estimator_ = fit_to(clone(self.estimator), X, **fit_params)
            smoothed = fitted.score_samples(X)
            flagged = np.asarray(fitted.estimator_.decision_function(X)) < 0
            fitted._keep_training_scores(smoothed)
            fitted.offset_ = fitted._threshold_at(float(flagged.mean()))
        return self

    def score_samples(self, X: MatrixLike | VideoWindows) -> Floats:
        """Return the detector's scores, smoothed: high for normal windows.

        Parameters
        ----------
        X : VideoWindows or array-like
            What the detector takes.

        Returns
        -------
        scores : ndarray of float64, shape (n_samples,)

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        check_is_fitted(self)
        check_unmasked(X, "X", type(self).__name__)
        given = self.estimator_.score_samples(X)
        scores = scores_of_wrapped(given, self.estimator_, type(self).__name__)
        if not isinstance(X, VideoWindows):
            return scores
        sigma, kernel = self._fitted_with or (self.sigma, self.kernel)
        return smooth_scores(scores, X.groups, X.frames, sigma=sigma, kernel=kernel)

    def decision_function(self, X: MatrixLike | VideoWindows) -> Floats:
        """Return smoothed scores above the threshold: negative for anomalies.

        Parameters
        ----------
        X : VideoWindows or array-like
            What the detector takes.

        Returns
        -------
        scores : ndarray of float64, shape (n_samples,)

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: MatrixLike | VideoWindows) -> Ints:
        """Return -1 for anomalies and 1 for normal windows.

        Parameters
        ----------
        X : VideoWindows or array-like
            What the detector takes.

        Returns
        -------
        labels : ndarray of int, shape (n_samples,)

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _score_unit(self) -> float:
        detector = innermost_detector(self.estimator_)
        return detector._score_unit() if isinstance(detector, ThresholdMixin) else 0.0

    def _held_out_calibration(self, asked: str) -> Floats:
        raise ValueError(f"{_NEEDS_OTHERS.format(asked)}Pass calibration=windows.")

    def _bound_false_discoveries(self, rate: float) -> None:
        raise ValueError(
            f"{_NEEDS_OTHERS.format('false_discovery_rate')}p_values(X, calibration=windows) and "
            "scipy.stats.false_discovery_control bound the rate."
        )

    @property
    def n_features_in_(self) -> int:
        """Number of features that the detector was fitted with."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> Any:
        """Names of the features that the detector was fitted with."""
        return self.estimator_.feature_names_in_

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which arguments of ``fit`` are passed to the detector.

        Returns
        -------
        routing : MetadataRouter
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=self).add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def _check_detector(estimator: Any, owner: str) -> None:
    """Raise TypeError before the training for what has no scores."""
    needed = ("fit", "score_samples", "decision_function")
    if isinstance(estimator, type) or not all(hasattr(estimator, name) for name in needed):
        got = f"the class {estimator.__name__}" if isinstance(estimator, type) else repr(estimator)
        raise TypeError(
            f"{owner}: estimator must be an outlier detector with score_samples and "
            f"decision_function, or a Pipeline that ends in one; got {got}. Of LocalOutlierFactor, "
            "set novelty=True."
        )
