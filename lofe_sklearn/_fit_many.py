"""Fit many detectors for little more than the price of one: in stacks, over one copy of X."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, Literal, TypeVar, overload

import numpy as np
from sklearn.base import clone

from lofe_sklearn._any_detector import check_detector
from lofe_sklearn._containers import readable_rows
from lofe_sklearn._detectors import OutlierDetector
from lofe_sklearn._known_labels import Known
from lofe_sklearn._prepared_rows import count_given_rows
from lofe_sklearn._progress import job
from lofe_sklearn._training import fit_together
from lofe_sklearn._types import KnownLabels, Mask, MatrixLike
from lofe_sklearn._validation import N_JOBS, Number, check_argument

Detector = TypeVar("Detector", bound=OutlierDetector)


@overload
def fit_many(
    estimators: Sequence[Detector],
    X: MatrixLike,
    *,
    rows: Sequence[Any] | None = ...,
    known_anomalies: Mask | None = ...,
    known_normal: Mask | None = ...,
    known_labels: KnownLabels | None = ...,
    outliers: MatrixLike | str | None = ...,
    n_jobs: int | None = ...,
    max_memory: float | None = ...,
    verbose: int = ...,
    return_errors: Literal[False] = ...,
) -> list[Detector]: ...


@overload
def fit_many(
    estimators: Sequence[Detector],
    X: MatrixLike,
    *,
    rows: Sequence[Any] | None = ...,
    known_anomalies: Mask | None = ...,
    known_normal: Mask | None = ...,
    known_labels: KnownLabels | None = ...,
    outliers: MatrixLike | str | None = ...,
    n_jobs: int | None = ...,
    max_memory: float | None = ...,
    verbose: int = ...,
    return_errors: bool,
) -> list[Detector | Exception]: ...


def fit_many(
    estimators: Sequence[Detector],
    X: MatrixLike,
    *,
    rows: Sequence[Any] | None = None,
    known_anomalies: Mask | None = None,
    known_normal: Mask | None = None,
    known_labels: KnownLabels | None = None,
    outliers: MatrixLike | str | None = None,
    n_jobs: int | None = None,
    max_memory: float | None = None,
    verbose: int = 0,
    return_errors: bool = False,
) -> list[Detector] | list[Detector | Exception]:
    """Fit many detectors at once, those of equal shapes in one stack.

    Each is what ``clone(estimator).fit(X[rows])`` would be. Models that differ only in
    `contamination`, `method`, `init`, `random_state`, `lr`, `weight_decay`, `max_epochs` or rows
    are trained together, over one copy of X: a step of them all costs far less than as many steps
    of single models. Others are trained in stacks of their own.

    Parameters
    ----------
    estimators : sequence of LOE or Backbone
        The detectors to fit. They are cloned, never changed, so each starts anew, whatever
        `warm_start` is.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows of all of them.
    rows : sequence of array-like of int, optional
        For each estimator the numbers of its training rows in X. Default: all rows.
    known_anomalies, known_normal : array-like of bool, shape (n_samples,), optional
        Masks of the rows known to be anomalies, and of those known to be normal, over all rows of
        X. Each estimator is told of its own rows.
    known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
        The same in one array: -1 for known anomalies, +1 for rows known to be normal, 0 for
        unknown (data sets' 1 for anomalies is refused); or masks ``(normal, anomalous)``.
    outliers : array-like of shape (n_outliers, n_features), str or None
        Auxiliary outliers of all of them, as in `fit`; synthetic ones are made for each estimator
        from its rows.
    n_jobs : int, optional
        Stacks trained at a time, by joblib and its backend; see Notes. There are at least as many
        stacks, if there are enough detectors. A training of less than ten seconds starts no
        processes: that takes as long.
    max_memory : float, optional
        Bytes that the models of one stack may take, as estimated from one step of one of them.
        Larger groups are split. Default: half of the memory that is free on the device.
    verbose : int, default=0
        1 shows one progress bar over all fits, with the time left, once they take more than two
        seconds (extra ``lofe-sklearn[progress]``). The estimators' own `verbose` is not asked.
    return_errors : bool, default=False
        Return the exception for a detector that could not be fitted, instead of raising it. The
        others are fitted in any case.

    Returns
    -------
    fitted : list of LOE or Backbone
        Fitted clones, in the order of `estimators`.

    Raises
    ------
    TypeError
        If an estimator is neither LOE nor a backbone.
    ValueError
        If `rows` or `max_memory` cannot be used, and whatever a single ``fit`` raises.
    TrainingDivergedError
        If a detector's loss stops being finite.

    Notes
    -----
    Equal is meant to 1e-5 of the parameters for as long as training does not amplify rounding
    errors: a stack multiplies matrices in another order than a single model. Models with dropout
    are trained one by one, so that their masks do not depend on what else is trained.

    Stacks are independent jobs for joblib, so that ``joblib.parallel_config(backend="dask")``
    (extra ``lofe-sklearn[dask]``) or ``ray.util.joblib.register_ray()`` and ``backend="ray"``
    (extra ``lofe-sklearn[ray]``) spreads them over machines. X is sent to each of these once. In
    such a block, `LOE.fit` spreads its members and `LOESearchCV.fit` its candidates and folds.

    Examples
    --------
    >>> from lofe_sklearn import LOE, DeepSVDD, fit_many
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> ratios = [0.01, 0.05, 0.1]
    >>> detectors = [
    ...     LOE(DeepSVDD(max_epochs=3), contamination=ratio, random_state=0) for ratio in ratios
    ... ]
    >>> fitted = fit_many(detectors, X)
    >>> [int((detector.predict(X) == -1).sum()) for detector in fitted]
    [38, 189, 378]
    """
    if isinstance(estimators, OutlierDetector):
        raise TypeError(
            f"fit_many: estimators must be a sequence of detectors; got one "
            f"{type(estimators).__name__}. Put it into a list, or call its fit."
        )
    if not isinstance(estimators, Iterable):
        raise TypeError(
            f"fit_many: estimators must be a sequence of detectors; got {estimators!r}."
        )
    detectors = []
    for estimator in estimators:
        check_detector(
            estimator,
            "fit_many",
            "estimators",
            pipeline=False,
            wanted="instances of LOE or of a backbone",
            advice="Fit a Pipeline's transformers before, or search over it with LOESearchCV.",
        )
        detectors.append(clone(estimator))
    X = readable_rows(X, "fit_many")
    n_samples = count_given_rows(X, "fit_many")
    given = _checked_rows(rows, len(detectors), n_samples)
    labels = Known(known_labels, known_anomalies, known_normal)
    known = labels.read(n_samples, "fit_many", X)
    bytes_or_none = Number(low=0, exclude_low=True, optional=True, noun="a number of bytes")
    check_argument("fit_many", "max_memory", max_memory, bytes_or_none)
    check_argument("fit_many", "n_jobs", n_jobs, N_JOBS)
    check_argument("fit_many", "verbose", verbose, Number(Integral, low=0))
    with job("fit_many", show=verbose > 0):
        errors = fit_together(
            detectors, X, given, known, outliers, n_jobs=n_jobs, max_memory=max_memory
        )
    if not return_errors:
        for error in errors:
            if error is not None:
                raise error
    return [
        detector if error is None else error
        for detector, error in zip(detectors, errors, strict=True)
    ]


def _checked_rows(rows: Any, n_estimators: int, n_samples: int) -> list[np.ndarray | None]:
    if rows is None:
        return [None] * n_estimators
    rows = list(rows)
    if len(rows) != n_estimators:
        raise ValueError(
            f"fit_many: rows must hold one array for each estimator; got {len(rows)} for "
            f"{n_estimators} estimators."
        )
    arrays: list[np.ndarray | None] = []
    for given in rows:
        own = np.asarray(given)
        if own.ndim != 1 or own.dtype.kind not in "iu":
            got = f"an array of {own.dtype} with shape {own.shape}" if own.ndim else repr(given)
            raise ValueError(
                "fit_many: each entry of rows must be a 1-d array of row numbers; got "
                f"{got}. {_remedy(own, n_samples)}"
            )
        outside = own[(own < 0) | (own >= n_samples)]
        if len(outside):
            raise ValueError(
                f"fit_many: the numbers in rows must be from 0 to {n_samples - 1}, those of the "
                f"{n_samples} rows of X; got {outside[0]}."
            )
        arrays.append(own.astype(np.int64))  # torch takes no other as indices
    return arrays


def _remedy(own: np.ndarray, n_samples: int) -> str:
    if own.dtype == bool:
        return "np.flatnonzero turns a mask into numbers."
    if own.ndim == 0:
        return f"For all rows, pass np.arange({n_samples})."
    return "Row numbers are integers." if own.size else "A detector needs at least two rows."
