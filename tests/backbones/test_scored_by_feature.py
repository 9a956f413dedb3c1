"""Losses of rows that are scored, feature by feature in memory, are those of the plain formulas."""

import pytest
import torch
from torch.func import stack_module_state

from lofe_sklearn import AutoEncoder, DeepSVDD, RealNVP
from lofe_sklearn.backbones._mlp import MLP, scored_by_feature
from lofe_sklearn.engine._stack import joined

BACKBONES = {
    "svdd": DeepSVDD(),
    "svdd inverse": DeepSVDD(anomaly_loss="inverse", hidden_sizes=[5, 4, 3]),
    "autoencoder": AutoEncoder(),
    "real nvp": RealNVP(),
    "real nvp of an odd number of layers": RealNVP(n_layers=3, hidden_sizes=[8]),
}
EACH = pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)


def module_of(backbone, n_features, n_models):
    """One module, or several as one, in double precision."""
    torch.manual_seed(0)
    modules = [backbone.build_module(n_features) for _ in range(max(1, n_models))]
    if n_models:
        modules = [joined(modules[0], *stack_module_state(modules))]
    return modules[0].double()


@EACH
@pytest.mark.parametrize("n_rows", [1, 200])
@pytest.mark.parametrize("n_features", [2, 7])
@pytest.mark.parametrize("n_models", [0, 3])
def test_losses_are_those_of_the_plain_formulas(backbone, n_rows, n_features, n_models):
    module = module_of(backbone, n_features, n_models).eval()
    x = 3 * torch.randn(n_rows, n_features, dtype=torch.float64)
    x[0] *= 1e8
    rows = x.expand(n_models, *x.shape) if n_models else x
    before = x.clone()
    expected = module(rows)
    with torch.no_grad():
        found = module(rows)
    for ours, plain in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, plain.detach(), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(x, before, rtol=0, atol=0)


@EACH
def test_a_module_in_training_computes_as_with_gradients(backbone):
    """Losses between steps decide over labels: they must not change the course of a training."""
    module = module_of(backbone, 7, 3)
    rows = torch.randn(3, 200, 7, dtype=torch.float64)
    expected = module(rows)
    with torch.no_grad():
        found = module(rows)
    for ours, plain in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, plain.detach(), rtol=0, atol=0)


@EACH
def test_embeddings_of_one_module(backbone):
    module = module_of(backbone, 7, 0).eval()
    x = torch.randn(200, 7, dtype=torch.float64)
    expected = module.embed(x).detach()
    with torch.no_grad():
        torch.testing.assert_close(module.embed(x), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("bias", [False, True])
def test_when_values_lie_by_feature(bias):
    network = scored_by_feature(MLP([6, 5, 4], bias=bias)).eval()
    rows, few = torch.randn(300, 6), torch.randn(5, 6)

    def is_by_feature(x):
        return network(x).stride(-2) == 1

    assert not is_by_feature(rows)  # gradients are asked for
    with torch.no_grad():
        assert is_by_feature(rows)
        assert not is_by_feature(few)
        assert not is_by_feature(rows.view(2, 150, 6))  # of one network, not of two
        network.train()
        assert not is_by_feature(rows)
