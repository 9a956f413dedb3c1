"""Tasks in, trained modules out: tasks of equal shapes in one stack over one copy of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from joblib import Parallel, delayed

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix, Subset
from lofe_sklearn._progress import epoch_progress
from lofe_sklearn._training._scaling import fit_scaling
from lofe_sklearn._training._stacking import scored_together, stacks_of
from lofe_sklearn._training._task import Outcome, Task, Trained
from lofe_sklearn.exceptions import TrainingDivergedError, UnusableRowsError

# Rows a module sees in `prepare`: enough for a mean, few enough for one pass through the network.
_PREPARE_ROWS = 4096


def train_tasks(
    tasks: Sequence[Task],
    X: Matrix,
    *,
    keep_going: bool = False,
    max_memory: float | None = None,
    n_jobs: int | None = None,
    verbose: int | None = None,
) -> list[Outcome]:
    """Train every task in as few stacks as their shapes and the memory allow.

    Parameters
    ----------
    tasks : sequence of Task
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated rows, of all tasks.
    keep_going : bool, default=False
        Return a model's divergence in the place of its result, instead of raising it.
    max_memory : float, optional
        Bytes that the models of a stack may take. Default: half of what is free.
    n_jobs : int, optional
        Stacks trained at a time, by joblib.
    verbose : int, optional
        Whether progress is shown. Default: what the tasks say.

    Returns
    -------
    outcomes : list of Trained or TrainingDivergedError
        In the order of `tasks`.
    """
    if verbose is not None:
        tasks = [replace(task, verbose=verbose) for task in tasks]
    stacks = stacks_of(tasks, X, max_memory=max_memory)
    results = Parallel(n_jobs=n_jobs)(
        delayed(_train_stack)([tasks[i] for i in stack], X, keep_going) for stack in stacks
    )
    outcomes: dict[int, Outcome] = {}
    for stack, of_stack in zip(stacks, results, strict=True):
        outcomes.update(zip(stack, of_stack, strict=True))
    return [outcomes[i] for i in range(len(tasks))]


def losses_of(
    module: torch.nn.Module,
    X: Matrix,
    scaling: engine.Scaling | None,
    device: str | torch.device,
    rows: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Both losses of the rows of X under a trained module, (n,) each.

    Raises
    ------
    UnusableRowsError
        If a normal loss is not finite. It is said of which row; `rows` are the user's numbers of
        those of X, where they are not all.
    """
    losses = losses_of_stack([module], X, scaling, device, rows)
    return losses[0, 0], losses[1, 0]


def losses_of_stack(
    modules: Sequence[torch.nn.Module],
    X: Matrix,
    scaling: engine.Scaling | None,
    device: str | torch.device,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Both losses of the rows of X under M trained modules of equal settings, (2, M, n).

    Raises
    ------
    UnusableRowsError
        As `losses_of`.
    """
    losses = engine.losses_of_stack(
        modules, X, scaling=scaling, device=engine.resolve_device(device)
    )
    bad = np.flatnonzero(~np.isfinite(losses[0]).all(axis=0))
    if len(bad):
        row = bad[0] if rows is None else rows[bad[0]]
        raise UnusableRowsError(
            f"the score of row {row} is not finite: its values are too large for the network. "
            "Bring the features to a common scale (scaling='minmax')."
        )
    return losses


def embeddings_of(
    module: torch.nn.Module,
    X: Matrix,
    scaling: engine.Scaling | None,
    device: str | torch.device,
) -> np.ndarray:
    """Embed the rows of X by a trained module, (n, e).

    Raises
    ------
    UnusableRowsError
        If a value is not finite.
    """
    embedded = engine.embeddings(module, X, scaling=scaling, device=engine.resolve_device(device))
    bad = np.flatnonzero(~np.isfinite(embedded).all(axis=1))
    if len(bad):
        raise UnusableRowsError(
            f"the embedding of row {bad[0]} is not finite: its values are too large for the "
            "network. Bring the features to a common scale (scaling='minmax')."
        )
    return embedded


@contextmanager
def locating(
    *,
    rows: np.ndarray | None = None,
    features: np.ndarray | None = None,
    names: Sequence[str] | np.ndarray | None = None,
) -> Iterator[None]:
    """Say of a value that is too large where it is in the rows of the user.

    Parameters
    ----------
    rows, features : ndarray of int, optional
        Which of the user's rows and features those are that are computed with. Default: all.
    names : sequence of str, optional
        Names of the user's features.
    """
    try:
        yield
    except engine.TooLargeError as error:
        if rows is not None and error.what == "X":
            error.row = int(rows[error.row])
        if features is not None:
            error.column = int(features[error.column])
        if names is not None:
            error.names = names
        raise


def _train_stack(tasks: list[Task], X: Matrix, keep_going: bool) -> list[Outcome]:
    """Train the tasks of one stack, in whichever thread or process joblib has put this call."""
    with engine.plain_torch():
        return _train_together(tasks, X, keep_going)


def _train_together(tasks: list[Task], X: Matrix, keep_going: bool) -> list[Outcome]:
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
    show = max(task.verbose for task in tasks) > 0
    with epoch_progress(type(model).__name__, max_epochs, show=show) as on_epoch:
        history = engine.train(
            modules, rows, jobs, settings, keep_going=keep_going, on_epoch=on_epoch
        )
    outcomes: dict[int, Outcome] = {
        m: TrainingDivergedError(text) for m, text in history.diverged.items()
    }
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
