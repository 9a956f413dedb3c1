"""Fit many detectors for little more than the price of one: in stacks, over one copy of X."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from lofe_sklearn._containers import take_rows
from lofe_sklearn._known_labels import check_known_labels
from lofe_sklearn._loe import LOE, backbones_of
from lofe_sklearn._validation import Number
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.backbones._base import OutlierDetector
from lofe_sklearn.backbones._training import Memo, Outcome, Task, train_tasks


def fit_many(
    estimators,
    X,
    *,
    rows=None,
    known_labels=None,
    outliers=None,
    n_jobs=None,
    max_memory=None,
    verbose=0,
    return_errors=False,
):
    """Fit many detectors, those of equal shapes in one stack.

    Each is what ``clone(estimator).fit(X[rows])`` would be. Models that differ only in
    `contamination`, `method`, `init`, `random_state`, `lr`, `weight_decay`, `max_epochs` or rows
    are trained together, over one copy of X: a step of them all costs far less than as many steps
    of single models. Others are trained in stacks of their own.

    Parameters
    ----------
    estimators : sequence of LOE or Backbone
        The detectors to fit. They are cloned, never changed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows of all of them.
    rows : sequence of array-like of int, optional
        For each estimator the numbers of its training rows in X. Default: all rows.
    known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
        +1 for rows known to be normal, -1 for known anomalies, 0 for unknown, of all rows of X; or
        two boolean masks, (normal, anomalous).
    outliers : array-like of shape (n_outliers, n_features), str or None
        Auxiliary outliers of all of them, as in `fit`; synthetic ones are made for each estimator
        from its rows.
    n_jobs : int, optional
        Stacks trained at a time, by joblib and its backend; see Notes.
    max_memory : float, optional
        Bytes that the models of one stack may take, as estimated from one step of one of them.
        Larger groups are split. Default: half of the memory that is free on the device.
    verbose : int, default=0
        1 shows a progress bar for each stack (extra ``lofe-sklearn[progress]``).
    return_errors : bool, default=False
        Return the exception in the place of a detector that could not be fitted, instead of
        raising it. The others are fitted in any case.

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
    (extra ``lofe-sklearn[dask]``) or a Ray backend spreads them over machines.

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
    detectors = [_checked(estimator) for estimator in estimators]
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    given = _checked_rows(rows, len(detectors), n_samples)
    known = check_known_labels(known_labels, n_samples, "fit_many", X)
    if not Number(low=0, exclude_low=True, optional=True).accepts(max_memory):
        raise ValueError(f"fit_many: max_memory must be a number of bytes; got {max_memory!r}.")
    fits = _Fits(detectors, X, given, known, outliers)
    results = fits.run(n_jobs=n_jobs, max_memory=max_memory, verbose=verbose)
    if not return_errors:
        for result in results:
            if isinstance(result, Exception):
                raise result
    return results


class _Start(NamedTuple):
    """What `_start_fit` returns, but for the rows."""

    tasks: list[Task]
    known: np.ndarray | None


