"""One thread for little work, in which others would only wait for more.

OpenMP's threads wait by spinning. In a small step two of them take as long as one alone and twice
the processor time, and several times as long if another program wants the cores: each waits for
one that does not run. One thread also trains the same network on any number of cores. The study
`threads` of the benchmarks shows the times.

Only of small layers is it known how much work they are. A module that may use a parameter many
times for a row, as convolutions do, gets torch's threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from lofe_sklearn.engine._copies import takes_stacked_parameters
from lofe_sklearn.engine._stack import ModuleStack
from lofe_sklearn.engine._thread_limits import torch_on_one_thread

# From so many products of a parameter and a row, in a step and by its largest parameter, or so many
# values of its largest tensor, a second thread saved a tenth of the time or more, on two cores. A
# flow has many small layers, so that the sum alone says little.
_PRODUCTS_OF_A_STEP = 6_000_000
_PRODUCTS_OF_A_LAYER = 2_000_000
_VALUES_OF_A_STEP = 50_000
# Fewer are so quick that threads could save hardly anything.
_PRODUCTS_OF_SCORES = 250_000_000

Threads = AbstractContextManager[object]


def threads_to_train(stack: ModuleStack, n_rows: int, device: torch.device) -> Threads:
    """Return the context in which to train a stack on batches of `n_rows`."""
    if not stack.sets_gradients or not _are_threads_of(device):
        return nullcontext()
    products = [n_rows * parameter.numel() for parameter in stack.parameters.values()]
    per_row = max(getattr(module, "values_per_row", 0) for module in stack.modules)
    values = stack.n_models * n_rows * per_row
    has_small_layers = sum(products) < _PRODUCTS_OF_A_STEP or max(products) < _PRODUCTS_OF_A_LAYER
    is_small = has_small_layers and values < _VALUES_OF_A_STEP
    return torch_on_one_thread() if is_small else nullcontext()


def threads_to_score(modules: Sequence[nn.Module], n_rows: int, device: torch.device) -> Threads:
    """Return the context in which to score `n_rows` by all of the modules, which are alike."""
    if not _are_threads_of(device) or not takes_stacked_parameters(modules[0]):
        return nullcontext()
    products = n_rows * len(modules) * sum(p.numel() for p in modules[0].parameters())
    return torch_on_one_thread() if products < _PRODUCTS_OF_SCORES else nullcontext()


def _are_threads_of(device: torch.device) -> bool:
    return device.type == "cpu" and torch.get_num_threads() > 1
