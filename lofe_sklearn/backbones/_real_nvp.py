"""RealNVP: a normalizing flow, under whose density anomalous rows are unlikely."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from lofe_sklearn._validation import MOST_PARTS, Number, Sizes
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._losses import density_losses
from lofe_sklearn.backbones._mlp import MLP, Backward, is_scoring, scored_by_feature
from lofe_sklearn.backbones._shared import Scaling, SharedWithRate, steps_for_width


class RealNVPModule(nn.Module):
    """Affine coupling layers that turn a row into independent values of a Student's t.

    Layers come in pairs. A pair has its own order of the features, whose first half it keeps in its
    first layer, and changes in its second. So each network reads and writes one half only.
    """

    orders: Tensor
    score_scale = "linear"
    takes_stacked_parameters = True

    def __init__(
        self,
        n_features: int,
        *,
        n_layers: int,
        hidden_sizes: list[int],
        degrees_of_freedom: float,
    ) -> None:
        super().__init__()
        n_first = (n_features + 1) // 2
        self.sizes = [n_first, n_features - n_first]
        self.n_pairs = -(-n_layers // 2)
        orders = [_random_halves(n_features, n_first) for _ in range(self.n_pairs)]
        self.register_buffer("orders", _one_after_another(orders))
        self.networks = nn.ModuleList()
        for layer in range(n_layers):
            first, second = orders[layer // 2].split(self.sizes)
            kept, changed = (first, second) if layer % 2 == 0 else (second, first)
            self.networks.append(_network(n_features, hidden_sizes, kept, changed))
        self.degrees_of_freedom = degrees_of_freedom

    def embed(self, x: Tensor) -> Tensor:
        """Values that the layers turn the rows x into: (b, d)."""
        return self._reordered(self._transform(x)[0], -1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, d); of M modules in one, (M, b, d)."""
        z, log_volume = self._transform(x)
        log_densities = log_student(z, self.degrees_of_freedom, z if is_scoring(self) else None)
        return density_losses(log_densities.sum(dim=-1) + log_volume)

    @property
    def has_backward(self) -> bool:
        """Whether `with_backward` does what `forward` and autograd do."""
        networks: list[Any] = list(self.networks)
        return all(network.has_backward for network in networks)

    def with_backward(self, x: Tensor) -> tuple[tuple[Tensor, Tensor], Backward]:
        """Return ``forward(x)``, and what sets the gradients, given those of both losses."""
        networks: list[Any] = list(self.networks)
        backwards: list[Backward] = []
        log_volume = x.new_zeros(x.shape[:-1])
        for pair in range(self.n_pairs):
            halves = list(self._reordered(x, pair).split(self.sizes, dim=-1))
            for changed, network in zip((1, 0), networks[2 * pair : 2 * pair + 2], strict=False):
                log_scale, backward = _change(halves, changed, network)
                log_volume += log_scale.sum(dim=-1)
                backwards.append(backward)
            x = torch.cat(halves, dim=-1)
        nu, units = self.degrees_of_freedom, _units(x, self.degrees_of_freedom)
        square = units.square()
        log_density = log_volume.sub_(torch.log1p(square).sum(dim=-1), alpha=(nu + 1) / 2)
        log_density += x.shape[-1] * _log_constant(nu)

        def backward_of_all(grad_n: Tensor, grad_a: Tensor) -> None:
            of_volume = (grad_a - grad_n).unsqueeze(-1)
            grad = units.div_(square.add_(1.0)).mul_(of_volume * (-(nu + 1) / math.sqrt(nu)))
            for pair in reversed(range(self.n_pairs)):
                grads = list(grad.split(self.sizes, dim=-1))
                for layer in reversed(range(2 * pair, min(2 * pair + 2, len(backwards)))):
                    backwards[layer](grads, of_volume, of_kept=layer > 0)
                if pair > 0:
                    grad = torch.cat(grads, dim=-1)
                    grad = torch.empty_like(grad).scatter_(-1, self._order(grad, pair), grad)

        return density_losses(log_density), backward_of_all

    def _transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Turn rows into others, in the order of the last pair of layers.

        Also return the logarithm of how much this changes volumes.
        """
        if is_scoring(self):
            return self._transform_in_place(x)
        log_scales: list[Tensor] = []
        for pair in range(self.n_pairs):
            first, second = self._reordered(x, pair).split(self.sizes, dim=-1)
            to_second, *to_first = self.networks[2 * pair : 2 * pair + 2]
            second = _changed(second, to_second(first), log_scales)
            for network in to_first:  # none in the last pair of an odd number of layers
                first = _changed(first, network(second), log_scales)
            x = torch.cat([first, second], dim=-1)
        return x, torch.cat(log_scales, dim=-1).sum(dim=-1)

    def _transform_in_place(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Do what `_transform` does in two thirds of the time, with values feature by feature."""
        log_volume = x.new_zeros(x.shape[:-1])
        for pair in range(self.n_pairs):
            x = self._reordered_columns(x, pair)
            halves = x.split(self.sizes, dim=-1)
            for kept, network in enumerate(self.networks[2 * pair : 2 * pair + 2]):
                log_scale, shift = network(halves[kept]).chunk(2, dim=-1)
                # `_bounded` and exp; torch's own exp takes several times as long.
                log_scale.mul_(2.0).sigmoid_().mul_(2.0).sub_(1.0)
                log_volume = log_volume + log_scale.sum(dim=-1)
                halves[1 - kept].mul_(log_scale.mul_(1.0 / math.log(2.0)).exp2_()).add_(shift)
        return x, log_volume

    def _reordered_columns(self, x: Tensor, pair: int) -> Tensor:
        """Do what `_reordered` does; the values of a feature lie side by side in memory."""
        columns = x.mT.reshape(-1, x.shape[-2])
        first = torch.arange(0, len(columns), x.shape[-1], device=x.device)
        order = self.orders[..., pair, :] + first.view(*x.shape[:-2], 1)
        return columns.index_select(0, order.flatten()).view(x.mT.shape).mT

    def _reordered(self, x: Tensor, pair: int) -> Tensor:
        """Put features in the order of a pair of layers; -1 is the order in which rows come."""
        return x.gather(-1, self._order(x, pair))

    def _order(self, x: Tensor, pair: int) -> Tensor:
        return self.orders[..., pair, :].unsqueeze(-2).expand(x.shape)


