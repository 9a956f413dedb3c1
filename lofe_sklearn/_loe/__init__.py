"""Latent Outlier Exposure: the meta-estimator, and what it finds out without labels."""

from lofe_sklearn._loe._estimator import LOE
from lofe_sklearn._loe._members import backbones_of

__all__ = ["LOE", "backbones_of"]
