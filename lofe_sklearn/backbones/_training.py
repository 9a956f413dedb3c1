"""From validated rows to fitted backbones: what `Backbone`, `LOE` and `fit_many` share.

An estimator says what it wants trained as a list of `Task`, one for each model. Tasks of equal
shapes are trained in one stack over one copy of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from joblib import Parallel, delayed
from scipy import sparse
from sklearn.utils import check_random_state

from lofe_sklearn import engine
from lofe_sklearn._progress import epoch_progress
from lofe_sklearn.backbones._outliers import OutliersBelow
from lofe_sklearn.backbones._scaling import fit_scaling
from lofe_sklearn.backbones._stacking import stacks_of
from lofe_sklearn.exceptions import TrainingDivergedError

if TYPE_CHECKING:
    from lofe_sklearn.backbones._base import Backbone

# Rows a module sees in `prepare`: enough for a mean, few enough for one pass through the network.
_PREPARE_ROWS = 4096


@dataclass(eq=False)
class Task:
    """One model to train.

    Parameters
    ----------
    member : Backbone
        With valid parameters, after its `_check_training_rows`; it is fitted in place.
    rows : ndarray of int, shape (n,)
        The rows of X that it is trained on.
    seed : int
    rule : callable
        The label rule.
    contamination : float
        Share of anomalies among its rows; that among those of unknown label follows from it.
    known : ndarray of int8, shape (n,), optional
        Known labels of its rows.
    first_scores : ndarray of shape (n,), optional
        The higher, the more anomalous: they label its rows during the warm-up.
    warmup_epochs : int
    per_epoch : bool
        Whether labels are inferred once an epoch, instead of in each batch.
    features : ndarray of int, optional
        The features of X that it sees. Default: all.
    known_weight : float, optional
        How much the mean over the rows of known label counts beside that over the others.
    outliers : {ndarray, CSR matrix} of shape (m, n_features), optional
        Rows that are anomalies and none of its own; it sees its features of them.
    outlier_weight : float
        How much their mean anomaly loss counts beside the mean over its own rows.
    verbose : int, optional
        Whether progress is shown. Default: what the member says.
    """

    member: Backbone
    rows: np.ndarray
    seed: int
    rule: engine.Rule
    contamination: float
    known: np.ndarray | None = None
    first_scores: np.ndarray | None = None
    warmup_epochs: int = 0
    per_epoch: bool = False
    features: np.ndarray | None = None
    known_weight: float | None = None
    outliers: np.ndarray | sparse.csr_matrix | None = None
    outlier_weight: float = 1.0
    verbose: int | None = None

    @property
    def n_samples(self) -> int:
        """Number of rows the model is trained on."""
        return len(self.rows)

    def own_rows(self, X: np.ndarray | sparse.csr_matrix) -> np.ndarray | sparse.csr_matrix:
        """Return the rows and features of X that this model is trained on."""
        whole = self.n_samples == X.shape[0] and np.array_equal(self.rows, np.arange(X.shape[0]))
        own = X if whole else X[self.rows]
        return own if self.features is None else own[:, self.features]

    @property
    def alpha(self) -> float:
        """Share of anomalies among its rows of unknown label."""
        return unknown_ratio(self.contamination, self.known, self.n_samples)


# What was found out about the rows of one fit, for other fits on the same rows.
Memo = dict[Any, Any]
# Both losses of a model's own rows, (2, n), or why there are none.
Outcome = np.ndarray | TrainingDivergedError


def train_tasks(
    tasks: Sequence[Task],
    X: np.ndarray | sparse.csr_matrix,
    *,
    keep_going: bool = False,
    max_memory: float | None = None,
    n_jobs: int | None = None,
) -> list[Outcome]:
    """Train every task in as few stacks as their shapes and the memory allow.

    Parameters
    ----------
    tasks : sequence of Task
        Their members are fitted in place.
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated rows, of all tasks.
    keep_going : bool, default=False
        Return a model's divergence in the place of its losses, instead of raising it.
    max_memory : float, optional
        Bytes that the models of a stack may take. Default: half of what is free.
    n_jobs : int, optional
        Stacks trained at a time, by joblib.

    Returns
    -------
    outcomes : list of ndarray of shape (2, n) or TrainingDivergedError
        Normal and anomaly losses of each task's own rows under its trained model.
    """
    stacks = stacks_of(tasks, X, max_memory=max_memory)
    trained = Parallel(n_jobs=n_jobs)(
        delayed(_train_stack)([tasks[i] for i in stack], X, keep_going) for stack in stacks
    )
    outcomes: dict[int, Outcome] = {}
    for stack, results in zip(stacks, trained, strict=True):
        for i, (attributes, outcome) in zip(stack, results, strict=True):
            tasks[i].member.__dict__.update(attributes)
            outcomes[i] = outcome
    return [outcomes[i] for i in range(len(tasks))]


def _train_stack(
    tasks: list[Task], X: np.ndarray | sparse.csr_matrix, keep_going: bool
) -> list[tuple[dict[str, Any], Outcome]]:
    """Train the tasks of one stack; return each one's fitted attributes and its outcome."""
    first = tasks[0].member
    device = engine.resolve_device(first.device)
    n_features = X.shape[1] if tasks[0].features is None else len(tasks[0].features)
    index = [torch.from_numpy(task.rows).to(device) for task in tasks]
    outliers = OutliersBelow(tasks, X)
    rows, scalings = _rows_of(tasks, X, outliers, device)

    seeds = [task.seed for task in tasks]
    modules = engine.build_modules(
        [partial(task.member.build_module, n_features) for task in tasks], seeds, device
    )
    for m, module in enumerate(modules):
        generator = torch.Generator().manual_seed(seeds[m])
        some = torch.randperm(len(index[m]), generator=generator)[:_PREPARE_ROWS].to(device)
        engine.prepare_module(module, rows.take(index[m][some].unsqueeze(0), [m])[0])

    jobs = [
        replace(_job(task, own, n_features), exposure=outliers.exposure(task, device))
        for task, own in zip(tasks, index, strict=True)
    ]
    settings = engine.TrainingSettings(
        batch_size=first.batch_size,
        gradient_clip_value=first.gradient_clip_value,
        n_iter_no_change=first.n_iter_no_change,
        tol=first.tol,
        loss_threshold=first.choose_loss_threshold(n_features),
    )
    max_epochs = max(job.max_epochs for job in jobs)
    verbose = [task.member.verbose if task.verbose is None else task.verbose for task in tasks]
    with epoch_progress(type(first).__name__, max_epochs, show=max(verbose) > 0) as on_epoch:
        history = engine.train(
            modules, rows, jobs, settings, keep_going=keep_going, on_epoch=on_epoch
        )
    results: list[tuple[dict[str, Any], Outcome]] = []
    for m, (task, module) in enumerate(zip(tasks, modules, strict=True)):
        if m in history.diverged:
            results.append(({}, TrainingDivergedError(history.diverged[m])))
        else:
            results.append(_fitted(task, module, scalings[m], history.of_model(m), X))
    return results


