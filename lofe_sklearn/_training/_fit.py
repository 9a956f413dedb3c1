"""The fit of one detector, and of many on the same rows: check, plan, train, finish.

A detector checks its parameters and its rows, and says what is to be trained as a `Plan`. What is
planned is trained in stacks. Then the detector sets its fitted attributes. Many detectors do the
same, with all that they plan trained together.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from lofe_sklearn import engine
from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._bad_rows import blaming_rows
from lofe_sklearn._containers import Subset, count_rows
from lofe_sklearn._known_labels import Known, pair_of_masks, settled
from lofe_sklearn._prepared_rows import PreparedRows, RowReader
from lofe_sklearn._progress import job, part, tasks_of, with_callbacks
from lofe_sklearn._row_numbers import name_rows_of, naming_rows_of
from lofe_sklearn._take_rows import take_rows
from lofe_sklearn._training._fit_in_parts import fit_source
from lofe_sklearn._training._forward import locating
from lofe_sklearn._training._plannable import Memo, Plannable
from lofe_sklearn._training._task import Outcome, Plan, Task, Trained
from lofe_sklearn._training._train import train_tasks
from lofe_sklearn._types import RandomState
from lofe_sklearn._validation import warn_user
from lofe_sklearn.sources._find_source import in_memory, source_of

# Shares of a fit's time. What comes last has the rest.
_PLANNING, _TRAINING = 0.05, 0.9


@with_callbacks
def fit(detector: Plannable, X: Any, labels: Known, outliers: Any) -> None:
    """Fit a detector, or leave it as it was.

    Raises
    ------
    ValueError, TypeError
        If a parameter or the data cannot be used.
    TrainingDivergedError
        If a loss stops being finite; the detector is then unfitted.
    """
    tasks = tasks_of(detector)
    with all_or_nothing(detector) as fitted, engine.plain_torch():
        fitted._check_parameters()
        fitted._check_given(X)
        with job(type(detector).__name__, show=fitted._is_verbose(), other=tasks):
            _fit(fitted, X, labels, outliers)
    if tasks is not None:
        tasks.finish()


def _fit(detector: Plannable, X: Any, labels: Known, outliers: Any) -> None:
    owner, goes_on = type(detector).__name__, detector._goes_on_when_fitted()
    detector._start_anew()
    source = source_of(X, owner)
    if source is not None and not source.is_small:
        fit_source(detector, source, labels, outliers)
        return
    with part(_PLANNING, "reading rows"):
        rows = detector._prepare_rows(X, again=goes_on)
        known = labels.read(rows.X.shape[0], owner, X)
        names = rows.feature_names
        with blaming_rows(owner, rows.X, names), locating(names=names):
            detector._check_known(known)
            plan = detector._plan_fit(rows, known, outliers, {})
            if goes_on:
                plan = detector._going_on(plan, optimizer=False)
    with blaming_rows(owner, rows.X, names), locating(names=names):
        with part(_TRAINING):
            outcomes = train_tasks(
                plan.tasks,
                rows.X,
                keep_interrupted=detector._keeps_interrupted(),
                n_jobs=detector._jobs(),
            )
        with part(1.0, "scoring"):
            done, trained = plan.as_far_as_trained(outcomes)
            detector._finish_fit(done, trained)
    if _was_interrupted(plan, done, trained):
        warn_user(_interrupted(owner, plan, done, trained), ConvergenceWarning)


def _was_interrupted(plan: Plan, done: Plan, trained: Sequence[Trained]) -> bool:
    """Whether some of what was planned is not trained, or not for as long."""
    return len(done.tasks) < len(plan.tasks) or any(
        task.n_epochs != 0 if own.is_start_of(task) else own.history.interrupted
        for task, own in zip(done.tasks, trained, strict=True)
    )


def _interrupted(owner: str, plan: Plan, done: Plan, trained: Sequence[Trained]) -> str:
    """Say what an interrupted fit has left."""
    members = list(zip(done.members, trained, strict=False))
    n_epochs = [
        f"{own.history.n_iter[0]} of {task.max_epochs(plan.rows.X)} epochs"
        for task, own in members
        if own.history.interrupted and not own.is_start_of(task)
    ]
    parts = f", {len(n_epochs)} of them for {n_epochs[0]}" if n_epochs else ""
    n_stay = sum(own.is_start_of(task) and task.n_epochs != 0 for task, own in members)
    parts += f", {n_stay} of them as they were before" if n_stay else ""
    folds = "" if len(done.folds) == len(plan.folds) else " held_out_scores_ is None."
    return (
        f"{owner}: the fit was interrupted. {len(done.members)} of {len(plan.members)} members are "
        f"trained{parts}; the detector consists of them.{folds} Fit again for all of it."
    )


def fit_together(
    detectors: Sequence[Plannable],
    X: Any,
    rows: Sequence[np.ndarray | None],
    known: np.ndarray | None,
    outliers: Any,
    **options: Any,
) -> list[Exception | None]:
    """Fit many detectors in place, all that they plan in as few stacks as shapes allow.

    Parameters
    ----------
    detectors : sequence of Plannable
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    rows : sequence of ndarray of int or None
        The training rows of each detector; None for all.
    known : ndarray of int8, shape (n_samples,), or None
    outliers : array-like, str or None
        As ``fit`` takes them.
    **options
        Of `train_tasks`.

    Returns
    -------
    errors : list of Exception or None
        Why each detector could not be fitted; None for those that were.
    """
    source = source_of(X, "fit_many")
    if source is not None and not source.is_small and all(own is None for own in rows):
        return _fit_each(detectors, X, known, outliers)
    fits = _Fits(detectors, in_memory(X, "fit_many"), rows, known, outliers, options)
    with engine.plain_torch():
        fits.run()
    return fits.errors


def _fit_each(
    detectors: Sequence[Plannable], X: Any, known: np.ndarray | None, outliers: Any
) -> list[Exception | None]:
    """Fit detectors to a source, one after another; return the errors."""
    errors: list[Exception | None] = []
    for detector in detectors:
        try:
            with part(1 / len(detectors)):
                fit(detector, X, Known(pair_of_masks(known)), outliers)
            errors.append(None)
        except Exception as error:  # noqa: BLE001
            errors.append(error)
    return errors


class _Fits:
    """The fits of one call of `fit_together`."""

    def __init__(
        self,
        detectors: Sequence[Plannable],
        X: Any,
        rows: Sequence[np.ndarray | None],
        known: np.ndarray | None,
        outliers: Any,
        options: dict[str, Any],
    ) -> None:
        self.detectors, self.X, self.rows = detectors, X, rows
        self.known, self.outliers, self.options = known, outliers, options
        self.errors: list[Exception | None] = [None] * len(detectors)

    def run(self) -> None:
        """Fit the detectors, those whose backbones read rows in one way together."""
        kinds: dict[tuple[Hashable, ...], list[int]] = {}
        for i, detector in enumerate(self.detectors):
            with self._keeping_the_error_of(i):
                detector._check_parameters()
                detector._check_given(self.X)
                kind = tuple(map(_way_of_reading, detector._readers(fitted=False)))
                kinds.setdefault(kind, []).append(i)
        n_detectors = sum(map(len, kinds.values()))
        for members in kinds.values():
            with part(len(members) / n_detectors):
                self._fit(members)

    def _fit(self, members: list[int]) -> None:
        """Fit detectors whose backbones read rows in one way."""
        with part(_PLANNING, "reading rows"):
            try:
                rows = self.detectors[members[0]]._prepare_rows(self.X)
            except (ValueError, TypeError):
                rows = None
            plans = {} if rows is None else self._plans(members, rows)
            innocent = self._blame(members) if rows is None else []
        if rows is not None and plans:
            self._train(rows, plans)
        if innocent:
            self._fit_apart(innocent)

    def _blame(self, members: list[int]) -> list[int]:
        """Find out whose own rows cannot be trained on; return the other detectors."""
        innocent = []
        for i in members:
            own = self.rows[i]
            with self._keeping_the_error_of(i), naming_rows_of(own):
                self.detectors[i]._prepare_rows(self.X if own is None else take_rows(self.X, own))
                innocent.append(i)
        return innocent

    def _fit_apart(self, members: list[int]) -> None:
        """Fit detectors without the rows that none of them has, which cannot be trained on."""
        every_row = np.arange(count_rows(self.X, "X", "fit_many"))
        given = [self.rows[i] for i in members]
        numbers = [every_row if own is None else own for own in given]
        used = np.unique(np.concatenate(numbers))
        if len(used) < len(every_row):
            self._fit_subset(members, used, [np.searchsorted(used, mine) for mine in numbers])
            return
        for i, mine in zip(members, numbers, strict=True):  # only together they cannot be used
            with part(1 / len(members)):
                self._fit_subset([i], mine, [None])

    def _fit_subset(
        self, members: list[int], used: np.ndarray, own: Sequence[np.ndarray | None]
    ) -> None:
        """Fit detectors to the rows `used` of X alone; `own` are the numbers of theirs in these."""
        fits = _Fits(
            [self.detectors[i] for i in members],
            take_rows(self.X, used),
            own,
            None if self.known is None else self.known[used],
            self.outliers,
            self.options,
        )
        fits.run()
        name_rows_of(fits.errors, used)
        for i, error in zip(members, fits.errors, strict=True):
            self.errors[i] = error

    def _plans(self, members: list[int], rows: PreparedRows) -> dict[int, Plan]:
        """Ask each detector what it wants trained on its rows."""
        # Detectors of equal rows share one copy of them, which their plans keep.
        taken: dict[Subset, tuple[PreparedRows, Memo]] = {}
        plans: dict[int, Plan] = {}
        for i in members:
            detector, numbers = self.detectors[i], self.rows[i]
            with part(1 / len(members)), self._keeping_the_error_of(i):
                key = Subset(numbers)
                if key not in taken:
                    taken[key] = rows.take(numbers), {}
                owner, (own, memo) = type(detector).__name__, taken[key]
                if own.X.shape[0] < 2:
                    raise ValueError(
                        f"{owner}: Found array with {own.X.shape[0]} sample(s) (shape="
                        f"{own.X.shape}) while a minimum of 2 is required by {owner}."
                    )
                detector._adopt_rows(own)
                known = self.known if self.known is None or numbers is None else self.known[numbers]
                known = settled(known, owner)
                names = own.feature_names
                with blaming_rows(owner, own.X, names), locating(names=names):
                    detector._check_known(known)
                    plans[i] = detector._plan_fit(own, known, self.outliers, memo)
        return plans

    def _train(self, prepared: PreparedRows, plans: dict[int, Plan]) -> None:
        """Train all that is planned, and finish each fit."""
        tasks = [task for i, plan in plans.items() for task in self._of_all_rows(i, plan.tasks)]
        try:
            with part(_TRAINING), locating(names=prepared.feature_names):
                trained = train_tasks(tasks, prepared.X, keep_going=True, **self.options)
            outcomes = iter(trained)
        except Exception as error:
            # One of them breaks the stack, by a rule of its own for example: each by itself.
            for i, plan in plans.items():
                if len(plans) == 1:
                    with self._keeping_the_error_of(i), self._blaming_rows_of(i, plan):
                        raise error
                else:
                    with part(1 / len(plans)):
                        self._train(prepared, {i: plan})
            return
        with part(1.0, "scoring"):
            for i, plan in plans.items():
                of_this = [next(outcomes) for _ in plan.tasks]
                with (
                    part(1 / len(plans)),
                    self._keeping_the_error_of(i),
                    self._blaming_rows_of(i, plan),
                    locating(names=prepared.feature_names),
                ):
                    self.detectors[i]._finish_fit(plan, _all_trained(of_this))

    def _of_all_rows(self, i: int, tasks: list[Task]) -> list[Task]:
        """Return a detector's tasks with their rows numbered as those of X."""
        rows = self.rows[i]
        return tasks if rows is None else [replace(task, rows=rows[task.rows]) for task in tasks]

    def _blaming_rows_of(self, i: int, plan: Plan) -> AbstractContextManager[None]:
        return blaming_rows(type(self.detectors[i]).__name__, plan.rows.X, plan.rows.feature_names)

    @contextmanager
    def _keeping_the_error_of(self, i: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001
            self.errors[i] = error


def _way_of_reading(reader: RowReader) -> Hashable:
    """Return what two backbones have in common that lay out rows in one way."""
    return type(reader), *(repr(getattr(reader, name)) for name in reader.layout_parameters)


def _all_trained(outcomes: Sequence[Outcome]) -> list[Trained]:
    """Return the outcomes, or raise the first divergence among them."""
    trained = []
    for outcome in outcomes:
        if not isinstance(outcome, Trained):
            raise outcome
        trained.append(outcome)
    return trained


def draw_seeds(random_state: RandomState, n_members: int) -> list[int]:
    """One seed for each member; those of fewer members are the first of those of more.

    An integer is itself the first seed, so that a member trained alone with its own
    ``random_state`` is the same model as in the ensemble.
    """
    rng = check_random_state(random_state)
    drawn = [int(seed) for seed in rng.randint(np.iinfo(np.int32).max, size=n_members)]
    first = [int(random_state)] if isinstance(random_state, Integral) else drawn[:1]
    return first + drawn[1:]
