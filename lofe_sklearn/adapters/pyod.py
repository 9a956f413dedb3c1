"""A detector with the interface of PyOD; importing this needs the extra ``lofe-sklearn[pyod]``."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
from sklearn import config_context
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._any_detector import (
    fit_to,
    innermost_step,
    prefix_of_parameters,
    scores_of_wrapped,
)
from lofe_sklearn._containers import check_unmasked
from lofe_sklearn._nested_parameters import NestedParameters
from lofe_sklearn._types import Floats, MatrixLike
from lofe_sklearn._validation import OneOf, check_argument
from lofe_sklearn._versions import VersionedPickleMixin
from lofe_sklearn.adapters._checks import checked_detector

try:
    from pyod.models.base import BaseDetector
except ImportError as error:
    raise ImportError(
        "lofe_sklearn.adapters.pyod needs the package PyOD. Install it with: "
        "pip install 'lofe-sklearn[pyod]'"
    ) from error


class PyODDetector(VersionedPickleMixin, NestedParameters, BaseDetector):
    """Any detector of scikit-learn's interface, with PyOD's interface.

    It has PyOD's signs and names: `decision_function` is high for outliers, labels are 0 for
    inliers and 1 for outliers, and `contamination` says how many of the training rows are outliers.
    The combinations, ensembles, thresholds and helpers of PyOD [1]_ accept it like a detector of
    their own.

    Parameters
    ----------
    estimator : detector, default=None
        An instance with ``fit(X)`` and ``score_samples(X)``, high for normal rows: `LOE`, a
        backbone, a scikit-learn detector, or a Pipeline that ends in one. It is cloned, never
        changed. None stands for `LOE()`.
    contamination : float or thresholder, default=0.1
        Share of outliers among the training rows, in (0, 0.5]. As everywhere in PyOD it only sets
        the threshold of `labels_` and `predict`: scores do not depend on it. A thresholder of
        PyThresh's or of ``pyod.models.thresholds`` is accepted in its place.
    share_contamination : bool, default=False
        Whether `contamination` is also given to the estimator as its own, if it steers the
        training of `LOE`. By default the estimator keeps its own, which for `LOE()` is ``"auto"``:
        PyOD's default of 0.1 is a threshold that was never chosen, and should not decide what is
        trained as an anomaly. Set it when you know the share.

    Attributes
    ----------
    estimator_ : object
        The fitted estimator. Of `LOE`, it has more to tell: the ratio that was found,
        ``contamination_``, and the labels inferred in training, ``labels_``, -1 for anomalies.
    decision_scores_ : ndarray of shape (n_samples,)
        Outlier scores of the training rows, high for outliers.
    threshold_ : float
        The share `contamination` of `decision_scores_` lies above.
    labels_ : ndarray of int, shape (n_samples,)
        1 for training rows above the threshold, else 0.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of str, shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    lofe_sklearn.LOE : Its `init` takes PyOD's detectors for the first labels: the other direction.

    Notes
    -----
    ``random_state`` is the estimator's: ``PyODDetector(LOE(random_state=0))``, or
    ``set_params(estimator__random_state=0)``.

    References
    ----------
    .. [1] Y. Zhao, Z. Nasrullah, Z. Li (2019). PyOD: A Python Toolbox for Scalable Outlier
       Detection. JMLR 20(96).

    Examples
    --------
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.adapters.pyod import PyODDetector
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> loe = LOE(DeepSVDD(max_epochs=5), contamination=0.025, random_state=0)
    >>> clf = PyODDetector(loe, contamination=0.025).fit(X)
    >>> int(clf.labels_.sum()), clf.predict(X[:3]).tolist()
    (95, [0, 0, 0])
    >>> clf.predict_proba(X).shape
    (3772, 2)
    """

    def __init__(
        self,
        estimator: Any = None,
        contamination: Any = 0.1,
        share_contamination: bool = False,
    ) -> None:
        super().__init__(contamination=contamination)
        self.estimator = estimator
        self.share_contamination = share_contamination

    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Fit the estimator, score the training rows, and set the threshold.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows, of whatever kind the estimator takes.
        y : Ignored
            Present for API consistency; never looked at.

        Returns
        -------
        self : PyODDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter is out of range, or the estimator cannot use the rows.
        TypeError
            If `estimator` is no detector with ``score_samples``, or if `contamination` is to be
            shared and the estimator has none.
        """
        self._check_contamination()
        check_argument(
            type(self).__name__,
            "share_contamination",
            self.share_contamination,
            OneOf((True, False)),
        )
        estimator = checked_detector(self.estimator, type(self).__name__)
        if self.share_contamination:
            self._share_contamination(estimator)
        check_unmasked(X, "X", type(self).__name__)
        with all_or_nothing(self) as fitted:
            fitted.estimator_ = fit_to(estimator, X)
            # No properties, so that they can be set: explainers (shap) do so, with a copy.
            for name in ("n_features_in_", "feature_names_in_"):
                fitted.__dict__.pop(name, None)
                if hasattr(fitted.estimator_, name):
                    setattr(fitted, name, getattr(fitted.estimator_, name))
            fitted.decision_scores_ = fitted._scores(X)
            # PyOD's methods for y would warn of it and count its values.
            fitted._set_n_classes(None)
            fitted._process_decision_scores()
        return self

    def decision_function(self, X: MatrixLike) -> Floats:
        """Score rows, high for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        anomaly_scores : ndarray of float64, shape (n_samples,)
            Minus the estimator's ``score_samples(X)``.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self, ["decision_scores_", "threshold_", "labels_"])
        return self._scores(X)

    def predict_proba(
        self, X: MatrixLike, method: str = "linear", return_confidence: bool = False
    ) -> Any:
        """Estimate the probabilities that each row is an inlier and that it is an outlier.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.
        method : {"linear", "unify", "loe"}, default="linear"
            ``"linear"`` and ``"unify"`` are PyOD's, which know nothing but the scores. ``"loe"``
            takes the calibrated probabilities of `LOE`, or of a Pipeline that ends in it. They
            follow LOE's own contamination, not the one of this class.
        return_confidence : bool, default=False
            Whether to return PyOD's confidence of each prediction too.

        Returns
        -------
        proba : ndarray of shape (n_samples, 2)
            Column 0 is for inliers, column 1 for outliers.
        confidence : ndarray of shape (n_samples,)
            Only with ``return_confidence=True``.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ValueError
            If `method` is none of the three, or ``"loe"`` and the estimator gives no probabilities.
        """
        check_is_fitted(self, ["decision_scores_", "threshold_", "labels_"])
        if method in ("linear", "unify"):
            scores, judge = self.decision_function(X), copy.copy(self)
            judge.__dict__["decision_function"] = lambda X: scores
            # PyOD scales the scores by a scikit-learn transformer, which must return an array. The
            # steps of a Pipeline, which may need frames, have scored before.
            with config_context(transform_output="default"):
                return super(PyODDetector, judge).predict_proba(X, method, return_confidence)
        if method != "loe":
            raise ValueError(
                f"{type(self).__name__}: method must be 'linear', 'unify' or 'loe'; got {method!r}."
            )
        if not hasattr(self.estimator_, "predict_proba"):
            raise ValueError(
                f"{type(self).__name__}: method='loe' needs the probabilities of LOE, or of a "
                f"Pipeline that ends in it; {type(innermost_step(self.estimator_)).__name__} gives "
                "none. Use 'linear' or 'unify'."
            )
        check_unmasked(X, "X", type(self).__name__)
        proba = np.asarray(self.estimator_.predict_proba(X), dtype=np.float64)
        return (proba, self.predict_confidence(X)) if return_confidence else proba

    def _scores(self, X: MatrixLike) -> Floats:
        check_unmasked(X, "X", type(self).__name__)
        scores = self.estimator_.score_samples(X)
        return -scores_of_wrapped(scores, self.estimator_, type(self).__name__)

    def _default_of(self, name: str) -> Any:
        return checked_detector(None, type(self).__name__) if name == "estimator" else None

    def _check_contamination(self) -> None:
        # PyOD checks it in the constructor only, and set_params goes past that. What is no float
        # PyOD takes for a thresholder, NumPy's smaller floats too; up to PyOD 3.0 it calls `eval`.
        value = self.contamination
        is_thresholder = hasattr(value, "fit") or hasattr(value, "eval")
        if not (0 < value <= 0.5 if isinstance(value, float) else is_thresholder):
            raise ValueError(
                f"{type(self).__name__}: contamination must be a float in (0, 0.5] or a "
                f"thresholder with fit(scores), such as PyThresh's; got {value!r}."
            )

    def _share_contamination(self, estimator: Any) -> None:
        name = f"{prefix_of_parameters(estimator)}contamination"
        if name not in estimator.get_params() or not isinstance(self.contamination, float):
            raise TypeError(
                f"{type(self).__name__}: share_contamination=True needs a number for contamination "
                f"and an estimator that has one of its own; got {self.contamination!r} and "
                f"{type(innermost_step(estimator)).__name__}."
            )
        estimator.set_params(**{name: self.contamination})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags
