"""Adam for a stack whose models may differ in learning rate and weight decay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class AdamState:
    """What Adam remembers of one model, to go on with rows that come later.

    Attributes
    ----------
    n_steps : int
    means, squares : list of Tensor
        Running means of each parameter's gradient and of its square, on the CPU.
    """

    n_steps: int
    means: list[Tensor]
    squares: list[Tensor]


@dataclass(eq=False)
class OptimizerStates:
    """The states that M models are trained from; `train` puts in those that it ends with."""

    of_models: list[AdamState | None] = field(default_factory=list)


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
    states : sequence of M AdamState or None, optional
        What to go on from. Default: nothing.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        lr: Sequence[float],
        weight_decay: Sequence[float],
        clip_value: float | None = None,
        states: Sequence[AdamState | None] | None = None,
    ) -> None:
        self.parameters, self.clip_value, self.n_models = parameters, clip_value, len(lr)
        self._views: list[tuple[slice, list[Tensor]]] = []
        self._parts: list[tuple[slice, list[Tensor]]] = []
        groups = []
        states = states or [None] * len(lr)
        n_steps = [0 if state is None else state.n_steps for state in states]
        each = enumerate(zip(lr, weight_decay, n_steps, strict=True))
        for (rate, decay, _), run in groupby(each, key=lambda pair: pair[1]):
            models = [m for m, _ in run]
            part = slice(models[0], models[-1] + 1)
            views = list(parameters)
            if len(models) < len(lr):
                views = [p.detach()[part] for p in parameters]
                self._views.append((part, views))
            self._parts.append((part, views))
            groups.append({"params": views, "lr": rate, "weight_decay": decay})
        self._adam = torch.optim.Adam(groups, fused=True)
        for part, views in self._parts:
            own = [state for state in states[part] if state is not None]
            if own:  # models of one part have made equally many steps
                self._go_on(views, own)

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

    def states(self) -> list[AdamState | None]:
        """Return what is remembered of each model."""
        return [
            self._state_of(views, m - part.start)
            for part, views in self._parts
            for m in range(part.start, part.stop)
        ]

    def _go_on(self, views: Sequence[Tensor], states: Sequence[AdamState]) -> None:
        for i, view in enumerate(views):
            means, squares = (
                torch.stack([moments[i] for moments in of_models]).to(view)
                for of_models in ([s.means for s in states], [s.squares for s in states])
            )
            n_steps = torch.tensor(float(states[0].n_steps), device=view.device)
            self._adam.state[view] = {
                "step": n_steps,
                "exp_avg": means.view_as(view),
                "exp_avg_sq": squares.view_as(view),
            }

    def _state_of(self, views: Sequence[Tensor], model: int) -> AdamState | None:
        """Return the state of one of the models that some views are of."""
        known = [self._adam.state.get(view) for view in views]
        n_steps = [int(state["step"]) for state in known if state]
        if not n_steps:
            return None

        def moments(name: str) -> list[Tensor]:
            # A parameter without a gradient has none.
            every = [
                state[name] if state else torch.zeros_like(view)
                for state, view in zip(known, views, strict=True)
            ]
            own = [each if self.n_models == 1 else each[model] for each in every]
            return [each.detach().cpu().clone() for each in own]

        return AdamState(max(n_steps), moments("exp_avg"), moments("exp_avg_sq"))


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
