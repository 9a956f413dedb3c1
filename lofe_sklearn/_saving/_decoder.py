"""From the values in a file back to an estimator. Only classes of a closed list are created."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lofe_sklearn._saving._classes import Classes
from lofe_sklearn._saving._encoder import is_plain
from lofe_sklearn._saving._memory_safety import check_generator
from lofe_sklearn._saving._routing_requests import request_again
from lofe_sklearn._saving._steps import is_allowed, load_step
from lofe_sklearn.exceptions import ModelFileError

_TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}


class Decoder:
    """Decode one estimator.

    Parameters
    ----------
    classes : Classes
        What may be referred to by name.
    arrays : mapping of str to ndarray
    tensors : mapping of str to Tensor
    steps : list of bytes
        Files of skops.
    device : str or None
        The device for estimators of this package, instead of the stored one.
    """

    def __init__(
        self,
        classes: Classes,
        arrays: Mapping[str, np.ndarray],
        tensors: Mapping[str, torch.Tensor],
        steps: list[bytes],
        device: str | None = None,
    ) -> None:
        self.classes = classes
        self.arrays, self.tensors, self.steps = arrays, tensors, steps
        self.device = device
        self.owners: list[Any] = []
        self._done: list[Any] = []
        self._kinds: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
            "list": lambda items, _: [self.decode(item) for item in items],
            "tuple": lambda items, _: tuple(self.decode(item) for item in items),
            "set": lambda items, _: {self.decode(item) for item in items},
            "frozenset": lambda items, _: frozenset(self.decode(item) for item in items),
            "dict": lambda pairs, _: {self.decode(k): self.decode(v) for k, v in pairs},
            "range": lambda ends, _: range(*map(int, ends)),
            "path": lambda text, _: Path(text),
            "array": self._array,
            "objects": self._objects,
            "strings": self._strings,
            "dates": self._dates,
            "masked": self._masked,
            "scalar": self._scalar,
            "dtype": lambda text, _: _plain_dtype(text),
            "type": lambda text, _: _TYPES.get(text) or _plain_dtype(text).type,
            "tensor": lambda name, _: self.tensors[name],
            "generator": self._generator,
            "named": lambda name, _: self.classes.named(name),
            "step": lambda number, _: load_step(self.steps[number]),
            "object": self._object,
        }

    def decode(self, value: Any) -> Any:
        """Return what `Encoder.encode` was given."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        kind = next(iter(value))
        if kind == "float":
            return float(value["float"])
        if kind == "same":
            return self._done[_index(value["same"])]
        decoded = self._kinds[kind](value[kind], value)
        self._done.append(decoded)
        return decoded

    def _array(self, name: str, node: dict[str, Any]) -> np.ndarray:
        array = np.array(self.arrays[name], order="F" if node.get("order") == "F" else "C")
        return array.reshape(()) if node.get("shape") == [] else array

    def _objects(self, items: list[Any], node: dict[str, Any]) -> np.ndarray:
        array = np.empty(len(items), dtype=object)
        for i, item in enumerate(items):
            array[i] = self.decode(item)
        return array.reshape(_shape(node))

    def _strings(self, items: list[str], node: dict[str, Any]) -> np.ndarray:
        longest = max([1, *map(len, items)])
        dtype = np.dtype(node["dtype"])
        if dtype.kind != "U" or dtype.itemsize > max(4096, 4 * longest):
            raise ModelFileError(f"an array of strings is of {dtype}")
        return np.array(items, dtype=dtype).reshape(_shape(node))

    def _dates(self, numbers: Any, node: dict[str, Any]) -> np.ndarray:
        dtype = np.dtype(node["dtype"])
        if dtype.kind not in "mM":
            raise ModelFileError(f"an array of dates is of {dtype}")
        return self.decode(numbers).astype(dtype)

    def _masked(self, parts: list[Any], _: dict[str, Any]) -> np.ma.MaskedArray:
        data, mask, fill_value = (self.decode(part) for part in parts)
        return np.ma.MaskedArray(data, mask, fill_value=fill_value[()])

    def _scalar(self, dtype: str, node: dict[str, Any]) -> Any:
        value = self.decode(node["value"])
        if isinstance(value, str):
            return np.str_(value)
        return _plain_dtype(dtype).type(value)

    def _generator(self, state: Any, _: dict[str, Any]) -> np.random.RandomState:
        generator = np.random.RandomState()
        generator.set_state(self.decode(state))
        check_generator(generator)
        return generator

    def _object(self, name: str, node: dict[str, Any]) -> Any:
        cls = _foreign(name) if is_allowed(name) else self.classes.named(name)
        if not isinstance(cls, type):
            raise ModelFileError(f"{name} is no class")
        instance: Any = object.__new__(cls)
        state: dict[str, Any] = {}
        requests = None
        for attribute, encoded in node["state"].items():
            if not attribute.isidentifier() or attribute.startswith("__"):
                raise ModelFileError(f"{name} has an attribute {attribute[:100]!r}")
            kind = next(iter(encoded), None) if isinstance(encoded, dict) else None
            if kind == "requests":
                requests = self.decode(encoded["requests"])
            elif kind == "network":
                state[attribute] = self._values_of_network(encoded)
                self.owners.append(instance)
            else:
                state[attribute] = self.decode(encoded)
        if state.get("memory") is not None:
            raise ModelFileError(f"the {name} in it names a cache folder")
        if self.device is not None and "device" in state:
            state["device"] = self.device
        own = getattr(cls, "_set_saved_state", None)
        if own is None:
            vars(instance).update(_fields_of_defaults(cls, state, name) | state)
        else:
            own(instance, state)
        if requests:
            request_again(instance, requests)
        return instance

    def _values_of_network(self, node: dict[str, Any]) -> dict[str, torch.Tensor]:
        number = _index(node["network"])
        return {name: self.tensors[f"{number}.{name}"] for name in node["names"]}


def _fields_of_defaults(cls: type, state: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the fields of a dataclass that came after the version that wrote the file.

    Raises
    ------
    ModelFileError
        If one has no default.
    """
    found: dict[str, Any] = {}
    for field in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
        if field.name in state:
            continue
        if field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
        elif field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        else:
            raise ModelFileError(
                f"{name} in it has no {field.name}: another version of lofe_sklearn wrote it. Load "
                "it with that version, or fit the model again"
            )
    return found


def _foreign(name: str) -> type:
    """Return a class from the list of scikit-learn and skrub classes."""
    module, _, short = name.rpartition(".")
    return getattr(importlib.import_module(module), short)


def _plain_dtype(text: str) -> np.dtype:
    dtype = np.dtype(text)
    if not is_plain(dtype):
        raise ModelFileError(f"values of {dtype} are not loaded")
    return dtype


def _shape(node: dict[str, Any]) -> tuple[int, ...]:
    return tuple(_index(n) for n in node["shape"])


def _index(number: Any) -> int:
    """Return a number of a list's; negative ones would count from its end."""
    if type(number) is not int or number < 0:
        raise ModelFileError(f"{number!r} is no number of an object")
    return number
