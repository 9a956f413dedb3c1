"""TemporalSmoothing: a detector's scores, smoothed over the frames of a clip."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, OutlierMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._any_detector import fit_to, innermost_detector, scores_of_wrapped
from lofe_sklearn._containers import check_plain_values, check_unmasked
from lofe_sklearn._notebook import DocumentationMixin
from lofe_sklearn._thresholds import ThresholdMixin
from lofe_sklearn._types import Floats, Ints, MatrixLike
from lofe_sklearn._validation import (
    Constraint,
    Described,
    Number,
    OneOf,
    as_numbers,
    check_argument,
    check_finite,
    check_parameters,
)
from lofe_sklearn._versions import VersionedPickleMixin
from lofe_sklearn.features._windows import VideoWindows

Kernel: TypeAlias = Literal["gaussian", "box"]
SIGMA = Described(Number(low=0), "a number of at least 0, and finite")
_NEEDS_OTHERS = "TemporalSmoothing: {} needs normal windows that were not trained on. "
KERNEL = OneOf(("gaussian", "box"))


def smooth_scores(
    scores: ArrayLike,
    groups: ArrayLike,
    frames: ArrayLike | None = None,
    *,
    sigma: float = 3.0,
    kernel: Kernel = "gaussian",
) -> Floats:
    """Average scores over neighbouring frames of a clip, never across clips.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Any scores, in any order.
    groups : array-like of shape (n_samples,)
        The clip of each.
    frames : array-like of shape (n_samples,), default=None
        The number of each one's frame in its clip. Default: they are in order and none is missing.
    sigma : float, default=3.0
        How far the average reaches, in frames: the standard deviation of the Gaussian, which is cut
        off at three of them, or half the width of the box. 0 changes nothing.
    kernel : {"gaussian", "box"}, default="gaussian"
        Weights: falling with the distance in frames, or all alike.

    Returns
    -------
    smoothed : ndarray of float64, shape (n_samples,)
        Weighted means of the scores. At the ends of a clip, and next to missing frames, they are
        means of fewer scores.

    Raises
    ------
    ValueError
        If the lengths differ or `sigma` or `kernel` is not valid.

    Examples
    --------
    >>> from lofe_sklearn.features import smooth_scores
    >>> smooth_scores([0, 0, 9, 0, 0, 5], groups=[1, 1, 1, 1, 1, 2], sigma=1, kernel="box")
    array([0., 3., 3., 3., 0., 5.])
    """
    owner = "smooth_scores"
    check_argument(owner, "sigma", sigma, SIGMA)
    check_argument(owner, "kernel", kernel, KERNEL)
    check_plain_values(scores, "scores", owner)
    check_unmasked(groups, "groups", owner)
    values, clips = as_numbers(scores, "scores", owner), np.asarray(groups)
    if values.ndim != 1 or clips.shape != values.shape:
        raise ValueError(
            f"{owner}: scores and groups must be of one shape (n_samples,); got {values.shape} and "
            f"{clips.shape}."
        )
    check_finite(values, f"{owner}: scores must be finite; got {{value}} in row {{row}}.")
    numbers = None if frames is None else _frame_numbers(frames, len(values), owner)
    clip_rows = _rows_of_clips(clips, owner)
    if sigma == 0:  # also of two scores of one frame
        return values.copy()
    smoothed = np.empty_like(values)
    for rows in clip_rows:
        times = np.arange(len(rows), dtype=np.float64) if numbers is None else numbers[rows]
        smoothed[rows] = _smooth_clip(values[rows], times, sigma, kernel)
    return smoothed


def _rows_of_clips(clips: np.ndarray, owner: str) -> list[Ints]:
    """Return the rows of each group, ascending, or raise ValueError if a group is missing."""
    try:
        names, clip_of, sizes = np.unique(clips, return_inverse=True, return_counts=True)
        missing = names[names != names]
    except TypeError as error:  # None or pandas.NA beside others
        raise ValueError(
            f"{owner}: groups must name the clip of each score by numbers, or by texts; got values "
            f"that cannot be compared ({error})."
        ) from error
    if len(missing):
        raise ValueError(f"{owner}: groups must name the clip of each score; got {missing[0]}.")
    return np.split(np.argsort(clip_of, kind="stable"), np.cumsum(sizes)[:-1])


def _frame_numbers(frames: ArrayLike, n: int, owner: str) -> Floats:
    """Return the frames as finite numbers, one for each of n scores."""
    if np.shape(frames) != (n,):
        raise ValueError(
            f"{owner}: frames must have one number for each score, {n}; got the shape "
            f"{np.shape(frames)}."
        )
    check_plain_values(frames, "frames", owner)
    numbers = as_numbers(frames, "frames", owner)
    check_finite(numbers, f"{owner}: frames must be finite; got {{value}} in row {{row}}.")
    return numbers


def _smooth_clip(scores: Floats, times: Floats, sigma: float, kernel: Kernel) -> Floats:
    order = np.argsort(times, kind="stable")
    reach = sigma if kernel == "box" else 3 * sigma
    first = np.searchsorted(times[order], times - reach, side="left")
    end = np.searchsorted(times[order], times + reach, side="right")
    result = np.empty_like(scores)
    for i, time in enumerate(times):
        near = order[first[i] : end[i]]
        if kernel == "box":
            weights = np.ones(len(near))
        else:
            weights = np.exp(-0.5 * ((times[near] - time) / sigma) ** 2)
        result[i] = weights @ scores[near] / weights.sum()
    return result


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
