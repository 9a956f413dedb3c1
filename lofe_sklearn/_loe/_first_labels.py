"""`init`: which rows the first latent labels take for anomalies, by another detector's scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._any_detector import (
    is_supervised,
    outlier_scores,
    outlier_scores_of_fit,
    scores_new_rows,
)
from lofe_sklearn._containers import Matrix, Subset, check_plain_values
from lofe_sklearn._loe._by_name import FIRST, FOR_LABELS, suited
from lofe_sklearn._loe._classical import fitted
from lofe_sklearn._loe._evidence import Evidence, fit_evidence
from lofe_sklearn._loe._fit_once import fitted_copy, key_of
from lofe_sklearn._loe._foreign import named_if_it_fails, scores_by_foreign
from lofe_sklearn._loe._parameters import is_auto
from lofe_sklearn._training import Memo, SpreadRows
from lofe_sklearn._validation import check_finite, did_you_mean
from lofe_sklearn.backbones import Backbone

_BY_EVIDENCE = "evidence"
INITS = ("auto", _BY_EVIDENCE, *FIRST)


def starter_of(
    init: Any,
    evidence: Evidence | None,
    backbones: Sequence[Backbone],
    X: Matrix,
    seed: int,
    memo: Memo,
    is_known: bool,
) -> Evidence | None:
    """Return the evidence whose mean the first labels go by; None if they go by something else.

    `is_known` says whether the ratio is: members that assume ratios of all sizes start better from
    an isolation forest. Where it is known, networks start better from the mean: see the study
    `backbones` and the suites `adbench` and `contaminated` of the benchmarks.
    """
    by_evidence = _is_by_evidence(init)
    if is_auto(init):
        none_chooses = all(is_auto(backbone.default_init) for backbone in backbones)
        by_evidence = is_known and (evidence is not None or none_chooses)
    if not by_evidence:
        return None
    if evidence is not None:
        return evidence
    names = suited(FOR_LABELS, *X.shape)
    return fit_evidence(names, X, seed, 0.0, memo, "Pass another init, such as 'iforest',")


def without_starter(init: Any, backbone: Backbone) -> Any:
    """Return what the first labels of a backbone go by if they do not go by evidence."""
    if is_auto(init):
        init = backbone.default_init
    # If no detector could be fitted, the forest says why.
    return "iforest" if is_auto(init) or _is_by_evidence(init) else init


def scores_by(evidence: Evidence, X: Matrix) -> np.ndarray | None:
    """Score rows by the mean of the evidence, high for anomalies; None where all are alike."""
    return unless_alike(evidence.score(X))


def unless_alike(scores: np.ndarray) -> np.ndarray | None:
    """Return scores, or None where all are equal and say nothing."""
    return None if np.ptp(scores) == 0 else scores


def _is_by_evidence(init: Any) -> bool:
    return isinstance(init, str) and init == _BY_EVIDENCE


def first_scores(
    init: Any, X: Matrix, seed: int, rows: np.ndarray | None, memo: Memo
) -> np.ndarray | None:
    """Outlier scores of rows of X, high for anomalies, by which they are labelled at first.

    Parameters
    ----------
    init : {"iforest", "knn"}, outlier detector, or array-like of shape (n_samples,)
        A detector is cloned, seeded where it has no seed of its own, and fitted to the rows that
        are labelled. Scores that are given are those of all rows of X, high for normal rows.
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated rows.
    seed : int
        Of the isolation forest, or of a detector that has none.
    rows : ndarray of int, shape (n,), or None
        The rows that are labelled; None for all.
    memo : dict
        What was fitted for others on X.

    Returns
    -------
    scores : ndarray of float64, shape (n,), or None
        None where the detector that was named, or the scores given, find all of these rows alike.

    Raises
    ------
    ValueError
        If scores are of the wrong length, not finite, or without a direction.
    TypeError
        If `init` is none of these, or a detector whose scores' sign is not known.
    """
    if isinstance(init, type) or (isinstance(init, str) and init not in FIRST):
        raise TypeError(f"LOE: init must be {_WHAT}; got {init!r}.{did_you_mean(init, INITS)}")
    if isinstance(X, SpreadRows):
        return _scores_of_spread(init, X, seed, memo)
    if isinstance(init, str) or hasattr(init, "fit"):
        if not isinstance(init, str):
            n_rows = X.shape[0] if rows is None else len(rows)
            return _checked(_scores_of(init, X, seed, rows, memo), n_rows)
        _, scores = fitted(FIRST[init], X, seed, rows, memo)
    else:
        scores = _given(init, X.shape[0])
        if rows is not None:
            scores = scores[rows]
    # Rows that are all alike are no reason to refuse them: the warm-up is blind then.
    return unless_alike(scores)


def remembered_scores(
    init: Any, X: Matrix, seed: int, rows: np.ndarray | None, memo: Memo
) -> np.ndarray | None:
    """Return `first_scores`, found only once for equal detectors, seeds and rows of X."""
    if not hasattr(init, "fit"):
        check_plain_values(init, "init", "LOE")
    key = key_of(init), seed, Subset(rows)
    if key not in memo:
        memo[key] = first_scores(init, X, seed, rows, memo)
    return memo[key]


def _scores_of_spread(init: Any, X: SpreadRows, seed: int, memo: Memo) -> np.ndarray | None:
    """Score rows that are spread over processes by a detector that is fitted to a sample."""
    of_sample = first_scores(init, X.sample, seed, None, memo)
    if of_sample is None:
        return None
    if isinstance(init, str):
        detector, _ = fitted(FIRST[init], X.sample, seed, None, memo)
        return X.each_as_in_sample(of_sample, detector.outlier_scores)
    with named_if_it_fails(_named(init), X.sample, _REMEDY):
        detector = fitted_copy(init, X.sample, seed, None, memo)
    return X.each_as_in_sample(of_sample, lambda own: outlier_scores(detector, own, "LOE"))


def scores_of_kinds(
    inits: Sequence[Any],
    starter: Evidence | None,
    X: Matrix,
    seed: int,
    memo: Memo,
    others: Matrix,
) -> list[np.ndarray | None]:
    """Score other rows by what first labels of each backbone go by, once by equal detectors.

    None for backbones that start blind, and where all rows are alike. With a `starter`, all others
    go by it.
    """
    found: dict[Any, np.ndarray | None] = {}
    scores = []
    for init in inits:
        key = None if starter is not None else key_of(init)
        if init is not None and key not in found:
            found[key] = (
                scores_of_others(init, X, seed, memo, others)
                if starter is None
                else scores_by(starter, others)
            )
        scores.append(None if init is None else found[key])
    return scores


def scores_of_others(
    init: Any, X: Matrix, seed: int, memo: Memo, others: Matrix
) -> np.ndarray | None:
    """Score other rows as `remembered_scores` does all rows of X: high for anomalies.

    Returns
    -------
    scores : ndarray of shape (n_others,), or None
        None where all of them are alike.

    Raises
    ------
    TypeError
        If `init` is a detector that scores no rows but those that it was fitted to.
    """
    if isinstance(init, str):
        detector, _ = fitted(FIRST[init], X, seed, None, memo)
        scores = detector.outlier_scores(others)
    else:
        with named_if_it_fails(_named(init), X, _REMEDY):
            detector = fitted_copy(init, X, seed, None, memo)
        if not scores_new_rows(detector):
            raise TypeError(
                f"LOE: init must score rows that it was not fitted to where rows come in parts; "
                f"{type(detector).__name__} does not. LocalOutlierFactor does with novelty=True."
            )
        scores = scores_by_foreign(_named(init), detector, others, was_sparse=sparse.issparse(X))
    return None if np.ptp(scores) == 0 else _checked(scores, others.shape[0])


def _given(init: Any, n_samples: int) -> np.ndarray:
    """Outlier scores of all rows, as the user gives them: high for normal."""
    scores = np.asarray(init)
    if scores.ndim == 0:
        raise TypeError(f"LOE: init must be {_WHAT}; got {init!r}.")
    checked = _checked(scores, n_samples)
    if set(np.unique(checked).tolist()) <= {0, 1}:
        raise ValueError(
            "LOE: init holds only the values 0 and 1, which does not say whether 1 stands for "
            "normal or for anomalous. Scores are high for normal rows: pass -labels if 1 is "
            "anomalous; labels that are known for certain go into fit(X, known_labels=...)."
        )
    return -checked


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
    if np.iscomplexobj(scores):
        raise ValueError("LOE: init must give real numbers; got complex ones.")
    try:
        scores = scores.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"LOE: init must give numbers; got an array of {scores.dtype}.") from error
    check_finite(
        scores,
        "LOE: init must give finite scores; got {value} in row {row}. Replace missing scores, by "
        "the median for example.",
    )
    if n_samples > 1 and np.ptp(scores) == 0:
        raise ValueError(
            "LOE: init gives the same score to every row, which does not say where to start. Pass "
            "other scores, or init=None for a blind warm-up."
        )
    return scores


def _scores_of(
    detector: Any, X: Matrix, seed: int, rows: np.ndarray | None, memo: Memo
) -> np.ndarray:
    """Fit a copy of a detector to rows of X and return their scores, high for anomalies."""
    if is_supervised(detector):
        raise _unknown_sign(detector)  # a fit without labels would fail without saying so
    own = X if rows is None else X[rows]
    with named_if_it_fails(_named(detector), own, _REMEDY):
        scores = outlier_scores_of_fit(fitted_copy(detector, X, seed, rows, memo), own, "LOE")
    if scores is None:
        raise _unknown_sign(detector)
    return scores


_REMEDY = " Pass another init, such as 'iforest', or change it."


def _named(detector: Any) -> str:
    return f"init={type(detector).__name__}"


def _unknown_sign(detector: Any) -> TypeError:
    return TypeError(
        f"LOE: init cannot tell whether {type(detector).__name__}'s scores are high or low for "
        "anomalies. It takes scikit-learn's outlier detectors and densities (score_samples, high "
        "for normal) and PyOD's (decision_scores_, high for outliers); of any other, pass the "
        "scores themselves, high for normal."
    )
