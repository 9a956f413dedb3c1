"""Models in training whose rows come in parts: windows of a source, or calls of `partial_fit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix
from lofe_sklearn._known_labels import contamination_with_known, unknown_share
from lofe_sklearn._training._forward import locating
from lofe_sklearn._training._task import Plan, Start, Task, Trained
from lofe_sklearn._training._train import PREPARE_ROWS, train_tasks

# Finds the scaling of a task's features.
FitScaling = Callable[[Task], engine.Scaling | None]


@dataclass(eq=False)
class _Model:
    """One model, as far as it is trained.

    Attributes
    ----------
    task : Task
    start : Start
    parts : list of (n, objective, loss_n, loss_a, loss_kept)
        What the parts of the current epoch gave: their rows, and means over them.
    epochs : list of (objective, loss_n, loss_a, loss_kept)
    best, waited : float, int
        The lowest objective, and the epochs since it has fallen to it.
    """

    task: Task
    start: Start
    parts: list[tuple[float, ...]] = field(default_factory=list)
    epochs: list[np.ndarray] = field(default_factory=list)
    best: float = np.inf
    waited: int = 0
    is_running: bool = True


class Session:
    """Train the models of a plan on rows that come in parts.

    The plan is made for a sample of the rows. Each part is one epoch of a training in memory: its
    rows are shuffled, and labels are inferred among them, for the batch or for the part.

    Parameters
    ----------
    plan : Plan
    scaling_of : callable
        Finds the scaling of a task that starts with a new network.
    known : ndarray of int8 or None
        Known labels of all rows, where all rows are known.
    """

    def __init__(self, plan: Plan, scaling_of: FitScaling, known: np.ndarray | None = None) -> None:
        self._plan = plan
        X = plan.rows.X
        self._models = [
            _Model(_of_all_rows(task, known), task.start or _begin(task, X, scaling_of(task)))
            for task in plan.members
        ]
        for model in self._models:
            model.is_running = model.task.n_epochs != 0

    @property
    def is_running(self) -> bool:
        """Whether there is a model to train."""
        return any(model.is_running for model in self._models)

    def train(
        self,
        X: Matrix,
        known: np.ndarray | None,
        part: Sequence[int],
        is_warmup: Callable[[Task], bool],
        epoch: int | None = None,
    ) -> None:
        """Train for one epoch on a part of the rows.

        Parameters
        ----------
        X : Matrix
        known : ndarray of int8 or None
            Known labels of its rows.
        part : sequence of int
            Its number, by which its rows are shuffled.
        is_warmup : callable
            Whether a model is still trained with its first labels.
        epoch : int, optional
            The number of the epoch, which decides about the label rule. Default: beyond all in
            which another one holds.

        Raises
        ------
        TrainingDivergedError
            If a loss of a model is not finite.
        """
        running = [model for model in self._models if model.is_running]
        first_scores: Sequence[np.ndarray | None] = []
        warm = [is_warmup(model.task) for model in running]
        if any(warm) and self._plan.first_scores is not None:
            first_scores = self._plan.first_scores(X)
        tasks = []
        for model, is_first in zip(running, warm, strict=True):
            own = model.task.labelling
            labelling = replace(
                own,
                rule=own.rule if epoch is None else own.rule_in(epoch),
                first_rule=None,
                warmup_epochs=int(is_first),
                first_scores=first_scores[model.task.kind] if is_first and first_scores else None,
                known=known if known is not None and known.any() else None,
            )
            [seed] = np.random.SeedSequence([model.task.seed, *part]).generate_state(1)
            tasks.append(
                replace(
                    model.task,
                    rows=np.arange(X.shape[0]),
                    seed=int(seed),
                    labelling=labelling,
                    start=model.start,
                    n_epochs=1,
                )
            )
        for model, done in zip(running, train_tasks(tasks, X, goes_on=True), strict=True):
            if not isinstance(done, Trained):
                raise done
            history = done.history
            means = (history.objective, history.loss_n, history.loss_a, history.loss_kept)
            known_means = [float(each[0, 0]) for each in means if each is not None]
            model.parts.append((X.shape[0], *known_means))
            model.start = Start(done.module, done.scaling, None, done.optimizer)

    def end_epoch(self, max_epochs: Callable[[Task], int]) -> None:
        """End an epoch; models that have trained enough stop."""
        for model in self._models:
            if not model.is_running:
                continue
            model.epochs.append(mean_of_parts(model.parts))
            model.parts = []
            done = len(model.epochs) >= max_epochs(model.task)
            model.is_running = not (done or self._has_converged(model))

    def _has_converged(self, model: _Model) -> bool:
        """Whether a model stops early, by the rules of a training in memory."""
        trainable, (objective, *_, loss_kept) = model.task.model, model.epochs[-1]
        if len(model.epochs) <= model.task.labelling.settled_epoch:
            return False  # it minimises another objective, which later ones need not fall below
        has_fallen = objective < model.best - trainable.tol
        model.waited = 0 if has_fallen else model.waited + 1
        model.best = objective if has_fallen else model.best
        n_inputs = model.task.n_inputs(self._plan.rows.X)
        least, patience = trainable.choose_loss_threshold(n_inputs), trainable.n_iter_no_change
        return (least is not None and bool(loss_kept < least)) or (
            patience is not None and model.waited >= patience
        )

    def trained(self) -> list[Trained]:
        """Return the models, with the losses of the rows that the plan was made for."""
        tasks = [
            replace(model.task, start=replace(model.start, history=_history(model)), n_epochs=0)
            for model in self._models
        ]
        done = train_tasks(tasks, self._plan.rows.X)
        return [each for each in done if isinstance(each, Trained)]


def _begin(task: Task, X: Matrix, scaling: engine.Scaling | None) -> Start:
    """Build a network, and show it some of the rows that the plan was made for."""
    device, rows = torch.device("cpu"), task.own_rows(X)
    build = partial(task.model.build_module, task.n_inputs(X))
    [module] = engine.build_modules([build], [task.seed], device)
    generator = torch.Generator().manual_seed(task.seed)
    some = torch.randperm(rows.shape[0], generator=generator)[:PREPARE_ROWS].numpy()
    with locating(rows=some, features=task.features):
        shown = engine.Rows(rows[some], scaling=scaling, device=device)
    engine.prepare_module(module, shown.take(torch.arange(len(shown))), task.seed)
    return Start(module, scaling)


def _of_all_rows(task: Task, known: np.ndarray | None) -> Task:
    """Return a task whose unknown share is that of all rows, not of those of the plan."""
    if known is None or task.labelling.alpha == 0:
        return task
    assumed = task.model.get_params(deep=False)["contamination"]
    alpha = unknown_share(contamination_with_known(assumed, known), known, len(known))
    return replace(task, labelling=replace(task.labelling, alpha=alpha))


def mean_of_parts(parts: list[tuple[float, ...]]) -> np.ndarray:
    """Return the means over an epoch's rows, of its parts' numbers of rows and means over them.

    A part without rows that are trained as normal has no loss of such rows, NaN, and does not count
    in that mean; NaN if all parts are so.
    """
    n_rows, *means = np.array(parts).T
    some = np.ma.array(means, mask=np.isnan(means))
    return np.asarray(np.ma.filled(np.ma.average(some, axis=1, weights=n_rows), np.nan))


def _history(model: _Model) -> engine.TrainingHistory:
    """Return means over the epochs; labels are not kept."""
    if not model.epochs and model.start.history is not None:
        return model.start.history
    # The layouts that pickles give, so that joblib.hash does not change in them.
    objective, loss_n, loss_a, kept = np.array(model.epochs).T[:, :, None].copy()
    n_epochs = len(model.epochs)
    nothing = [np.zeros(0, dtype=np.uint8).reshape(1, 0)] * n_epochs
    n_iter, n_rows = np.array([n_epochs]), np.array([0])
    return engine.TrainingHistory(
        objective, loss_n, loss_a, n_iter, {}, nothing, n_rows, loss_kept=kept
    )
