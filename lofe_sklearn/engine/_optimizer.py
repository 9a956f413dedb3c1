"""Adam for a stack whose models may differ in learning rate and weight decay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import torch
from torch import Tensor


class StackOptimizer:
    """Adam, fused, one parameter group for each run of models of equal settings.

    A slice of the model axis is a view into the same memory, so that the fused step works on
    stacked parameters as it does on one model's, and updates each value as it would alone.

    Parameters
    ----------
    parameters : sequence of Tensor
        Leaf tensors; of several models, with a leading model axis.
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
        self.parameters, self.clip_value, self.n_models = parameters, clip_value, len(lr)
        self._views: list[tuple[slice, list[Tensor]]] = []
        groups = []
        each = enumerate(zip(lr, weight_decay, strict=True))
        for (rate, decay), run in groupby(each, key=lambda pair: pair[1]):
            models = [m for m, _ in run]
            part = slice(models[0], models[-1] + 1)
            views = list(parameters)
            if len(models) < len(lr):
                views = [p.detach()[part] for p in parameters]
                self._views.append((part, views))
            groups.append({"params": views, "lr": rate, "weight_decay": decay})
        self._adam = torch.optim.Adam(groups, fused=True)

    def step(
        self,
        losses: tuple[Tensor, Tensor],
        weights: tuple[Tensor, Tensor],
        sum_gradients: Callable[[Sequence[Tensor]], None],
    ) -> None:
        """Move every parameter against the gradient of the weighted sum of both losses.

        ``sum_gradients(parameters)`` adds the gradients of other processes to those of this one.
        """
        for parameter in self.parameters:
            parameter.grad = None
        # The sum is linear in the losses: its gradient with respect to them is the weights.
        torch.autograd.backward(losses, weights)
        sum_gradients(self.parameters)
        if self.clip_value is not None:
            clip_gradients(self.parameters, self.n_models, self.clip_value)
        for part, views in self._views:
            for view, parameter in zip(views, self.parameters, strict=True):
                view.grad = None if parameter.grad is None else parameter.grad[part]
        self._adam.step()


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
