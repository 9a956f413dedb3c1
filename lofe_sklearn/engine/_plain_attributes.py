"""Attributes of modules that are neither parameters nor buffers, which a stack does not see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# What `nn.Module` itself keeps in its attributes.
_OF_MODULES = frozenset(vars(nn.Module()))


def differing_attribute(modules: Sequence[nn.Module]) -> str | None:
    """Return the name of a value that is not the same in all modules, or None.

    Only values that a network computes with are compared: tensors, arrays, numbers, texts, and
    lists, dicts and modules of such. Counts of steps may differ, as of models that were trained in
    different stacks: see `count_alike`.
    """
    first = dict(_values_of(modules[0]))
    for module in modules[1:]:
        for name, value in _values_of(module):
            if _differ(first.get(name, value), value):
                return name
    return None


def count_alike(modules: Sequence[nn.Module]) -> None:
    """Let all modules have counted the steps that the first one has, since they were called as one.

    The attribute that a class counts the steps of its training in is named by its `step_counter`.
    """
    for first, *others in zip(*(module.modules() for module in modules), strict=True):
        name = _counter_of(first)
        if name is not None:
            for other in others:
                setattr(other, name, getattr(first, name))


def _counter_of(part: nn.Module) -> str | None:
    return getattr(type(part), "step_counter", None)


def _values_of(module: nn.Module) -> Iterator[tuple[str, Any]]:
    for path, part in module.named_modules():
        registered = {id(parameter) for parameter in part.parameters()}
        for name, value in vars(part).items():
            # torch's recurrent layers keep a list of their parameters.
            listed = value if isinstance(value, (list, tuple)) else ()
            is_own = name not in _OF_MODULES and name != _counter_of(part)
            if is_own and not any(id(each) in registered for each in listed):
                yield f"{path}.{name}" if path else name, value


def _differ(a: Any, b: Any) -> bool:
    if a is b:
        return False
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.device != b.device or not torch.equal(a, b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return not np.array_equal(a, b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) != len(b) or any(map(_differ, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() != b.keys() or any(_differ(a[key], b[key]) for key in a)
    if isinstance(a, nn.Module) and isinstance(b, nn.Module):
        return _differ(a.state_dict(), b.state_dict())
    if isinstance(a, (Number, str)) and isinstance(b, (Number, str)):
        return bool(a != b) and not (a != a and b != b)  # NaN differs from itself
    return False
