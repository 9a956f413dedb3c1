"""Both losses of energies: distances and errors, zero where a row looks perfectly normal.

The gradients are written by hand: each is one expression, while autograd would go through a dozen
small operations.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import Tensor

# At energy 0 exp(-energy) is 1, and -log(1 - 1) would be infinite. The bound keeps the anomaly loss
# of a perfectly fitted row finite.
_SMALLEST_ENERGY = 1e-6


def energy_losses(energy: Tensor) -> tuple[Tensor, Tensor]:
    """L_n = energy and L_a = -log(1 - exp(-energy)) for energies >= 0 of any shape.

    The hypersphere classifier of Ruff et al. 2020 with its radial distance as the energy; for an
    autoencoder the reconstruction error is one.
    """
    return energy, _AnomalyLoss.apply(energy)


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


def square_losses(difference: Tensor) -> tuple[Tensor, Tensor]:
    """`energy_losses` of the mean squares along the last axis."""
    return _SquareLosses.apply(difference)


def _anomaly_loss(energy: Tensor) -> Tensor:
    """-log(1 - exp(-energy))."""
    energy = energy + _SMALLEST_ENERGY
    # Two forms of one function, each exact on its own side of log 2 (Maechler 2012, log1mexp).
    near = torch.expm1(-energy).neg_().log_()
    far = torch.exp(-energy).neg_().log1p_()
    return torch.where(energy < math.log(2), near, far).neg_()


def _gradient_of_anomaly_loss(energy: Tensor) -> Tensor:
    # exp(energy) is infinite where the energy is large, and the gradient is 0 there.
    return torch.expm1(energy + _SMALLEST_ENERGY).reciprocal().neg()


class _AnomalyLoss(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(energy: Tensor) -> Tensor:
        return _anomaly_loss(energy)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        [energy] = ctx.saved_tensors
        return grad * _gradient_of_anomaly_loss(energy)


class _HypersphereLosses(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(difference: Tensor) -> tuple[Tensor, ...]:
        square = difference.square().sum(dim=-1)
        root = (square + 1.0).sqrt_()
        energy = square / (root + 1.0)  # root - 1 without the cancellation at small squares
        return energy, _anomaly_loss(energy), root

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        ctx.mark_non_differentiable(output[2])
        ctx.save_for_backward(*inputs, output[0], output[2])

    @staticmethod
    def backward(ctx: Any, grad_n: Tensor, grad_a: Tensor, _: Any) -> Any:
        difference, energy, root = ctx.saved_tensors
        grad = torch.addcmul(grad_n, grad_a, _gradient_of_anomaly_loss(energy)) / root
        return difference * grad.unsqueeze(-1)


class _SquareLosses(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(difference: Tensor) -> tuple[Tensor, Tensor]:
        energy = difference.square().mean(dim=-1)
        return energy, _anomaly_loss(energy)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        ctx.save_for_backward(*inputs, output[0])

    @staticmethod
    def backward(ctx: Any, grad_n: Tensor, grad_a: Tensor) -> Any:
        difference, energy = ctx.saved_tensors
        grad = torch.addcmul(grad_n, grad_a, _gradient_of_anomaly_loss(energy))
        return difference * (grad * (2.0 / difference.shape[-1])).unsqueeze(-1)


# torch looks the signature up at every call, which costs as much as several operations do.
for function in (_AnomalyLoss, _HypersphereLosses, _SquareLosses):
    forward: Any = function.forward
    forward.__signature__ = inspect.signature(forward)
