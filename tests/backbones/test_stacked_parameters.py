"""Modules that compute with stacked parameters by themselves do what vmap makes of them."""

import copy

import pytest
import torch
from torch import nn

from lofe_sklearn import DTE, ICL, TCCM, AutoEncoder, DeepSVDD, NeuTraL, RealNVP
from lofe_sklearn.backbones._deep_svdd import DeepSVDDModule
from lofe_sklearn.backbones._mlp import MLP, Linear
from lofe_sklearn.engine import _stack
from lofe_sklearn.engine._copies import copy_to_score, takes_stacked_parameters
from lofe_sklearn.engine._stack import ModuleStack

BACKBONES = {
    "svdd": DeepSVDD(),
    "svdd inverse": DeepSVDD(anomaly_loss="inverse", hidden_sizes=[5, 4, 3]),
    "autoencoder": AutoEncoder(),
    "tccm": TCCM(),
    "tccm of one layer": TCCM(hidden_sizes=[8], n_times=1),
    "real nvp": RealNVP(),
    "real nvp of an odd number of layers": RealNVP(n_layers=3, hidden_sizes=[8]),
    "dte": DTE(),
    "dte of three draws": DTE(n_draws=3, n_bins=4, hidden_sizes=[8]),
    "neutral": NeuTraL(n_transforms=3),
    "neutral residual": NeuTraL(n_transforms=3, transform_type="residual"),
    "neutral multiplicative": NeuTraL(transform_type="multiplicative", transform_sizes=[8, 4]),
}


def stack_of(backbone, n_models=3):
    torch.manual_seed(0)
    modules = [backbone.build_module(6) for _ in range(n_models)]
    for module in modules:
        if hasattr(module, "prepare"):
            with torch.no_grad():
                module.prepare(torch.randn(20, 6))
    return ModuleStack(modules)


def losses_and_gradients(stack, x, models):
    losses = stack(x, models)
    weights = torch.linspace(-1, 1, losses[0].numel()).view_as(losses[0])
    torch.autograd.backward(losses, (weights, weights.square()))
    return *losses, *(parameter.grad for parameter in stack.parameters.values())


@pytest.mark.parametrize("models", [slice(None), slice(1, 3), [0, 2]], ids=str)
@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_stacked_parameters_are_as_vmapped_ones(backbone, models, monkeypatch):
    x = torch.randn(len(range(3)[models]) if isinstance(models, slice) else 2, 7, 6)
    joined = stack_of(backbone)
    assert takes_stacked_parameters(joined.modules[0])
    monkeypatch.setattr(_stack, "takes_stacked_parameters", lambda module: False)
    vmapped = stack_of(backbone)
    assert list(joined.parameters) == list(vmapped.parameters)
    pairs = zip(
        losses_and_gradients(joined, x, models),
        losses_and_gradients(vmapped, x, models),
        strict=True,
    )
    for ours, by_vmap in pairs:
        torch.testing.assert_close(ours, by_vmap, rtol=1e-4, atol=1e-5)


def test_the_trained_values_are_written_back():
    stack = stack_of(DeepSVDD())
    with torch.no_grad():
        for parameter in stack.parameters.values():
            parameter.add_(1.0)
    x = torch.randn(3, 7, 6)
    together = stack(x)
    apart = [module(rows) for module, rows in zip(stack.sync(), x, strict=True)]
    for ours, alone in zip(together, zip(*apart, strict=True), strict=True):
        torch.testing.assert_close(ours, torch.stack(alone))


class OtherForward(DeepSVDDModule):
    """It takes rows of one module only, and inherits what its parent says of itself."""

    def forward(self, x):
        n_rows, _ = x.shape
        return super().forward(x.view(n_rows, -1))


def test_a_subclass_and_a_module_with_other_layers_are_vmapped():
    other = OtherForward(6, hidden_sizes=[4], anomaly_loss="inverse")
    replaced = DeepSVDDModule(6, hidden_sizes=[4], anomaly_loss="inverse")
    replaced.encoder = nn.Sequential(nn.Linear(6, 4))
    learned = MLP([6, 4, 2], nn.PReLU())
    for module in (other, replaced, learned, ICL().build_module(6)):
        assert not takes_stacked_parameters(module)
    stack = ModuleStack([other, OtherForward(6, hidden_sizes=[4], anomaly_loss="inverse")])
    loss_n, _ = stack(torch.randn(2, 5, 6))
    assert loss_n.shape == (2, 5)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(7,), (2, 7), ()], ids=str)
def test_stacked_linear_layers(bias, shape):
    layers = [Linear(4, 3, bias=bias) for _ in range(2)]
    x = torch.randn(2, *shape, 4) if shape else torch.randn(2, 1, 4)
    expected = torch.stack([layer(rows) for layer, rows in zip(layers, x, strict=True)])
    stacked = Linear(4, 3, bias=bias)
    stacked.weight = nn.Parameter(torch.stack([layer.weight for layer in layers]))
    if bias:
        stacked.bias = nn.Parameter(torch.stack([layer.bias for layer in layers]))
    torch.testing.assert_close(stacked(x), expected)


@pytest.mark.parametrize("n_models", [1, 3])
def test_a_copy_to_score_leaves_the_modules_as_they_were(n_models):
    modules = [MLP([3, 4, 2]).train() for _ in range(n_models)]
    before = [{name: p.clone() for name, p in each.state_dict().items()} for each in modules]
    copied = copy_to_score(modules, torch.device("cpu"), torch.float64)
    assert not any(part.training for part in copied.modules())
    x = torch.randn(5, 3, dtype=torch.float64)
    outputs = copied(x.expand(n_models, 5, 3) if n_models > 1 else x)
    expected = torch.stack([copy.deepcopy(each).double()(x) for each in modules])
    torch.testing.assert_close(outputs, expected if n_models > 1 else expected[0])
    for module, values in zip(modules, before, strict=True):
        assert all(part.training for part in module.modules())
        assert all(parameter.requires_grad for parameter in module.parameters())
        for name, value in module.state_dict().items():
            assert value.dtype == torch.float32
            torch.testing.assert_close(value, values[name], rtol=0, atol=0)
