"""Copies of modules to score with, or to put other parameters into."""

from __future__ import annotations

import copy
from itertools import chain
from typing import TypeVar

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


def copy_to_score(module: Module, device: torch.device, dtype: torch.dtype) -> Module:
    """Return a copy of `module` in evaluation mode, on a device and in a precision.

    For a single row, a deep copy takes longer than all else that is done to score it.
    """
    if not takes_stacked_parameters(module):
        return copy.deepcopy(module).to(device, dtype).eval()
    copied = copy_of_parts(module)
    for part in copied.modules():
        part.training = False
        for tensors in (part._parameters, part._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    tensors[name] = _moved(tensor, device, dtype)  # type: ignore[assignment]
    return copied


def copy_of_parts(module: Module) -> Module:
    """Return a copy of `module` and its parts with the same tensors, which others may replace.

    For modules that take stacked parameters: they compute with what is registered as a parameter
    or buffer, and change no other attribute in place.
    """
    copied = object.__new__(type(module))
    own = vars(module)
    vars(copied).update(
        own,
        _parameters=dict(own["_parameters"]),
        _buffers=dict(own["_buffers"]),
        _modules={name: part and copy_of_parts(part) for name, part in own["_modules"].items()},
    )
    return copied


def _moved(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return tensor.detach().to(device, dtype if tensor.is_floating_point() else None)
