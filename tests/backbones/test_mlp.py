"""MLP is torch's linear layers with an activation between them."""

import pickle

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from lofe_sklearn.backbones import MLP
from lofe_sklearn.backbones._mlp import ACTIVATIONS


@pytest.mark.parametrize("bias", [True, False])
def test_weights_are_drawn_as_torchs_layers_draw_them(bias):
    torch.manual_seed(0)
    network = MLP([4, 3, 2], bias=bias)
    torch.manual_seed(0)
    layers = [nn.Linear(4, 3, bias=bias), nn.Linear(3, 2, bias=bias)]
    expected = [parameter for layer in layers for parameter in layer.parameters()]
    for ours, theirs in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, F.softplus, nn.LeakyReLU(0.2)], ids=str)
def test_the_activation_is_between_the_layers_and_not_after_the_last(activation):
    network = MLP([4, 3, 3, 2], activation)
    function = getattr(F, activation) if isinstance(activation, str) else activation
    first, second, last = network.layers
    x = torch.randn(5, 4)
    before = x.clone()
    expected = last(function(second(function(first(x)))))
    torch.testing.assert_close(network(x), expected)
    torch.testing.assert_close(x, before, rtol=0, atol=0)  # nothing is changed in place
    pickle.loads(pickle.dumps(network))


def test_two_sizes_are_one_linear_layer():
    network = MLP((4, 2))
    x = torch.randn(5, 4)
    torch.testing.assert_close(network(x), network.layers[0](x))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_several_run_as_one(activation):
    networks = [MLP([4, 8, 2], activation) for _ in range(3)]
    parameters, buffers = stack_module_state(networks)
    rows = torch.randn(3, 5, 4)

    def call(parameters, buffers, x):
        return functional_call(networks[0], (parameters, buffers), (x,))

    together = vmap(call)(parameters, buffers, rows)
    apart = torch.stack([network(x) for network, x in zip(networks, rows, strict=True)])
    torch.testing.assert_close(together, apart)
    together.square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in parameters.values())


@pytest.mark.parametrize("sizes", [[4], [], 4, None, "42", [4, 0], [4, 2.0], [4, True]])
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="MLP: sizes must be a list of at least two integers"):
        MLP(sizes)


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("rleu", "activation must be one of 'relu', .*; got 'rleu'"),
        (None, "or a function of a tensor; got None"),
        (nn.ReLU, r"Pass an instance, ReLU\(\)"),
    ],
)
def test_bad_activations(activation, message):
    with pytest.raises(ValueError, match=message):
        MLP([4, 2], activation)
