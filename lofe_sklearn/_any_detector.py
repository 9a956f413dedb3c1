"""Questions about detectors of any library.

Which step of a Pipeline the detector is, whether it belongs to this package, and which sign its
scores have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier, is_outlier_detector, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._containers import check_plain_values, check_unmasked
from lofe_sklearn._detectors import OutlierDetector
from lofe_sklearn._thresholds import ThresholdMixin
from lofe_sklearn._types import Floats
from lofe_sklearn._validation import check_finite

# What has scores and what is drawn of a fit.
_WANTED = "LOE, a backbone, LOESearchCV, or a Pipeline that ends in one of them, fitted"


def final_step(estimator: Any) -> Any:
    """Return the last step of a Pipeline, and any other object as it is."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def innermost_step(estimator: Any) -> Any:
    """Return the detector itself, at the end of Pipelines within Pipelines."""
    while isinstance(estimator, Pipeline):
        estimator = final_step(estimator)
    return estimator


def one_further_in(fitted: Any) -> Any:
    """Return what a Pipeline, a frozen estimator or a fitted search asks for scores, else None."""
    if isinstance(fitted, Pipeline):
        return final_step(fitted)
    if isinstance(fitted, FrozenEstimator):
        return fitted.estimator
    return getattr(fitted, "best_estimator_", None)


def innermost_detector(fitted: Any) -> Any:
    """Return the detector at the end of Pipelines, frozen estimators and fitted searches."""
    while (inner := one_further_in(fitted)) is not None:
        fitted = inner
    return fitted


def thawed(estimator: Any) -> Any:
    """Return what scikit-learn's FrozenEstimator holds, and any other object as it is."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


def fit_to(detector: Any, X: Any, **fit_params: Any) -> Any:
    """Fit a detector of any library to rows without labels, and return it."""
    if isinstance(detector, FrozenEstimator):  # wants y, and stays as it is
        return detector.fit(X, None, **fit_params)
    return detector.fit(X, **fit_params)


def rows_of_its_own(X: Any) -> Any:
    """Return a copy of rows in memory, for an estimator that may compute in place.

    ``StandardScaler(copy=False)`` does. Others read the same rows, and they may be the user's.
    """
    if isinstance(X, np.ndarray) and not isinstance(X, np.memmap):
        return X.copy(order="K")
    return X.copy() if sparse.issparse(X) or hasattr(X, "iloc") else X


def rows_of_detector(fitted: Any, X: Any, name: str, owner: str) -> Any:
    """Return rows as the steps before the innermost detector hand them on to it."""
    check_unmasked(X, name, owner)  # transformers may drop the mask
    while (inner := one_further_in(fitted)) is not None:
        if isinstance(fitted, Pipeline) and len(fitted) > 1:
            X = fitted[:-1].transform(rows_of_its_own(X))
        fitted = inner
    return X


def prefix_of_parameters(estimator: Any) -> str:
    """Return what goes before the names of the innermost step's parameters."""
    prefix = ""
    while isinstance(estimator, Pipeline):
        prefix += f"{estimator.steps[-1][0]}__"
        estimator = final_step(estimator)
    return prefix


def check_detector(
    estimator: Any,
    owner: str,
    argument: str,
    *,
    pipeline: bool = True,
    wanted: str = "LOE(...), a backbone such as NeuTraL(), or a Pipeline that ends in one of them",
    advice: str = "",
) -> OutlierDetector:
    """Return the detector of this package that `estimator` is, or that a Pipeline ends in.

    Raises
    ------
    TypeError
        If it is none, or a Pipeline where `pipeline` is false.
    """
    last = final_step(estimator) if pipeline else estimator
    if isinstance(last, OutlierDetector):
        return last
    got = f"the class {last.__name__}" if isinstance(last, type) else type(last).__name__
    where = "a Pipeline that ends in " if last is not estimator else ""
    raise TypeError(f"{owner}: {argument} must be {wanted}; got {where}{got}. {advice}".rstrip())


def fitted_detector(fitted: Any, owner: str, argument: str = "estimator") -> OutlierDetector:
    """Return the fitted detector at the end of Pipelines and searches.

    Raises
    ------
    TypeError
        If no detector belongs to this package.
    NotFittedError
        If it is not fitted.
    ValueError
        If a search has not fitted its best detector.
    """
    detector = check_detector(_innermost(fitted, owner), owner, argument, wanted=_WANTED)
    check_is_fitted(detector)
    return detector


def fitted_with_threshold(fitted: Any, owner: str, argument: str = "estimator") -> ThresholdMixin:
    """Return what has the threshold, at the end of Pipelines and searches, fitted.

    It is a detector, or another estimator of this package with scores of its training samples, such
    as `PatchDetector` of pictures and `TemporalSmoothing` of windows.

    Raises
    ------
    TypeError, NotFittedError, ValueError
        As of `fitted_detector`.
    """
    last = _innermost(fitted, owner)
    if not isinstance(last, ThresholdMixin):
        wanted = _WANTED.replace("LOESearchCV", "PatchDetector, TemporalSmoothing, LOESearchCV")
        check_detector(last, owner, argument, wanted=wanted)
    check_is_fitted(last)
    return last


def _innermost(fitted: Any, owner: str) -> Any:
    fitted = thawed(fitted)
    if hasattr(fitted, "refit") and hasattr(fitted, "cv_results_"):
        check_has_best(fitted, owner)
    elif hasattr(fitted, "param_grid"):
        check_is_fitted(fitted)
    return innermost_detector(fitted)


