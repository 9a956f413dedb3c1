"""Detectors on their own, and what `lofe_sklearn.LOE` trains on contaminated data.

Beside the backbones, what one of your own is built from: the base class `Backbone`, losses in
numerically exact form, what its parameters may be (`Number`, `OneOf`, `Sizes`), and the shared part
of its docstring.
"""

# The names are in __init__.pyi, and imported when they are first used.
from lofe_sklearn._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__)
