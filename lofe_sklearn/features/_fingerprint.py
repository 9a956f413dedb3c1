"""What the output of a network depends on, as values that hash equally in all processes."""

from __future__ import annotations

import functools
import inspect
import threading
from typing import Any

import joblib
import numpy as np
import torch
from torch import nn

# What every module holds: its parameters, buffers and submodules, described by `values_of_network`,
# and hooks, which are not its own.
_OF_ALL_MODULES = frozenset(vars(nn.Module()))
_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.ndarray, np.generic)


def values_of_network(network: nn.Module, seen: frozenset[int] = frozenset()) -> list[Any]:
    """Return all values that a network computes with, and the source of its classes.

    Raises
    ------
    pickle.PicklingError, AttributeError or TypeError
        If an attribute cannot be told from others of its kind.
    """
    seen |= {id(module) for module in network.modules()}
    return [
        (
            name,
            source_of_code(type(module)),
            str(module),
            # Buffers that are not saved count too.
            {k: _numbers_of(v) for k, v in module.named_parameters(recurse=False)},
            {k: _numbers_of(v) for k, v in module.named_buffers(recurse=False)},
            # And plain attributes such as a factor, a shape or an activation.
            {k: _told(v, seen) for k, v in vars(module).items() if k not in _OF_ALL_MODULES},
        )
        for name, module in network.named_modules()
    ]


def _numbers_of(tensor: torch.Tensor) -> Any:
    """Return the values of a tensor; those of types that NumPy lacks in double precision."""
    try:
        return tensor.detach().cpu().numpy()
    except TypeError:  # of bfloat16, for one
        return _with_type(tensor)


def _with_type(tensor: torch.Tensor) -> Any:
    return str(tensor.dtype), tensor.detach().cpu().double().numpy()


def _told(value: Any, seen: frozenset[int]) -> Any:
    """Return values that differ if the attribute does."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, torch.Tensor):
        return _with_type(value)
    if isinstance(value, list | tuple):
        return type(value).__name__, [_told(item, seen) for item in value]
    if isinstance(value, dict):
        return [(_told(k, seen), _told(v, seen)) for k, v in value.items()]
    if isinstance(value, nn.Module):  # one that is held in a list, or the module itself
        return "seen" if id(value) in seen else values_of_network(value, seen)
    if isinstance(value, functools.partial):
        return [_told(part, seen) for part in (value.func, value.args, value.keywords)]
    if isinstance(value, type) or inspect.isroutine(value):
        return _told_code(value, seen)
    if type(value).__module__.partition(".")[0] == "torch":  # types of numbers, devices, sizes
        return str(value)
    return joblib.hash(value)


def _told_code(code: Any, seen: frozenset[int]) -> Any:
    function = getattr(code, "__func__", code)
    cells = getattr(function, "__closure__", None) or ()
    owner = getattr(code, "__self__", None)
    return (
        f"{getattr(code, '__module__', '')}.{getattr(code, '__qualname__', type(code).__name__)}",
        source_of_code(code),
        [_told(cell.cell_contents, seen) for cell in cells],
        [_told(default, seen) for default in getattr(function, "__defaults__", None) or ()],
        _told(owner, seen) if isinstance(owner, nn.Module) else None,
    )


# Python 3.11 fails if two threads parse sources at the same time, which `inspect` does.
_parsing = threading.Lock()


def source_of_code(code: Any) -> str:
    """Return the name and the source of a class or function; nothing if it has none."""
    try:
        with _parsing:
            return f"{code.__module__}.{code.__qualname__} {inspect.getsource(code)}"
    except (AttributeError, OSError, TypeError):  # built in, or typed at a prompt
        return ""
