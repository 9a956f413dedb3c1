"""Tasks in, trained modules out: tasks of equal shapes in one stack over one copy of the rows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from joblib import delayed

from lofe_sklearn import engine
from lofe_sklearn._config import config_context, get_config
from lofe_sklearn._containers import Matrix, Subset
from lofe_sklearn._progress import part
from lofe_sklearn._training._forward import locating, losses_of_stack
from lofe_sklearn._training._rows_of_jobs import for_jobs, rows_of
from lofe_sklearn._training._scaling import fit_scaling
from lofe_sklearn._training._spread_rows import SpreadRows
from lofe_sklearn._training._stack_jobs import Stacks, n_workers_for
from lofe_sklearn._training._stacking import scored_together, stacks_of, work_of
from lofe_sklearn._training._task import Outcome, Task, Trained
from lofe_sklearn.exceptions import TrainingDivergedError

# Rows a module sees in `prepare`: enough for a mean, few enough for one pass through the network.
PREPARE_ROWS = 4096
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
    goes_on: bool = False,
) -> list[Outcome]:
    """Train every task in as few stacks as their shapes and the memory allow.

    Parameters
    ----------
    tasks : sequence of Task
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated rows, of all tasks.
    keep_going : bool, default=False
        Return a model's divergence as its result, instead of raising it.
    keep_interrupted : bool, default=False
        If the user interrupts the training, return the trained models, and a KeyboardInterrupt
        instead of each other one; models that were to go on stay as they are. Models count as
        trained once labels were inferred in a whole epoch. One stack is then trained at a time. The
        interruption is raised if nothing is trained.
    max_memory : float, optional
        Bytes that the models of a stack may take. Default: half of what is free.
    n_jobs : int, optional
        Stacks trained at a time, by joblib; there are at least as many, if there are models enough,
        and if the training is worth the start of processes.
    goes_on : bool, default=False
        Whether the training goes on with other rows: the states of the optimisers are kept, and
        the rows are not scored, so that losses are empty.

    Returns
    -------
    outcomes : list of Trained, TrainingDivergedError or KeyboardInterrupt
        In the order of `tasks`.
    """
    outcomes: dict[int, Outcome] = _as_they_start(tasks, X)
    numbers = [i for i in range(len(tasks)) if i not in outcomes]
    with part(1.0, "stacking models") as training:
        own_tasks = [tasks[i] for i in numbers]
        n_workers = 1 if keep_interrupted else n_workers_for(own_tasks, X, n_jobs)
        stacks = stacks_of(own_tasks, X, max_memory=max_memory, n_workers=n_workers)
        stacks = [[numbers[i] for i in stack] for stack in stacks]
        of_stacks = [[tasks[i] for i in stack] for stack in stacks]
        if keep_interrupted:
            results = _until_interrupted(of_stacks, X, keep_going)
        else:
            work, rows = work_of(own_tasks, X), for_jobs(X)
            results = Stacks(training, len(stacks), n_workers)(
                delayed(_train_with)(
                    get_config(),
                    own,
                    rows,
                    keep_going,
                    share=work_of(own, X) / work,
                    goes_on=goes_on,
                )
                for own in of_stacks
            )
    for stack, of_stack in zip(stacks, results, strict=True):
        outcomes.update(zip(stack, of_stack, strict=True))
    return [outcomes[i] for i in range(len(tasks))]


def train_spread_tasks(tasks: Sequence[Task], X: SpreadRows) -> list[Outcome]:
    """Train tasks on rows that are spread over processes: all of these train every stack together.

    Raises
    ------
    TrainingDivergedError
        If a loss stops being finite.
    """
    outcomes: dict[int, Outcome] = {}
    with part(1.0, "stacking models"):
        # Each may have another amount of free memory; one of them decides.
        stacks = X.ranks.of_all(stacks_of(tasks, X, max_memory=None))[0]
        work = work_of(tasks, X)
        for stack in stacks:
            own = [tasks[i] for i in stack]
            share = work_of(own, X) / work
            outcomes.update(zip(stack, _train_stack(own, X, False, share=share), strict=True))
    return [outcomes[i] for i in range(len(tasks))]


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
        # Models that were to go on stay as they are.
        as_before = _as_they_start([replace(task, n_epochs=0) for task in own], X)
        results.append([as_before.get(i, KeyboardInterrupt()) for i in range(len(own))])
    return results


def _is_interrupted(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(each, Trained) and each.history.interrupted for each in outcomes)


def _train_with(config: dict[str, Any], *args: Any, **options: Any) -> list[Outcome]:
    """Train a stack in whichever thread or process joblib has put this call, with our settings."""
    with config_context(**config):
        return _train_stack(*args, **options)


def _train_stack(
    tasks: list[Task],
    X: Any,
    keep_going: bool,
    *,
    share: float,
    keep_interrupted: bool = False,
    goes_on: bool = False,
) -> list[Outcome]:
    """Train the tasks of one stack.

    It is the next `share` of the training.
    """
    several = f"{len(tasks)} " if len(tasks) > 1 else ""
    name = f"{several}{type(tasks[0].model).__name__}"
    with engine.plain_torch(), part(share, name) as progress:
        rows = rows_of(X)
        max_epochs = max(task.max_epochs(rows) for task in tasks)

        def on_epoch(epoch: int, objectives: np.ndarray) -> None:
            done = _EPOCHS * epoch / max_epochs
            loss = f"loss {np.mean(objectives):.3g}"
            progress.reach(done, f"{name}, epoch {epoch}/{max_epochs}", loss)

        return _train_together(tasks, rows, keep_going, keep_interrupted, goes_on, on_epoch)


def _train_together(
    tasks: list[Task],
    X: Matrix,
    keep_going: bool,
    keep_interrupted: bool,
    goes_on: bool,
    on_epoch: Callable[[int, np.ndarray], None],
) -> list[Outcome]:
    model, n_inputs = tasks[0].model, tasks[0].n_inputs(X)
    device = engine.resolve_device(model.device)
    rows, scalings = _rows_of(tasks, X, device)
    jobs = [_job(task, X, device) for task in tasks]
    modules = _modules_of(tasks, rows, jobs, n_inputs)
    optimizers = None
    if goes_on:
        starts = [task.start for task in tasks]
        optimizers = engine.OptimizerStates([each.optimizer if each else None for each in starts])
    settings = engine.TrainingSettings(
        batch_size=model.batch_size,
        gradient_clip_value=model.gradient_clip_value,
        n_iter_no_change=model.n_iter_no_change,
        tol=model.tol,
        loss_threshold=model.choose_loss_threshold(n_inputs),
    )
    history = engine.train(
        modules,
        rows,
        jobs,
        settings,
        keep_going=keep_going,
        keep_interrupted=keep_interrupted,
        on_epoch=on_epoch,
        optimizer_states=optimizers,
    )
    outcomes = _without_result(tasks, history)
    done = [m for m in range(len(tasks)) if m not in outcomes]
    # On the CPU: a pickle of it must load on a machine without the device it was trained on.
    trained = [modules[m].cpu().eval() for m in done]
    losses = [np.empty((2, 0))] * len(done)
    if not goes_on:
        losses = _losses([tasks[m] for m in done], trained, [scalings[m] for m in done], X)
    for i, m in enumerate(done):
        state = None if optimizers is None else optimizers.of_models[m]
        outcomes[m] = Trained(trained[i], scalings[m], history.of_model(m), losses[i], state)
    return [outcomes[m] for m in range(len(tasks))]


def _without_result(tasks: Sequence[Task], history: engine.TrainingHistory) -> dict[int, Outcome]:
    """Return the errors of tasks that have no trained module, by their numbers."""
    errors: dict[int, Outcome] = {
        m: TrainingDivergedError(text) for m, text in history.diverged.items()
    }
    for m, task in enumerate(tasks):
        # It ended in its warm-up, before any label was inferred.
        if history.interrupted and history.n_iter[m] <= task.labelling.warmup_epochs:
            errors.setdefault(m, KeyboardInterrupt())
    return errors


def _as_they_start(tasks: Sequence[Task], X: Matrix) -> dict[int, Outcome]:
    """Return the results of tasks that are not trained any more, by their numbers."""
    numbers = [i for i, task in enumerate(tasks) if task.n_epochs == 0 and task.start is not None]
    own = [tasks[i] for i in numbers]
    starts = [task.start for task in own if task.start is not None]
    losses = _losses(own, [start.module for start in starts], [s.scaling for s in starts], X)
    return {
        i: Trained(start.module, start.scaling, start.history, of_one, start.optimizer)
        for i, start, of_one in zip(numbers, starts, losses, strict=True)
        if start.history is not None
    }


def _losses(
    tasks: Sequence[Task],
    modules: Sequence[torch.nn.Module],
    scalings: Sequence[engine.Scaling | None],
    X: Matrix,
) -> list[np.ndarray]:
    """Both losses of each task's own rows under its trained module, (2, n) each."""
    found: dict[int, np.ndarray] = {}
    for group in scored_together(tasks):
        task, scaling = tasks[group[0]], scalings[group[0]]
        with locating(rows=task.rows, features=task.features):
            own = task.own_rows(X)
            losses = losses_of_stack(
                [modules[i] for i in group], own, scaling, task.model.device, task.rows
            )
        found.update({m: losses[:, i].copy() for i, m in enumerate(group)})
    return [found[m] for m in range(len(tasks))]