def _changed(x: Tensor, by: Tensor, log_scales: list[Tensor]) -> Tensor:
    """Scale and shift x by what a network returned, and keep the logarithms of the factors."""
    log_scale, shift = by.chunk(2, dim=-1)
    log_scales.append(_bounded(log_scale))
    return torch.addcmul(shift, x, log_scales[-1].exp())


def _bounded(log_scale: Tensor) -> Tensor:
    """Bring the logarithms of factors between -1 and 1, by the hyperbolic tangent.

    So the unbounded density of a constant or discrete feature cannot dominate the loss. torch
    computes the sigmoid in a tenth of the time of its own `tanh`.
    """
    return 2.0 * torch.sigmoid(2.0 * log_scale) - 1.0


def _change(halves: list[Tensor], changed: int, network: MLP) -> tuple[Tensor, Backward]:
    """Do what `_changed` does to one of two halves of rows, in the list.

    Return the logarithms of the factors, and what sets the gradients of the network. It is given
    the gradients of both halves, in a list, and turns them into those of the halves before.
    """
    before = halves[changed]
    by, to_network = network.with_backward(halves[1 - changed])
    log_scale, shift = by.chunk(2, dim=-1)
    log_scale = _bounded(log_scale)
    factor = log_scale.exp()
    halves[changed] = torch.addcmul(shift, before, factor)

    def backward(grads: list[Tensor], of_volume: Tensor, *, of_kept: bool) -> None:
        grad = grads[changed]
        grads[changed] = grad * factor
        of_scale = torch.addcmul(of_volume, grads[changed], before)
        of_scale = torch.ops.aten.tanh_backward(of_scale, log_scale)
        of_network = to_network(torch.cat([of_scale, grad], dim=-1), of_x=of_kept)
        if of_kept:
            grads[1 - changed] = of_network.add_(grads[1 - changed])

    return log_scale, backward


def _random_halves(n_features: int, n_first: int) -> Tensor:
    """Draw an order of the features whose first n_first are a random half, each half sorted."""
    in_second = torch.randperm(n_features) >= n_first
    return in_second.int().argsort(stable=True)


def _one_after_another(orders: list[Tensor]) -> Tensor:
    """Turn orders of the features into steps: from each to the next, and from the last back."""
    as_they_come = torch.arange(len(orders[0]))
    return torch.stack(
        [
            before.argsort()[after]
            for before, after in pairwise([as_they_come, *orders, as_they_come])
        ]
    )


def _network(n_features: int, hidden_sizes: list[int], kept: Tensor, changed: Tensor) -> MLP:
    """Return a network from the kept features to the log-scales and shifts of the changed ones.

    Weights are those that a network of all features starts with, so smaller than what suits half
    of the inputs: a layer then starts closer to leaving rows as they are.
    """
    network = scored_by_feature(MLP([n_features, *hidden_sizes, 2 * n_features]))
    outputs = torch.cat([changed, n_features + changed])
    layers: list[Any] = list(network.layers)
    first, last = layers[0], layers[-1]
    first.weight = nn.Parameter(first.weight.detach()[:, kept])
    last.weight = nn.Parameter(last.weight.detach()[outputs])
    last.bias = nn.Parameter(last.bias.detach()[outputs])
    first.in_features, last.out_features = len(kept), len(outputs)
    return network


