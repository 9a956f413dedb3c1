"""A trained network again, from its values and the way it was built."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lofe_sklearn.engine._plain_torch import plain_torch
from lofe_sklearn.engine._stack import build_modules
from lofe_sklearn.engine._states import AveragedModule

# How many numbers the building of a network may make for each of its values, and beside them. The
# networks of this package make up to twice as many as they have, for orders of features.
_MOST_A_VALUE = 10
_MOST_OF_ANY = 100_000
# torch's functions that make tensors of any size from numbers.
_MAKERS = (
    *(torch.empty, torch.zeros, torch.ones, torch.full, torch.eye, torch.arange),
    *(torch.rand, torch.randn, torch.randint, torch.randperm),
)


class _AtMost(TorchFunctionMode):
    """Raise ValueError before all tensors that are made have more than so many numbers."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in _MAKERS:
            self.left -= _n_numbers(func, args, kwargs)
            if self.left < 0:
                raise ValueError("its network is larger than the values stored for it")
        return func(*args, **kwargs)


def _n_numbers(make: Callable[..., Tensor], args: Sequence[Any], kwargs: dict[str, Any]) -> int:
    """How many numbers the tensor would have; nothing of its size is allocated."""
    if make is torch.arange:  # on "meta", it would import torch's compiler
        return len(range(*map(int, args)))
    return make(*args, **kwargs | {"device": "meta"}).numel()


def restore_module(
    build: Callable[[], nn.Module], values: Mapping[str, Tensor], *, bounded: bool
) -> nn.Module:
    """Build a network and give it values.

    Parameters
    ----------
    build : callable
        Builds the untrained network.
    values : mapping of str to Tensor
        Its parameters and buffers by name; or those of an `AveragedModule` of several of its
        states.
    bounded : bool
        Whether an error ends the building as soon as torch's functions have made many more numbers
        than there are values. So a file cannot ask for more memory than a few times its own size.

    Raises
    ------
    ValueError
        If the values are those of another network.
    """
    n_values = _n_values(values)
    most = _MOST_A_VALUE * n_values + _MOST_OF_ANY
    with plain_torch(), _AtMost(most) if bounded else nullcontext():
        [module] = build_modules([build], [0], torch.device("cpu"))
    n_states = 0 if values_of(module).keys() == values.keys() else _n_states(values)
    if n_states * _n_values(values_of(module)) > n_values:
        raise ValueError(f"the values are not those of {n_states} states of its network")
    module = _averaged(module, n_states)
    load_values(module, values)
    return module.eval()


def _n_values(values: Mapping[str, Tensor]) -> int:
    return sum(value.numel() for value in values.values())


def _averaged(module: nn.Module, n_states: int) -> nn.Module:
    if n_states == 0:
        return module
    return AveragedModule([copy.deepcopy(module) for _ in range(n_states)])


def _n_states(values: Mapping[str, Tensor]) -> int:
    """How many states of a network an `AveragedModule` of these values has; 0 if it is none."""
    names = [name.split(".") for name in values]
    return len({name[1] for name in names}) if all(n[0] == "states" for n in names) else 0


def load_values(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Give a network values in place of its own, or raise ValueError if they do not fit it."""
    with plain_torch(), torch.no_grad():
        _make_room(module, values)
        _check(module, values)
        module.load_state_dict({name: values[name] for name in module.state_dict()}, strict=True)
        for name, buffer in module.named_buffers():  # also those that the state dict leaves out
            buffer.copy_(values[name])


def values_of(module: nn.Module) -> dict[str, Tensor]:
    """Return all parameters and buffers of a network, also those its state dict leaves out."""
    parameters = module.named_parameters(remove_duplicate=False)
    return {**dict(parameters), **dict(module.named_buffers(remove_duplicate=False))}


def _make_room(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Make the buffers that a network registers as None or empty, for its `prepare` to set."""
    for prefix, part in module.named_modules(remove_duplicate=False):
        for leaf, buffer in part._buffers.items():
            value = values.get(f"{prefix}.{leaf}" if prefix else leaf)
            if value is not None and (buffer is None or buffer.numel() == 0):
                part._buffers[leaf] = torch.empty_like(value)


def _check(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    own = values_of(module)
    name = type(module).__name__
    if own.keys() != values.keys():
        other = sorted(own.keys() ^ values.keys())[:5]
        raise ValueError(f"the values are not those of a {name}: {', '.join(other)} differ")
    for key, tensor in own.items():
        if tensor.shape != values[key].shape or tensor.dtype != values[key].dtype:
            raise ValueError(
                f"{key} of {name} must be {tensor.dtype} of shape {tuple(tensor.shape)}; got "
                f"{values[key].dtype} of shape {tuple(values[key].shape)}"
            )