def normality(estimator: Any, X: Any, owner: str) -> Floats:
    """Return the scores of the rows of `X`, high for normal rows.

    scikit-learn defines that ``score_samples`` is high for normal rows. ``decision_function`` is
    high for normal rows in scikit-learn's outlier detectors only; in PyOD it is high for outliers.
    So it is called only if the estimator has the tag of an outlier detector and does not belong
    to PyOD, whose detectors have the tag since version 3.

    Raises
    ------
    TypeError
        If the estimator has no scores of a known sign.
    ValueError
        If a score is not a finite number.
    """
    check_unmasked(X, "X", owner)
    if not isinstance(estimator, OutlierDetector):
        X = rows_of_its_own(X)
    if hasattr(estimator, "score_samples"):
        scores = estimator.score_samples(X)
    elif (
        hasattr(estimator, "decision_function")
        and _is_tagged_as_detector(estimator)
        and not is_of_pyod(innermost_detector(estimator))
    ):
        scores = estimator.decision_function(X)
    else:
        raise TypeError(
            f"{owner}: {type(estimator).__name__} has no scores that are known to be high for "
            "normal rows. It needs score_samples, or decision_function and scikit-learn's "
            "OutlierMixin. Of detectors whose decision_function is high for anomalies, as in "
            "PyOD, score -detector.decision_function(X) with the functions of "
            "lofe_sklearn.metrics; LocalOutlierFactor needs novelty=True."
        )
    return _finite(scores, estimator, owner)


def is_of_pyod(fitted: Any) -> bool:
    """Whether a fitted detector belongs to PyOD, so that its scores are high for outliers."""
    return hasattr(fitted, "decision_scores_")  # only detectors of PyOD have it


def is_supervised(estimator: Any) -> bool:
    """Whether it is a scikit-learn classifier or regressor, which has no scores of rows."""
    of_sklearn = isinstance(estimator, BaseEstimator)
    return of_sklearn and (is_classifier(estimator) or is_regressor(estimator))


def outlier_scores_of_fit(detector: Any, X: Any, owner: str) -> Floats | None:
    """Return a fitted detector's scores of the rows X that it was fitted to, high for anomalies.

    None if the sign of its scores is not known: it is neither a scikit-learn detector or density
    nor a PyOD detector.

    Raises
    ------
    ValueError, TypeError
        If the scores are no real numbers.
    """
    # scikit-learn's LOF scores only the rows that it is fitted to, at the end of a Pipeline too.
    last = innermost_detector(detector)
    if hasattr(last, "negative_outlier_factor_"):
        return -np.asarray(last.negative_outlier_factor_)
    if is_of_pyod(last):
        return _numbers(last.decision_scores_, detector, owner)
    if hasattr(detector, "score_samples"):
        return -_numbers(detector.score_samples(rows_of_its_own(X)), detector, owner)
    if isinstance(detector, BaseEstimator) and _is_tagged_as_detector(detector):
        return -_numbers(detector.decision_function(rows_of_its_own(X)), detector, owner)
    return None


def scores_new_rows(detector: Any) -> bool:
    """Whether a fitted detector scores rows that it was not fitted to, with a known sign."""
    return (
        is_of_pyod(innermost_detector(detector))
        or hasattr(detector, "score_samples")
        or (hasattr(detector, "decision_function") and _is_tagged_as_detector(detector))
    )


def outlier_scores(detector: Any, X: Any, owner: str) -> np.ndarray:
    """Score any rows by a fitted scikit-learn or PyOD detector, high for anomalies.

    Raises
    ------
    TypeError
        If the sign of its scores is not known.
    ValueError
        If a score is not a finite number.
    """
    if not is_of_pyod(innermost_detector(detector)):
        return -normality(detector, X, owner)
    return _finite(detector.decision_function(rows_of_its_own(X)), detector, owner)


def _numbers(scores: Any, detector: Any, owner: str) -> Floats:
    """Return scores as an array of floats, finite or not."""
    name = type(detector).__name__
    check_plain_values(scores, "scores", f"{owner}: {name}")
    if np.ndim(scores) == 0:
        raise ValueError(f"{owner}: {name} must give one score to each row; got {scores!r}.")
    try:
        return np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{owner}: {name} must give scores that are numbers; got {type(scores).__name__} "
            f"({error})."
        ) from error


def scores_of_wrapped(scores: Any, detector: Any, owner: str) -> Floats:
    """Return what a detector of any library gave as floats, which may be infinite.

    Raises
    ------
    ValueError
        If they are no real numbers, or one is NaN.
    """
    scores = _numbers(scores, detector, owner)
    return _finite(scores, detector, owner) if np.isnan(scores).any() else scores


def _finite(scores: Any, detector: Any, owner: str) -> Floats:
    scores = _numbers(scores, detector, owner)
    name = type(detector).__name__
    check_finite(
        scores,
        f"{owner}: {name} gave row {{row}} the score {{value}}. Scores must be finite; bring the "
        "features to a common scale.",
    )
    return scores


def check_has_best(search: Any, owner: str) -> None:
    """Raise an error that says why a fitted search has no best estimator, if it has none.

    Raises
    ------
    ValueError
        If it was made without a refit.
    NotFittedError
        If it was fitted without a refit before, or its last training has failed or was interrupted.
    """
    if hasattr(search, "best_estimator_"):
        return
    name = type(search).__name__
    if not search.refit:
        raise ValueError(
            f"{owner}: this {name} was made with refit=False, so it has no fitted detector. Fit "
            "one with best_params_, or pass refit=True."
        )
    raise NotFittedError(
        f"{owner}: this {name} has the results of its search, but no fitted detector: it was "
        "fitted with refit=False, or its last training, on all rows, has failed or was "
        "interrupted. Fit a clone of its estimator with best_params_, or fit the search again."
    )


def _is_tagged_as_detector(estimator: Any) -> bool:
    return hasattr(estimator, "__sklearn_tags__") and is_outlier_detector(estimator)