def log_student(z: Tensor, degrees_of_freedom: float, out: Tensor | None = None) -> Tensor:
    """Log-density of Student's t at each value; `out` may be z itself."""
    nu, units = degrees_of_freedom, _units(z, degrees_of_freedom, out)
    logs = torch.log1p(torch.square(units, out=out), out=out)
    return torch.add(torch.mul(logs, -(nu + 1) / 2, out=out), _log_constant(nu), out=out)


def _units(z: Tensor, degrees_of_freedom: float, out: Tensor | None = None) -> Tensor:
    # Rows that are pushed far away may have values whose squares are infinite.
    largest = math.sqrt(torch.finfo(z.dtype).max) / 2
    units = torch.div(z, math.sqrt(degrees_of_freedom), out=out)
    return torch.clamp(units, -largest, largest, out=out)


def _log_constant(degrees_of_freedom: float) -> float:
    nu = degrees_of_freedom
    return math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi)


@with_shared_docs
class RealNVP(Backbone):
    """RealNVP: a normalizing flow of affine coupling layers; unlikely rows are anomalous.

    Invertible layers turn a row into independent values: each layer keeps half of the features, and
    a network of these decides how the other features are scaled and shifted. That gives the density
    p(x) of a row. The normal loss is ``-log p``, the anomaly loss ``log p``. On its own it is
    trained blind, as if all rows were normal; ``LOE(RealNVP(...))`` trains it on contaminated data.
    The method is that of [1]_.

    Parameters
    ----------
    n_layers : int, default=4
        Coupling layers, at least 2, so that each feature is changed.
    hidden_sizes : list of int, default=(32, 32)
        Widths of the hidden layers of each layer's network.
    degrees_of_freedom : float, default=3.0
        Degrees of freedom of Student's t, the distribution of the independent values: the smaller,
        the heavier its tails. See Notes.
    scaling : {"auto", "rms", "minmax", "standard", "winsorized", "sketched"}, default="standard"
        Scaling of the features inside the estimator, learned from the training rows, so that they
        have the size of the independent values. ``"winsorized"`` is ``"standard"``, but cuts far
        values off first. ``"sketched"`` does too, and adds thousands of features up to 512 sums at
        most. None leaves them as they are.
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
    The paper turns rows into values of a normal distribution, whose log-density falls with the
    square of the distance. Then the gradient of ``log p``, the anomaly loss, grows with the
    distance, so that rows that are labelled anomalous, rightly or not, outweigh all others. The
    log-density of Student's t falls with the logarithm of the distance: the farther away a row is,
    the less it counts [2]_.

    A layer scales a feature by a factor between 1/e and e. So the density of a feature that is
    constant or takes few values has a bound. The width of the hidden layers does not depend on the
    number of features, so the networks grow only in proportion to it.

    With soft labels both losses of a marked row cancel: such rows are dropped, as by ``"refine"``.

    The score of a row is its log-density, of scaled features, and may have any sign. Its method
    ``embed`` returns what the layers turn the row into.

    References
    ----------
    .. [1] L. Dinh, J. Sohl-Dickstein, S. Bengio (2017). Density Estimation Using Real NVP. ICLR.
       arXiv:1605.08803.
    .. [2] P. Jaini, I. Kobyzev, Y. Yu, M. Brubaker (2020). Tails of Lipschitz Triangular Flows.
       ICML. arXiv:1907.04481.

    Examples
    --------
    >>> from lofe_sklearn import RealNVP
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = RealNVP(max_epochs=2, random_state=0).fit(X)
    >>> round(float((detector.predict(X) == -1).mean()), 2)
    0.1
    """

    own_constraints = {
        "n_layers": Number(Integral, low=2, most=MOST_PARTS),
        "hidden_sizes": Sizes(optional=False),
        "degrees_of_freedom": Number(low=0, high=1e6, exclude_low=True),
        "max_epochs": Number(Integral, low=1, optional=True),
    }

    def __init__(
        self,
        *,
        n_layers: int = 4,
        hidden_sizes: Sequence[int] = (32, 32),
        degrees_of_freedom: float = 3.0,
        scaling: Scaling = "standard",
        max_epochs: int | None = None,
        **shared: Unpack[SharedWithRate],
    ) -> None:
        self.n_layers = n_layers
        self.hidden_sizes = hidden_sizes
        self.degrees_of_freedom = degrees_of_freedom
        super().__init__(scaling=scaling, max_epochs=max_epochs, **shared)

    def choose_steps(self, n_features: int) -> int:
        return steps_for_width(self.default_steps, n_features)

    def build_module(self, n_features: int) -> nn.Module:
        return RealNVPModule(
            n_features,
            n_layers=int(self.n_layers),
            hidden_sizes=list(self.hidden_sizes),
            degrees_of_freedom=float(self.degrees_of_freedom),
        )
