"""What is to be trained, as values: a task for each model, and all tasks of one fit as a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from torch import nn

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix
from lofe_sklearn._detectors import PreparedRows
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
    def choose_max_epochs(self, n_samples: int, n_features: int) -> int: ...
    def choose_lr(self, n_features: int) -> float: ...
    def choose_loss_threshold(self, n_features: int) -> float | None: ...


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
    verbose : int
        Whether progress is shown.
    course : engine.Course
        What its label rule asks for besides labels.
    """

    model: Trainable
    rows: np.ndarray
    seed: int
    labelling: engine.Labelling
    features: np.ndarray | None = None
    exposure: engine.Exposure | None = None
    verbose: int = 0
    course: engine.Course = field(default_factory=engine.Course)

    @property
    def n_samples(self) -> int:
        """Number of rows the model is trained on."""
        return len(self.rows)

    def n_features(self, X: Matrix) -> int:
        """Return the number of features of X that the model sees."""
        return X.shape[1] if self.features is None else len(self.features)

    def own_rows(self, X: Matrix) -> Matrix:
        """Return the rows and features of X that this model is trained on."""
        whole = self.n_samples == X.shape[0] and np.array_equal(self.rows, np.arange(X.shape[0]))
        own = X if whole else X[self.rows]
        return own if self.features is None else own[:, self.features]


@dataclass(frozen=True, eq=False)
class Trained:
    """What became of a task.

    Parameters
    ----------
    module : torch.nn.Module
        On the CPU, in evaluation mode.
    scaling : pair of ndarray or None
        Shift and factor of its features.
    history : engine.TrainingHistory
    losses : ndarray of shape (2, n)
        Normal and anomaly losses of its own rows under the trained module.
    """

    module: nn.Module
    scaling: engine.Scaling | None
    history: engine.TrainingHistory
    losses: np.ndarray


# A model that diverged has an error in the place of its result.
Outcome: TypeAlias = Trained | TrainingDivergedError


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
    """

    rows: PreparedRows
    known: np.ndarray | None
    members: list[Task]
    folds: list[Fold] = field(default_factory=list)

    @property
    def tasks(self) -> list[Task]:
        """All tasks: those of the members, then those of the folds."""
        return [*self.members, *(task for fold in self.folds for task in fold.tasks)]

    def by_fold(self, trained: Sequence[Trained]) -> tuple[list[Trained], list[list[Trained]]]:
        """Split results in the order of `tasks` into those of the members and of each fold."""
        results: Iterator[Trained] = iter(trained)
        members = [next(results) for _ in self.members]
        return members, [[next(results) for _ in fold.tasks] for fold in self.folds]
