"""torch's global generator, seeded for as long as it is drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from lofe_sklearn.engine._forks import ForkSafeLock

# torch's layers draw initial weights and dropout masks from the global generator, so two fits in
# two threads would disturb each other while one of them has it seeded. A network of a user may be
# built from another one, which is fitted meanwhile.
_global_rng = ForkSafeLock(reentrant=True)


def has_dropout(module: nn.Module) -> bool:
    """Whether a layer of `module` draws random numbers in training."""
    return any(map(_draws, module.modules()))


def _draws(layer: nn.Module) -> bool:
    if isinstance(layer, (nn.RNNBase, nn.MultiheadAttention)):
        return layer.dropout > 0  # a number, not a layer
    return isinstance(layer, (nn.modules.dropout._DropoutNd, nn.RReLU))


@contextmanager
def seeded_dropout(modules: Sequence[nn.Module], seed: int, device: torch.device) -> Iterator[None]:
    """Seed the dropout of `modules` within the block, and leave torch's random state as it was.

    Modules without a dropout layer draw nothing while they train, and need not wait for each other.
    """
    if not any(map(has_dropout, modules)):
        yield
        return
    with seeded(seed, device):
        yield


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators within the block; leave their state as it was."""
    on_gpu = device.type == "cuda"
    with _global_rng.held, torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
