"""Adam for a stack whose models may differ in learning rate and weight decay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from lofe_sklearn.engine._gradients import Backward


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


@dataclass(frozen=True, eq=False)
class _Group:
    """Neighbouring models of equal settings.

    Attributes
    ----------
    part : slice or None
        Where they are on the model axis; None for all models.
    models : list of int
    lr, weight_decay : float
    values, means, squares : list of Tensor
        Of each parameter: its values, the running means of its gradient and of the gradient's
        square, all with their axes in the order in which they lie in memory.
    n_steps : Tensor of shape (number of parameters,)
        How many steps each has made.
    n_steps_of : tuple of Tensor
        The same number by number, as views.
    """

    part: slice | None
    models: list[int]
    lr: float
    weight_decay: float
    values: list[Tensor]
    means: list[Tensor]
    squares: list[Tensor]
    n_steps: Tensor
    n_steps_of: tuple[Tensor, ...]


class StackOptimizer:
    """Adam, fused, one call for each run of models of equal settings.

    A slice of the model axis is a view into the same memory, so that the fused step works on
    stacked parameters as it does on one model's, and updates each value as it would alone. It is
    the operation behind `torch.optim.Adam`, whose step takes four times as long for small networks.

    Parameters
    ----------
    parameters : sequence of Tensor
        Leaf tensors; of several models, with a leading model axis. Those that take no gradient stay
        as they are.
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
        self.parameters = [p for p in parameters if p.requires_grad]
        device = self.parameters[0].device if self.parameters else None
        self.clip_value, self.n_models = clip_value, len(lr)
        for p in self.parameters:
            if not p.permute(_memory_order(p)).is_contiguous():  # a part of a larger tensor
                p.data = p.data.contiguous()
        self._orders = [
            None if p.is_contiguous() else tuple(_memory_order(p)) for p in self.parameters
        ]
        self._means, self._squares = (
            [torch.zeros_like(p) for p in self.parameters] for _ in range(2)
        )
        values, means, squares = (
            [_permuted(t.detach(), order) for t, order in zip(tensors, self._orders, strict=True)]
            for tensors in (self.parameters, self._means, self._squares)
        )
        states = states or [None] * len(lr)
        for m, state in enumerate(states):
            if state is not None:
                self._go_on(m, state)
        n_steps = [0 if state is None else state.n_steps for state in states]
        self._one = torch.ones((), device=device)
        self._groups: list[_Group] = []
        each = enumerate(zip(lr, weight_decay, n_steps, strict=True))
        for (rate, decay, n_done), run in groupby(each, key=lambda pair: pair[1]):
            models = [m for m, _ in run]
            part = None if len(models) == len(lr) else slice(models[0], models[-1] + 1)
            counts = torch.full((len(values),), float(n_done), device=device)
            self._groups.append(
                _Group(
                    part,
                    models,
                    rate,
                    decay,
                    _of(part, values),
                    _of(part, means),
                    _of(part, squares),
                    counts,
                    counts.unbind(),
                )
            )

    @torch.no_grad()
    def step(
        self,
        backward: Backward,
        weights: tuple[Tensor, Tensor],
        sum_gradients: Callable[[Sequence[Tensor]], None],
    ) -> None:
        """Move every parameter against the gradient of the weighted sum of both losses.

        ``backward(*weights)`` sets the gradients. ``sum_gradients(parameters)`` adds those of other
        processes to them.
        """
        for parameter in self.parameters:
            parameter.grad = None
        backward(*weights)
        sum_gradients(self.parameters)
        if self.clip_value is not None:
            clip_gradients(self.parameters, self.n_models, self.clip_value)
        # What the losses made no use of has no gradient, and is not moved.
        gradients = {
            i: _permuted(p.grad, order).contiguous()
            for i, (p, order) in enumerate(zip(self.parameters, self._orders, strict=True))
            if p.grad is not None
        }
        if not gradients:
            return
        all_used = len(gradients) == len(self.parameters)
        for group in self._groups:
            values, means, squares, n_steps = (
                tensors if all_used else [tensors[i] for i in gradients]
                for tensors in (group.values, group.means, group.squares, group.n_steps_of)
            )
            if all_used:
                # In less time than tensor by tensor, or than with a number, of which torch would
                # make a tensor in each step.
                group.n_steps.add_(self._one)
            else:
                torch._foreach_add_(n_steps, 1)
            torch._fused_adam_(
                values,
                _of(group.part, list(gradients.values())),
                means,
                squares,
                [],
                n_steps,
                amsgrad=False,
                maximize=False,
                beta1=0.9,
                beta2=0.999,
                eps=1e-8,
                lr=group.lr,
                weight_decay=group.weight_decay,
            )

    def states(self) -> list[AdamState | None]:
        """Return what is remembered of each model."""
        return [self._state_of(group, m) for group in self._groups for m in group.models]

    def _state_of(self, group: _Group, model: int) -> AdamState | None:
        n_steps = max(map(int, group.n_steps.tolist()), default=0)
        if n_steps == 0:
            return None
        means, squares = (
            [own.cpu().clone() for own in self._of_model(model, moments)]
            for moments in (self._means, self._squares)
        )
        return AdamState(n_steps, means, squares)

    def _go_on(self, model: int, state: AdamState) -> None:
        """Put what is remembered of a model into place."""
        for moments, remembered in ((self._means, state.means), (self._squares, state.squares)):
            for own, value in zip(self._of_model(model, moments), remembered, strict=True):
                own.copy_(value)

    def _of_model(self, model: int, stacked: list[Tensor]) -> list[Tensor]:
        """Return one model's part; a single model's tensors have no model axis."""
        return stacked if self.n_models == 1 else [tensor[model] for tensor in stacked]


def _memory_order(tensor: Tensor) -> list[int]:
    """Order of the axes in which a dense tensor is contiguous.

    The fused step goes through memory from the first value to the last, whatever the strides are.
    On a CPU it would also copy a gradient that is not contiguous, and not use the copy.
    """
    strides = tensor.stride()
    return sorted(range(tensor.dim()), key=lambda axis: strides[axis], reverse=True)


def _permuted(tensor: Tensor, order: Sequence[int] | None) -> Tensor:
    return tensor if order is None else tensor.permute(*order)


def _of(models: slice | None, stacked: list[Tensor]) -> list[Tensor]:
    """Return the parts of some models, by default of all."""
    return stacked if models is None else [tensor[models] for tensor in stacked]


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
