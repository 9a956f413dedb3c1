"""Detectors with the interfaces of other libraries: `lofe_sklearn.adapters.adbench` and `.pyod`.

Each is a module of its own, imported when it is first used, since it may need the other library to
be installed.
"""

from lofe_sklearn._lazy import attach as _attach

# No __all__: a star import should not ask for libraries that are not installed.
__getattr__, __dir__, _ = _attach(__name__)
