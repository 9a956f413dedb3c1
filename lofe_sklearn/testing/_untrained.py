"""An untrained module, and the effect of minimising one of its losses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from lofe_sklearn import engine
from lofe_sklearn.backbones import Backbone

FEW_ROWS = 8
_N_STEPS = 100


def build(estimator: Backbone, rows: Tensor) -> nn.Module:
    """Return the module as it is before training."""
    build = partial(estimator.build_module, rows.shape[1])
    [module] = engine.build_modules([build], [0], torch.device("cpu"))
    engine.prepare_module(module, rows)
    return module


def given_to(module: nn.Module, rows: Tensor) -> Iterator[Tensor]:
    """Yield rows as a module is given them: as they are and, in training, with its noise."""
    yield rows
    n_noise = engine.noise_per_row(module)
    if n_noise:
        generator = torch.Generator().manual_seed(0)
        yield torch.cat([rows, torch.randn(len(rows), n_noise, generator=generator).to(rows)], 1)


def minimise(module: nn.Module, rows: Tensor, *, which: int) -> tuple[list[float], float]:
    """Minimise one of the two losses of a few rows, in place.

    Returns
    -------
    means : list of float
        The loss's means before each step. If it leaves the range of numbers, they end with minus
        infinity.
    lowest : float
        The loss's lowest value.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=1e-2)
    means, lowest = [], math.inf
    with torch.random.fork_rng(devices=[]):  # dropout draws from the global generator
        for _ in range(_N_STEPS):
            loss = module(rows[:FEW_ROWS])[which]
            if not loss.isfinite().all():
                means.append(-math.inf)
                break
            means.append(loss.mean().item())
            lowest = min(lowest, loss.min().item())
            optimizer.zero_grad()
            loss.mean().backward()
            optimizer.step()
    return means, lowest
