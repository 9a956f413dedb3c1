"""Train a detector again, with the answers of an expert."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, overload

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from lofe_sklearn._any_detector import thawed
from lofe_sklearn._known_labels import Known, pair_of_masks
from lofe_sklearn._loe import LOE, Given, read_contamination
from lofe_sklearn._prepared_rows import count_given_rows
from lofe_sklearn._quiet import OF_NAMES, silenced
from lofe_sklearn._types import Detector, KnownLabels, Mask, MatrixLike
from lofe_sklearn._validation import did_you_mean
from lofe_sklearn.active._estimate import estimate_with_interval
from lofe_sklearn.active._query import detector_and_rows
from lofe_sklearn.backbones import Backbone

# The ratio for a detector whose threshold flags no row.
_LEAST_PRIOR = 1e-4
_WORDS = ("estimate", "auto")
Contamination: TypeAlias = float | tuple[float, float] | Literal["estimate", "auto"] | None


@overload
def refit(
    detector: LOE | Backbone,
    X: MatrixLike,
    known_labels: KnownLabels | None = ...,
    *,
    known_anomalies: Mask | None = ...,
    known_normal: Mask | None = ...,
    contamination: Contamination = ...,
    queried_by: Detector | None = ...,
    **params: Any,
) -> LOE: ...
@overload
def refit(
    detector: Pipeline,
    X: MatrixLike,
    known_labels: KnownLabels | None = ...,
    *,
    known_anomalies: Mask | None = ...,
    known_normal: Mask | None = ...,
    contamination: Contamination = ...,
    queried_by: Detector | None = ...,
    **params: Any,
) -> Pipeline: ...
def refit(
    detector: LOE | Backbone | Pipeline,
    X: MatrixLike,
    known_labels: KnownLabels | None = None,
    *,
    known_anomalies: Mask | None = None,
    known_normal: Mask | None = None,
    contamination: Contamination = "estimate",
    queried_by: Detector | None = None,
    **params: Any,
) -> LOE | Pipeline:
    """Fit a copy of the detector with known labels, and with the ratio estimated from them.

    This is the second half of SOEL [1]_: rows of known label are trained with that label, and all
    other rows with LOE's inferred labels, which are soft if the detector was trained blind before.

    Parameters
    ----------
    detector : LOE, Backbone or Pipeline that ends in one
        The fitted detector that chose the rows; it is not changed. A lone backbone is put into LOE.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The training rows.
    known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
        All answers so far in one array: -1 anomaly, +1 normal, 0 unknown (data sets' 1 for
        anomalies is refused); or masks ``(normal, anomalous)``.
    known_anomalies, known_normal : array-like of bool, shape (n_samples,), optional
        All answers so far as masks of the rows that are anomalies, and of those that are normal.
    contamination : "estimate", float, pair, "auto" or None, default="estimate"
        The share of anomalies among all rows. ``"estimate"`` takes it from the answers, see
        `estimate_contamination`, with the detector's `contamination_` as the prior. A detector that
        was given one ratio gets the estimate. The members of one that assumes several ratios are
        spread over those that are likely after the answers, from the median to the ratio that is
        exceeded with a probability of 2.5 %: one that is too high costs less than one that is too
        low. Its `contamination_` is the estimate too. None keeps the detector's own.
    queried_by : LOE, Backbone or Pipeline, optional
        The detector whose scores and embedding are used to estimate the ratio. Default: `detector`.
        From the second round on, pass the detector of the first round: one that was trained with
        answers scores the answered rows differently from other rows like them.
    **params
        Other parameters to set, of LOE (``known_weight=1.0``) or of its backbone
        (``estimator__lr=1e-4``).

    Returns
    -------
    refitted : LOE or Pipeline
        A new, fitted detector; of a Pipeline, a new Pipeline.

    Raises
    ------
    NotFittedError, TypeError, ValueError
        As `query` and ``fit`` do, and ValueError if no label is known.

    References
    ----------
    .. [1] A. Li, C. Qiu, M. Kloft, P. Smyth, S. Mandt, M. Rudolph (2023). Deep Anomaly Detection
       under Labeling Budget Constraints. ICML. arXiv:2302.07832.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn import DeepSVDD
    >>> from lofe_sklearn.active import refit
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> X[:20] += 4.0
    >>> detector = DeepSVDD(max_epochs=20, random_state=0).fit(X)
    >>> anomalies, normal = np.zeros((2, 200), dtype=bool)
    >>> anomalies[[0, 1, 2]] = normal[[50, 100, 150]] = True  # the answers
    >>> refitted = refit(
    ...     detector, X, known_anomalies=anomalies, known_normal=normal, contamination=0.1
    ... )
    >>> refitted.method, bool((refitted.labels_[:20] == -1).all())
    ('soft', True)
    """
    detector = thawed(detector)  # a new one is fitted
    last, rows = detector_and_rows(detector, X, "refit")
    n_samples = count_given_rows(rows, "refit")
    labels = Known(known_labels, known_anomalies, known_normal)
    known = labels.read(n_samples, "refit", X, trains=False)  # its fit warns, if all are known
    if known is None:
        raise ValueError(
            "refit: no label is known; known_anomalies or known_normal must name at least one row."
        )
    if isinstance(contamination, str) and contamination not in _WORDS:
        raise ValueError(
            "refit: contamination must be 'estimate', 'auto', a number in (0, 0.5], a pair of such "
            f"or None, for the detector's own; got {contamination!r}."
            f"{did_you_mean(contamination, _WORDS)}"
        )
    estimate = None
    if isinstance(contamination, str) and contamination == "estimate":
        first, seen = last, rows
        if queried_by is not None:
            first, seen = detector_and_rows(queried_by, X, "refit")
        scores, answers = first.score_samples(seen), Known(pair_of_masks(known))
        with silenced(OF_NAMES, UserWarning):  # the scores have told of missing names
            embedding = first.embed(seen)
        estimate = estimate_with_interval(scores, answers, embedding, _prior(first))
        contamination = estimate.value
        if estimate.low < estimate.high and _assumes_several(last):
            contamination = estimate.low, estimate.high
    fresh = _as_loe(last)
    if contamination is not None:
        fresh.set_params(contamination=contamination)
    fresh.set_params(**params)
    refitted = _fitted(detector, fresh, X, known)
    if estimate is not None and isinstance(contamination, tuple):
        # Of an interval alone, LOE takes the geometric mean of its ends.
        judge = refitted[-1] if isinstance(refitted, Pipeline) else refitted
        judge.set_threshold(contamination=estimate.value)
    return refitted


def _assumes_several(detector: Any) -> bool:
    """Whether the members of a detector assume several ratios."""
    return isinstance(detector, LOE) and not isinstance(
        read_contamination(detector.contamination), Given
    )


def _prior(detector: Any) -> float:
    """Return the share that the threshold flags; the user may have set it to any number."""
    share = getattr(detector, "contamination_", detector.contamination)
    return float(np.clip(share, _LEAST_PRIOR, 0.5))


def _as_loe(last: Any) -> LOE:
    """Copy a detector as one that infers labels for rows of unknown label."""
    if not isinstance(last, LOE):
        return LOE(
            clone(last),
            method="soft",
            contamination=last.contamination,
            random_state=last.random_state,
        )
    fresh = clone(last)
    return fresh.set_params(method="soft") if _is_blind(last.method) else fresh


def _is_blind(method: Any) -> bool:
    each = method if isinstance(method, (list, tuple)) else [method]
    return all(isinstance(one, str) and one == "blind" for one in each)


def _fitted(detector: Any, fresh: LOE, X: Any, known: np.ndarray) -> Any:
    if not isinstance(detector, Pipeline):
        return fresh.fit(X, known_labels=pair_of_masks(known))
    name = detector.steps[-1][0]
    pipeline = clone(detector).set_params(**{name: fresh})
    with config_context(enable_metadata_routing=False):  # by the step's name, requested or not
        return pipeline.fit(X, **{f"{name}__known_labels": pair_of_masks(known)})
