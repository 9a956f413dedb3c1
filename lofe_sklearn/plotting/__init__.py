"""Pictures of fitted detectors, as display classes like those of scikit-learn; extra ``plot``."""

# The names are in __init__.pyi, and imported when they are first used.
from lofe_sklearn._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__)
