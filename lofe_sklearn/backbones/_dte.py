"""DTE: rows from which a network reads that much noise was added to them are anomalous."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Unpack

import torch
from torch import Tensor, nn

from lofe_sklearn._validation import MOST, Number, Sizes
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._mlp import MLP
from lofe_sklearn.backbones._shared import Scaling, SharedWithRate, steps_for_width

# How much of the normal loss is that of the row without noise.
_CLEAN_SHARE = 0.25


class DTEModule(nn.Module):
    """A network that tells to which of K ranges the diffusion time of a row belongs."""

    takes_stacked_parameters = True

    def __init__(
        self, n_features: int, *, hidden_sizes: list[int], n_bins: int, n_draws: int
    ) -> None:
        super().__init__()
        self.n_features, self.n_bins, self.n_draws = n_features, n_bins, n_draws
        # A normal number for each feature, and one more for the time.
        self.noise_per_row = n_draws * (n_features + 1)
        self.network = MLP([n_features, *hidden_sizes, n_bins])

    def embed(self, x: Tensor) -> Tensor:
        """Probabilities of the K ranges of time, (b, K), for the rows x, (b, d)."""
        return self.network(x).softmax(dim=-1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, d); of M modules in one, (M, b, d).

        In a training step, noise stands behind the features of each row.
        """
        if x.shape[-1] > self.n_features:
            return self._losses_in_training(*x.tensor_split([self.n_features], dim=-1))
        # m is the mean range, 0 for the first one and 1 for the last: -log(1 - m) and -log m.
        log_share = self.network(x).log_softmax(dim=-1)
        place = torch.arange(1, self.n_bins, dtype=x.dtype, device=x.device) / (self.n_bins - 1)
        far = log_share[..., 1:] + place.log()
        near = log_share[..., :-1] + place.flip(0).log()
        return -near.logsumexp(dim=-1), -far.logsumexp(dim=-1)

    def _losses_in_training(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropies of finding the times, and of taking the row for one of the last."""
        of_time, of_features = noise.tensor_split([self.n_draws], dim=-1)
        # One time in each of n_draws equal parts of (0, 1).
        parts = torch.arange(self.n_draws, dtype=x.dtype, device=x.device)
        time = (parts + torch.special.ndtr(of_time)) / self.n_draws
        drawn = of_features.unflatten(-1, (self.n_draws, self.n_features))
        noised = x.unsqueeze(-2) + time.unsqueeze(-1) * drawn
        logits = self.network(torch.cat([x.unsqueeze(-2), noised], dim=-2))
        log_share = logits.log_softmax(dim=-1)
        bins = (time * self.n_bins).long().clamp(max=self.n_bins - 1).unsqueeze(-1)
        of_noised = -log_share[..., 1:, :].gather(-1, bins).squeeze(-1).mean(dim=-1)
        clean = log_share[..., 0, :]
        loss_n = (1 - _CLEAN_SHARE) * of_noised - _CLEAN_SHARE * clean[..., 0]
        return loss_n, -clean[..., -1]


@with_shared_docs
class DTE(Backbone):
    """DTE: a network reads from a row how much noise was added to it; anomalies look noisy.

    Noise is added to the training rows, little or much, as in a diffusion model. A network learns
    to tell how much it was, in `n_bins` ranges of the diffusion time. From an anomaly, which lies
    away from the training rows, it reads a late time though nothing was added. On its own it is
    trained blind, as if all rows were normal; ``LOE(DTE(...))`` trains it on contaminated data. It
    is the categorical form of [1]_, DTE-C.

    Parameters
    ----------
    hidden_sizes : list of int, default=(256, 256)
        Widths of the network's hidden layers.
    n_bins : int, default=7
        Number K of ranges of the diffusion time, at least 2; 7 as in the paper.
    n_draws : int, default=1
        How often noise is added to a row in each training step, each time in another part of the
        time. A step costs in proportion to ``n_draws + 1``.
    scaling : {"auto", "rms", "minmax", "standard", "winsorized", "sketched"}, default="standard"
        Scaling of the features inside the estimator, learned from the training rows. The noise has
        a standard deviation of 1 at most, so features should have it too. ``"winsorized"`` is
        ``"standard"``, but cuts far values off first. ``"sketched"`` does too, and adds thousands
        of features up to 512 sums at most. None leaves them as they are.
    max_epochs : int, optional
        Passes over the training rows. Default: as many as make 3,000 steps, and at least 5; fewer
        for more than 256 features, down to 750 steps from 1024 on.
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
    At time t, from 0 to 1, a row x has become ``x_t = x + t e`` with standard normal e. Where p is
    the network's softmax over the ranges of time, the normal loss in training is ``-log p_k(x_t)``
    of the range k of a random time t, to three quarters, and ``-log p_1(x)`` of the row itself, to
    one quarter. The anomaly loss is ``-log p_K(x)``: an anomaly shall look like the noisiest rows.

    The score is the mean range that the network reads from the row as it is, as in the paper: with
    ``m = sum_k p_k(x) (k - 1) / (K - 1)`` the losses in scoring are ``-log(1 - m)`` and ``-log m``.
    They depend on the row alone. In training a row's labels depend on the noise of that step too.

    The paper has the first part of the normal loss only. Its noise shrinks the row, so that the
    variance stays what it was; a row far away from all others then looks like none that the network
    has seen, and may be taken for a clean one. Noise that is added makes it one of the noisiest.

    The method ``embed`` returns the probabilities of the ranges.

    References
    ----------
    .. [1] V. Livernoche, V. Jain, Y. Hezaveh, S. Ravanbakhsh (2024). On Diffusion Modeling for
       Anomaly Detection. ICLR. arXiv:2305.18593.

    Examples
    --------
    >>> from lofe_sklearn import DTE
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = DTE(max_epochs=2, random_state=0).fit(X)
    >>> round(float((detector.predict(X) == -1).mean()), 2)
    0.1
    """

    own_constraints = {
        "hidden_sizes": Sizes(optional=False),
        "n_bins": Number(Integral, low=2, most=MOST),
        "n_draws": Number(Integral, low=1, most=MOST),
        "max_epochs": Number(Integral, low=1, optional=True),
    }
    default_steps = 3_000

    def __init__(
        self,
        *,
        hidden_sizes: Sequence[int] = (256, 256),
        n_bins: int = 7,
        n_draws: int = 1,
        scaling: Scaling = "standard",
        max_epochs: int | None = None,
        **shared: Unpack[SharedWithRate],
    ) -> None:
        self.hidden_sizes = hidden_sizes
        self.n_bins = n_bins
        self.n_draws = n_draws
        super().__init__(scaling=scaling, max_epochs=max_epochs, **shared)

    def choose_steps(self, n_features: int) -> int:
        return steps_for_width(self.default_steps, n_features)

    def build_module(self, n_features: int) -> nn.Module:
        return DTEModule(
            n_features,
            hidden_sizes=list(self.hidden_sizes),
            n_bins=int(self.n_bins),
            n_draws=int(self.n_draws),
        )
