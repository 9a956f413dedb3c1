"""Checks of the untrained module, on rows that are scaled already."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import chain, product

import torch
from torch import Tensor, nn

from lofe_sklearn import engine
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.testing._untrained import build, given_to, minimise

_DEPENDENT = "a row's losses must not depend on the other rows of its batch"
# How many rows are computed by themselves too.
_N_APART = 20
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
    _check_same_state(module, rows)
    if not _draws_numbers(module, rows):
        _check_same_apart(module, rows, ", in training too")


def _afresh(module: nn.Module, rows: Tensor, seed: int = 0) -> tuple[Tensor, nn.Module]:
    """Return the losses of a module in the same state at every call, and its state thereafter."""
    module = copy.deepcopy(module)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return torch.stack(module(rows)), module


def _draws_numbers(module: nn.Module, rows: Tensor) -> bool:
    """Whether losses in training depend on random numbers, as those with dropout do."""
    some = next(given_to(module, rows[:_N_APART].double()))
    return not torch.equal(*(_afresh(module, some, seed)[0] for seed in range(2)))


def _check_same_state(module: nn.Module, rows: Tensor) -> None:
    """Layers such as spectral norm may change their buffers, but not by what rows there are."""
    for some in given_to(module, rows.double()):
        one, other = (dict(_afresh(module, each)[1].named_buffers()) for each in (some, some[:1]))
        for name, buffer in one.items():
            if buffer.shape != other[name].shape or not buffer.allclose(
                other[name], equal_nan=True
            ):
                raise AssertionError(
                    f"{type(module).__name__}: {_DEPENDENT}, nor of those before, in training too; "
                    f"forward changes the buffer {name} by the rows. Compute it once from the "
                    "training rows, in prepare(x), without running statistics."
                )


def _check_same_apart(module: nn.Module, rows: Tensor, when: str) -> None:
    # Together with all others, since a module may treat large batches in another way.
    for some in given_to(module, rows.double()):
        together = _afresh(module, some)[0][:, :_N_APART]
        apart = [_afresh(module, row.unsqueeze(0))[0] for row in some[:_N_APART]]
        if not torch.allclose(together, torch.cat(apart, dim=1), rtol=1e-7, atol=1e-9):
            difference = (together - torch.cat(apart, dim=1)).abs().max().item()
            raise AssertionError(
                f"{type(module).__name__}: {_DEPENDENT}{when}; they differ by up to "
                f"{difference:.2g}. {_INDEPENDENT}"
            )


def _check_gradients(estimator: Backbone, rows: Tensor) -> None:
    module = build(estimator, rows)
    name = type(module).__name__
    reached = _reached(module, rows)
    trained = {parameter for parameter, p in module.named_parameters() if p.requires_grad}
    unused = sorted(trained.difference(*reached.values()))
    if unused:
        raise AssertionError(
            f"{name}: neither loss has a gradient with respect to {', '.join(unused)}. Use them in "
            "forward, or set requires_grad_(False) for those that must not change."
        )
    for what, parameters in reached.items():
        if not (parameters or any(_reached_nearby(estimator, rows, what))):
            raise AssertionError(
                f"{name}: the gradient of {what} is 0 for every row and parameter, so LOE could "
                "not train by it. Compute it from the parameters, without .detach(), round or sign."
            )


def _reached_nearby(estimator: Backbone, rows: Tensor, what: str) -> Iterator[set[str]]:
    """Yield what a loss reaches of smaller rows: at large distances it may round to a constant."""
    for factor in (1e-2, 1e-4, 1e-6):
        yield _reached(build(estimator, rows * factor), rows * factor)[what]


def _reached(module: nn.Module, rows: Tensor) -> dict[str, set[str]]:
    """Return the names of the parameters by which either loss has a gradient other than 0."""
    name = type(module).__name__
    trained = {n: p for n, p in module.named_parameters() if p.requires_grad}
    reached: dict[str, set[str]] = {"loss_n": set(), "loss_a": set()}
    for some, (which, what) in product(given_to(module, rows), enumerate(reached)):
        loss = module(some)[which]
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
                reached[what].add(parameter)
    return reached


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
