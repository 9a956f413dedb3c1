"""Deep SVDD: rows are mapped close to one centre, anomalies away from it."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn._validation import Sizes
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._losses import energy_losses


class DeepSVDDModule(nn.Module):
    """An encoder without biases, and a centre that is fixed before training.

    With a bias, or with the centre where zero weights map everything, the network could map all
    rows to the centre and be done (Ruff et al. 2018, propositions 1 and 2).
    """

    center: Tensor

    def __init__(self, n_features: int, *, hidden_sizes: list[int]) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            nn.Linear(fan_in, fan_out, bias=False)
            for fan_in, fan_out in pairwise([n_features, *hidden_sizes])
        )
        self.register_buffer("center", torch.zeros(hidden_sizes[-1]))

    def prepare(self, x: Tensor) -> None:
        """Fix the centre at the rows' mean embedding, no coordinate of it near zero."""
        mean = self.embed(x).mean(dim=0)
        smallest = 0.1
        away = torch.where(mean < 0, -smallest, smallest)
        self.center.copy_(torch.where(mean.abs() < smallest, away, mean))

    def embed(self, x: Tensor) -> Tensor:
        """Embedding of the rows x: (b, e)."""
        *hidden, embedding = self.encoder
        for layer in hidden:
            x = F.leaky_relu(layer(x), 0.1)
        return embedding(x)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, d)."""
        square = (self.embed(x) - self.center).square().sum(dim=-1)
        # sqrt(s + 1) - 1 without the cancellation at small s.
        return energy_losses(square / (torch.sqrt(square + 1.0) + 1.0))


@with_shared_docs
class DeepSVDD(Backbone):
    """Deep SVDD with the losses of the hypersphere classifier [1]_ [2]_.

    An encoder maps normal rows close to a fixed centre. The normal loss of a row is the
    pseudo-Huber distance h from it, the anomaly loss ``-log(1 - exp(-h))``. On its own it is
    trained blind, as if all rows were normal; ``LOE(DeepSVDD(...))`` trains it on contaminated
    data.

    Parameters
    ----------
    hidden_sizes : list of int, optional
        Widths of the encoder's layers, the last one being the embedding. Default: see Notes.
    scaling : {None, "minmax", "standard"}, default="standard"
        Scaling of the features inside the estimator, learned from the training rows. Distances
        need features of one scale.
    max_epochs : int, default=50
        Passes over the training rows. Few: trained blind on contaminated data, the model gets
        worse the longer it runs.
    lr : float, default=1e-3
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
    Default sizes: a hidden layer of 32 units and an embedding of 16; layers of 128, 64 and 32 did
    about as well on ten real sets. No layer has a bias, and the centre is the mean embedding of
    the training rows before training with its coordinates kept at least 0.1 from zero.

    References
    ----------
    .. [1] L. Ruff, R. Vandermeulen, N. Goernitz, L. Deecke, S. A. Siddiqui, A. Binder, E. Mueller,
       M. Kloft (2018). Deep One-Class Classification. ICML.
    .. [2] L. Ruff, R. A. Vandermeulen, B. J. Franks, K.-R. Mueller, M. Kloft (2020). Rethinking
       Assumptions in Deep Anomaly Detection. arXiv:2006.00339.

    Examples
    --------
    >>> from lofe_sklearn import DeepSVDD
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = DeepSVDD(max_epochs=2, random_state=0).fit(X)
    >>> round(float((detector.predict(X) == -1).mean()), 2)
    0.1
    """

    _own_constraints = {"hidden_sizes": Sizes()}

    def __init__(
        self,
        *,
        hidden_sizes=None,
        scaling="standard",
        max_epochs=50,
        batch_size=128,
        lr=1e-3,
        weight_decay=1e-5,
        gradient_clip_value=None,
        n_iter_no_change=None,
        tol=1e-4,
        contamination=0.1,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.hidden_sizes = hidden_sizes
        super().__init__(
            scaling=scaling,
            max_epochs=max_epochs,
            batch_size=batch_size,
            lr=lr,
            weight_decay=weight_decay,
            gradient_clip_value=gradient_clip_value,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            contamination=contamination,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )

    def _build_module(self, n_features):
        return DeepSVDDModule(n_features, hidden_sizes=list(self.hidden_sizes or (32, 16)))
