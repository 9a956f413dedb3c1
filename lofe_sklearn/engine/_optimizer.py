"""Adam for a stack whose models may differ in learning rate and weight decay."""

from __future__ import annotations

from collections.abc import Sequence
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
    """

    def __init__(
        self, parameters: Sequence[Tensor], lr: Sequence[float], weight_decay: Sequence[float]
    ) -> None:
        self.parameters = parameters
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

    def clear(self) -> None:
        """Forget the gradients of the last step."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move every parameter by its gradient."""
        for part, views in self._views:
            for view, parameter in zip(views, self.parameters, strict=True):
                view.grad = None if parameter.grad is None else parameter.grad[part]
        self._adam.step()
