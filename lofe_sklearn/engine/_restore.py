"""A trained network again, from its values and the way it was built."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from lofe_sklearn.engine._plain_torch import plain_torch
from lofe_sklearn.engine._stack import build_modules
from lofe_sklearn.engine._states import AveragedModule


def restore_module(
    build: Callable[[], nn.Module], values: Mapping[str, Tensor], *, shapes_first: bool
) -> nn.Module:
    """Build a network and give it values.

    Parameters
    ----------
    build : callable
        Builds the untrained network.
    values : mapping of str to Tensor
        Its parameters and buffers by name; or those of an `AveragedModule` of several of its
        states.
    shapes_first : bool
        Whether it is built without memory first, to compare shapes: so that a network is never
        larger than its values. All of its tensors must be made on torch's default device then.

    Raises
    ------
    ValueError
        If the values are those of another network.
    """
    device = "meta" if shapes_first else "cpu"
    with plain_torch():
        with torch.device(device):
            [empty] = build_modules([build], [0], torch.device(device))
        n_states = 0 if values_of(empty).keys() == values.keys() else _n_states(values)
        _check(_averaged(empty, n_states), values)
        [module] = build_modules([build], [0], torch.device("cpu"))
        module = _averaged(module, n_states)
        load_values(module, values)
    return module.eval()


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
    _check(module, values)
    module.load_state_dict({name: values[name] for name in module.state_dict()}, strict=True)
    with torch.no_grad():  # also of the buffers that are no part of the state dict
        for name, buffer in module.named_buffers():
            buffer.copy_(values[name])


def values_of(module: nn.Module) -> dict[str, Tensor]:
    """Return all parameters and buffers of a network, also those its state dict leaves out."""
    parameters = module.named_parameters(remove_duplicate=False)
    return {**dict(parameters), **dict(module.named_buffers(remove_duplicate=False))}


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
