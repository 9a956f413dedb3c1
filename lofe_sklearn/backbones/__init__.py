"""Detectors on their own, and what `lofe_sklearn.LOE` trains on contaminated data.

Beside the backbones, what one of your own is built from: the base class `Backbone`, losses in
numerically exact form, what its parameters may be (`Number`, `OneOf`, `Sizes`), and the shared part
of its docstring.
"""

from lofe_sklearn._validation import Number, OneOf, Sizes
from lofe_sklearn.backbones._autoencoder import AutoEncoder
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._deep_svdd import DeepSVDD
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._goad import GOAD
from lofe_sklearn.backbones._icl import ICL
from lofe_sklearn.backbones._losses import (
    contrastive_losses,
    density_losses,
    energy_losses,
    inverse_losses,
    matching_losses,
)
from lofe_sklearn.backbones._mhrot import MHRot
from lofe_sklearn.backbones._mlp import MLP
from lofe_sklearn.backbones._neutral import NeuTraL

__all__ = [
    "GOAD",
    "ICL",
    "MLP",
    "AutoEncoder",
    "Backbone",
    "DeepSVDD",
    "MHRot",
    "NeuTraL",
    "Number",
    "OneOf",
    "Sizes",
    "contrastive_losses",
    "density_losses",
    "energy_losses",
    "inverse_losses",
    "matching_losses",
    "with_shared_docs",
]
