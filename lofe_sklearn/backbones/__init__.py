"""Detectors on their own, and what `lofe_sklearn.LOE` trains on contaminated data."""

from lofe_sklearn.backbones._autoencoder import AutoEncoder
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._deep_svdd import DeepSVDD
from lofe_sklearn.backbones._mhrot import MHRot
from lofe_sklearn.backbones._neutral import NeuTraL

__all__ = ["AutoEncoder", "Backbone", "DeepSVDD", "MHRot", "NeuTraL"]
