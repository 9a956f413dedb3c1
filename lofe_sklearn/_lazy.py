"""Public names that are imported when they are first used.

What a package exports is written once, in the stub beside its ``__init__.py``: type checkers and
editors read ``__init__.pyi``, and so does `attach` when the package is imported. A line
``from package.module import name as name`` exports a name, and ``from package.list import *`` all
names of another stub.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections.abc import Callable
from typing import Any

_ROOT = __name__.partition(".")[0]


def exports(stub: str) -> dict[str, str]:
    """Return the names that a stub exports, and the module of each.

    Parameters
    ----------
    stub : str
        Path of a ``.pyi`` file in this package, with slashes.
    """
    source = pkgutil.get_data(_ROOT, stub)
    if source is None:
        raise ImportError(f"{_ROOT}/{stub} cannot be read; install {_ROOT} again.")
    names: dict[str, str] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        for alias in node.names:
            if alias.name == "*":
                names |= exports("/".join(node.module.split(".")[1:]) + ".pyi")
            else:
                names[alias.asname or alias.name] = node.module
    return names


def attach(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package that has a stub."""
    modules = exports("/".join([*package.split(".")[1:], "__init__.pyi"]))
    public = sorted(modules)

    def __getattr__(name: str) -> Any:
        if name not in modules:
            raise AttributeError(_no_attribute(package, name, public))
        if modules[name] == package:
            value: Any = importlib.import_module(f"{package}.{name}")
        else:
            value = getattr(importlib.import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)  # the next time it is there
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *public})

    return __getattr__, __dir__, public


def _no_attribute(package: str, name: str, public: list[str]) -> str:
    message = f"module {package!r} has no attribute {name!r}"
    if name.startswith("_"):  # asked for by Python itself and by tools, which expect it not to be
        return message
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), [other.lower() for other in public], n=1)
    suggested = [other for other in public if other.lower() in close]
    return message + (f". Did you mean {suggested[0]!r}?" if suggested else "")
