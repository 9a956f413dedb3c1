"""Evidence: what classical detectors say of the rows, added to what the members say.

A model that was trained on contaminated rows is corrected by other evidence T of the same rows: its
log-density is tilted by T / beta, so T / beta is added to its anomaly score (EPHAD, Patra and Ben
Taieb 2025, arXiv:2510.21296). Nothing is trained for it. Here T is the mean over detectors of their
scores' logarithms, standardised over the training rows, as the members' losses are. What is normal
to a detector counts alike, since a group of anomalies may be the densest place of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from lofe_sklearn._any_detector import is_supervised, scores_new_rows
from lofe_sklearn._containers import Matrix
from lofe_sklearn._loe._by_name import CLASSICAL
from lofe_sklearn._loe._classical import Unfit, fitted
from lofe_sklearn._loe._evidence_source import (
    Source,
    fitted_again,
    scores_by_all,
    scores_of,
    unfit_if_it_fails,
)
from lofe_sklearn._loe._fit_once import fitted_copy
from lofe_sklearn._loe._local_density import fit_both
from lofe_sklearn._loe._parameters import is_auto
from lofe_sklearn._progress import part
from lofe_sklearn._training import Memo, SpreadRows
from lofe_sklearn._validation import did_you_mean, warn_user

EvidenceParameter: TypeAlias = Any
# Standardised logarithms below this count as it: one detector that finds a group of anomalies very
# normal must not outvote the others.
LEAST = -0.5
_WHAT = (
    f"'auto', None, one of {', '.join(map(repr, CLASSICAL))}, an outlier detector (an instance, "
    "from scikit-learn or PyOD), or a list of names and detectors"
)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Fitted detectors, and how much they count beside the members.

    Parameters
    ----------
    sources : list of Source
    weight : float
        Of the detectors' mean, where that of the members' counts 1.
    training : ndarray of shape (n_sources, n_samples)
        The standardised scores of the training rows, not cut off: their ranks say the ratio.
    """

    sources: list[Source]
    weight: float
    training: np.ndarray

    @property
    def unit(self) -> float:
        """Size of what the scores are computed from."""
        return max(abs(each.center / each.spread) for each in self.sources)

    def of_training(self) -> np.ndarray:
        """Return the scores of the training rows: the mean of the detectors."""
        return _mean_of(self.training)

    def score(self, X: Matrix, n_jobs: int | None = None) -> np.ndarray:
        """Score rows, high for anomalies: the mean of the detectors."""
        return _mean_of(scores_by_all(self.sources, X, n_jobs))

    def refitted(self, X: Matrix) -> np.ndarray | None:
        """Score rows by the same detectors, fitted to these rows.

        None if none of them can be. Those that cannot are named by a warning, here if their scores
        are not added to those of the members, and by `held_out` if they are.
        """
        scores: list[np.ndarray] = []
        memo: Memo = {}
        for source in self.sources:
            try:
                with unfit_if_it_fails():
                    again = fitted_again(source.detector, X, memo)
                    own = scores_of(again, X)
                    scores.append(Source.of(source.name, again, own).standardised(own))
            except Unfit as reason:
                if self.weight == 0:
                    warn_user(
                        f"LOE: {source.name!r} is left out of the first labels of some held-out "
                        f"folds, since it cannot be fitted to {X.shape[0]} of the rows: {reason}. "
                        "Lower held_out_folds, or pass another init."
                    )
        return _mean_of(scores) if scores else None

    def held_out(self, X: Matrix, outside: np.ndarray, held_out: np.ndarray) -> np.ndarray | None:
        """Score rows of X by the same detectors, fitted to other rows of X only.

        None if none of them can be. Each that cannot is named by a warning.
        """
        scores: list[np.ndarray] = []
        memo: Memo = {}
        rows = X[outside]
        for source in self.sources:
            try:
                scores.append(source.held_out(rows, X[held_out], memo))
            except Unfit as reason:
                warn_user(
                    f"LOE: evidence {source.name!r} is left out of some held_out_scores_, since it "
                    f"cannot be fitted to {len(outside)} of the rows: {reason}. Lower "
                    "held_out_folds, or leave it out of evidence."
                )
        return _mean_of(scores) if scores else None


def check_evidence(evidence: Any) -> None:
    """Raise TypeError or ValueError unless `evidence` is one of the forms there are."""
    if evidence is None or is_auto(evidence):
        return
    listed = _listed(evidence)
    if not listed:
        raise ValueError("LOE: evidence must not be an empty list; pass None for no evidence.")
    for each in listed:
        if isinstance(each, str) and each in CLASSICAL:
            continue
        if hasattr(each, "fit") and not isinstance(each, type):
            # A fit without labels would fail without saying so.
            if is_supervised(each):
                raise _unknown_sign(each)
            continue
        raise _unusable(each)


