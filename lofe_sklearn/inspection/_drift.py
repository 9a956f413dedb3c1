"""Whether the data has changed since a detector was fitted, by the distribution of its scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn._any_detector import fitted_with_threshold, normality
from lofe_sklearn._cut import single_tolerances, tolerances
from lofe_sklearn._thresholds import ThresholdMixin
from lofe_sklearn._types import Floats, SamplesLike
from lofe_sklearn.inspection._drift_report import DriftReport

_N_BINS = 10
_FEW_PAIRS = 900


def drift_report(
    fitted: Any, X: SamplesLike, *, reference: SamplesLike | None = None
) -> DriftReport:
    """Compare the scores of new rows with those of reference rows, and say whether to refit.

    Parameters
    ----------
    fitted : detector
        `LOE`, a backbone, `PatchDetector`, `TemporalSmoothing`, a Pipeline that ends in one of
        them, or a search with a ``best_estimator_`` that is one of these; fitted, or loaded from a
        file.
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        New rows, as `fitted` takes them. A verdict needs at least 30 rows.
    reference : like X, of shape (n_reference, n_features), optional
        Rows from the time of the fit that the detector was not trained on. Default: the training
        rows, whose scores the detector keeps. These score better than other rows of the same kind,
        especially if they are few, which looks like drift. So compared with them the verdict is at
        most "watch". The first rows that are scored after the fit are a good reference.

    Returns
    -------
    report : DriftReport
        Population stability index, test of Kolmogorov and Smirnov, shares of flagged rows, verdict
        and advice. ``print(report)`` shows all of them.

    Raises
    ------
    TypeError
        If `fitted` is no detector of this package.
    NotFittedError
        If `fitted` is not fitted.
    ValueError
        If X or `reference` cannot be scored, or if a search has not fitted its best detector.

    See Also
    --------
    DriftReport : How the verdict is found.
    lofe_sklearn.plotting.DriftDisplay : Both distributions as a picture.

    Notes
    -----
    Only the scores are compared. A change of the features that does not change the scores is not
    noticed. Detectors keep no distributions of features, so the report does not say which features
    have moved; `explain` says why single rows look anomalous.

    Scores that differ by rounding count as equal. The `held_out_scores_` of `LOE` are not used as a
    reference: models of folds are trained on fewer rows than the members that score new rows.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn import DeepSVDD
    >>> from lofe_sklearn.inspection import drift_report
    >>> rng = np.random.default_rng(0)
    >>> detector = DeepSVDD(max_epochs=20, random_state=0).fit(rng.normal(size=(300, 4)))
    >>> kept_back = rng.normal(size=(300, 4))
    >>> drift_report(detector, rng.normal(size=(200, 4)), reference=kept_back).verdict
    'keep'
    >>> drift_report(detector, rng.normal(2, 1, size=(200, 4)), reference=kept_back).verdict
    'refit'
    """
    return compare_rows(fitted, X, reference, "drift_report", "fitted")[0]


def compare_rows(
    fitted: Any, X: Any, reference: Any, owner: str, argument: str
) -> tuple[DriftReport, Floats, Floats, float]:
    """Return the report, the scores of new and of reference rows, and the detector's threshold.

    `argument` is the name of `fitted` in messages.
    """
    detector = fitted_with_threshold(fitted, owner, argument)
    scores = normality(fitted, X, owner)
    others = _reference_scores(fitted, detector, reference, owner)
    report = compare_scores(
        scores,
        others,
        detector.offset_,
        unit=detector._score_unit(),
        in_single=detector._compares_in_single(),
        in_sample=reference is None,
    )
    return report, scores, others, detector.offset_


def _reference_scores(fitted: Any, detector: ThresholdMixin, reference: Any, owner: str) -> Floats:
    """Return the scores of reference rows, or those of the training rows without any.

    Raises
    ------
    ValueError
        If there are no reference rows, and the detector has not kept the training rows' scores.
    """
    if reference is not None:
        try:
            return normality(fitted, reference, owner)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{owner}: reference cannot be scored: {error}") from error
    if not hasattr(detector, "_training_scores"):
        raise ValueError(
            f"{owner}: this {type(detector).__name__} has no scores of training rows to compare "
            "with. Pass reference=rows, such as the training rows."
        )
    return detector._training_scores


def compare_scores(
    scores: np.ndarray,
    reference: np.ndarray,
    offset: float | None = None,
    *,
    unit: float = 0.0,
    in_single: bool = False,
    in_sample: bool = False,
) -> DriftReport:
    """Compare finite scores with those of reference rows; both are high for normal rows.

    `in_single` says whether some were computed in single precision.
    """
    from scipy.stats import ks_2samp  # slow to import

    now, before = _with_equal_ties(scores, reference, unit, in_single)
    edges = _edges(before)
    p, q = _shares(now, edges), _shares(before, edges)
    # The exact test is slow for many rows, the asymptotic one is not defined for two.
    exact = len(now) * len(before) <= _FEW_PAIRS
    test = ks_2samp(now, before, method="exact" if exact else "asymp")
    return DriftReport(
        psi=float(np.sum((p - q) * np.log(p / q))),
        ks=float(test.statistic),
        p_value=float(test.pvalue),
        flagged=None if offset is None else float(np.mean(scores < offset)),
        flagged_reference=None if offset is None else float(np.mean(reference < offset)),
        n_rows=len(scores),
        n_reference=len(reference),
        in_sample=in_sample,
        edges=edges,
        shares=p,
        shares_reference=q,
    )


def _with_equal_ties(
    scores: np.ndarray, reference: np.ndarray, unit: float, in_single: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Give scores that differ by rounding the lowest value of their run."""
    values = np.concatenate([scores, reference])
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    first, _ = _runs(ascending, tolerances(reference, ascending, unit))
    if in_single:
        wide = single_tolerances(ascending, unit)
        start, end = _runs(ascending, wide)
        # Many different scores may be close to each other, and are no tie.
        first = np.where(ascending[end] - ascending[start] <= 2 * wide, start, first)
    values[order] = ascending[first]
    return values[: len(scores)], values[len(scores) :]


def _runs(ascending: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the run of each value starts and ends, whose neighbours are equal."""
    starts = np.flatnonzero(np.append(True, np.diff(ascending) > 2 * near[1:]))
    ends = np.append(starts[1:], len(ascending)) - 1
    lengths = ends - starts + 1
    return np.repeat(starts, lengths), np.repeat(ends, lengths)


def _edges(reference: np.ndarray) -> Floats:
    """Return the deciles; a score that covers more than one decile has a bin of its own."""
    deciles = np.quantile(reference, np.arange(1, _N_BINS) / _N_BINS, method="higher")
    values, counts = np.unique(deciles, return_counts=True)
    above = np.nextafter(values[counts > 1], np.inf)
    return np.unique(np.concatenate([values, above]))


def _shares(scores: np.ndarray, edges: np.ndarray) -> Floats:
    """Return the share of scores in each bin, with half a row more in each of them."""
    n_bins = len(edges) + 1
    counts = np.bincount(np.searchsorted(edges, scores, side="right"), minlength=n_bins)
    return np.asarray((counts + 0.5) / (len(scores) + 0.5 * n_bins), dtype=np.float64)
