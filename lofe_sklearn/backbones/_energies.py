"""Both losses of energies: distances and errors, zero where a row looks perfectly normal.

The gradients are written by hand: each is one expression, while autograd would go through a dozen
small operations. The functions ``..._with_backward`` are for a training without autograd.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

# At energy 0 exp(-energy) is 1, and -log(1 - 1) would be infinite. The bound keeps the anomaly loss
# of a perfectly fitted row finite.
_SMALLEST_ENERGY = 1e-6

WithBackward = tuple[tuple[Tensor, Tensor], Callable[[Tensor, Tensor], Tensor]]


def energy_losses(energy: Tensor) -> tuple[Tensor, Tensor]:
    """L_n = energy and L_a = -log(1 - exp(-energy)) for energies >= 0 of any shape.

    The hypersphere classifier of Ruff et al. 2020 with its radial distance as the energy; for an
    autoencoder the reconstruction error is one.
    """
    return energy, _AnomalyLoss.apply(energy)[0]


def inverse_losses(energy: Tensor) -> tuple[Tensor, Tensor]:
    """L_n = energy and L_a = 1 / energy for energies >= 0 of any shape.

    The losses of Deep SVDD in Qiu et al. 2022, with the squared distance as the energy.
    """
    return energy, 1.0 / (energy + _SMALLEST_ENERGY)


def hypersphere_losses(difference: Tensor) -> tuple[Tensor, Tensor]:
    """`energy_losses` of ``sqrt(|v|^2 + 1) - 1`` for the vectors v along the last axis.

    The pseudo-Huber distance of Ruff et al. 2020.
    """
    return _HypersphereLosses.apply(difference)[:2]


def hypersphere_losses_with_backward(difference: Tensor) -> WithBackward:
    """`hypersphere_losses`, and what turns the gradients of both into that of the vectors.

    That of the vectors takes their place in memory.
    """
    energy, loss_a, root, pull = _hypersphere(difference)
    return (energy, loss_a), partial(_hypersphere_gradient, difference, root, pull, difference)


def square_losses(difference: Tensor) -> tuple[Tensor, Tensor]:
    """`energy_losses` of the mean squares along the last axis."""
    return _SquareLosses.apply(difference)[:2]


def square_losses_with_backward(difference: Tensor) -> WithBackward:
    """`square_losses`, and what turns the gradients of both into that of the vectors.

    That of the vectors takes their place in memory.
    """
    energy, loss_a, pull = _square(difference)
    return (energy, loss_a), partial(_square_gradient, difference, pull, difference)


def _anomaly_loss(energy: Tensor) -> tuple[Tensor, Tensor]:
    """-log(1 - exp(-energy)), and minus its gradient."""
    # 1 / (1 - exp(-e)) = 1 + 1 / (exp(e) - 1), and the second summand is minus the gradient. It is
    # exact for small energies, and 0 for those whose exp(e) is infinite.
    pull = (energy + _SMALLEST_ENERGY).expm1_().reciprocal()
    return pull.log1p(), pull


def _hypersphere(difference: Tensor) -> tuple[Tensor, ...]:
    square = difference.square().sum(dim=-1)
    root = (square + 1.0).sqrt_()
    energy = square / (root + 1.0)  # root - 1 without the cancellation at small squares
    loss_a, pull = _anomaly_loss(energy)
    return energy, loss_a, root, pull


def _hypersphere_gradient(
    difference: Tensor,
    root: Tensor,
    pull: Tensor,
    out: Tensor | None,
    grad_n: Tensor,
    grad_a: Tensor,
) -> Tensor:
    grad = torch.addcmul(grad_n, grad_a, pull, value=-1).div_(root)
    return torch.mul(difference, grad.unsqueeze(-1), out=out)


def _square(difference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    energy = difference.square().mean(dim=-1)
    return energy, *_anomaly_loss(energy)


def _square_gradient(
    difference: Tensor, pull: Tensor, out: Tensor | None, grad_n: Tensor, grad_a: Tensor
) -> Tensor:
    grad = torch.addcmul(grad_n, grad_a, pull, value=-1).mul_(2.0 / difference.shape[-1])
    return torch.mul(difference, grad.unsqueeze(-1), out=out)


class _AnomalyLoss(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(energy: Tensor) -> tuple[Tensor, Tensor]:
        return _anomaly_loss(energy)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        _save(ctx, *inputs, output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> Any:
        energy, pull = ctx.saved_tensors
        if torch.is_grad_enabled():  # for second derivatives
            _, pull = _anomaly_loss(energy)
        return -grad * pull


class _HypersphereLosses(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(difference: Tensor) -> tuple[Tensor, ...]:
        return _hypersphere(difference)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        _save(ctx, *inputs, *output[2:])

    @staticmethod
    def backward(ctx: Any, grad_n: Tensor, grad_a: Tensor, *_: Any) -> Any:
        difference, root, pull = ctx.saved_tensors
        if torch.is_grad_enabled():
            root, pull = _hypersphere(difference)[2:]
        return _hypersphere_gradient(difference, root, pull, None, grad_n, grad_a)


class _SquareLosses(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(difference: Tensor) -> tuple[Tensor, ...]:
        return _square(difference)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        _save(ctx, *inputs, *output[2:])

    @staticmethod
    def backward(ctx: Any, grad_n: Tensor, grad_a: Tensor, *_: Any) -> Any:
        difference, pull = ctx.saved_tensors
        if torch.is_grad_enabled():
            pull = _square(difference)[2]
        return _square_gradient(difference, pull, None, grad_n, grad_a)


def _save(ctx: Any, given: Tensor, *made: Tensor) -> None:
    """Keep what the gradient needs: the argument, and outputs that are no losses."""
    ctx.mark_non_differentiable(*made)
    ctx.save_for_backward(given, *made)


# torch looks the signature up at every call, which costs as much as several operations do.
for function in (_AnomalyLoss, _HypersphereLosses, _SquareLosses):
    forward: Any = function.forward
    forward.__signature__ = inspect.signature(forward)
