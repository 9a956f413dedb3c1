"""Modules that set their own gradients set those of autograd."""

import pytest
import torch
from torch import nn

from lofe_sklearn import AutoEncoder, DeepSVDD, NeuTraL, RealNVP
from lofe_sklearn.backbones import MLP
from lofe_sklearn.backbones._deep_svdd import DeepSVDDModule
from lofe_sklearn.engine._gradients import by_autograd, has_backward
from lofe_sklearn.engine._stack import ModuleStack

BACKBONES = {
    "svdd": DeepSVDD(),
    "svdd of many layers": DeepSVDD(hidden_sizes=[8, 7, 5, 3]),
    "autoencoder": AutoEncoder(),
    "autoencoder of many layers": AutoEncoder(hidden_sizes=[8, 5, 2]),
    "real nvp": RealNVP(),
    "real nvp of an odd number of layers": RealNVP(n_layers=3, hidden_sizes=[8]),
    "neutral": NeuTraL(),
    "neutral residual": NeuTraL(n_transforms=3, transform_type="residual", temperature=0.02),
    "neutral of many layers": NeuTraL(transform_sizes=[8, 4], encoder_sizes=[7, 5]),
}


def stack_of(backbone, n_models):
    torch.manual_seed(0)
    modules = [backbone.build_module(6).double() for _ in range(n_models)]
    for module in modules:
        if hasattr(module, "prepare"):
            with torch.no_grad():
                module.prepare(torch.randn(20, 6, dtype=torch.float64))
    return ModuleStack(modules)


@pytest.mark.parametrize("n_models", [1, 3])
@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_gradients_are_those_of_autograd(backbone, n_models):
    stack = stack_of(backbone, n_models)
    assert has_backward(stack.modules[0])
    x = 2 * torch.randn(n_models, 7, 6, dtype=torch.float64)
    w_n, w_a = torch.rand(2, n_models, 7, dtype=torch.float64)
    results = []
    for losses, backward in (stack.with_backward(x), by_autograd(stack(x), stack.modules[0])):
        assert not any(loss.requires_grad for loss in losses)
        with torch.no_grad():
            backward(w_n, w_a)
        results.append((losses, [p.grad for p in stack.parameters.values()]))
        for parameter in stack.parameters.values():
            # The optimiser goes through both memories side by side.
            assert parameter.grad.stride() == parameter.stride()
            parameter.grad = None
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-12)


def test_who_leaves_gradients_to_autograd():
    class OtherForward(DeepSVDDModule):
        def forward(self, x):
            loss_n, loss_a = super().forward(x)
            return 2 * loss_n, loss_a

    class OtherLayers(MLP):
        def forward(self, x):
            return super().forward(2 * x)

    def svdd(kind=DeepSVDDModule, anomaly_loss="hypersphere"):
        return kind(6, hidden_sizes=[4, 3], anomaly_loss=anomaly_loss)

    assert has_backward(svdd())
    hooked, watched, replaced, curved, another = (svdd() for _ in range(5))
    hooked.encoder.layers[0].register_forward_hook(lambda *_: None)
    watched.register_forward_pre_hook(lambda *_: None)
    replaced.encoder.layers[0] = nn.Linear(6, 4)
    curved.encoder.activation = nn.Tanh()
    another.encoder = OtherLayers([6, 4, 3], bias=False)
    shared = AutoEncoder(hidden_sizes=[6]).build_module(6)
    shared.decoder.layers[0].weight = shared.encoder.layers[0].weight
    multiplied = NeuTraL(transform_type="multiplicative").build_module(6)
    inverse = svdd(anomaly_loss="inverse")
    others = [hooked, watched, replaced, curved, another, shared, multiplied, inverse]
    for other in (svdd(OtherForward), *others):
        assert not has_backward(other)
        losses, backward = ModuleStack([other]).with_backward(torch.randn(1, 5, 6))
        backward(torch.ones(1, 5), torch.ones(1, 5))
        assert losses[0].shape == (1, 5)
        assert all(parameter.grad is not None for parameter in other.parameters())


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_layers_return_the_gradient_of_their_rows(activation, bias):
    network = MLP([4, 3, 5, 2], activation, bias).double()
    x = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    grad = torch.randn(7, 2, dtype=torch.float64)
    expected = torch.autograd.grad(network(x), x, grad)[0]
    with torch.no_grad():
        out, backward = network.with_backward(x)
        torch.testing.assert_close(backward(grad, of_x=True), expected)
        torch.testing.assert_close(out, network(x))
