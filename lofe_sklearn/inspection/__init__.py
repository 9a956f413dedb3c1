"""Look into fitted detectors: why a row is an anomaly, and whether the data has changed since."""

# The names are in __init__.pyi, and imported when they are first used.
from lofe_sklearn._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__)
