"""The matrix products of a backbone's training step, and nothing else of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn


def products_alone(
    module: nn.Module, n_features: int, n_models: int, batch: int, device: str
) -> Callable[[], None]:
    """Return a function that does the products of a step, forward and backward."""
    pairs = [
        (torch.randn(n_models, *left, device=device), torch.randn(n_models, *right, device=device))
        for left, right in shapes(module, n_features, batch)
    ]
    flat = [(a.flatten(0, -3), b.flatten(0, -3)) for a, b in pairs]

    def call() -> None:
        for a, b in flat:
            if len(a) == 1:
                torch.mm(a[0], b[0])
            else:
                torch.bmm(a, b)
        if device != "cpu":
            torch.cuda.synchronize()

    return call


def shapes(module: nn.Module, n_features: int, batch: int) -> Iterator[tuple[tuple, tuple]]:
    """Operands of each product of a step: forward, and backward to the weight and the input."""
    if hasattr(module, "transform_in"):
        yield from _of_neutral(module, batch)
    elif hasattr(module, "window_encoder"):
        yield from _of_icl(module, batch)
    elif hasattr(module, "maps"):
        yield from _of_goad(module, n_features, batch)
    elif hasattr(module, "row_layer"):
        yield from _of_tccm(module, batch)
    elif hasattr(module, "n_draws"):  # DTE: the row itself, and what the noise made of it
        yield from _linear((module.n_draws + 1) * batch, _layers(module.network), first=True)
    else:
        layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
        yield from _linear(batch, layers, first=True)


def _layer(stack: tuple, n_rows: int, fan_in: int, fan_out: int, *, first: bool):
    yield (*stack, n_rows, fan_in), (*stack, fan_in, fan_out)
    yield (*stack, fan_in, n_rows), (*stack, n_rows, fan_out)
    if not first:
        yield (*stack, n_rows, fan_out), (*stack, fan_out, fan_in)


def _linear(n_rows: int, layers: list[nn.Linear], *, first: bool):
    for i, one in enumerate(layers):
        yield from _layer((1,), n_rows, one.in_features, one.out_features, first=first and i == 0)


def _of_neutral(module: nn.Module, batch: int):
    n_transforms = module.transform_out[0].shape[0]
    n_views = n_transforms + 1
    yield from _linear(batch, [module.transform_in], first=True)
    for weight in module.transform_out:
        yield from _layer((n_transforms,), batch, *weight.shape[1:], first=False)
    yield from _linear(n_views * batch, _layers(module.encoder), first=False)
    size = _layers(module.encoder)[-1].out_features
    yield (batch, n_transforms, size), (batch, size, n_views)
    yield (batch, n_views, n_transforms), (batch, n_transforms, size)
    yield (batch, n_transforms, n_views), (batch, n_views, size)


def _layers(encoder: nn.Module) -> list[nn.Linear]:
    return [layer for layer in encoder.modules() if isinstance(layer, nn.Linear)]


def _of_icl(module: nn.Module, batch: int):
    n_permutations, n_windows, n_drawn = len(module.order), module.n_windows, module.n_drawn
    for encoder, n_embedded in ((module.window_encoder, n_windows), (module.rest_encoder, n_drawn)):
        for i, weight in enumerate(encoder.weights):
            shape = weight.shape[1:]
            yield from _layer((n_permutations,), n_embedded * batch, *shape, first=i == 0)
    size, n_rows = module.rest_encoder.n_outputs, n_permutations * batch
    yield (n_rows, n_drawn, size), (n_rows, size, n_windows)
    yield (n_rows, n_drawn, n_windows), (n_rows, n_windows, size)
    yield (n_rows, n_windows, n_drawn), (n_rows, n_drawn, size)


def _of_goad(module: nn.Module, n_features: int, batch: int):
    n_rows = module.n_transforms * batch
    yield (1, batch, n_features), (1, *module.maps.shape)
    yield from _linear(n_rows, _layers(module.encoder), first=True)
    yield from _layer((1,), n_rows, *module.centers.t().shape, first=False)


def _of_tccm(module: nn.Module, batch: int):
    n_times = len(module.times)
    yield from _linear(batch, [module.row_layer], first=True)
    yield from _linear(n_times, [module.time_layer], first=True)
    yield from _linear(n_times * batch, _layers(module.rest), first=False)


def times(call: Callable[[], None], repeats: int) -> np.ndarray:
    """Return the seconds of each call."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return np.array(seconds)
