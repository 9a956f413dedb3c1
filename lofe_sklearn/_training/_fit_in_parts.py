"""Fits whose rows come in parts: those of a source of more rows than the memory, and `partial_fit`.

Both plan the models for a random sample of the rows, train them on parts of the rows, and decide
from the sample what `fit` decides from all rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn import engine
from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._bad_rows import blaming_rows
from lofe_sklearn._known_labels import Known
from lofe_sklearn._missing_codes import warn_of_codes_in_rows
from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn._progress import job, part
from lofe_sklearn._training._forward import locating
from lofe_sklearn._training._plannable import Plannable
from lofe_sklearn._training._scaling import fit_scaling
from lofe_sklearn._training._score_histogram import ScoreHistogram
from lofe_sklearn._training._seen_rows import SeenRows
from lofe_sklearn._training._session import Session
from lofe_sklearn._training._stream import Stream
from lofe_sklearn._training._task import Task
from lofe_sklearn.sources._find_source import source_of
from lofe_sklearn.sources._row_source import RowSource

# Shares of the time of a fit from a source.
_SURVEY, _TRAINING = 0.1, 0.75


def fit_source(detector: Plannable, source: RowSource, labels: Known, outliers: Any) -> None:
    """Fit a detector to the rows of a source, which are never in memory together.

    Raises
    ------
    ValueError
        If a parameter needs all rows at once, or rows cannot be read or trained on.
    TrainingDivergedError
        If a loss stops being finite.
    """
    detector._check_parts()
    owner, n_samples = type(detector).__name__, source.shape[0]
    goes_on = detector._goes_on_when_fitted()
    stream = Stream(detector, source, detector._n_models(n_samples), again=goes_on)
    with part(_SURVEY, "reading rows"):
        survey = stream.survey()
    rows, numbers = survey.rows, survey.numbers
    detector._adopt_rows(rows)
    warn_of_codes_in_rows(owner, rows.X, rows.feature_names, n_samples)
    known = labels.read(n_samples, owner, source.array)
    detector._check_known(known)
    of_sample = None if known is None else _or_none(_labels_of_sample(known, numbers))
    with blaming_rows(owner, rows.X, rows.feature_names), locating(names=rows.feature_names):
        with locating(rows=numbers):
            plan = detector._plan_fit(rows, of_sample, outliers, {})
        if goes_on:
            plan = detector._going_on(plan, optimizer=False)
        for task in plan.members:
            if task.start is None:  # others keep the scaling that they have
                survey.statistics.check(task.model.scaling, task.features)

        def scaling_of(task: Task) -> engine.Scaling | None:
            return survey.statistics.scaling(task.model.scaling, rows.X, task.features)

        def max_epochs(task: Task) -> int:
            return task.model.choose_max_epochs(n_samples, task.n_inputs(rows.X))

        with locating(rows=numbers):
            session = Session(plan, scaling_of, known)
        n_parts = stream.n_windows * max(map(max_epochs, plan.members))
        with part(_TRAINING / (1 - _SURVEY)):
            epoch = 0
            while session.is_running:
                _train_epoch(session, stream, known, epoch, 1 / n_parts)
                session.end_epoch(max_epochs)
                epoch += 1
        with locating(rows=numbers):
            detector._finish_fit(plan, session.trained())
        histogram = ScoreHistogram(detector._training_scores)
        for start, block in stream.blocks():
            with blaming_rows(owner, block, rows.feature_names, first_row=start):
                histogram.add(detector._scores_of(block))
    detector._forget_rows(n_samples, histogram.quantiles(), known)


def _train_epoch(
    session: Session, stream: Stream, known: np.ndarray | None, epoch: int, share: float
) -> None:
    """Train on each window of an epoch; each is a `share` of the training."""

    def is_warmup(task: Task) -> bool:
        return epoch < task.labelling.warmup_epochs

    for i, (rows, numbers) in enumerate(stream.windows(epoch)):
        own = None if known is None else known[numbers]
        with part(share), locating(rows=numbers):
            session.train(rows, own, (epoch, i), is_warmup, epoch)


def partial_fit(detector: Plannable, X: Any, labels: Known, outliers: Any) -> None:
    """Train a detector for one pass over rows that come after others.

    Raises
    ------
    ValueError
        If a parameter needs all rows at once, or the rows cannot be trained on.
    TrainingDivergedError
        If a loss stops being finite; the detector is then unfitted.
    """
    with all_or_nothing(detector) as fitted, engine.plain_torch():
        fitted._check_parameters()
        fitted._check_parts()
        with job(type(detector).__name__, show=fitted._is_verbose(), other=None):
            _fit_part(fitted, X, labels, outliers)


def _fit_part(detector: Plannable, X: Any, labels: Known, outliers: Any) -> None:
    owner, goes_on = type(detector).__name__, hasattr(detector, "offset_")
    source = source_of(X, owner)
    if source is not None and not source.is_small:
        raise ValueError(
            f"{owner}: partial_fit takes rows that are in memory; got a {source.name} of shape "
            f"{source.shape}. fit takes it as it is; or pass its rows in parts, as in "
            "partial_fit(X[start:stop])."
        )
    rows = detector._prepare_rows(X, again=goes_on)
    known = labels.read(rows.X.shape[0], owner, X)
    before = detector._seen_rows
    if before is None:
        before = SeenRows.none(rows.X.shape[1], rows.X.dtype, after_fit=goes_on)
    with blaming_rows(owner, rows.X, rows.feature_names), locating(names=rows.feature_names):
        seen = before.with_more(rows.X, known)
        sample = PreparedRows(seen.rows, rows.feature_names, rows.layout)
        detector._adopt_rows(sample)
        of_sample = _or_none(seen.known)
        detector._check_known(of_sample, again=before.n_parts > 0)
        plan = detector._plan_fit(sample, of_sample, outliers, {})
        if goes_on:
            plan = detector._going_on(plan, optimizer=True)
        session = Session(
            plan, lambda task: fit_scaling(task.own_rows(sample.X), task.model.scaling)
        )
        session.train(
            rows.X, known, (before.n_parts,), lambda task: detector._is_warmup(task, before)
        )
        session.end_epoch(lambda task: 1)
        n_steps = len(engine.batch_sizes(rows.X.shape[0], plan.members[0].model.batch_size))
        detector._finish_fit(plan, session.trained())
    detector._forget_rows(seen.n_seen)
    detector._seen_rows = seen.after(n_steps)


def _labels_of_sample(known: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the labels of some rows, among which are no more anomalies in share than among all."""
    own = known[numbers]
    anomalies = np.flatnonzero(own < 0)
    # In whole numbers: a share times the number of rows may be a little less than one.
    n_allowed = int((known < 0).sum()) * len(own) // len(known)
    own[anomalies[n_allowed:]] = 0
    return own


def _or_none(known: np.ndarray) -> np.ndarray | None:
    """Return labels, or None where none of them is known."""
    return known if known.any() else None