class _Fits:
    """The fits of one call: started one by one, trained together, ended one by one."""

    def __init__(
        self,
        detectors: list[OutlierDetector],
        X: Any,
        rows: list[np.ndarray | None],
        known: np.ndarray | None,
        outliers: Any,
    ) -> None:
        self.detectors, self.rows = detectors, rows
        self.X, self.known, self.outliers = X, known, outliers
        self.results: list[OutlierDetector | Exception] = list(detectors)

    def run(self, **options: Any) -> list[OutlierDetector | Exception]:
        """Fit all, and return each detector or its error."""
        verbose = options.pop("verbose")
        kinds: dict[type, list[int]] = {}
        for i, detector in enumerate(self.detectors):
            with self._keeping_the_error_of(i):
                kinds.setdefault(type(_backbone_of(detector)), []).append(i)
        for members in kinds.values():
            # What is found about the same rows twice, by a detector for the first labels say.
            memos: dict[bytes, Memo] = {}
            started: dict[int, _Start] = {}
            for i in members:
                rows = self.rows[i]
                memo = memos.setdefault(b"" if rows is None else rows.tobytes(), {})
                with self._keeping_the_error_of(i):
                    started[i] = self._start(i, memo, verbose)
            if not started:
                continue
            try:
                # Which rows it takes is the backbone's own to say: pixels, or features.
                backbone = clone(_backbone_of(self.detectors[next(iter(started))]))
                X = backbone._check_training_rows(self.X)
            except (ValueError, TypeError) as error:
                if len(kinds) == 1:
                    raise
                for i in members:
                    self.results[i] = error
                continue
            self._train(X, started, **options)
        return self.results

    def _start(self, i: int, memo: Memo, verbose: int) -> _Start:
        """Validate detector i and its rows; return what is to be trained, and known labels."""
        rows = self.rows[i]
        own = self.X if rows is None else take_rows(self.X, rows)
        known = self.known if self.known is None or rows is None else self.known[rows]
        _, known, tasks = self.detectors[i]._start_fit(own, known, self.outliers, memo)
        return _Start([replace(task, verbose=verbose) for task in tasks], known)

    def _train(self, X: Any, started: dict[int, _Start], **options: Any) -> None:
        together = [task for i, start in started.items() for task in self._of_all(i, start.tasks)]
        try:
            outcomes = iter(train_tasks(together, X, keep_going=True, **options))
        except Exception as error:  # noqa: BLE001
            # One of them breaks the stack, by a rule of its own for example: each by itself.
            for i, start in started.items():
                if len(started) == 1:
                    self.results[i] = error
                else:
                    self._train(X, {i: start}, **options)
            return
        for i, start in started.items():
            of_this = [next(outcomes) for _ in start.tasks]
            with self._keeping_the_error_of(i):
                self._end(i, X, start, of_this)

    def _of_all(self, i: int, tasks: list[Task]) -> list[Task]:
        rows = self.rows[i]
        return tasks if rows is None else [replace(task, rows=rows[task.rows]) for task in tasks]

    def _end(self, i: int, X: Any, start: _Start, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        rows = self.rows[i]
        own = X if rows is None else X[rows]
        self.detectors[i]._end_fit(own, start.known, start.tasks, outcomes)

    @contextmanager
    def _keeping_the_error_of(self, i: int) -> Iterator[None]:
        """Make an error of detector i its result, which fit_many returns or raises."""
        try:
            yield
        except Exception as error:  # noqa: BLE001
            self.results[i] = error


def _checked(estimator: Any) -> OutlierDetector:
    if not isinstance(estimator, (LOE, Backbone)):
        got = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise TypeError(
            f"fit_many: estimators must be instances of LOE or of a backbone; got {got}. Fit a "
            "Pipeline's transformers before, or search over it with LOESearchCV."
        )
    return clone(estimator)


def _backbone_of(detector: OutlierDetector) -> Any:
    """Return what checks the rows of a detector."""
    if isinstance(detector, Backbone):
        return detector
    first = next(iter(backbones_of(detector)), None)
    if not isinstance(first, Backbone):
        detector._check_parameters()  # raises: there is no backbone
    return first


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
    for own in map(np.asarray, rows):
        if own.ndim != 1 or own.dtype.kind not in "iu":
            raise ValueError(
                "fit_many: each entry of rows must be a 1-d array of row numbers; got an array of "
                f"{own.dtype} with shape {own.shape}. np.flatnonzero turns a mask into numbers."
            )
        outside = own[(own < 0) | (own >= n_samples)]
        if len(outside):
            raise ValueError(
                f"fit_many: the numbers in rows must be from 0 to {n_samples - 1}, those of the "
                f"{n_samples} rows of X; got {outside[0]}."
            )
        arrays.append(own.astype(np.int64))  # torch takes no other as indices
    return arrays
