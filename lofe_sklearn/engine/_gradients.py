"""How a module's parameters get their gradients: by autograd, or by the module itself.

Autograd takes a large part of a small network's step. A module that knows its own gradients has a
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

    An attribute of the same name says whether it can, with the layers that it has. Its class, and
    that of each part, must define the method itself, since a subclass may compute otherwise. Hooks
    would not be called, and a parameter in two places would get one gradient only.
    """
    parts = [part for part in module.modules() if hasattr(part, "with_backward")]
    names = list(module.named_parameters(remove_duplicate=False))
    return (
        module in parts
        and all("with_backward" in vars(type(part)) for part in parts)
        and not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
        and len(names) == len(list(module.parameters()))
        and bool(getattr(module, "has_backward", False))
    )


def by_autograd(losses: Losses, module: nn.Module) -> tuple[Losses, Backward]:
    """Return losses of `module` without their graph, and what goes back along it."""

    def backward(w_n: Tensor, w_a: Tensor) -> None:
        for name, loss in zip(("loss_n", "loss_a"), losses, strict=True):
            if not loss.requires_grad:
                raise TypeError(
                    f"{type(module).__name__}.forward(x) returned {name} without a gradient, so "
                    "that it cannot be trained. Compute it from the parameters with torch "
                    "operations, without .detach(), .item() or no_grad()."
                )
        # The sum is linear in the losses: its gradient with respect to them is the weights.
        torch.autograd.backward(losses, (w_n, w_a))

    return (losses[0].detach(), losses[1].detach()), backward
