"""From an estimator to values that JSON can hold, beside arrays, tensors and scikit-learn's steps.

Numbers, strings and None stand for themselves. Everything else is an object with one key that
says what it is, such as ``{"list": [...]}``. When an object occurs again, a reference to its number
is stored, so that it is one object again after loading.
"""

from __future__ import annotations

import inspect
import math
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.base import BaseEstimator
from torch import nn

from lofe_sklearn import engine
from lofe_sklearn._saving._classes import Classes, path_of
from lofe_sklearn._saving._routing_requests import requests_of
from lofe_sklearn._saving._steps import dump_step, is_allowed
from lofe_sklearn.exceptions import ModelFileError

_BUILTIN_TYPES = {bool: "bool", int: "int", float: "float", str: "str"}
_ADVICE = (
    "If it is a class or a function of your own, define it in a module and pass it both times: "
    "save(..., trusted=[...]) and load(..., trusted=[...])."
)


def is_plain(dtype: np.dtype) -> bool:
    """Whether safetensors holds values of a type."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8


class Encoder:
    """Encode one estimator.

    Parameters
    ----------
    classes : Classes
        What may be referred to by name.

    Attributes
    ----------
    arrays : dict of str to ndarray
    tensors : dict of str to Tensor
        Those of networks are named by the network's number and their own name.
    steps : list of bytes
        Files of skops.
    owners : list of estimators
        Those whose networks are stored.
    """

    def __init__(self, classes: Classes) -> None:
        self.classes = classes
        self.arrays: dict[str, np.ndarray] = {}
        self.tensors: dict[str, torch.Tensor] = {}
        self.steps: list[bytes] = []
        self.owners: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no other object gets the place of one in memory
        self._open: set[int] = set()

    def encode(self, value: Any, where: str) -> Any:
        """Return what JSON holds of a value.

        Parameters
        ----------
        value : object
        where : str
            Where in the estimator it is, for the messages.

        Raises
        ------
        ModelFileError
            If it cannot be stored.
        """
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if id(value) in self._numbers:
            return {"same": self._numbers[id(value)]}
        if id(value) in self._open:
            raise ModelFileError(
                f"{where} refers to an object that contains it; such cycles are not stored."
            )
        self._open.add(id(value))
        encoded = self._encoded(value, where)
        self._open.remove(id(value))
        self._numbers[id(value)] = len(self._numbers)
        self._kept.append(value)
        return encoded

    def _encoded(self, value: Any, where: str) -> dict[str, Any]:
        kind = type(value)
        if kind in (list, tuple):
            name = kind.__name__
            return {name: [self.encode(v, f"{where}[{i}]") for i, v in enumerate(value)]}
        if kind is dict:
            pairs = [
                [self.encode(k, where), self.encode(v, f"{where}[{k!r}]")] for k, v in value.items()
            ]
            return {"dict": pairs}
        if kind in (set, frozenset):
            return {kind.__name__: [self.encode(v, where) for v in sorted(value, key=repr)]}
        if kind is range:
            return {"range": [value.start, value.stop, value.step]}
        if isinstance(value, PurePath):
            return {"path": str(value)}
        if isinstance(value, np.ma.MaskedArray):
            parts = (value.data, np.ma.getmaskarray(value), np.asarray(value.fill_value))
            return {"masked": [self.encode(np.asarray(part), where) for part in parts]}
        if isinstance(value, np.ndarray) and not isinstance(value, np.matrix):
            return self._array(np.asarray(value), where)
        if isinstance(value, np.generic) and (is_plain(value.dtype) or value.dtype.kind == "U"):
            return {"scalar": value.dtype.str, "value": self.encode(value.item(), where)}
        if isinstance(value, np.dtype) and is_plain(value):
            return {"dtype": value.str}
        if isinstance(value, torch.Tensor):
            return self._tensor(value, f"t{len(self.tensors)}", where)
        if isinstance(value, np.random.RandomState):
            return {"generator": self.encode(value.get_state(legacy=False), where)}
        if isinstance(value, type) or inspect.isroutine(value):
            return self._name(value, where)
        return self._object(value, where)

    def _array(self, array: np.ndarray, where: str) -> dict[str, Any]:
        if array.dtype == object:
            items = [self.encode(item, where) for item in array.ravel()]
            return {"objects": items, "shape": list(array.shape)}
        if array.dtype.kind == "U":
            return {
                "strings": array.ravel().tolist(),
                "dtype": array.dtype.str,
                "shape": list(array.shape),
            }
        if array.dtype.kind in "mM":
            numbers = self.encode(array.astype(np.int64), where)
            return {"dates": numbers, "dtype": array.dtype.str}
        if not is_plain(array.dtype):
            raise ModelFileError(f"{where}: an array of {array.dtype} cannot be stored.")
        name = f"a{len(self.arrays)}"
        self.arrays[name] = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("=")))
        # The order in memory is kept, since it decides how sums over the array are rounded.
        by_columns = array.flags.f_contiguous and not array.flags.c_contiguous
        shape: dict[str, Any] = (
            {} if array.ndim else {"shape": []}
        )  # made contiguous, a number gets a dimension
        return {"array": name, **({"order": "F"} if by_columns else {}), **shape}

    def _tensor(self, tensor: torch.Tensor, name: str, where: str) -> dict[str, Any]:
        if tensor.layout != torch.strided or tensor.is_complex() or tensor.is_quantized:
            raise ModelFileError(f"{where}: a tensor of {tensor.dtype} cannot be stored.")
        # A copy: safetensors refuses tensors that share memory.
        self.tensors[name] = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}

    def _network(self, network: nn.Module, owner: Any, where: str) -> dict[str, Any]:
        """Encode a network's values; the estimator, its owner, builds the network again."""
        number = len(self.owners)
        self.owners.append(owner)
        values = engine.values_of(network)
        for name, tensor in values.items():
            self._tensor(tensor, f"{number}.{name}", f"{where}.{name}")
        return {"network": number, "names": list(values)}

    def _name(self, value: Any, where: str) -> dict[str, Any]:
        if value in _BUILTIN_TYPES:
            return {"type": _BUILTIN_TYPES[value]}
        if isinstance(value, type) and issubclass(value, np.generic) and is_plain(np.dtype(value)):
            return {"type": np.dtype(value).name}
        name = self.classes.name_of(value)
        if name is None:
            kind = "class" if isinstance(value, type) else "function"
            raise ModelFileError(
                f"{where}: the {kind} {path_of(value)} cannot be stored safely. {_ADVICE}"
            )
        return {"named": name}

    def _object(self, value: Any, where: str) -> dict[str, Any]:
        kind = type(value)
        name = self.classes.name_of(kind)
        is_foreign = name is None and not isinstance(value, nn.Module)
        if is_foreign and _is_of_scikit_learn(value):
            if not self._holds_named(value):
                self.steps.append(dump_step(value, where))
                return {"step": len(self.steps) - 1}
            name = path_of(kind) if is_allowed(path_of(kind)) else None
        if name is None:
            raise ModelFileError(
                f"{where}: an object of {path_of(kind)} cannot be stored safely. {_ADVICE}"
            )
        return {"object": name, "state": self._state(value, where)}

    def _state(self, value: Any, where: str) -> dict[str, Any]:
        # Of the class, since a frozen estimator answers for the one that it holds.
        own = getattr(type(value), "_state_to_save", None)
        state = dict(vars(value)) if own is None else own(value)
        state.pop("_skl_callbacks", None)  # callbacks show a fit; they are not stored
        encoded = {}
        if getattr(value, "memory", None) is not None:
            raise ModelFileError(
                f"{where}.memory: a cache folder belongs to this computer and is not stored. Set "
                "memory=None first."
            )
        for name, attribute in state.items():
            place = f"{where}.{name}"
            if name == "_metadata_request":
                encoded[name] = {"requests": self.encode(requests_of(attribute), place)}
            elif isinstance(attribute, nn.Module):
                if own is None:
                    raise ModelFileError(
                        f"{place}: a network is stored only as part of a backbone, which builds it "
                        f"again; got {type(attribute).__name__}."
                    )
                encoded[name] = self._network(attribute, value, place)
            else:
                encoded[name] = self.encode(attribute, place)
        return encoded

    def _holds_named(self, value: Any, depth: int = 0) -> bool:
        """Whether an object of scikit-learn's holds one of this package's or of the user's."""
        if depth > 30:
            return False
        if isinstance(value, (list, tuple)):
            return any(self._holds_named(item, depth + 1) for item in value)
        if isinstance(value, dict):
            return any(self._holds_named(item, depth + 1) for item in value.values())
        if isinstance(value, (nn.Module, torch.Tensor)):
            return True
        if isinstance(value, type) or inspect.isroutine(value):
            return self.classes.name_of(value) is not None
        if self.classes.name_of(type(value)) is not None:
            return True
        if not isinstance(value, BaseEstimator):
            return False
        return any(self._holds_named(item, depth + 1) for item in vars(value).values())


def _is_of_scikit_learn(value: Any) -> bool:
    """Whether skops is asked about an object."""
    package = type(value).__module__.partition(".")[0]
    return package in ("sklearn", "skrub") or sparse.issparse(value)
