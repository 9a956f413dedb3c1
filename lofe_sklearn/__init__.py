"""Latent Outlier Exposure for scikit-learn: deep anomaly detection on contaminated data."""

from lofe_sklearn._fit_many import fit_many
from lofe_sklearn._loe import LOE
from lofe_sklearn._search import LOESearchCV
from lofe_sklearn.backbones import GOAD, ICL, AutoEncoder, DeepSVDD, MHRot, NeuTraL
from lofe_sklearn.exceptions import TrainingDivergedError

__version__ = "0.1.0.dev0"

__all__ = [
    "GOAD",
    "ICL",
    "LOE",
    "AutoEncoder",
    "DeepSVDD",
    "LOESearchCV",
    "MHRot",
    "NeuTraL",
    "TrainingDivergedError",
    "__version__",
    "fit_many",
]
