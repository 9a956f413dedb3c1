# What the package exports beside the backbones: read by type checkers, and at run time.
from lofe_sklearn._validation import AnyOf as AnyOf
from lofe_sklearn._validation import Number as Number
from lofe_sklearn._validation import OneOf as OneOf
from lofe_sklearn._validation import Sizes as Sizes
from lofe_sklearn.backbones._all_backbones import *
from lofe_sklearn.backbones._base import Backbone as Backbone
from lofe_sklearn.backbones._docs import with_shared_docs as with_shared_docs
from lofe_sklearn.backbones._energies import energy_losses as energy_losses
from lofe_sklearn.backbones._energies import inverse_losses as inverse_losses
from lofe_sklearn.backbones._losses import contrastive_losses as contrastive_losses
from lofe_sklearn.backbones._losses import density_losses as density_losses
from lofe_sklearn.backbones._losses import matching_losses as matching_losses
from lofe_sklearn.backbones._mlp import MLP as MLP
