"""Adam for a stack whose models may differ in learning rate and weight decay."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor
from torch.optim.adam import adam


class StackOptimizer:
    """Adam, fused, one call for each run of models of equal settings.

    A slice of the model axis is a view into the same memory, so that the fused step works on
    stacked parameters as it does on one model's, and updates each value as it would alone. It is
    torch's functional Adam: a step of the class `torch.optim.Adam` takes twice the time.

    Parameters
    ----------
    parameters : sequence of Tensor
        Leaf tensors; of several models, with a leading model axis. Those that take no gradient stay
        as they are.
    lr, weight_decay : sequence of M floats
    clip_value : float, optional
        Largest Euclidean norm of a model's gradient. Default: no clipping.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        lr: Sequence[float],
        weight_decay: Sequence[float],
        clip_value: float | None = None,
    ) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        self.clip_value, self.n_models = clip_value, len(lr)
        moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]
        self._groups = []
        each = enumerate(zip(lr, weight_decay, strict=True))
        for settings, run in groupby(each, key=lambda pair: pair[1]):
            models = [m for m, _ in run]
            part = None if len(models) == len(lr) else slice(models[0], models[-1] + 1)
            states = [
                (*(_of(part, t) for t in (p.detach(), *own)), torch.zeros((), device=p.device))
                for p, own in zip(self.parameters, moments, strict=True)
            ]
            self._groups.append((part, settings, states))

    def step(self, losses: tuple[Tensor, Tensor], weights: tuple[Tensor, Tensor]) -> None:
        """Move every parameter against the gradient of the weighted sum of both losses."""
        for parameter in self.parameters:
            parameter.grad = None
        # The sum is linear in the losses: its gradient with respect to them is the weights.
        torch.autograd.backward(losses, weights)
        if self.clip_value is not None:
            clip_gradients(self.parameters, self.n_models, self.clip_value)
        for part, (rate, decay), states in self._groups:
            # What the losses made no use of has no gradient, and is not moved.
            used = [
                (_of(part, p.grad), *state)
                for p, state in zip(self.parameters, states, strict=True)
                if p.grad is not None
            ]
            if used:
                gradients, values, means, squares, n_steps = map(list, zip(*used, strict=True))
                adam(
                    values,
                    gradients,
                    means,
                    squares,
                    [],
                    n_steps,
                    fused=True,
                    amsgrad=False,
                    maximize=False,
                    beta1=0.9,
                    beta2=0.999,
                    eps=1e-8,
                    lr=rate,
                    weight_decay=decay,
                )


def _of(models: slice | None, stacked: Tensor) -> Tensor:
    """Return the part of some models, by default of all."""
    return stacked if models is None else stacked[models]


def clip_gradients(parameters: Sequence[Tensor], n_models: int, max_norm: float) -> None:
    """Scale each model's gradient to a Euclidean norm of at most `max_norm`."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    squares = [g.square().reshape(n_models, -1).sum(dim=1) for g in gradients]
    norm = torch.stack(squares).sum(dim=0).sqrt()
    factor = (max_norm / norm.clamp(min=1e-12)).clamp(max=1.0)
    for gradient in gradients:
        # A single model's parameters have no leading model axis.
        shape = (n_models, *[1] * (gradient.dim() - 1)) if n_models > 1 else ()
        gradient.mul_(factor.view(shape))
