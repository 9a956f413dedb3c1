"""M modules of one architecture as one callable with a leading model axis.

    rows (M, b, ...)  ->  loss_n (M, b), loss_a (M, b)

One module is called as it is. Several are one call over their stacked parameters, so that what a
step costs besides its arithmetic is paid once. A module that computes with stacked parameters by
itself is given them; any other is vmapped, which has a cost of its own. Where a module does what
vmap has no rule for, they are called in turn, with a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from lofe_sklearn.engine._copies import (
    as_products_read,
    copy_of_parts,
    takes_stacked_parameters,
)
from lofe_sklearn.engine._forks import ForkSafeLock
from lofe_sklearn.engine._gradients import Backward, Losses, by_autograd, has_backward
from lofe_sklearn.engine._rows import ALL, Models

# torch's layers draw initial weights and dropout masks from the global generator, so two fits in
# two threads would disturb each other while one of them has it seeded.
_global_rng = ForkSafeLock()


def build_modules(
    builders: Iterable[Callable[[], nn.Module]], seeds: Sequence[int], device: torch.device
) -> list[nn.Module]:
    """Call each builder with its seed; torch's global random state is left as it was.

    The weights are drawn on the CPU, so that a seed means the same network on every device.
    """
    modules = []
    with _global_rng, torch.random.fork_rng(devices=[]):
        for build, seed in zip(builders, seeds, strict=False):
            torch.default_generator.manual_seed(seed)  # of the CPU only
            modules.append(_built(build).to(device))
    return modules


def _built(build: Callable[[], Any]) -> nn.Module:
    module = build()
    if not isinstance(module, nn.Module):
        function = getattr(build, "func", build)
        raise TypeError(
            f"{getattr(function, '__qualname__', 'build_module')} must return a torch.nn.Module; "
            f"it returned {type(module).__name__}. Is the return statement missing?"
        )
    return module


@torch.no_grad()
def prepare_module(module: nn.Module, x: Tensor) -> None:
    """Show a module rows of its training set, if it has a hook for what depends on them."""
    hook = getattr(module, "prepare", None)
    if hook is not None:
        hook(x)


def has_dropout(module: nn.Module) -> bool:
    """Whether a layer of `module` draws random numbers in training."""
    return any(isinstance(layer, nn.modules.dropout._DropoutNd) for layer in module.modules())


@contextmanager
def seeded_dropout(modules: Sequence[nn.Module], seed: int, device: torch.device) -> Iterator[None]:
    """Seed the dropout of `modules` within the block, and leave torch's random state as it was.

    Modules without a dropout layer draw nothing while they train, and need not wait for each other.
    """
    if not any(map(has_dropout, modules)):
        yield
        return
    on_gpu = device.type == "cuda"
    with _global_rng, torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


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
        self._call = self._call_vmapped
        stackable = all(map(takes_stacked_parameters, modules))
        self.sets_gradients &= stackable
        if stackable:
            self._joined = joined(modules[0], self.parameters, self._buffers)
            self.parameters = dict(self._joined.named_parameters())
            self._neighbours: dict[tuple[int, int], nn.Module] = {}
            self._call = self._call_joined

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
        """Write the stacked parameters back into the modules and return these."""
        if self.n_models > 1:
            with torch.no_grad():
                for m, module in enumerate(self.modules):
                    for name, parameter in module.named_parameters():
                        parameter.copy_(self.parameters[name][m])
        return self.modules

    def snapshot(self, model: int | None = None) -> dict[str, Tensor]:
        """Copy the parameters of one model, or of all."""
        return {name: p.detach()[self._at(model)].clone() for name, p in self.parameters.items()}

    def restore(self, model: int | None, snapshot: dict[str, Tensor]) -> None:
        """Put parameters back to what ``snapshot(model)`` returned."""
        with torch.no_grad():
            for name, p in self.parameters.items():
                p[self._at(model)].copy_(snapshot[name])

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
            losses = functional_call(self._joined, self._state_of(models), (x,))
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

        def call(parameters: Any, buffers: Any, rows: Tensor) -> Any:
            return functional_call(base, (parameters, buffers), (rows,))

        try:
            losses = vmap(call, randomness="different")(parameters, buffers, x)
        except (RuntimeError, ValueError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            losses = self._call_in_turn(
                x, models
            )  # a fault of the module's own shows here, as itself
            reason = str(error).strip().splitlines()[0]
            warnings.warn(
                f"{type(base).__name__} cannot be vmapped ({reason}), so its {self.n_models} "
                "models are called one after another: right, but about as slow as fitting each "
                "alone. Write its forward with batched tensor operations, without .item() and "
                "without Python branches on tensor values.",
                UserWarning,
                stacklevel=3,
            )
            self._call = self._call_in_turn
            return losses
        return self._checked(losses, x.shape[:2])

    def _call_in_turn(self, x: Tensor, models: Models) -> tuple[Tensor, Tensor]:
        losses = []
        parameters, buffers = self._state_of(models)
        chosen = list(range(self.n_models))[models] if isinstance(models, slice) else models
        for m, (model, rows) in enumerate(zip(chosen, x.unbind(), strict=True)):
            state = {name: p[m] for name, p in (parameters | buffers).items()}
            pair = functional_call(self.modules[model], state, (rows,))
            losses.append(self._checked(pair, rows.shape[:1]))
        loss_n, loss_a = zip(*losses, strict=True)
        return torch.stack(loss_n), torch.stack(loss_a)

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
    for name, parameter in parameters.items():
        path, _, leaf = name.rpartition(".")
        owner = copied.get_submodule(path)
        values = parameter.detach()
        if isinstance(owner, nn.Linear):
            # Gradients come so, too: else each would be turned into the parameter's layout.
            values = as_products_read(leaf, values)
        setattr(owner, leaf, nn.Parameter(values, parameter.requires_grad))
    for name, buffer in buffers.items():
        path, _, leaf = name.rpartition(".")
        setattr(copied.get_submodule(path), leaf, buffer)
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
        return losses[0], losses[1]

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
