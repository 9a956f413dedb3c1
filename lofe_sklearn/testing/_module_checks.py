"""Checks of the untrained module, on rows that are scaled already."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, product

import torch
from torch import Tensor, nn

from lofe_sklearn import engine
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.testing._untrained import build, given_to, minimise

_DEPENDENT = "a row's losses must not depend on the other rows of its batch"
_INDEPENDENT = (
    "Reduce over features, never over rows, and normalise by LayerNorm or GroupNorm, not BatchNorm."
)


def _check_losses(estimator: Backbone, rows: Tensor) -> None:
    module = build(estimator, rows)
    name = type(module).__name__
    _check_no_batch_norm(module)
    some_rows = (rows[:1], rows[:7], torch.zeros_like(rows[:3]), rows[:5] * 1e6)
    for some in chain.from_iterable(given_to(module, some) for some in some_rows):
        with torch.no_grad():
            loss_n, loss_a = engine.check_losses(module, module(some), some.shape[:1])
        for what, loss in (("loss_n", loss_n), ("loss_a", loss_a)):
            if not loss.isfinite().all():
                raise AssertionError(
                    f"{name}: {what} must be finite for every row, also for rows of zeros and "
                    f"values of 1e6; got {loss.tolist()}. Compute log, exp and 1/x in a form that "
                    "does not overflow, as lofe_sklearn.backbones.energy_losses does."
                )


def _check_no_batch_norm(module: nn.Module) -> None:
    """Name a layer that would raise its own error for a batch of one row."""
    for layer in module.train().modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training:
            raise AssertionError(
                f"{type(module).__name__}: {_DEPENDENT}; its layer {type(layer).__name__} "
                f"normalises over rows. {_INDEPENDENT}"
            )


def _check_rows_are_independent(estimator: Backbone, rows: Tensor) -> None:
    module = build(estimator, rows).double()
    _check_same_apart(module.eval(), rows, "")
    module.train()
    if not _draws_numbers(module, rows):
        _check_same_apart(module, rows, ", in training too")


def _draws_numbers(module: nn.Module, rows: Tensor) -> bool:
    """Whether losses in training depend on random numbers, as those with dropout do."""
    some = next(given_to(module, rows[:20].double()))
    losses = []
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for seed in range(2):
            torch.default_generator.manual_seed(seed)
            losses.append(torch.stack(module(some)))
    return not torch.equal(*losses)


def _check_same_apart(module: nn.Module, rows: Tensor, when: str) -> None:
    for some in given_to(module, rows[:20].double()):
        with torch.no_grad():
            together = torch.stack(module(some))
            apart = torch.cat([torch.stack(module(row.unsqueeze(0))) for row in some], dim=1)
        if not torch.allclose(together, apart, rtol=1e-7, atol=1e-9):
            difference = (together - apart).abs().max().item()
            raise AssertionError(
                f"{type(module).__name__}: {_DEPENDENT}{when}; they differ by up to "
                f"{difference:.2g}. {_INDEPENDENT}"
            )


def _check_gradients(estimator: Backbone, rows: Tensor) -> None:
    module = build(estimator, rows)
    name = type(module).__name__
    trained = {n: p for n, p in module.named_parameters() if p.requires_grad}
    reached: set[str] = set()
    names = ("loss_n", "loss_a")
    for some, which in product(given_to(module, rows), range(2)):
        loss, what = module(some)[which], names[which]
        if not loss.requires_grad:
            raise AssertionError(
                f"{name}: {what} has no gradient, so LOE could not train by it. Compute it from "
                "the parameters with torch operations, without .detach(), .item() or no_grad()."
            )
        gradients = torch.autograd.grad(loss.sum(), list(trained.values()), allow_unused=True)
        for parameter, gradient in zip(trained, gradients, strict=True):
            if gradient is not None and not gradient.isfinite().all():
                raise AssertionError(
                    f"{name}: the gradient of {what} with respect to {parameter} is not finite. "
                    "sqrt and norm have none at 0: add a small constant before."
                )
            if gradient is not None and gradient.any():
                reached.add(parameter)
    unused = sorted(set(trained) - reached)
    if unused:
        raise AssertionError(
            f"{name}: neither loss has a gradient with respect to {', '.join(unused)}. Use them in "
            "forward, or set requires_grad_(False) for those that must not change."
        )


def _check_score_scale(estimator: Backbone, rows: Tensor) -> None:
    module = build(estimator, rows)
    name = type(module).__name__
    scale = getattr(module, "score_scale", "log")
    if scale not in ("log", "linear"):
        raise AssertionError(
            f'{name}.score_scale must be "log", for normal losses of at least 0, or "linear", for '
            f"those of any sign; got {scale!r}."
        )
    # After training on few rows: before training many losses are positive.
    _, lowest = minimise(module, rows, which=0)
    if scale == "log" and lowest < -1e-4:
        raise AssertionError(
            f"{name}: the normal loss must not be negative, as the scores of several models are "
            f"averaged by its logarithm; training brought it to {lowest:.3g}. Set score_scale = "
            f'"linear" in {name} if a loss of any sign is meant, as that of density_losses is.'
        )


MODULE_CHECKS: dict[str, Callable[[Backbone, Tensor], None]] = {
    "two losses for each row": _check_losses,
    "rows do not affect each other": _check_rows_are_independent,
    "gradients reach every parameter": _check_gradients,
    "the scale of scores": _check_score_scale,
}
