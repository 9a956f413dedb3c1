"""A multilayer perceptron, the block that most modules are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn._validation import Sizes, did_you_mean

Activation = Callable[[Tensor], Tensor]
# Takes the gradient of an output, sets those of the parameters, and may return that of the input.
Backward = Callable[..., Any]

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
        weight, bias = self.weight, self._parameters["bias"]
        if self.by_feature and is_scoring(self) and self._suits(x):
            return _add_product(bias, weight, x.mT).mT
        if weight.dim() == 2 or x.dim() == 3:
            return product(x, weight, bias)
        return product(x.flatten(1, -2), weight, bias).view(*x.shape[:-1], -1)

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

    @property
    def has_backward(self) -> bool:
        """Whether `with_backward` does what `forward` and autograd do."""
        return _slope(self.activation) is not None and all(
            type(layer) is Linear for layer in self.layers
        )

    def with_backward(self, x: Tensor) -> tuple[Tensor, Backward]:
        """Return ``forward(x)``, and what sets the gradients of the weights and biases.

        The rows x are (b, n_in), or (M, b, n_in) for stacked parameters. What is returned takes the
        gradient of the output. If asked to, it returns that of x.
        """
        slope = _slope(self.activation) or 0.0
        layers: list[Any] = [layer._parameters for layer in self.layers]
        values = [x]
        for i, layer in enumerate(layers):
            if i > 0:
                rectify(values[-1], slope)
            values.append(product(values[-1], layer["weight"], layer["bias"]))
        out = values.pop()

        def backward(grad: Tensor, *, of_x: bool = False) -> Tensor | None:
            for i in reversed(range(len(layers))):
                weight, bias = layers[i]["weight"], layers[i]["bias"]
                weight.grad = gradient_of_weight(values[i], grad)
                if bias is not None:
                    bias.grad = grad.sum(dim=-2)
                if i == 0 and not of_x:
                    return None
                grad = torch.bmm(grad, weight) if weight.dim() == 3 else torch.mm(grad, weight)
                if i > 0:
                    rectify_gradient(grad, values[i], slope)
            return grad

        return out, backward


def product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Rows x through a linear layer; stacked rows, (M, b, n_in), through M of them."""
    if weight.dim() == 2:
        return F.linear(x, weight, bias)
    if bias is None:
        return torch.bmm(x, weight.mT)
    return torch.baddbmm(bias.unsqueeze(1), x, weight.mT)


def gradient_of_weight(x: Tensor, grad: Tensor) -> Tensor:
    """Gradient of the weight that `product` takes, in its memory layout."""
    return torch.mm(grad.t(), x) if x.dim() == 2 else torch.bmm(x.mT, grad).mT


def rectify(x: Tensor, slope: float = 0.0) -> Tensor:
    """Apply a rectifier with this slope below zero, in place."""
    return F.leaky_relu(x, slope, inplace=True) if slope else x.relu_()


def rectify_gradient(grad: Tensor, value: Tensor, slope: float = 0.0) -> Tensor:
    """Turn the gradient of a rectifier's `value` into that of its argument, in place."""
    aten = torch.ops.aten
    if slope:
        aten.leaky_relu_backward.grad_input(grad, value, slope, True, grad_input=grad)
    else:
        aten.threshold_backward.grad_input(grad, value, 0, grad_input=grad)
    return grad


def _slope(activation: Activation) -> float | None:
    """Slope of a rectifier below zero; None for any other activation."""
    if type(activation) is nn.ReLU:
        return 0.0
    if type(activation) is nn.LeakyReLU and activation.negative_slope > 0:
        return activation.negative_slope
    return None


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