def _rows_of(
    tasks: list[Task],
    X: np.ndarray | sparse.csr_matrix,
    outliers: OutliersBelow,
    device: torch.device,
) -> tuple[engine.Rows, list]:
    """Put X, and the outliers below it, on the device, and find each task's scaling."""
    scalings: list = []
    found: dict[Any, Any] = {}  # once for each fold, which many tasks are trained on
    for task in tasks:
        key = task.rows.tobytes(), None if task.features is None else task.features.tobytes()
        if key not in found:
            found[key] = fit_scaling(task.own_rows(X), task.member.scaling_)
        scalings.append(found[key])
    if len(found) == 1 and tasks[0].features is None:
        own = tasks[0].own_rows(X)
        if own is X:
            whole = engine.Rows(outliers.stacked(X), scaling=scalings[0], device=device)
            return whole, scalings
    chosen = [task.features for task in tasks if task.features is not None]
    features = np.stack(chosen) if chosen else None
    rows = engine.RowsOfModels(
        outliers.stacked(X), scalings=scalings, features=features, device=device
    )
    checked: set[int] = set()
    for m, (task, scaling) in enumerate(zip(tasks, scalings, strict=True)):
        if id(scaling) not in checked or scaling is None:
            rows.check_magnitudes(torch.from_numpy(task.rows).to(device), m)
            if (exposure := outliers.exposure(task, device)) is not None:
                rows.check_magnitudes(exposure.index, m)
            checked.add(id(scaling))
    return rows, scalings


def _job(task: Task, index: torch.Tensor, n_features: int) -> engine.Job:
    def on_device(values: np.ndarray | None) -> torch.Tensor | None:
        return None if values is None else torch.from_numpy(values).to(index.device)

    member = task.member
    scores = task.first_scores
    return engine.Job(
        index=index,
        labelling=engine.Labelling(
            rule=task.rule,
            alpha=task.alpha,
            warmup_epochs=task.warmup_epochs,
            # Only their order counts, which float32 may lose.
            first_scores=on_device(None if scores is None else _ranks(scores)),
            known=on_device(task.known),
            per_epoch=task.per_epoch,
        ),
        seed=task.seed,
        max_epochs=member.choose_max_epochs(task.n_samples),
        lr=member.choose_lr(n_features),
        weight_decay=member.weight_decay,
        known_weight=task.known_weight,
    )


def _fitted(
    task: Task,
    module: torch.nn.Module,
    scaling: Any,
    history: engine.TrainingHistory,
    X: np.ndarray | sparse.csr_matrix,
) -> tuple[dict[str, Any], np.ndarray]:
    attributes = {
        # A pickle of it must load on a machine without the device it was trained on.
        "module_": module.cpu().eval(),
        "_scaling": scaling,
        "history_": history,
        "n_iter_": int(history.n_iter[0]),
        "loss_history_": history.objective[:, 0],
    }
    task.member.__dict__.update(attributes)
    losses = np.stack(task.member._losses(task.own_rows(X)))
    attributes["offset_"] = threshold(-losses[0], task.contamination)
    return attributes, losses


def _ranks(scores: np.ndarray) -> np.ndarray:
    """Rank of each score, ties in the order of the rows: exact in float32 up to 2**24 rows."""
    ranks = np.empty(len(scores), dtype=np.float32)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores), 0, -1)
    return ranks


def draw_seeds(random_state: int | np.random.RandomState | None, n_members: int) -> list[int]:
    """One seed for each member; those of fewer members are the first of those of more.

    An integer is itself the first seed, so that a member trained alone with its own
    ``random_state`` is the same model as in the ensemble.
    """
    rng = check_random_state(random_state)
    drawn = [int(seed) for seed in rng.randint(np.iinfo(np.int32).max, size=n_members)]
    first = [int(random_state)] if isinstance(random_state, Integral) else drawn[:1]
    return first + drawn[1:]


def unknown_ratio(contamination: float, known: np.ndarray | None, n_samples: int) -> float:
    """Share of anomalies among the rows of unknown label, given the share among all."""
    if known is None:
        return contamination
    n_unknown = int((known == 0).sum())
    left = contamination * n_samples - int((known < 0).sum())
    return min(1.0, max(0.0, left / n_unknown)) if n_unknown else 0.0


def threshold(scores: np.ndarray, contamination: float) -> float:
    """Find the score below which a share `contamination` of `scores` lies."""
    return float(np.percentile(scores, 100.0 * contamination))
