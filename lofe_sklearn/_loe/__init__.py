"""Latent Outlier Exposure: the meta-estimator, and what it finds out without labels."""

from lofe_sklearn._loe._estimator import LOE
from lofe_sklearn._loe._parameters import Method
from lofe_sklearn._loe._ratio import Given, read_contamination

__all__ = ["LOE", "Given", "Method", "read_contamination"]
