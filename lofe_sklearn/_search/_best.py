"""The fitted search as a detector: methods that the best estimator answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar, cast

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._any_detector import check_has_best, innermost_step, rows_of_detector
from lofe_sklearn._no_classes import NoClasses
from lofe_sklearn._notebook import NotebookMixin, counted, summary_of
from lofe_sklearn._reasons import Explanation
from lofe_sklearn._search._fit_params import is_routing_enabled
from lofe_sklearn._search._scoring import as_dict, routed_as
from lofe_sklearn._types import Floats, Ints, MatrixLike
from lofe_sklearn._versions import VersionedPickleMixin
from lofe_sklearn.inspection import explain

Method = TypeVar("Method", bound=Callable[..., Any])


def _after_refit(self: Any) -> bool:
    if not self.refit:
        raise AttributeError(
            f"This {type(self).__name__} was made with refit=False, so it has no fitted estimator "
            "to predict or score with. Fit one with best_params_, or pass refit=True."
        )
    return True


def _check_is_fitted(self: Any) -> None:
    """Raise NotFittedError if there is no fitted search, or no best estimator of it."""
    if self.refit and hasattr(self, "cv_results_"):
        check_has_best(self, type(self).__name__)
    check_is_fitted(self)


def _only_after_refit(method: Method) -> Method:
    """Hide a method of a search that was made without a refit."""
    return cast(Method, available_if(_after_refit)(method))


def _gives_probabilities(self: Any) -> bool:
    """Whether the best estimator, or the one that is searched, has `predict_proba`."""
    _after_refit(self)
    return hasattr(getattr(self, "best_estimator_", self.estimator), "predict_proba")


class _OfBest:
    """An attribute of the best estimator, taken from its first or its final step."""

    def __init__(self, *, final: bool, doc: str) -> None:
        self.final, self.__doc__ = final, doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, search: Any, owner: type | None = None) -> Any:
        if search is None:
            return self
        return getattr(self._holder(search), self.name)

    def __set__(self, search: Any, value: Any) -> None:
        setattr(self._holder(search), self.name, value)

    def _holder(self, search: Any) -> Any:
        if not hasattr(search, "best_estimator_"):
            raise AttributeError(
                f"{type(search).__name__} has no {self.name} before a fit with refit."
            )
        step = search.best_estimator_
        while isinstance(step, Pipeline):
            step = step.steps[-1 if self.final else 0][1]
        return step


class BestEstimatorMixin(VersionedPickleMixin, NotebookMixin, BaseEstimator):
    """A search with the methods of its ``best_estimator_`` after a refit."""

    classes_ = NoClasses()

    @_only_after_refit
    def predict(self, X: MatrixLike) -> Ints:
        """Tell outliers from inliers with the best detector.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.

        Returns
        -------
        is_inlier : ndarray of int, shape (n_samples,)
            -1 for outliers, +1 for inliers.
        """
        _check_is_fitted(self)
        return self.best_estimator_.predict(X)

    @_only_after_refit
    def explain(
        self,
        X: MatrixLike,
        *,
        background: MatrixLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Explanation:
        """Say how much each feature contributes to the anomaly of each row, by the best detector.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to explain.
        background, groups
            As in `lofe_sklearn.inspection.explain`.

        Returns
        -------
        explanation : Explanation
            Contributions in units of the score, with values and typical values.
        """
        _check_is_fitted(self)
        return explain(self.best_estimator_, X, background=background, groups=groups)

    @_only_after_refit
    def decision_function(self, X: MatrixLike) -> Floats:
        """Signed distance of each row's score to the best detector's threshold.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        decision : ndarray of float64, shape (n_samples,)
            Negative for outliers.
        """
        _check_is_fitted(self)
        return self.best_estimator_.decision_function(X)

    @_only_after_refit
    def score_samples(self, X: MatrixLike) -> Floats:
        """Score of each row under the best detector.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        scores : ndarray of float64, shape (n_samples,)
            The higher, the more normal.
        """
        _check_is_fitted(self)
        return self.best_estimator_.score_samples(X)

    @_only_after_refit
    def set_threshold(
        self,
        *,
        contamination: float | None = None,
        n_flagged: int | None = None,
        false_discovery_rate: float | None = None,
        false_alarm_rate: float | None = None,
        calibration: MatrixLike | None = None,
    ) -> Self:
        """Set the threshold of the best detector anew, without training again.

        `predict`, `decision_function` and `offset_` follow; the results of the search stay.

        Parameters
        ----------
        contamination : float in (0, 0.5], optional
            The share of the training rows that is flagged.
        n_flagged : int from 0 to the number of training rows, optional
            How many of the training rows are flagged.
        false_discovery_rate : float in (0, 1), optional
            The largest estimated share of normal rows among the flagged ones. Only if the best
            detector is `LOE`.
        false_alarm_rate : float in (0, 1), optional
            The largest share of new normal rows that is flagged.
        calibration : {array-like, sparse matrix} of shape (n_calibration, n_features), optional
            With `false_alarm_rate`: rows that the detector was not trained on. All arguments are
            those of ``LOE.set_threshold``.

        Returns
        -------
        self : object
            The search.

        Raises
        ------
        NotFittedError, ValueError
            As ``LOE.set_threshold`` does; the threshold is left as it was.
        """
        _check_is_fitted(self)
        others = None if calibration is None else self._rows_of_detector(calibration, "calibration")
        innermost_step(self.best_estimator_).set_threshold(
            contamination=contamination,
            n_flagged=n_flagged,
            false_discovery_rate=false_discovery_rate,
            false_alarm_rate=false_alarm_rate,
            calibration=others,
        )
        return self

    @_only_after_refit
    def p_values(self, X: MatrixLike, calibration: MatrixLike | None = None) -> Floats:
        """Conformal p-value of each row under the best detector.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.
        calibration : {array-like, sparse matrix} of shape (n_calibration, n_features), optional
            Rows that the detector was not trained on, as ``LOE.p_values`` takes them.

        Returns
        -------
        p_values : ndarray of float64, shape (n_samples,)
            In (0, 1].
        """
        _check_is_fitted(self)
        detector = innermost_step(self.best_estimator_)
        others = None if calibration is None else self._rows_of_detector(calibration, "calibration")
        return detector.p_values(self._rows_of_detector(X), others)

    @_only_after_refit
    def severity(self, X: MatrixLike) -> Floats:
        """Percentile of each row among the training rows of the best detector.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.

        Returns
        -------
        severity : ndarray of float64, shape (n_samples,)
            From 0 to 100: 100 is more anomalous than all training rows.
        """
        _check_is_fitted(self)
        return innermost_step(self.best_estimator_).severity(self._rows_of_detector(X))

    @available_if(_gives_probabilities)
    def predict_proba(self, X: MatrixLike) -> Floats:
        """Estimate the probabilities that each row is normal and that it is an anomaly.

        Only if the best detector is `LOE`, or a Pipeline that ends in it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.

        Returns
        -------
        proba : ndarray of float64, shape (n_samples, 2)
            Column 0 is for normal rows, column 1 for anomalies, as those of ``LOE.predict_proba``.
        """
        _check_is_fitted(self)
        return self.best_estimator_.predict_proba(X)

    def _rows_of_detector(self, X: Any, name: str = "X") -> Any:
        """Return rows as the steps before the detector hand them on to it."""
        return rows_of_detector(self, X, name, type(self).__name__)

    @_only_after_refit
    def score(self, X: MatrixLike, y: ArrayLike | None = None, **params: Any) -> float:
        """Score the best detector on given rows, with the scorer it was chosen by.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            Their labels, if the scorer takes some.
        **params : dict
            What the scorer requests; only with metadata routing enabled.

        Returns
        -------
        score : float
            The higher, the better.

        Raises
        ------
        ValueError
            If there are several scores and `refit` is a callable, which names none of them.
        """
        _check_is_fitted(self)
        name = self.refit if isinstance(self.scorer_, dict) else "score"
        if params and not is_routing_enabled():
            raise ValueError(
                f"LOESearchCV.score: {', '.join(params)} can only be passed with metadata routing, "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        if self.multimetric_ and callable(self.refit):
            raise ValueError(
                "LOESearchCV.score: a callable refit does not say which of several scores it is. "
                "Call one of scorer_ with best_estimator_, X and y."
            )
        score_params = process_routing(self, "score", **params)[routed_as(name)].score
        score = as_dict(self.scorer_)[name](self.best_estimator_, X, y, **score_params)
        return score[self.refit] if self.multimetric_ and name == "score" else score

    # Attributes of the best estimator, which alone stores them. They can be set, as those of other
    # estimators can: explainers (shap) delete the names of a copy.
    n_features_in_ = _OfBest(final=False, doc="Number of features seen in `fit`.")
    feature_names_in_ = _OfBest(
        final=False, doc="Names of the features, if X has string column names."
    )
    offset_ = _OfBest(final=True, doc="Threshold of the best detector on its `score_samples`.")

    def _summary(self) -> dict[str, str]:
        results = self.cv_results_
        n_candidates = len(results["params"])
        summary = {"Search": f"{counted(n_candidates, 'candidate')}, {self.n_splits_} folds"}
        if hasattr(self, "best_params_"):
            chosen = ", ".join(f"{name}={value!r}" for name, value in self.best_params_.items())
            summary["Best parameters"] = chosen or "none were searched"
        if hasattr(self, "best_score_"):
            summary["Best score"] = f"{self.best_score_:.4g}"
        if hasattr(self, "best_estimator_"):
            summary |= summary_of(innermost_step(self.best_estimator_))
        return summary

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "best_estimator_" if self.refit else "cv_results_")