def _unusable(each: Any) -> Exception:
    if isinstance(each, type):
        return TypeError(
            f"LOE: evidence must hold instances; got the class {each.__name__}. A class needs "
            "parentheses."
        )
    kind = ValueError if isinstance(each, str) else TypeError
    return kind(
        f"LOE: evidence must be {_WHAT}; got {each!r}.{did_you_mean(each, ('auto', *CLASSICAL))}"
    )


def fit_evidence(
    evidence: Any,
    X: Matrix,
    seed: int,
    weight: float,
    memo: Memo,
    remedy: str = "Leave it out of evidence",
) -> Evidence | None:
    """Fit detectors to all rows of X.

    Parameters
    ----------
    evidence : str, detector, or list of such
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    seed : int
    weight : float
    memo : dict
        What was fitted for others on X.
    remedy : str
        What helps against the warning that a detector could not be fitted.

    Returns
    -------
    evidence : Evidence or None
        None if no detector could be fitted. Each that could not is named by a warning.

    Raises
    ------
    TypeError
        If the sign of a detector's scores is not known, or it cannot score new rows.
    """
    chosen = _listed(evidence)
    if {"knn", "lof"} <= {each for each in chosen if isinstance(each, str)}:
        # Distances are computed once for both. If one cannot be fitted, it is said below why.
        with suppress(Unfit, ValueError):
            fit_both(X.sample if isinstance(X, SpreadRows) else X, seed, memo)
    sources, training = [], []
    for name, each in zip(_names(chosen), chosen, strict=True):
        try:
            with part(1 / len(chosen), f"evidence {name}"):
                detector, scores = _fitted(each, X, seed, memo)
                source = Source.of(name, detector, scores, was_sparse=sparse.issparse(X))
        except Unfit as reason:
            what = f" ({CLASSICAL[each].label})" if isinstance(each, str) else ""
            warn_user(
                f"LOE: evidence {name!r}{what} is left out, since it cannot be fitted to these "
                f"{X.shape[0]} rows of {X.shape[1]} features: {reason}. {remedy} to fit without "
                "this warning."
            )
            continue
        sources.append(source)
        training.append(source.standardised(scores))
    return Evidence(sources, weight, np.array(training)) if sources else None


def _mean_of(scores: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Return the mean of the detectors, each cut off below."""
    mean: np.ndarray = np.maximum(scores, LEAST).mean(axis=0)
    return mean


def _fitted(each: Any, X: Matrix, seed: int, memo: Memo) -> tuple[Any, np.ndarray]:
    """Fit one detector; return it and its outlier scores of X.

    Raises
    ------
    Unfit
        If it fails on these rows.
    TypeError
        If the sign of its scores is not known.
    """
    if isinstance(X, SpreadRows):
        detector, of_sample = _fitted(each, X.sample, seed, memo)
        with unfit_if_it_fails():
            return detector, X.each_as_in_sample(of_sample, partial(scores_of, detector))
    if isinstance(each, str):
        try:
            return fitted(CLASSICAL[each], X, seed, None, memo)
        except ValueError as error:  # values that scikit-learn cannot compute with
            raise Unfit(str(error)) from error
    with unfit_if_it_fails():
        detector = fitted_copy(each, X, seed, None, memo)
    if not scores_new_rows(detector):
        raise _unknown_sign(detector)
    with unfit_if_it_fails():
        return detector, scores_of(detector, X)


def _names(chosen: Sequence[Any]) -> list[str]:
    """Name each detector as the user did, or by its class; the second of a name is 'name-2'."""
    plain = [each if isinstance(each, str) else type(each).__name__ for each in chosen]
    counts = [plain[: i + 1].count(name) for i, name in enumerate(plain)]
    return [
        name if count == 1 else f"{name}-{count}" for name, count in zip(plain, counts, strict=True)
    ]


def _listed(evidence: Any) -> list[Any]:
    return list(evidence) if isinstance(evidence, (list, tuple)) else [evidence]


def _unknown_sign(detector: Any) -> TypeError:
    return TypeError(
        f"LOE: evidence cannot take {type(detector).__name__}: it must score rows that it was not "
        "fitted to, with a sign that is known. scikit-learn's outlier detectors and densities do "
        "(score_samples, high for normal; LocalOutlierFactor with novelty=True), and PyOD's "
        "(decision_function, high for outliers)."
    )
