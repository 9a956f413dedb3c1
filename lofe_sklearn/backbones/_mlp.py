"""A multilayer perceptron, the block that most modules are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn._validation import Sizes, did_you_mean

Activation = Callable[[Tensor], Tensor]

# In place where the gradient needs only the result: the layer before keeps no copy of its output.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": partial(nn.ReLU, inplace=True),
    "leaky_relu": partial(nn.LeakyReLU, inplace=True),
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}
_SIZES = Sizes(optional=False)
# Rows from which a product is faster with values that lie feature by feature.
_MANY_ROWS = 128


class Linear(nn.Linear):
    """`torch.nn.Linear`, also for M layers at once.

    Where the weight is (M, n_out, n_in), the rows are (M, ..., n_in) and layer m is applied to the
    m-th of them.
    """

    takes_stacked_parameters = True
    # Whether values of rows that are scored lie feature by feature in memory.
    by_feature = False

    def forward(self, x: Tensor) -> Tensor:
        """Map the rows x, (..., n_in), to (..., n_out)."""
        bias = self._parameters["bias"]
        if self.by_feature and is_scoring(self) and self._suits(x):
            return _add_product(bias, self.weight, x.mT).mT
        if self.weight.dim() == 2:
            return F.linear(x, self.weight, bias)
        rows = x if x.dim() == 3 else x.flatten(1, -2)
        weight = self.weight.mT
        if bias is None:
            out = torch.bmm(rows, weight)
        else:
            out = torch.baddbmm(bias.unsqueeze(1), rows, weight)
        return out if x.dim() == 3 else out.view(*x.shape[:-1], -1)

    def _suits(self, x: Tensor) -> bool:
        """Whether a product of the rows x is faster with values that lie feature by feature."""
        return x.dim() == self.weight.dim() and x.shape[-2] >= _MANY_ROWS


class MLP(nn.Module):
    """Linear layers with an activation between them, and none after the last.

    Weights are drawn as `torch.nn.Linear` draws them, layer by layer. The network is made of tensor
    operations only, so that the members of an ensemble train as one.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of features from the input to the output: ``[n_in, n_hidden, ..., n_out]``. Two
        sizes make a single linear layer.
    activation : str or callable, default="relu"
        ``"relu"``, ``"leaky_relu"``, ``"elu"``, ``"gelu"``, ``"silu"``, ``"sigmoid"`` or
        ``"tanh"``, with torch's defaults, or a function of a tensor, such as
        ``nn.LeakyReLU(0.2)``. A fitted detector can be pickled if the function can.
    bias : bool, default=True
        Whether the layers have biases.

    Attributes
    ----------
    layers : nn.ModuleList
        The linear layers.

    Examples
    --------
    >>> import torch
    >>> from lofe_sklearn.backbones import MLP
    >>> network = MLP([6, 32, 16, 2], activation="tanh")
    >>> network(torch.zeros(5, 6)).shape
    torch.Size([5, 2])
    >>> [layer.out_features for layer in network.layers]
    [32, 16, 2]
    """

    activation: Activation
    takes_stacked_parameters = True

    def __init__(
        self, sizes: Sequence[int], activation: str | Activation = "relu", bias: bool = True
    ) -> None:
        super().__init__()
        if not _SIZES.accepts(sizes) or len(sizes) < 2:
            raise ValueError(
                "MLP: sizes must be a list of at least two integers of at least 1, the numbers of "
                f"features from the input to the output; got {sizes!r}."
            )
        self.activation = _activation(activation)
        self.layers = nn.ModuleList(
            Linear(n_in, n_out, bias=bias) for n_in, n_out in pairwise(sizes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map the rows x, (..., sizes[0]), to (..., sizes[-1])."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


def scored_by_feature(network: MLP) -> MLP:
    """Let values of rows that are scored lie feature by feature in memory, not row by row.

    Narrow layers, and what is computed of single features, take less time so. Values differ by
    rounding.
    """
    for layer in network.modules():
        if isinstance(layer, Linear):
            layer.by_feature = True
    return network


def is_scoring(module: nn.Module) -> bool:
    """Whether rows are only scored: `module` is not trained, differentiated or exported."""
    return not (module.training or torch.is_grad_enabled() or torch.compiler.is_compiling())


def _add_product(bias: Tensor | None, weight: Tensor, columns: Tensor) -> Tensor:
    """Map columns, (n_in, b), by one layer, or (M, n_in, b) by M."""
    if bias is None:
        return torch.matmul(weight, columns)
    add_product = torch.addmm if columns.dim() == 2 else torch.baddbmm
    return add_product(bias.unsqueeze(-1), weight, columns)


def _activation(activation: str | Activation) -> Activation:
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return ACTIVATIONS[activation]()
    if isinstance(activation, str) or not callable(activation) or isinstance(activation, type):
        hint = (
            f" Pass an instance, {activation.__name__}()."
            if isinstance(activation, type) and issubclass(activation, nn.Module)
            else did_you_mean(activation, ACTIVATIONS)
        )
        raise ValueError(
            f"MLP: activation must be one of {', '.join(map(repr, ACTIVATIONS))} or a function of "
            f"a tensor; got {activation!r}.{hint}"
        )
    return activation
