"""M modules of one architecture as one callable with a leading model axis.

    rows (M, b, ...)  ->  loss_n (M, b), loss_a (M, b)

One module is called as it is. Several are one call over their stacked parameters, so that what a
step costs besides its arithmetic is paid once. A module that computes with stacked parameters by
itself is given them; any other is vmapped, which has a cost of its own. Where a module does what
vmap has no rule for, they are called in turn, with a warning.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.parameter import is_lazy

from lofe_sklearn._errors_of_others import first_line
from lofe_sklearn.engine._copies import (
    as_products_read,
    copy_of_parts,
    places_of_tensors,
    takes_stacked_parameters,
)
from lofe_sklearn.engine._gradients import Backward, Losses, by_autograd, has_backward
from lofe_sklearn.engine._plain_attributes import count_alike, differing_attribute
from lofe_sklearn.engine._rows import ALL, Models
from lofe_sklearn.engine._seeded import seeded

# Precisions of losses that rules, histories and numpy cannot compute with, as of autocast.
_LOW = (torch.float16, torch.bfloat16)


def build_modules(
    builders: Iterable[Callable[[], nn.Module]], seeds: Sequence[int], device: torch.device
) -> list[nn.Module]:
    """Call each builder with its seed; torch's global random state is left as it was.

    The weights are drawn on the CPU, so that a seed means the same network on every device.
    """
    modules = []
    with seeded(0, torch.device("cpu")):
        for build, seed in zip(builders, seeds, strict=False):
            torch.default_generator.manual_seed(seed)  # of the CPU only
            module = _built(build)
            if not _builds_anew(build):
                module = copy.deepcopy(module)
            modules.append(module.to(device))
    return modules


def _builds_anew(build: Callable[[], Any]) -> bool:
    """Whether no two calls of `build` return one network: those of this package, never.

    One of a user may return a parameter of the estimator. A copy takes as long as to build.
    """
    module = getattr(getattr(build, "func", build), "__module__", None) or ""
    return str(module).partition(".")[0] == __name__.partition(".")[0]


def _built(build: Callable[[], Any]) -> nn.Module:
    module = build()
    if not isinstance(module, nn.Module):
        function = getattr(build, "func", build)
        raise TypeError(
            f"{getattr(function, '__qualname__', 'build_module')} must return a torch.nn.Module; "
            f"it returned {type(module).__name__}. Is the return statement missing?"
        )
    for name, parameter in module.named_parameters():
        if is_lazy(parameter):
            raise TypeError(
                f"{type(module).__name__}: the parameter {name} of a lazy layer has no shape yet. "
                "Give the layer its number of inputs; build_module is told n_features."
            )
        if parameter.is_complex():
            raise TypeError(
                f"{type(module).__name__}: the parameter {name} is complex; parameters must be "
                "real. Register its real and its imaginary part, and use torch.complex in forward."
            )
    return module


@torch.no_grad()
def prepare_module(module: nn.Module, x: Tensor, seed: int = 0) -> None:
    """Show a module rows of its training set, if it has a hook for what depends on them.

    What the hook draws, such as some of the rows, follows from the seed.
    """
    hook = getattr(module, "prepare", None)
    if hook is not None:
        with seeded(seed, x.device):
            hook(x)


class ModuleStack:
    """Call M modules on M batches at once.

    Parameters
    ----------
    modules : list of M nn.Module
        Of equal shapes, on one device. `sync` writes the trained parameters back into them.

    Attributes
    ----------
    parameters : dict of str to Tensor
        Leaf tensors; with a leading axis M if there is more than one module.
    """

    def __init__(self, modules: list[nn.Module]) -> None:
        self.modules = modules
        self.n_models = len(modules)
        self._call: Callable[[Tensor, Models], tuple[Tensor, Tensor]] = self._call_one
        # Whether the modules set their gradients themselves, without autograd.
        self.sets_gradients = all(map(has_backward, modules))
        if self.n_models == 1:
            # vmap has a cost of its own, which only several models make good.
            self.parameters = dict(modules[0].named_parameters())
            return
        self.parameters, self._buffers = stack_module_state(modules)
        self._places = places_of_tensors(modules[0])
        self._call = self._call_vmapped
        stackable = all(map(takes_stacked_parameters, modules))
        self.sets_gradients &= stackable
        if stackable:
            self._joined = joined(modules[0], self.parameters, self._buffers)
            self.parameters = dict(self._joined.named_parameters())
            self._neighbours: dict[tuple[int, int], nn.Module] = {}
            self._call = self._call_joined
        elif attribute := differing_attribute(modules):
            # vmap would compute all of them with the first one's value.
            self._call = self._call_in_turn
            self._warn_of_turns(
                f"{attribute} differs between them and is neither a parameter nor a buffer",
                f"Register it by self.register_buffer({attribute.rpartition('.')[2]!r}, tensor)",
            )

    def __call__(self, x: Tensor, models: Models = ALL) -> tuple[Tensor, Tensor]:
        """Compute both losses, (M, b) each, of the rows x, (M, b, ...), by all models or some."""
        return self._call(x, models)

    def with_backward(self, x: Tensor) -> tuple[Losses, Backward]:
        """Compute both losses, (M, b) each, and return what sets the gradients of their sum.

        It takes the weights of both losses in that sum. The losses have no graph.
        """
        if not self.sets_gradients:
            return by_autograd(self(x), self.modules[0])
        single = self.n_models == 1
        module: Any = self.modules[0] if single else self._joined
        with torch.no_grad():
            losses, backward = module.with_backward(x[0] if single else x)
        if not single:
            return losses, backward
        loss_n, loss_a = losses
        alone = (loss_n.unsqueeze(0), loss_a.unsqueeze(0))
        return alone, lambda w_n, w_a: backward(w_n[0], w_a[0])

    def sync(self) -> list[nn.Module]:
        """Write the stacked parameters, and buffers, back into the modules and return these."""
        if self.n_models > 1:
            with torch.no_grad():
                for m, module in enumerate(self.modules):
                    for name, parameter in module.named_parameters():
                        parameter.copy_(self.parameters[name][m])
                    # A layer such as spectral norm changes its own in each step.
                    for name, buffer in module.named_buffers():
                        buffer.copy_(self._buffers[name][m])
            if self._call != self._call_in_turn:
                count_alike(self.modules)
        return self.modules

    def snapshot(self, model: int | None = None) -> dict[str, Tensor]:
        """Copy the parameters and buffers of one model, or of all."""
        return {name: t.detach()[self._at(model)].clone() for name, t in self._tensors().items()}

    def restore(self, model: int | None, snapshot: dict[str, Tensor]) -> None:
        """Put parameters and buffers back to what ``snapshot(model)`` returned."""
        with torch.no_grad():
            for name, tensor in self._tensors().items():
                tensor[self._at(model)].copy_(snapshot[name])

    def _tensors(self) -> dict[str, Tensor]:
        # The buffers of a single module are looked up anew: it may have set others.
        one = self.n_models == 1
        return self.parameters | (dict(self.modules[0].named_buffers()) if one else self._buffers)

    def _at(self, model: int | None) -> Any:
        return ... if self.n_models == 1 or model is None else model

    def _call_one(self, x: Tensor, models: Models) -> tuple[Tensor, Tensor]:
        loss_n, loss_a = self._checked(self.modules[0](x[0]), x.shape[1:2])
        return loss_n.unsqueeze(0), loss_a.unsqueeze(0)

    def _call_joined(self, x: Tensor, models: Models) -> tuple[Tensor, Tensor]:
        if models == ALL:
            losses = self._joined(x)
        elif isinstance(models, slice) and not torch.is_grad_enabled():
            losses = self._joined_neighbours(models)(x)
        else:
            losses = self._called(self._joined, *self._state_of(models), x)
        return self._checked(losses, x.shape[:2])

    def _joined_neighbours(self, models: slice) -> nn.Module:
        """Return one module of some neighbours, whose parameters are views of all models'."""
        key = models.start, models.stop
        if key not in self._neighbours:
            self._neighbours[key] = joined(self.modules[0], *self._state_of(models))
        return self._neighbours[key]

    def _call_vmapped(self, x: Tensor, models: Models) -> tuple[Tensor, Tensor]:
        base = self.modules[0]
        parameters, buffers = self._state_of(models)
        call = vmap(partial(self._called, base), randomness="different")
        try:
            losses = call(parameters, buffers, x)
        except (RuntimeError, ValueError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            # A fault of the module's own shows here, as itself.
            losses = self._call_in_turn(x, models)
            self._warn_of_turns(
                first_line(error),
                "Write its forward with batched tensor operations, without .item() and "
                "without Python branches on tensor values",
            )
            self._call = self._call_in_turn
            return losses
        return self._checked(losses, x.shape[:2])

    def _call_in_turn(self, x: Tensor, models: Models) -> tuple[Tensor, Tensor]:
        losses = []
        parameters, buffers = self._state_of(models)
        chosen = list(range(self.n_models))[models] if isinstance(models, slice) else models
        for m, (model, rows) in enumerate(zip(chosen, x.unbind(), strict=True)):
            own = [{name: t[m] for name, t in kind.items()} for kind in (parameters, buffers)]
            pair = self._called(self.modules[model], own[0], own[1], rows)
            losses.append(self._checked(pair, rows.shape[:1]))
        loss_n, loss_a = zip(*losses, strict=True)
        return torch.stack(loss_n), torch.stack(loss_a)

    def _called(self, module: nn.Module, parameters: Any, buffers: Any, x: Tensor) -> Any:
        """Call a module with other tensors, in each of the places where it has one.

        torch ties these itself, but puts those of a part with two names back wrongly.
        """
        state = parameters | buffers
        state = {at: state[name] for name, places in self._places.items() for at in places}
        return functional_call(module, state, (x,), tie_weights=False)

    def _warn_of_turns(self, reason: str, remedy: str) -> None:
        warnings.warn(
            f"{type(self.modules[0]).__name__} cannot be vmapped ({reason}), so its "
            f"{self.n_models} models are called one after another: right, but about as slow as "
            f"fitting each alone. {remedy}.",
            UserWarning,
            stacklevel=4,
        )

    def _state_of(self, models: Models) -> tuple[dict[str, Any], dict[str, Any]]:
        if models == ALL:
            return self.parameters, self._buffers
        return (
            {name: p[models] for name, p in self.parameters.items()},
            {name: b[models] for name, b in self._buffers.items()},
        )

    def _checked(self, losses: Any, shape: torch.Size) -> tuple[Tensor, Tensor]:
        return check_losses(self.modules[0], losses, shape)


def joined(
    module: nn.Module, parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor]
) -> nn.Module:
    """Return a copy of `module` with stacked parameters and buffers instead of its own."""
    copied = copy_of_parts(module)
    for name, places in places_of_tensors(module).items():
        path, _, leaf = name.rpartition(".")
        if name in buffers:
            tensor = buffers[name]
        else:
            values = parameters[name].detach()
            if isinstance(copied.get_submodule(path), nn.Linear):
                # Gradients come so, too: else each would be turned into the parameter's layout.
                values = as_products_read(leaf, values)
            tensor = nn.Parameter(values, parameters[name].requires_grad)
        for place in places:
            path, _, leaf = place.rpartition(".")
            setattr(copied.get_submodule(path), leaf, tensor)
    return copied


