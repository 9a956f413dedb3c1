"""Which models go into one stack: equal shapes, and no more of them than memory holds."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix, Subset
from lofe_sklearn._training._task import Task, Trainable

# What models of one stack may differ in; all other parameters may decide their shapes.
_PER_MODEL = {
    "contamination",
    "lr",
    "max_epochs",
    "random_state",
    "verbose",
    "warm_start",
    "weight_decay",
}
# Parameters of a model by their names.
Settings: TypeAlias = dict[str, Any]
# Models of a stack beyond which the step costs as much for each as in two smaller stacks, and a
# larger one only takes memory (study `stack-growth` of the benchmarks).
MAX_MODELS = 64
# What a row costs in a step, and each byte that is written for it: fits of eight backbones, on one
# core, took up to twice as long or half as long.
_SECONDS_PER_ROW, _SECONDS_PER_BYTE = 2e-6, 0.75e-9


def stacks_of(
    tasks: Sequence[Task], X: Matrix, *, max_memory: float | None, n_workers: int = 1
) -> list[list[int]]:
    """Group tasks into stacks: lists of their numbers, in which equal settings are neighbours.

    Where several workers train, there are stacks for all of them: large groups are split.
    """
    stacks, all_work = [], work_of(tasks, X)
    for group in _groups(tasks):
        # Runs of one learning rate are one call of the optimiser.
        group.sort(key=lambda i: _rates(tasks[i], X))
        n_stacks = -(-len(group) // _models_at_once(tasks[group[0]], X, max_memory, len(group)))
        share = work_of([tasks[i] for i in group], X) / all_work
        n_stacks = max(n_stacks, min(len(group), math.ceil(n_workers * share - 1e-9)))
        stacks += [part.tolist() for part in np.array_split(group, n_stacks)]
    return stacks


def scored_together(tasks: Sequence[Task]) -> list[list[int]]:
    """Group tasks whose trained modules see the same rows, and differ in their weights only."""
    groups: dict[tuple[Any, ...], list[tuple[Settings, list[int]]]] = {}
    for i, task in enumerate(tasks):
        model = task.model
        key = type(model), Subset(task.rows), Subset(task.features), task.scaling_key()
        settings, seen_alike = _settings_of(model), groups.setdefault(key, [])
        for others, group in seen_alike:
            if _equal_settings(others, settings):
                group.append(i)
                break
        else:
            seen_alike.append((settings, [i]))
    return [group for seen_alike in groups.values() for _, group in seen_alike]


def work_of(tasks: Sequence[Task], X: Matrix) -> float:
    """Return how much there is to train: rows that are passed through networks."""
    return float(sum(task.n_samples * task.max_epochs(X) for task in tasks))


def seconds_of(tasks: Sequence[Task], X: Matrix) -> float:
    """Estimate how long one core trains, by the memory that a step of each kind writes."""
    seconds = 0.0
    for group in _groups(tasks):
        first = tasks[group[0]]
        module = _module_of(first, X)
        saved, n_batch = _saved_by_a_step(module, first, X)
        per_row = (2 * saved + 4 * _bytes_of_parameters(module)) / n_batch
        work = work_of([tasks[i] for i in group], X)
        seconds += work * (_SECONDS_PER_ROW + _SECONDS_PER_BYTE * per_row)
    return seconds


def _groups(tasks: Sequence[Task]) -> list[list[int]]:
    """Group tasks by what may be one stack, as lists of their numbers."""
    groups: list[list[int]] = []
    of_kind: dict[tuple[Any, ...], list[tuple[Settings, list[int]]]] = {}
    for i, task in enumerate(tasks):
        # Read once: scikit-learn looks up the signature whenever it is asked for parameters.
        settings, kind = _settings_of(task.model), _kind_of(task)
        of_this_kind = of_kind.setdefault(kind, [])
        for others, group in of_this_kind:
            if _equal_settings(others, settings):
                group.append(i)
                break
        else:
            groups.append([i])
            of_this_kind.append((settings, groups[-1]))
    return groups


def _settings_of(model: Trainable) -> Settings:
    """Return the parameters of a model that may decide the shape of a stack."""
    params = model.get_params(deep=False)
    return {name: value for name, value in params.items() if name not in _PER_MODEL}


def _equal_settings(a: Settings, b: Settings) -> bool:
    """Whether two models of one class differ in nothing that decides the shape of a stack."""
    return all(same_value(a[name], b[name]) for name in a)


def _kind_of(task: Task) -> tuple[Any, ...]:
    """Return what tasks of one stack have in common besides the settings of their models."""
    growth = task.course.batch_growth
    return (
        type(task.model),
        _n_chosen(task),
        task.start is None,
        task.n_epochs,
        task.exposure is None,  # half of an exposed model's batch are outliers
        growth,
        # Their numbers of batches have to be equal, and where these grow, in every epoch.
        task.n_samples if growth > 1 else None,
        len(engine.batch_sizes(task.n_samples, task.model.batch_size)),
    )


def _rates(task: Task, X: Matrix) -> tuple[float, float]:
    return task.model.choose_lr(task.n_inputs(X)), task.model.weight_decay


def _n_chosen(task: Task) -> int | None:
    return None if task.features is None else len(task.features)


def same_value(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return a is b or (type(a) is type(b) and bool(a == b))


def _models_at_once(task: Task, X: Matrix, max_memory: float | None, wanted: int) -> int:
    """How many models like that of `task` fit into `max_memory` bytes, of `wanted`."""
    if wanted == 1 and max_memory is None:
        return 1
    device = engine.resolve_device(task.model.device)
    budget = free_memory(device) / 2 if max_memory is None else max_memory
    module = _module_of(task, X)
    needed = _bytes_of_a_model(module, task, X)
    if needed > budget and max_memory is not None:
        raise ValueError(
            f"fit_many: max_memory={max_memory:.3g} bytes does not hold one model: training "
            f"{type(task.model).__name__} on {task.n_samples} rows takes about {needed:.3g}. "
            "Raise max_memory, or lower batch_size or the sizes of the network."
        )
    if engine.has_dropout(module):
        return 1  # a stack draws from one generator: a model's masks would depend on the others
    return max(1, min(wanted, MAX_MODELS, int(budget // needed)))


def _module_of(task: Task, X: Matrix) -> torch.nn.Module:
    build = partial(task.model.build_module, task.n_inputs(X))
    return engine.build_modules([build], [task.seed], torch.device("cpu"))[0]


def _bytes_of_parameters(module: torch.nn.Module) -> int:
    return sum(p.nbytes for p in module.parameters())


def _bytes_of_a_model(module: torch.nn.Module, task: Task, X: Matrix) -> float:
    """Estimate the memory that one more model in a stack takes, by a step of it on the CPU."""
    n_epochs = task.model.choose_max_epochs(task.n_samples, task.n_inputs(X))
    n_kept = task.course.n_states(n_epochs)
    saved, _ = _saved_by_a_step(module, task, X)
    # Values, gradients, Adam's two moments, and states that are kept; activations and as much
    # again for their gradients; of each row its number, order and place in two copies, labels and
    # weights.
    own = _bytes_of_parameters(module)
    kept = n_kept * (own + sum(buffer.nbytes for buffer in module.buffers()))
    return 4 * own + kept + 2 * saved + 48 * task.n_samples


def _saved_by_a_step(module: torch.nn.Module, task: Task, X: Matrix) -> tuple[int, int]:
    """Return the bytes that the largest step of a model saves, and its number of rows."""
    n_epochs = task.model.choose_max_epochs(task.n_samples, task.n_inputs(X))
    largest = engine.grown(
        task.model.batch_size, task.course.batch_growth, n_epochs - 1, task.n_samples
    )
    n_batch = min(max(engine.batch_sizes(task.n_samples, largest)), task.n_samples)
    n_columns = task.n_inputs(X) + engine.noise_per_row(module)
    # Sizes depend on no value, but a hook may need rows that differ.
    generator = torch.Generator().manual_seed(task.seed)
    x = torch.randn(n_batch, n_columns, generator=generator)
    engine.prepare_module(module, x[:, : task.n_inputs(X)].clone(), task.seed)
    saved = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal saved
        saved += tensor.nbytes
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor)
    with hooks, engine.seeded_dropout([module], task.seed, x.device):
        module(x)
    if task.exposure is not None:
        saved *= 2  # as many outliers in a batch as rows
    return saved, n_batch


def free_memory(device: torch.device) -> float:
    """Bytes of memory that are free on a device."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float(4 * 2**30)  # a system that does not say