def _modules_of(
    tasks: Sequence[Task], rows: engine.Rows, jobs: Sequence[engine.Job], n_inputs: int
) -> list[torch.nn.Module]:
    """Build the modules and show them some rows, or copy those that tasks go on from."""
    starts = [task.start for task in tasks if task.start is not None]
    if starts:
        return [copy.deepcopy(start.module).to(rows.device).train() for start in starts]
    modules = engine.build_modules(
        [partial(task.model.build_module, n_inputs) for task in tasks],
        [task.seed for task in tasks],
        rows.device,
    )
    for m, (module, job) in enumerate(zip(modules, jobs, strict=True)):
        generator = torch.Generator().manual_seed(job.seed)
        some = torch.randperm(len(job.index), generator=generator)[:PREPARE_ROWS].to(rows.device)
        engine.prepare_module(module, rows.take(job.index[some].unsqueeze(0), [m])[0], job.seed)
    return modules


def _rows_of(
    tasks: list[Task], X: Matrix, device: torch.device
) -> tuple[engine.Rows, list[engine.Scaling | None]]:
    """Put X, and the outliers below it, on the device, and find each task's scaling."""
    if isinstance(X, SpreadRows):
        scaling = fit_scaling(X, tasks[0].model.scaling)
        shard = X.on_device([task.exposure for task in tasks], scaling, device)
        return shard, [scaling] * len(tasks)
    found: dict[tuple[Any, ...], engine.Scaling | None] = {}  # once for each fold
    keys = [(Subset(task.rows), Subset(task.features), task.scaling_key()) for task in tasks]
    for task, key in zip(tasks, keys, strict=True):
        if task.start is not None:
            found[key] = task.start.scaling
        elif key not in found:
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


def _job(task: Task, X: Matrix, device: torch.device) -> engine.Job:
    n_inputs = task.n_inputs(X)
    return engine.Job(
        index=torch.tensor(task.rows, device=device),
        labelling=task.labelling,
        seed=task.seed,
        max_epochs=task.max_epochs(X),
        lr=float(task.model.choose_lr(n_inputs)),
        weight_decay=float(task.model.weight_decay),
        exposure=task.exposure,
        course=task.course,
    )
