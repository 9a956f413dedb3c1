"""Copies of modules to score with, or to put other parameters into."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def takes_stacked_parameters(module: nn.Module) -> bool:
    """Whether `module` computes with parameters that have a leading model axis.

    Each class with parameters or buffers says so itself: a subclass may compute otherwise.
    """
    return all(
        vars(type(part)).get("takes_stacked_parameters", False)
        for part in module.modules()
        if not isinstance(part, nn.ParameterList)
        and (part is module or next(chain(part._parameters, part._buffers), None) is not None)
    )


def copy_to_score(
    modules: Sequence[nn.Module], device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """Return a copy of a module in evaluation mode, on a device and in a precision.

    Several modules, which take stacked parameters and differ in nothing else, become one.
    """
    if len(modules) > 1 or takes_stacked_parameters(modules[0]):
        return _stack_to_score(modules, device, dtype)
    return copy.deepcopy(modules[0]).to(device, dtype).eval()


def _stack_to_score(
    parts: Sequence[nn.Module], device: torch.device, dtype: torch.dtype
) -> nn.Module:
    # For a single row, a deep copy takes longer than all else that is done to score it, and so do
    # torch's own functions that stack modules.
    copied = _copy_of_one(parts[0])
    copied.training = False
    for name, part in copied._modules.items():
        if part is not None:
            same: list[Any] = [each._modules[name] for each in parts]
            copied._modules[name] = _stack_to_score(same, device, dtype)
    for kind in ("_parameters", "_buffers"):
        for name, tensor in vars(copied)[kind].items():
            if tensor is None:
                continue
            values = tensor.detach()
            if len(parts) > 1:
                values = torch.stack([vars(each)[kind][name].detach() for each in parts])
                if isinstance(copied, nn.Linear):
                    values = as_products_read(name, values)
            kept = dtype if values.is_floating_point() else None
            vars(copied)[kind][name] = values.to(device, kept)
    return copied


def as_products_read(name: str, values: Tensor) -> Tensor:
    """Lay out a stacked tensor of a linear layer as its product with the rows reads it."""
    return values.mT.contiguous().mT if name == "weight" else values


def places_of_tensors(module: nn.Module) -> dict[str, list[str]]:
    """Return all the names of each parameter and buffer, by the first of them.

    There are several if parts share a tensor; a part with two names counts once.
    """
    first: dict[int, str] = {}
    places: dict[str, list[str]] = {}
    for path, part in module.named_modules():
        for leaf, tensor in chain(part._parameters.items(), part._buffers.items()):
            if tensor is not None:
                place = f"{path}.{leaf}" if path else leaf
                places.setdefault(first.setdefault(id(tensor), place), []).append(place)
    return places


def copy_of_parts(module: Module, copies: dict[int, Any] | None = None) -> Module:
    """Return a copy of `module` and its parts with the same tensors, which others may replace.

    For modules that take stacked parameters: they compute with what is registered as a parameter
    or buffer, and change no other attribute in place. A part with two names has one copy; `copies`
    are those that there are already, by the identity of the part.
    """
    copies = {} if copies is None else copies
    if id(module) not in copies:
        copied = copies[id(module)] = _copy_of_one(module)
        for name, part in copied._modules.items():
            copied._modules[name] = part and copy_of_parts(part, copies)
    return copies[id(module)]


def _copy_of_one(module: Module) -> Module:
    copied = object.__new__(type(module))
    own = vars(module)
    registered = {kind: dict(own[kind]) for kind in ("_parameters", "_buffers", "_modules")}
    vars(copied).update(own | registered)
    return copied
