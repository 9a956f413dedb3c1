"""Networks in pickles: their tensors are stored by value.

torch stores a tensor with the address of its memory. So equal networks would have unequal pickles,
and joblib's caches, which compare hashes of pickles, would never find what they have.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np
import torch
from torch import Tensor, nn


class PickledByValue:
    """Stores the tensors of some attributes by value in pickles and copies.

    Pickles of earlier versions have the attributes themselves.
    """

    _by_value: ClassVar[tuple[str, ...]]

    def __getstate__(self) -> dict[str, Any]:
        parent: Any = super()
        return to_pickle(parent.__getstate__(), *self._by_value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        parent: Any = super()
        parent.__setstate__(from_pickle(state))


def to_pickle(state: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return attributes for ``__getstate__``; the tensors of those named are stored by value."""
    memo: dict[int, Any] = {}  # one for all: they may hold the same network
    held = [name for name in names if any(True for _ in _tensors_of(state.get(name), set()))]
    return {**state, **{name: InPickles(state[name], memo) for name in held}}


def from_pickle(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes for ``__setstate__``; `copy.copy` hands on what `to_pickle` returned."""
    return {
        name: value.held if isinstance(value, InPickles) else value for name, value in state.items()
    }


class InPickles:
    """An object in whose pickle the tensors are values; read again, it is the object itself.

    Parameters
    ----------
    held : object
        A module, or an object of this package that holds modules or tensors.
    memo : dict
        What `copy.deepcopy` keeps, shared by all that go into a pickle together.
    """

    def __init__(self, held: Any, memo: dict[int, Any]) -> None:
        self.held = held
        self._memo = memo

    def __deepcopy__(self, memo: dict[int, Any]) -> InPickles:
        return InPickles(copy.deepcopy(self.held, memo), {})

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _itself, (_with_values(self.held, self._memo),)

    def __reduce__(self) -> NoReturn:
        # pickle, cloudpickle and joblib call `__reduce_ex__`.
        raise TypeError(
            "skops cannot store the networks of lofe_sklearn. Store the detector, or the Pipeline "
            "that holds it, by lofe_sklearn.save(detector, path): its files hold no code either."
        )


class _Values:
    """Stands for a tensor in a pickle, which is the tensor again when it is read."""

    def __init__(self, tensor: Tensor, order: list[int]) -> None:
        # A copy, since hashes of arrays depend on the strides that a view has.
        self.values = np.array(tensor.detach().permute(order).numpy(), order="C")
        self.order = order
        self.requires_grad = tensor.requires_grad
        self.is_parameter = isinstance(tensor, nn.Parameter)

    def __reduce__(self) -> tuple[Any, ...]:
        return _tensor_of, (self.values, self.order, self.requires_grad, self.is_parameter)


def _tensor_of(
    values: np.ndarray, order: list[int], requires_grad: bool, is_parameter: bool
) -> Tensor:
    # A copy: joblib reads arrays as read-only maps of a file, if asked to.
    tensor = torch.tensor(values).permute(np.argsort(order).tolist())
    if is_parameter:
        return nn.Parameter(tensor, requires_grad)
    return tensor.requires_grad_(requires_grad)


def _itself(held: Any) -> Any:
    return held


def _with_values(held: Any, memo: dict[int, Any]) -> Any:
    """Return a copy of `held` with `_Values` in place of its tensors."""
    for tensor in _tensors_of(held, set()):
        # By descending strides, so that the tensor that is read has the same layout in memory.
        # Axes of one value may have any stride, so they come first.
        order = sorted(range(tensor.ndim), key=lambda axis: _stride(tensor, axis), reverse=True)
        if id(tensor) not in memo and _is_plain(tensor) and tensor.permute(order).is_contiguous():
            try:
                memo[id(tensor)] = _Values(tensor, order)
            except (TypeError, RuntimeError):
                continue  # NumPy has no such numbers
    try:
        return copy.deepcopy(held, memo)
    except Exception:  # noqa: BLE001
        return held  # a user's module that can be pickled, but not copied


def _stride(tensor: Tensor, axis: int) -> float:
    return tensor.stride(axis) if tensor.shape[axis] > 1 else math.inf


def _is_plain(tensor: Tensor) -> bool:
    """Whether the tensor is its values; all others are left to torch."""
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.device.type == "cpu"
        and tensor.layout == torch.strided
        and tensor.is_leaf
        and not vars(tensor)
    )


def _tensors_of(held: Any, seen: set[int]) -> Iterator[Tensor]:
    if id(held) in seen:
        return
    seen.add(id(held))
    if isinstance(held, Tensor):
        yield held
    elif isinstance(held, Mapping):
        for each in held.values():
            yield from _tensors_of(each, seen)
    elif isinstance(held, (list, tuple)):
        for each in held:
            yield from _tensors_of(each, seen)
    elif isinstance(held, nn.Module) or type(held).__module__.startswith("lofe_sklearn."):
        yield from _tensors_of(getattr(held, "__dict__", {}), seen)
