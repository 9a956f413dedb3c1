"""What is to be trained, as values: a task for each model, and all tasks of one fit as a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from torch import nn

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix
from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn._training._sketching import n_inputs_of
from lofe_sklearn.exceptions import TrainingDivergedError


class Trainable(Protocol):
    """What the training asks of a model: parameters, and hooks that a backbone may override."""

    @property
    def device(self) -> Any: ...
    @property
    def scaling(self) -> str | None: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def gradient_clip_value(self) -> float | None: ...
    @property
    def n_iter_no_change(self) -> int | None: ...
    @property
    def tol(self) -> float: ...
    def get_params(self, deep: bool = True) -> Mapping[str, Any]: ...
    def build_module(self, n_features: int) -> nn.Module: ...
    def choose_steps(self, n_features: int) -> int: ...
    def choose_max_epochs(self, n_samples: int, n_features: int) -> int: ...
    def choose_lr(self, n_features: int) -> float: ...
    def choose_loss_threshold(self, n_features: int) -> float | None: ...


@dataclass(frozen=True, eq=False)
class Start:
    """What the training of a model goes on from.

    Parameters
    ----------
    module : torch.nn.Module
        It is copied, never changed.
    scaling : tuple of ndarray or None
        Shift and factor of its features, which stay as they are.
    history : engine.TrainingHistory, optional
        That of the training before, if there was any.
    optimizer : engine.AdamState, optional
        Default: the optimiser starts anew.
    """

    module: nn.Module
    scaling: engine.Scaling | None
    history: engine.TrainingHistory | None = None
    optimizer: engine.AdamState | None = None


@dataclass(frozen=True, eq=False)
class Task:
    """One model to train.

    Parameters
    ----------
    model : Trainable
        With valid parameters, none of them open: what its rows decide is filled in. It is not
        changed.
    rows : ndarray of int, shape (n,)
        The rows of X that it is trained on.
    seed : int
    labelling : engine.Labelling
        How its rows are labelled.
    features : ndarray of int, optional
        The features of X that it sees. Default: all.
    exposure : engine.Exposure, optional
        Outliers that it is exposed to; it sees its features of them.
    kind : int
        Which of its detector's backbones the model is a copy of.
    course : engine.Course
        What its label rule asks for besides labels.
    start : Start, optional
        What it goes on from. Default: a new network.
    n_epochs : int, optional
        Epochs; 0 leaves the model as it starts. Default: as many as it chooses.
    """

    model: Trainable
    rows: np.ndarray
    seed: int
    labelling: engine.Labelling
    features: np.ndarray | None = None
    exposure: engine.Exposure | None = None
    kind: int = 0
    course: engine.Course = field(default_factory=engine.Course)
    start: Start | None = None
    n_epochs: int | None = None

    @property
    def n_samples(self) -> int:
        """Number of rows the model is trained on."""
        return len(self.rows)

    def n_inputs(self, X: Matrix) -> int:
        """Return how many values of a row of X its network is given."""
        n_features = X.shape[1] if self.features is None else len(self.features)
        if self.start is not None:
            return engine.n_inputs(self.start.scaling, n_features)
        return n_inputs_of(self.model.scaling, n_features)

    def max_epochs(self, X: Matrix) -> int:
        """Return the epochs that the model is trained for, unless it stops early."""
        if self.n_epochs is not None:
            return self.n_epochs
        return self.model.choose_max_epochs(self.n_samples, self.n_inputs(X))

    def scaling_key(self) -> tuple[bytes, ...] | None:
        """Return what models that go on have in common if they scale rows alike; else None."""
        if self.start is None:
            return None
        return tuple(part.tobytes() for part in self.start.scaling or ())

    def own_rows(self, X: Matrix) -> Matrix:
        """Return the rows and features of X that this model is trained on."""
        whole = self.n_samples == X.shape[0] and np.array_equal(self.rows, np.arange(X.shape[0]))
        own = X if whole else X[self.rows]
        return own if self.features is None else own[:, self.features]


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of a task.

    Parameters
    ----------
    module : torch.nn.Module
        On the CPU, in evaluation mode.
    scaling : tuple of ndarray or None
        Shift and factor of its features.
    history : engine.TrainingHistory
    losses : ndarray of shape (2, n)
        Normal and anomaly losses of its own rows under the trained module.
    optimizer : engine.AdamState, optional
        What a training with other rows goes on from.
    """

    module: nn.Module
    scaling: engine.Scaling | None
    history: engine.TrainingHistory
    losses: np.ndarray
    optimizer: engine.AdamState | None = None

    def is_start_of(self, task: Task) -> bool:
        """Whether it is what the task goes on from, as it was."""
        return task.start is not None and self.history is task.start.history


# A model that diverged, or that an interruption left untrained, has an error instead of its result.
Outcome: TypeAlias = Trained | TrainingDivergedError | KeyboardInterrupt


@dataclass(frozen=True, eq=False)
class Fold:
    """Models that are trained without some rows, to judge these.

    Parameters
    ----------
    held_out : ndarray of int
        The rows that they do not see.
    tasks : list of Task
    """

    held_out: np.ndarray
    tasks: list[Task]


@dataclass(frozen=True, eq=False)
class Plan:
    """All that one fit trains.

    Parameters
    ----------
    rows : PreparedRows
        The rows of the fit.
    known : ndarray of int8, shape (n_samples,), or None
        Their known labels.
    members : list of Task
    folds : list of Fold
    first_scores : callable, optional
        Scores other rows as the first labels' scores of the members are: for each of the detector's
        backbones ``X -> [scores or None, ...]``.
    """

    rows: PreparedRows
    known: np.ndarray | None
    members: list[Task]
    folds: list[Fold] = field(default_factory=list)
    first_scores: Callable[[Matrix], Sequence[np.ndarray | None]] | None = None

    @property
    def tasks(self) -> list[Task]:
        """All tasks: those of the members, then those of the folds."""
        return [*self.members, *(task for fold in self.folds for task in fold.tasks)]

    def by_fold(self, trained: Sequence[Trained]) -> tuple[list[Trained], list[list[Trained]]]:
        """Split results in the order of `tasks` into those of the members and of each fold."""
        results: Iterator[Trained] = iter(trained)
        members = [next(results) for _ in self.members]
        return members, [[next(results) for _ in fold.tasks] for fold in self.folds]

    def as_far_as_trained(self, outcomes: Sequence[Outcome]) -> tuple[Self, list[Trained]]:
        """Return a plan of what was trained of this one, and its results.

        Of the folds, all or none are left: held-out scores are of all rows. An interruption that
        left no member is raised, and so is a divergence.
        """
        done = {}
        for task, outcome in zip(self.tasks, outcomes, strict=True):
            if isinstance(outcome, TrainingDivergedError):
                raise outcome
            if isinstance(outcome, Trained):
                done[task] = outcome
        members = [task for task in self.members if task in done]
        if not members:
            raise next(outcome for outcome in outcomes if isinstance(outcome, KeyboardInterrupt))
        of_folds = [task for fold in self.folds for task in fold.tasks]
        folds = self.folds if all(task in done for task in of_folds) else []
        plan = replace(self, members=members, folds=folds)
        return plan, [done[task] for task in plan.tasks]
