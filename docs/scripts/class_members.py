"""What the page of a class in the reference lists: called by _templates/autosummary/class.rst."""

import inspect
from importlib import import_module

# Parts of scikit-learn's metadata routing and output, whose docstrings link into its documentation.
LEFT_OUT = {"get_metadata_routing", "set_output"}
# Classes of these packages are documented by themselves, and so are their methods.
DOCUMENTED_ELSEWHERE = ("builtins", "torch", "pyod")


def documented(name: str) -> tuple[list[str], list[str]]:
    """Return the public methods and properties of a class that have a docstring, by name."""
    module, _, name = name.rpartition(".")
    cls = getattr(import_module(module), name)
    methods, properties = [], []
    for member in dir(cls):
        if not _is_listed(cls, member):
            continue
        value = inspect.getattr_static(cls, member)
        if isinstance(value, property):
            properties.append(member)
        elif callable(getattr(cls, member)):
            methods.append(member)
    return methods, properties


def _is_listed(cls: type, member: str) -> bool:
    if member.startswith("_") or member in LEFT_OUT or member.endswith("_request"):
        return False
    owner = next((base for base in cls.__mro__ if member in vars(base)), None)
    if owner is None or owner.__module__.partition(".")[0] in DOCUMENTED_ELSEWHERE:
        return False
    return bool(inspect.getdoc(getattr(cls, member)))
