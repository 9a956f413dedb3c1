"""Scores of a fitted detector, from a method whose sign is sure."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_outlier_detector


def normality(estimator: Any, X: Any, owner: str) -> np.ndarray:
    """Return the scores of the rows of `X`, high for normal rows.

    Of ``score_samples`` scikit-learn says that it is high for normal rows; ``decision_function``
    is so for outlier detectors only, and the other way round in PyOD. It is therefore called where
    the estimator is tagged as an outlier detector, and nowhere else.
    """
    if hasattr(estimator, "score_samples"):
        scores = estimator.score_samples(X)
    elif (
        hasattr(estimator, "decision_function")
        and hasattr(estimator, "__sklearn_tags__")
        and is_outlier_detector(estimator)
    ):
        scores = estimator.decision_function(X)
    else:
        raise TypeError(
            f"{owner}: {type(estimator).__name__} has no scores that are sure to be high for "
            "normal rows. It needs score_samples, or decision_function and scikit-learn's "
            "OutlierMixin. Of detectors whose decision_function is high for anomalies, as in "
            "PyOD, score -detector.decision_function(X) with the functions of "
            "lofe_sklearn.metrics; LocalOutlierFactor needs novelty=True."
        )
    scores = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(scores).all():
        row = np.flatnonzero(~np.isfinite(scores))[0]
        raise ValueError(
            f"{owner}: {type(estimator).__name__} gave row {row} the score {scores[row]}. Scores "
            "must be finite; bring the features to a common scale."
        )
    return scores
