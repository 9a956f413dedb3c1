"""How a module's parameters get their gradients: by autograd, or by the module itself.

Autograd costs as much as ten small operations a step. A module that knows its own gradients has a
method ``with_backward(x)``, which returns both losses and a function of their two weights. That
function sets the gradients of the weighted sum of the losses.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Losses = tuple[Tensor, Tensor]
Backward = Callable[[Tensor, Tensor], object]


def has_backward(module: nn.Module) -> bool:
    """Whether a module sets its own gradients.

    Its class must say so itself, since a subclass may compute otherwise. An attribute of the same
    name says whether this module can, with the layers that it has.
    """
    return "with_backward" in vars(type(module)) and bool(getattr(module, "has_backward", False))


def by_autograd(losses: Losses) -> tuple[Losses, Backward]:
    """Return losses without their graph, and what goes back along it."""

    def backward(w_n: Tensor, w_a: Tensor) -> None:
        # The sum is linear in the losses: its gradient with respect to them is the weights.
        torch.autograd.backward(losses, (w_n, w_a))

    return (losses[0].detach(), losses[1].detach()), backward
