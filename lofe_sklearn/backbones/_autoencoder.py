"""AutoEncoder: rows that a narrow network cannot reconstruct are anomalous."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn._validation import Number, Sizes
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._energies import square_losses, square_losses_with_backward
from lofe_sklearn.backbones._mlp import MLP, Backward, rectify, rectify_gradient, scored_by_feature
from lofe_sklearn.backbones._shared import Scaling, SharedWithRate, steps_for_width


class AutoEncoderModule(nn.Module):
    """A mirrored encoder and decoder; the mean squared reconstruction error is the energy."""

    takes_stacked_parameters = True

    def __init__(self, n_features: int, *, hidden_sizes: list[int]) -> None:
        super().__init__()
        widths = [n_features, *hidden_sizes]
        self.encoder = scored_by_feature(MLP(widths))
        self.decoder = scored_by_feature(MLP(widths[::-1]))

    def embed(self, x: Tensor) -> Tensor:
        """Values of the bottleneck, before its activation: (b, e)."""
        return self.encoder(x)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, d); of M modules in one, (M, b, d)."""
        reconstructed = self.decoder(F.relu(self.encoder(x), inplace=True))
        return square_losses(reconstructed - x)

    @property
    def has_backward(self) -> bool:
        """Whether `with_backward` does what `forward` and autograd do."""
        return self.encoder.has_backward and self.decoder.has_backward

    def with_backward(self, x: Tensor) -> tuple[tuple[Tensor, Tensor], Backward]:
        """Return ``forward(x)``, and what sets the gradients, given those of both losses."""
        embedded, to_encoder = self.encoder.with_backward(x)
        reconstructed, to_decoder = self.decoder.with_backward(rectify(embedded))
        losses, to_difference = square_losses_with_backward(reconstructed.sub_(x))

        def backward(grad_n: Tensor, grad_a: Tensor) -> None:
            grad = to_decoder(to_difference(grad_n, grad_a), of_x=True)
            to_encoder(rectify_gradient(grad, embedded))

        return losses, backward


@with_shared_docs
class AutoEncoder(Backbone):
    """Autoencoder: the anomaly score is the reconstruction error.

    The normal loss of a row is its mean squared reconstruction error e, the anomaly loss
    ``-log(1 - exp(-e))``. On its own it is trained blind, as if all rows were normal;
    ``LOE(AutoEncoder(...))`` trains it on contaminated data [1]_.

    Parameters
    ----------
    hidden_sizes : list of int, optional
        Widths of the encoder's layers, the last one being the bottleneck; the decoder mirrors
        them. Default: see Notes.
    scaling : {"auto", "rms", "minmax", "standard", "winsorized", "sketched"}, default="standard"
        Scaling of the features inside the estimator, learned from the training rows, so that the
        error weighs all features alike. ``"winsorized"`` is ``"standard"``, but cuts far values off
        first. ``"sketched"`` does too, and adds thousands of features up to 512 sums at most. None
        leaves them as they are.
    max_epochs : int, optional
        Passes over the training rows. Default: as many as make 800 steps, and at least 5; fewer
        for more than 256 features, down to 200 steps from 1024 on.
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
    Default sizes: a hidden layer of 64 units and a bottleneck of 32, also for fewer than 32
    features. Narrower bottlenecks were worse under LOE, where the anomaly loss keeps the network
    from reconstructing everything.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088.

    Examples
    --------
    >>> from lofe_sklearn import AutoEncoder
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = AutoEncoder(max_epochs=2, random_state=0).fit(X)
    >>> round(float((detector.predict(X) == -1).mean()), 2)
    0.1
    """

    own_constraints = {
        "hidden_sizes": Sizes(),
        "max_epochs": Number(Integral, low=1, optional=True),
    }

    def __init__(
        self,
        *,
        hidden_sizes: Sequence[int] | None = None,
        scaling: Scaling = "standard",
        max_epochs: int | None = None,
        **shared: Unpack[SharedWithRate],
    ) -> None:
        self.hidden_sizes = hidden_sizes
        super().__init__(scaling=scaling, max_epochs=max_epochs, **shared)

    def choose_steps(self, n_features: int) -> int:
        return steps_for_width(self.default_steps, n_features)

    def build_module(self, n_features: int) -> nn.Module:
        return AutoEncoderModule(n_features, hidden_sizes=list(self.hidden_sizes or (64, 32)))
