"""The classes and functions that a model file may name: a closed list, and what the user passes.

A name in a file is looked up here. It is never imported because the file says so.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from typing import Any

from lofe_sklearn.exceptions import ModelFileError

_PACKAGE = "lofe_sklearn"
# Packages whose public classes may be in a file. The empty name stands for lofe_sklearn itself.
_PUBLIC = (
    *("", "backbones", "features", "images", "metrics", "model_selection", "rules", "tabular"),
    *("adapters.pyod", "adapters.adbench"),
)
# What fitted detectors hold beside estimators.
_VALUES = {
    "CommonScale": "_loe._scale",
    "Ensemble": "_loe._ensemble",
    "Evidence": "_loe._evidence",
    "Source": "_loe._evidence_source",
    "Forest": "_loe._classical",
    "Neighbors": "_loe._classical",
    "RobustCovariance": "_loe._classical",
    "LocalDensity": "_loe._local_density",
    "Posterior": "_loe._posterior",
    "Belief": "_loe._find_ratio",
    "CellGaussians": "images._cell_gaussians",
    "PatchBank": "images._patch_bank",
    "PatchModel": "images._patch_model",
    "PatchReader": "images._reading_patches",
    "Projection": "images._projection",
    "FittedColumn": "tabular._fitted_columns",
    "Writing": "tabular._quantity_texts",
    "Filling": "tabular._filled",
    "Reading": "tabular._vectorizing",
    "Scale": "tabular._scaled",
    "TrainingHistory": "engine._history",
    "SeenRows": "_training._seen_rows",
}
# Functions that scorers hold.
_FUNCTIONS = "metrics"


class Classes:
    """The classes and functions that one file may name.

    Parameters
    ----------
    trusted : sequence of classes and functions
        Those that the user adds to the ones of this package.
    """

    def __init__(self, trusted: Sequence[Any], owner: str) -> None:
        if isinstance(trusted, str) or not isinstance(trusted, Sequence):
            raise TypeError(
                f"{owner}: trusted must be a list of classes and functions; got {trusted!r}."
            )
        self.trusted = {self._path_of(one, owner): one for one in trusted}

    @staticmethod
    def _path_of(one: Any, owner: str) -> str:
        if not (isinstance(one, type) or inspect.isfunction(one)):
            raise TypeError(
                f"{owner}: trusted must hold classes and functions, not names or instances; got "
                f"{one!r}."
            )
        path = path_of(one)
        if "<" in path:
            raise TypeError(
                f"{owner}: trusted must hold classes and functions that a module defines by name; "
                f"got {path}. Define it at the top of a module."
            )
        return path

    def name_of(self, one: Any) -> str | None:
        """Return the name by which a file may refer to a class or function; None for no name."""
        path = path_of(one)
        if self.trusted.get(path) is one:
            return path
        if not path.startswith(f"{_PACKAGE}."):
            return None
        # Only packages of the class itself: others may need libraries that are not installed.
        packages = [p for p in _PUBLIC if not p or path.startswith(f"{_PACKAGE}.{p}.")]
        names = [f"{package}.{one.__name__}" if package else one.__name__ for package in packages]
        return next((name for name in names if _found(name) is one), None)

    def named(self, name: str) -> Any:
        """Return the class or function of a name in a file.

        Raises
        ------
        ModelFileError
            If the name is not in the list.
        """
        found = self.trusted.get(name)
        if found is None:
            found = _found(name)
        if found is None:
            raise ModelFileError(
                f"it holds {name[:200]}, which is not loaded unless you pass the class or "
                f"function itself: load(path, trusted=[{name[:200].rpartition('.')[2]}])"
            )
        return found


def path_of(one: Any) -> str:
    """Return the module and name of a class or function."""
    return f"{one.__module__}.{one.__qualname__}"


def _found(name: str) -> Any:
    """Return what a name stands for in this package; None for a name that is not in the list."""
    package, _, short = name.rpartition(".")
    if not short.isidentifier() or short.startswith("_") or package not in _PUBLIC:
        return None
    if name in _VALUES:
        package = _VALUES[name]
    path = f"{_PACKAGE}.{package}" if package else _PACKAGE
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name == path:  # a package that this version does not have
            return None
        raise
    found = getattr(module, short, None)
    ours = str(getattr(found, "__module__", "")).startswith(f"{_PACKAGE}.")
    is_function = package == _FUNCTIONS and inspect.isfunction(found)
    return found if ours and (isinstance(found, type) or is_function) else None
