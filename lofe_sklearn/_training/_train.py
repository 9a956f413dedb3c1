"""Tasks in, trained modules out: tasks of equal shapes in one stack over one copy of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs

from lofe_sklearn import engine
from lofe_sklearn._config import config_context, get_config
from lofe_sklearn._containers import Matrix, Subset
from lofe_sklearn._progress import Part, part
from lofe_sklearn._training._forward import locating, losses_of_stack
from lofe_sklearn._training._scaling import fit_scaling
from lofe_sklearn._training._stacking import scored_together, stacks_of, work_of
from lofe_sklearn._training._task import Outcome, Task, Trained
from lofe_sklearn.exceptions import TrainingDivergedError

# Rows a module sees in `prepare`: enough for a mean, few enough for one pass through the network.
_PREPARE_ROWS = 4096
# The share of a stack's time that its epochs take; the rest is for the scores of its rows.
_EPOCHS = 0.95


def train_tasks(
    tasks: Sequence[Task],
    X: Matrix,
    *,
    keep_going: bool = False,
    keep_interrupted: bool = False,
    max_memory: float | None = None,
    n_jobs: int | None = None,
    split: bool = False,
) -> list[Outcome]:
    """Train every task in as few stacks as their shapes and the memory allow.

    Parameters
    ----------
    tasks : sequence of Task
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated rows, of all tasks.
    keep_going : bool, default=False
        Return a model's divergence in the place of its result, instead of raising it.
    keep_interrupted : bool, default=False
        Where the user interrupts the training, return what is trained, and a KeyboardInterrupt in
        the place of all else. Models count as trained once labels were inferred in a whole epoch.
        One stack is then trained at a time. The interruption is raised if nothing is trained.
    max_memory : float, optional
        Bytes that the models of a stack may take. Default: half of what is free.
    n_jobs : int, optional
        Stacks trained at a time, by joblib.
    split : bool, default=False
        Split what could be one stack into as many as are trained at a time.

    Returns
    -------
    outcomes : list of Trained, TrainingDivergedError or KeyboardInterrupt
        In the order of `tasks`.
    """
    with part(1.0, "stacking models") as training:
        n_parts = effective_n_jobs(n_jobs) if split and not keep_interrupted else 1
        stacks = stacks_of(tasks, X, max_memory=max_memory, n_parts=n_parts)
        of_stacks = [[tasks[i] for i in stack] for stack in stacks]
        if keep_interrupted:
            results = _until_interrupted(of_stacks, X, keep_going)
        else:
            work = work_of(tasks, X)
            results = _Stacks(training, len(stacks), n_jobs=n_jobs)(
                delayed(_train_with)(get_config(), own, X, keep_going, share=work_of(own, X) / work)
                for own in of_stacks
            )
    outcomes: dict[int, Outcome] = {}
    for stack, of_stack in zip(stacks, results, strict=True):
        outcomes.update(zip(stack, of_stack, strict=True))
    return [outcomes[i] for i in range(len(tasks))]


class _Stacks(Parallel):
    """Train stacks by joblib, and count those that end in other threads and processes.

    Parameters
    ----------
    training : Part
        The progress of all of them.
    n_stacks : int
    **options
        Of `joblib.Parallel`.
    """

    def __init__(self, training: Part, n_stacks: int, **options: Any) -> None:
        super().__init__(**options)
        self._training, self._n_stacks = training, n_stacks

    def print_progress(self) -> None:
        """Move the bar; joblib calls this whenever a stack ends."""
        super().print_progress()
        if not self._training.is_own():  # else the stack has moved it
            n_done = self.n_completed_tasks
            self._training.reach(n_done / self._n_stacks, f"{n_done}/{self._n_stacks} stacks")


def _until_interrupted(
    of_stacks: Sequence[list[Task]], X: Matrix, keep_going: bool
) -> list[list[Outcome]]:
    """Train one stack after the other, until the user has enough."""
    results: list[list[Outcome]] = []
    work = sum(work_of(own, X) for own in of_stacks)
    try:
        for own in of_stacks:
            share = work_of(own, X) / work
            results.append(_train_stack(own, X, keep_going, share=share, keep_interrupted=True))
            if _is_interrupted(results[-1]):
                break
    except KeyboardInterrupt:
        if not results:
            raise
    for own in of_stacks[len(results) :]:
        results.append([KeyboardInterrupt() for _ in own])
    return results


def _is_interrupted(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(each, Trained) and each.history.interrupted for each in outcomes)


def _train_with(config: dict[str, Any], *args: Any, **options: Any) -> list[Outcome]:
    """Train a stack in whichever thread or process joblib has put this call, with our settings."""
    with config_context(**config):
        return _train_stack(*args, **options)


def _train_stack(
    tasks: list[Task],
    X: Matrix,
    keep_going: bool,
    *,
    share: float,
    keep_interrupted: bool = False,
) -> list[Outcome]:
    """Train the tasks of one stack.

    It is the next `share` of the training.
    """
    several = f"{len(tasks)} " if len(tasks) > 1 else ""
    name = f"{several}{type(tasks[0].model).__name__}"
    with engine.plain_torch(), part(share, name) as progress:
        return _train_together(tasks, X, keep_going, keep_interrupted, name, progress)


def _train_together(
    tasks: list[Task],
    X: Matrix,
    keep_going: bool,
    keep_interrupted: bool,
    name: str,
    progress: Part,
) -> list[Outcome]:
    model, n_features = tasks[0].model, tasks[0].n_features(X)
    device = engine.resolve_device(model.device)
    rows, scalings = _rows_of(tasks, X, device)
    jobs = [_job(task, n_features, device) for task in tasks]
    modules = engine.build_modules(
        [partial(task.model.build_module, n_features) for task in tasks],
        [task.seed for task in tasks],
        device,
    )
    for m, (module, job) in enumerate(zip(modules, jobs, strict=True)):
        generator = torch.Generator().manual_seed(job.seed)
        some = torch.randperm(len(job.index), generator=generator)[:_PREPARE_ROWS].to(device)
        engine.prepare_module(module, rows.take(job.index[some].unsqueeze(0), [m])[0])

    settings = engine.TrainingSettings(
        batch_size=model.batch_size,
        gradient_clip_value=model.gradient_clip_value,
        n_iter_no_change=model.n_iter_no_change,
        tol=model.tol,
        loss_threshold=model.choose_loss_threshold(n_features),
    )
    max_epochs = max(job.max_epochs for job in jobs)

    def on_epoch(epoch: int, objectives: np.ndarray) -> None:
        done = _EPOCHS * epoch / max_epochs
        loss = f"loss {np.mean(objectives):.3g}"
        progress.reach(done, f"{name}, epoch {epoch}/{max_epochs}", loss)

    history = engine.train(
        modules,
        rows,
        jobs,
        settings,
        keep_going=keep_going,
        keep_interrupted=keep_interrupted,
        on_epoch=on_epoch,
    )
    outcomes: dict[int, Outcome] = {
        m: TrainingDivergedError(text) for m, text in history.diverged.items()
    }
    for m, task in enumerate(tasks):
        # It ended in its warm-up, before any label was inferred.
        if history.interrupted and history.n_iter[m] <= task.labelling.warmup_epochs:
            outcomes.setdefault(m, KeyboardInterrupt())
    done = [m for m in range(len(tasks)) if m not in outcomes]
    for numbers in scored_together([tasks[m] for m in done]):
        group = [done[i] for i in numbers]
        task, scaling = tasks[group[0]], scalings[group[0]]
        # On the CPU: a pickle of it must load on a machine without the device it was trained on.
        trained = [modules[m].cpu().eval() for m in group]
        with locating(rows=task.rows, features=task.features):
            own = task.own_rows(X)
            losses = losses_of_stack(trained, own, scaling, model.device, task.rows)
        for i, m in enumerate(group):
            outcomes[m] = Trained(trained[i], scaling, history.of_model(m), losses[:, i].copy())
    return [outcomes[m] for m in range(len(tasks))]


def _rows_of(
    tasks: list[Task], X: Matrix, device: torch.device
) -> tuple[engine.Rows, list[engine.Scaling | None]]:
    """Put X, and the outliers below it, on the device, and find each task's scaling."""
    found: dict[tuple[Subset, Subset], engine.Scaling | None] = {}  # once for each fold
    keys = [(Subset(task.rows), Subset(task.features)) for task in tasks]
    for task, key in zip(tasks, keys, strict=True):
        if key not in found:
            with locating(rows=task.rows, features=task.features):
                found[key] = fit_scaling(task.own_rows(X), task.model.scaling)
    scalings = [found[key] for key in keys]
    exposures = [task.exposure for task in tasks]
    if len(found) == 1 and tasks[0].own_rows(X) is X:
        return engine.Rows(X, exposures=exposures, scaling=scalings[0], device=device), scalings

    chosen = [task.features for task in tasks if task.features is not None]
    rows = engine.RowsOfModels(
        X,
        exposures=exposures,
        scalings=scalings,
        features=np.stack(chosen) if chosen else None,
        device=device,
    )
    checked = set()
    for m, (task, key) in enumerate(zip(tasks, keys, strict=True)):
        if key in checked:
            continue
        checked.add(key)
        with locating(features=task.features):
            rows.check_magnitudes(torch.tensor(task.rows, device=device), m)
            if task.exposure is not None:
                rows.check_magnitudes(rows.index_of(task.exposure), m)
    return rows, scalings


def _job(task: Task, n_features: int, device: torch.device) -> engine.Job:
    return engine.Job(
        index=torch.tensor(task.rows, device=device),
        labelling=task.labelling,
        seed=task.seed,
        max_epochs=task.model.choose_max_epochs(task.n_samples, n_features),
        lr=float(task.model.choose_lr(n_features)),
        weight_decay=float(task.model.weight_decay),
        exposure=task.exposure,
        course=task.course,
    )
