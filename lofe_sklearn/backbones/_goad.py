"""GOAD: random affine maps that a network tells apart by the distance to their centres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn._validation import MOST, Number, Sizes
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._losses import matching_losses
from lofe_sklearn.backbones._mlp import MLP
from lofe_sklearn.backbones._shared import MARGIN, Scaling, SharedWithBatchSize

# Larger values are clipped to this. After rounding, their squared distances to all centres would be
# equal, and a row so far from all others would look normal.
_FAR = 1e12


class GOADModule(nn.Module):
    """M fixed random maps as one matrix, an encoder all of them share, and M centres."""

    maps: Tensor
    shifts: Tensor

    def __init__(
        self,
        n_features: int,
        *,
        n_transforms: int,
        transform_size: int,
        hidden_sizes: list[int],
        margin: float,
        triplet_weight: float,
    ) -> None:
        super().__init__()
        self.margin, self.triplet_weight = margin, triplet_weight
        # Maps of unit gain: mapped rows have the size of the rows, whatever the number of features.
        width = n_transforms * transform_size
        self.register_buffer("maps", torch.randn(n_features, width) / n_features**0.5)
        self.register_buffer("shifts", torch.randn(width))
        self.n_transforms = n_transforms
        self.values_per_row = n_transforms * max(n_transforms, transform_size, *hidden_sizes)
        leaky = nn.LeakyReLU(0.2, inplace=True)
        self.encoder = MLP([transform_size, *hidden_sizes], leaky)
        self.centers = nn.Parameter(torch.randn(n_transforms, hidden_sizes[-1]))

    def prepare(self, x: Tensor) -> None:
        """Start with each map's centre at the rows' mean embedding under it."""
        self.centers.copy_(self.embed(x).mean(dim=0))

    def embed(self, x: Tensor) -> Tensor:
        """Embeddings of the rows x, (b, d), under all maps: (b, M, e)."""
        z = torch.addmm(self.shifts, x, self.maps).view(x.shape[0] * self.n_transforms, -1)
        return self.encoder(z).view(x.shape[0], self.n_transforms, -1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, d)."""
        z = self.embed(x.clamp(-_FAR, _FAR))
        # |z - c|^2 as one product: the differences would be M times the embeddings' memory.
        square_z = z.square().sum(-1, keepdim=True)
        square_c = self.centers.square().sum(-1)
        distance = square_z + square_c - 2.0 * (z @ self.centers.t())  # (b, M, M)
        loss_n, loss_a = matching_losses(-distance)
        if self.triplet_weight > 0:
            own = distance.diagonal(0, 1, 2)
            nearest = distance + torch.diag_embed(torch.full_like(own, math.inf))
            triplet = F.relu(own - nearest.amin(dim=2) + self.margin).mean(dim=1)
            loss_n = loss_n + self.triplet_weight * triplet
        return loss_n, loss_a


@with_shared_docs
class GOAD(Backbone):
    """GOAD: classification of random affine maps by the distance to their centres.

    Each row is mapped by M fixed random affine maps, and an encoder is trained so that what map m
    makes of a row lies close to the m-th of M centres and far from the others. If the map cannot
    be recognised, a row is anomalous. On its own it is trained blind, as if all rows were normal;
    ``LOE(GOAD(...))`` trains it on contaminated data. The method is that of [1]_.

    Parameters
    ----------
    n_transforms : int, default=32
        Number M of maps, at least 2.
    transform_size : int, default=16
        Features each map makes of a row.
    hidden_sizes : list of int, default=(32, 32)
        Widths of the encoder's layers, the last one being the embedding.
    margin : float, default=1.0
        By how much the squared distance to the nearest wrong centre shall exceed that to the right
        one, in the triplet term. At most 1e6, beside which distances count for nothing.
    triplet_weight : float, default=0.1
        Weight of the triplet term in the normal loss; 0 leaves the softmax alone.
    scaling : {"auto", "rms", "minmax", "standard", "winsorized", "sketched"}, default="standard"
        Scaling of the features inside the estimator, learned from the training rows. Distances need
        features of one scale. ``"winsorized"`` is ``"standard"``, but cuts far values off first.
        ``"sketched"`` does too, and adds thousands of features up to 512 sums at most. None leaves
        them as they are.
    max_epochs : int, default=25
        Passes over the training rows, as in the paper's small settings.
    lr : float, default=3e-3
        Learning rate of Adam.
    %(training_parameters)s

    Attributes
    ----------
    %(fitted_attributes)s

    See Also
    --------
    LOE : Trains this backbone on contaminated data.

    Notes
    -----
    With squared distances ``d_ml`` of the m-th view to centre l and ``p = softmax(-d_m)``, the
    normal loss is the mean over m of ``-log p_m`` plus the weighted triplet term
    ``max(0, d_mm + margin - min_{l != m} d_ml)``, the anomaly loss the mean of ``-log(1 - p_m)``.
    The paper sets the centres to the mean embeddings of the training rows; here they start there
    and are trained with the network, so that a row's losses do not depend on the other rows.

    References
    ----------
    .. [1] L. Bergman, Y. Hoshen (2020). Classification-Based Anomaly Detection for General Data.
       ICLR. arXiv:2005.02359.

    Examples
    --------
    >>> from lofe_sklearn import GOAD
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = GOAD(max_epochs=2, random_state=0).fit(X)
    >>> round(float((detector.predict(X) == -1).mean()), 2)
    0.1
    """

    own_constraints = {
        "n_transforms": Number(Integral, low=2, most=MOST),
        "transform_size": Number(Integral, low=1, most=MOST),
        "hidden_sizes": Sizes(optional=False),
        "margin": MARGIN,
        "triplet_weight": Number(low=0),
    }

    def __init__(
        self,
        *,
        n_transforms: int = 32,
        transform_size: int = 16,
        hidden_sizes: Sequence[int] = (32, 32),
        margin: float = 1.0,
        triplet_weight: float = 0.1,
        scaling: Scaling = "standard",
        max_epochs: int = 25,
        lr: float = 3e-3,
        **shared: Unpack[SharedWithBatchSize],
    ) -> None:
        self.n_transforms = n_transforms
        self.transform_size = transform_size
        self.hidden_sizes = hidden_sizes
        self.margin = margin
        self.triplet_weight = triplet_weight
        super().__init__(scaling=scaling, max_epochs=max_epochs, lr=lr, **shared)

    def build_module(self, n_features: int) -> nn.Module:
        return GOADModule(
            n_features,
            n_transforms=self.n_transforms,
            transform_size=self.transform_size,
            hidden_sizes=list(self.hidden_sizes),
            margin=self.margin,
            triplet_weight=self.triplet_weight,
        )
