"""Deep SVDD: rows are mapped close to one centre, anomalies away from it."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Literal, Unpack

import torch
from torch import Tensor, nn

from lofe_sklearn._validation import Number, OneOf, Sizes
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._energies import (
    hypersphere_losses,
    hypersphere_losses_with_backward,
    inverse_losses,
)
from lofe_sklearn.backbones._mlp import MLP, Backward, scored_by_feature
from lofe_sklearn.backbones._shared import Scaling, SharedWithRate, steps_for_width


class DeepSVDDModule(nn.Module):
    """An encoder without biases, and a centre that is fixed before training.

    With a bias, or with the centre where zero weights map everything, the network could map all
    rows to the centre and be done (Ruff et al. 2018, propositions 1 and 2).
    """

    center: Tensor
    takes_stacked_parameters = True

    def __init__(self, n_features: int, *, hidden_sizes: list[int], anomaly_loss: str) -> None:
        super().__init__()
        self.anomaly_loss = anomaly_loss
        leaky = nn.LeakyReLU(0.1, inplace=True)
        self.encoder = scored_by_feature(MLP([n_features, *hidden_sizes], leaky, bias=False))
        self.register_buffer("center", torch.zeros(hidden_sizes[-1]))

    def prepare(self, x: Tensor) -> None:
        """Fix the centre at the rows' mean embedding, no coordinate of it near zero."""
        mean = self.embed(x).mean(dim=0)
        smallest = 0.1
        away = torch.where(mean < 0, -smallest, smallest)
        self.center.copy_(torch.where(mean.abs() < smallest, away, mean))

    def embed(self, x: Tensor) -> Tensor:
        """Embedding of the rows x: (b, e)."""
        return self.encoder(x)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, d); of M modules in one, (M, b, d)."""
        difference = self.embed(x) - self.center.unsqueeze(-2)
        if self.anomaly_loss == "inverse":
            return inverse_losses(difference.square().sum(dim=-1))
        return hypersphere_losses(difference)

    @property
    def has_backward(self) -> bool:
        """Whether `with_backward` does what `forward` and autograd do."""
        return self.anomaly_loss == "hypersphere" and self.encoder.has_backward

    def with_backward(self, x: Tensor) -> tuple[tuple[Tensor, Tensor], Backward]:
        """Return ``forward(x)``, and what sets the gradients, given those of both losses."""
        embedded, to_weights = self.encoder.with_backward(x)
        losses, to_difference = hypersphere_losses_with_backward(
            embedded.sub_(self.center.unsqueeze(-2))
        )
        return losses, lambda grad_n, grad_a: to_weights(to_difference(grad_n, grad_a))


@with_shared_docs
class DeepSVDD(Backbone):
    """Deep SVDD: normal rows are mapped close to a fixed centre, anomalies away from it.

    The normal loss of a row is its distance h from the centre in the embedding. On its own it is
    trained blind, as if all rows were normal; ``LOE(DeepSVDD(...))`` trains it on contaminated
    data. The method is that of [1]_.

    Parameters
    ----------
    hidden_sizes : list of int, optional
        Widths of the encoder's layers, the last one being the embedding. Default: see Notes.
    anomaly_loss : {"hypersphere", "inverse"}, default="hypersphere"
        ``"hypersphere"`` is the hypersphere classifier [2]_: the normal loss is the pseudo-Huber
        distance ``h = sqrt(|f(x) - c|^2 + 1) - 1``, the anomaly loss ``-log(1 - exp(-h))``.
        ``"inverse"`` is what the LOE paper [3]_ trains: ``h = |f(x) - c|^2`` and ``1 / h``;
        on eight real sets it was somewhat worse.
    scaling : {"auto", "rms", "minmax", "standard", "winsorized", "sketched"}, default="standard"
        Scaling of the features inside the estimator, learned from the training rows. Distances need
        features of one scale. ``"winsorized"`` is ``"standard"``, but cuts far values off first.
        ``"sketched"`` does too, and adds thousands of features up to 512 sums at most. None leaves
        them as they are.
    max_epochs : int, optional
        Passes over the training rows. Default: as many as make 800 steps, and at least 5; fewer
        for more than 256 features, down to 200 steps from 1024 on. More steps do not help: trained
        blind on contaminated data, the model gets worse the longer it runs.
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
    Default sizes: a hidden layer of 32 units and an embedding of 16. No layer has a bias, and the
    centre is the mean embedding of the training rows before training with its coordinates kept at
    least 0.1 from zero.

    References
    ----------
    .. [1] L. Ruff, R. Vandermeulen, N. Goernitz, L. Deecke, S. A. Siddiqui, A. Binder, E. Mueller,
       M. Kloft (2018). Deep One-Class Classification. ICML.
    .. [2] L. Ruff, R. A. Vandermeulen, B. J. Franks, K.-R. Mueller, M. Kloft (2020). Rethinking
       Assumptions in Deep Anomaly Detection. arXiv:2006.00339.
    .. [3] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088.

    Examples
    --------
    >>> from lofe_sklearn import DeepSVDD
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = DeepSVDD(max_epochs=2, random_state=0).fit(X)
    >>> round(float((detector.predict(X) == -1).mean()), 2)
    0.1
    """

    own_constraints = {
        "hidden_sizes": Sizes(),
        "anomaly_loss": OneOf(("hypersphere", "inverse")),
        "max_epochs": Number(Integral, low=1, optional=True),
    }

    def __init__(
        self,
        *,
        hidden_sizes: Sequence[int] | None = None,
        anomaly_loss: Literal["hypersphere", "inverse"] = "hypersphere",
        scaling: Scaling = "standard",
        max_epochs: int | None = None,
        **shared: Unpack[SharedWithRate],
    ) -> None:
        self.hidden_sizes = hidden_sizes
        self.anomaly_loss = anomaly_loss
        super().__init__(scaling=scaling, max_epochs=max_epochs, **shared)

    def choose_steps(self, n_features: int) -> int:
        return steps_for_width(self.default_steps, n_features)

    def build_module(self, n_features: int) -> nn.Module:
        return DeepSVDDModule(
            n_features,
            hidden_sizes=list(self.hidden_sizes or (32, 16)),
            anomaly_loss=self.anomaly_loss,
        )
