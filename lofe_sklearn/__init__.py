"""Latent Outlier Exposure for scikit-learn: deep anomaly detection on contaminated data."""

# The public names are in __init__.pyi, and imported when they are first used: torch and
# scikit-learn's estimators take seconds to load, which --help and a traceback need not wait for.
from lofe_sklearn._lazy import attach as _attach

__version__ = "0.1.0.dev0"

__getattr__, __dir__, __all__ = _attach(__name__)
__all__ += ["__version__"]