def check_losses(module: nn.Module, losses: Any, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Hold what `module` returned for rows of `shape` to its contract: a pair of that shape.

    The shape of a stack begins with the number of its models; messages are about one of them.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    is_pair = isinstance(losses, (tuple, list)) and len(losses) == 2
    if is_pair and all(isinstance(loss, Tensor) and loss.shape == shape for loss in losses):
        if any(loss.is_complex() for loss in losses):
            raise TypeError(
                f"{type(module).__name__}.forward(x) must return real losses; got complex ones. "
                "Take .abs() or .real of them."
            )
        loss_n, loss_a = (loss.float() if loss.dtype in _LOW else loss for loss in losses)
        return loss_n, loss_a

    def of_one_model(loss: Tensor) -> tuple[int, ...]:
        own = tuple(loss.shape)
        return own[1:] if len(shape) > 1 and own[:1] == shape[:1] else own

    got = (
        [of_one_model(loss) if isinstance(loss, Tensor) else type(loss).__name__ for loss in losses]
        if is_pair
        else f"a {type(losses).__name__}"
        + (f" of shape {of_one_model(losses)}" if isinstance(losses, Tensor) else "")
    )
    raise TypeError(
        f"{type(module).__name__}.forward(x) must return a tuple (loss_n, loss_a) of one loss for "
        f"each row, low where it looks normal and low where it looks anomalous; for {shape[-1]} "
        f"rows it returned {got}. Reduce over features, not over rows, and return both."
    )
