"""`init`: which rows the first latent labels take for anomalies, by another detector's scores."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import IsolationForest

from lofe_sklearn._loe._parameters import INITS

Rows: TypeAlias = np.ndarray | sparse.csr_matrix


def first_scores(
    init: Any, X: Rows, seed: int, rows: np.ndarray | None = None
) -> np.ndarray | None:
    """Outlier scores of the rows of X, high for anomalies, by which they are labelled at first.

    Parameters
    ----------
    init : {"iforest"}, outlier detector, or array-like of shape (n_samples,)
        A detector is cloned and fitted to X. Scores that are given are high for normal rows.
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated rows.
    seed : int
        Of the isolation forest.
    rows : ndarray of int, optional
        Where X holds only some of the rows that scores are given for: which.

    Returns
    -------
    scores : ndarray of float64, shape (n_samples,), or None
        None where the isolation forest finds all rows alike.

    Raises
    ------
    ValueError
        If scores are of the wrong length, not finite, or without a direction.
    TypeError
        If `init` is none of these, or a detector whose scores' sign is not known.
    """
    if isinstance(init, str) and init == "iforest":
        scores = _scores_of(IsolationForest(random_state=seed), X)
        # Rows that are all equal are no reason to refuse them: the warm-up is blind then.
        return None if np.ptp(scores) == 0 else scores
    if isinstance(init, (str, type)):
        raise TypeError(f"LOE: init must be {_WHAT}; got {init!r}.")
    if hasattr(init, "fit"):
        detector = clone(init) if isinstance(init, BaseEstimator) else _copied(init)
        return _checked(_scores_of(detector, X), X.shape[0])
    scores = np.asarray(init)
    if scores.ndim == 0:
        raise TypeError(f"LOE: init must be {_WHAT}; got {init!r}.")
    if rows is not None:
        scores = scores[rows]
    if set(np.unique(scores).tolist()) <= {0, 1}:
        raise ValueError(
            "LOE: init holds only the values 0 and 1, which does not say whether 1 stands for "
            "normal or for anomalous. Scores are high for normal rows: pass -labels if 1 is "
            "anomalous; labels that are known for certain go into fit(X, known_labels=...)."
        )
    return -_checked(scores, X.shape[0])


_WHAT = (
    f"one of {', '.join(map(repr, INITS))}, None for blind warm-up epochs, an outlier detector (an "
    "instance, from scikit-learn or PyOD), or an array of one score for each row, high for normal"
)


def _checked(scores: np.ndarray, n_samples: int) -> np.ndarray:
    if scores.shape != (n_samples,):
        raise ValueError(
            f"LOE: init must give one score for each training row, shape ({n_samples},); got "
            f"shape {scores.shape}. In a search over folds pass a detector, which is fitted to "
            "each fold's rows."
        )
    try:
        scores = scores.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"LOE: init must give numbers; got an array of {scores.dtype}.") from error
    if not np.isfinite(scores).all():
        row = np.flatnonzero(~np.isfinite(scores))[0]
        raise ValueError(
            f"LOE: init must give finite scores; got {scores[row]} in row {row}. Replace missing "
            "scores, by the median for example."
        )
    if n_samples > 1 and np.ptp(scores) == 0:
        raise ValueError(
            "LOE: init gives the same score to every row, which does not say where to start. Pass "
            "other scores, or init=None for a blind warm-up."
        )
    return scores


def _scores_of(detector: Any, X: Rows) -> np.ndarray:
    """Fit a detector to X and return its scores of X, high for anomalies."""
    detector.fit(X)
    if hasattr(detector, "negative_outlier_factor_"):  # scikit-learn's LOF scores only these rows
        return -np.asarray(detector.negative_outlier_factor_)
    if hasattr(detector, "decision_scores_"):  # PyOD's name, high for outliers
        return np.asarray(detector.decision_scores_)
    if hasattr(detector, "score_samples"):
        return -np.asarray(detector.score_samples(X))
    if getattr(detector, "_estimator_type", None) == "outlier_detector" or _is_outlier(detector):
        return -np.asarray(detector.decision_function(X))
    raise TypeError(
        f"LOE: init cannot tell whether {type(detector).__name__}'s scores are high or low for "
        "anomalies. It takes scikit-learn's outlier detectors and densities (score_samples, high "
        "for normal) and PyOD's (decision_scores_, high for outliers); of any other, pass the "
        "scores themselves, high for normal."
    )


def _is_outlier(detector: Any) -> bool:
    from sklearn.base import is_outlier_detector

    return isinstance(detector, BaseEstimator) and is_outlier_detector(detector)


def _copied(detector: Any) -> Any:
    """Copy a detector that is not scikit-learn's, as PyOD's own clone does, without its fit."""
    return type(detector)(**detector.get_params())
