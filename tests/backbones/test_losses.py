"""The two losses: exact, finite, and with gradients, wherever a network may end up."""

import math

import pytest
import torch
from torch.nn import functional as F

from lofe_sklearn.backbones._energies import energy_losses, hypersphere_losses, square_losses
from lofe_sklearn.backbones._losses import contrastive_losses, density_losses


def naive_contrastive_losses(views, temperature):
    """The formulas as printed: a softmax, its logarithm, and that of its complement."""
    unit = F.normalize(views, dim=-1)
    n_views, n_rows, _ = views.shape
    loss_n, loss_a = torch.zeros(2, n_rows, dtype=views.dtype)
    for k in range(1, n_views):
        weights = {
            other: torch.exp((unit[k] * unit[other]).sum(-1) / temperature)
            for other in range(n_views)
            if other != k
        }
        probability = weights[0] / sum(weights.values())
        loss_n -= probability.log()
        loss_a -= (1 - probability).log()
    scale = (n_views - 1) * math.log(n_views - 1)
    return loss_n / scale, loss_a / scale


@pytest.mark.parametrize("n_views", [3, 4, 12])
def test_contrastive_losses_are_the_formulas(n_views):
    views = torch.randn(n_views, 5, 3, dtype=torch.float64)
    for ours, formula in zip(
        contrastive_losses(views, 0.5), naive_contrastive_losses(views, 0.5), strict=True
    ):
        torch.testing.assert_close(ours, formula)


@pytest.mark.parametrize("temperature", [0.3, 0.04])
@pytest.mark.parametrize("which", [0, 1])
def test_contrastive_gradient(which, temperature):
    views = torch.randn(4, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: contrastive_losses(v, temperature)[which], views)


@pytest.mark.parametrize("losses", [hypersphere_losses, square_losses, energy_losses])
def test_second_derivatives(losses):
    values = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda v: losses(v)[1], values)


def test_second_derivatives_of_contrastive_losses_are_refused():
    views = torch.rand(4, 3, 5, requires_grad=True)
    loss_n, _ = contrastive_losses(views, 0.3)
    [gradient] = torch.autograd.grad(loss_n.sum(), views, create_graph=True)
    with pytest.raises(RuntimeError, match="inplace operation"):
        gradient.square().sum().backward()


def test_contrastive_gradient_of_both_losses_and_under_vmap():
    views = torch.randn(2, 4, 3, 5, dtype=torch.float64, requires_grad=True)

    def weighted(v):
        loss_n, loss_a = contrastive_losses(v, 0.3)
        return 0.3 * loss_n + 2.0 * loss_a

    stacked = torch.func.vmap(weighted)(views)
    single = torch.stack([weighted(v) for v in views])
    torch.testing.assert_close(stacked, single)
    torch.testing.assert_close(
        *(torch.autograd.grad(out.square().sum(), views)[0] for out in (stacked, single))
    )


@pytest.mark.parametrize("temperature", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize(
    "views",
    [
        torch.zeros(4, 3, 2),
        torch.ones(4, 3, 2),
        torch.randn(4, 3, 2) * 1e15,
        torch.randn(4, 3, 2) * 1e-12,
        torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]], [[-1.0, 0.0]]]),  # C close to 1 and to 0
    ],
    ids=["zero", "equal", "huge", "tiny", "opposite"],
)
def test_contrastive_losses_stay_finite(views, temperature):
    views = views.clone().requires_grad_()
    loss_n, loss_a = contrastive_losses(views, temperature)
    assert loss_n.isfinite().all()
    assert loss_a.isfinite().all()
    assert (loss_n >= 0).all()
    assert (loss_a >= 0).all()
    (loss_n + loss_a).sum().backward()
    assert views.grad.isfinite().all()


def test_a_certain_view_keeps_its_gradient():
    # 1 - C is about exp(-40) for both views: a clamp at 1e-7 would lose the gradient of
    # -log(1 - C), and in float32 1 - C itself is 0.
    views = torch.tensor([[[1.0, 0.0]], [[1.0, 0.2]], [[-1.0, 0.1]]], requires_grad=True)
    _, loss_a = contrastive_losses(views, 0.05)
    assert loss_a.item() > 20
    (gradient,) = torch.autograd.grad(loss_a.sum(), views)
    assert gradient[1].abs().max() > 1


def test_energy_losses_are_the_formulas():
    energy = torch.logspace(-2, 1, 30, dtype=torch.float64)
    loss_n, loss_a = energy_losses(energy)
    torch.testing.assert_close(loss_n, energy)
    torch.testing.assert_close(loss_a, -torch.log(1 - torch.exp(-energy)), rtol=1e-3, atol=1e-6)


def test_energy_gradient():
    energy = torch.tensor([0.01, 0.5, math.log(2), 0.8, 5.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda e: energy_losses(e)[1], energy.requires_grad_())


def test_losses_of_vectors_are_those_of_their_energies():
    vectors = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    distance = torch.sqrt(vectors.square().sum(-1) + 1) - 1
    error = vectors.square().mean(-1)
    for losses, energy in ((hypersphere_losses, distance), (square_losses, error)):
        for ours, formula in zip(losses(vectors), energy_losses(energy), strict=True):
            torch.testing.assert_close(ours, formula)
        assert torch.autograd.gradcheck(losses, vectors)


@pytest.mark.parametrize("losses", [hypersphere_losses, square_losses])
@pytest.mark.parametrize("value", [0.0, 1e-30, 1.0, 1e15])
def test_losses_of_vectors_stay_finite(losses, value):
    vector = torch.full((1, 3), value, requires_grad=True)
    sum(losses(vector)).sum().backward()
    assert vector.grad.isfinite().all()


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e-7, 0.69314718, 20.0, 100.0, 1e30])
def test_energy_losses_stay_finite(value):
    energy = torch.tensor([value], requires_grad=True)
    loss_n, loss_a = energy_losses(energy)
    loss_a.sum().backward()
    assert loss_n.isfinite()
    assert loss_a.isfinite()
    assert energy.grad.isfinite()
    assert energy.grad <= 0


def test_energy_gradient_is_not_cut_off_near_zero():
    energy = torch.tensor([1e-5], requires_grad=True)
    energy_losses(energy)[1].sum().backward()
    assert energy.grad.item() == pytest.approx(-1 / 1.1e-5, rel=1e-3)


def test_density_losses_are_the_log_density_with_either_sign():
    log_density = torch.tensor([[-1e30, -3.0], [0.0, 2.5]])
    loss_n, loss_a = density_losses(log_density)
    torch.testing.assert_close(loss_n, torch.tensor([[1e30, 3.0], [0.0, -2.5]]))
    torch.testing.assert_close(loss_a, log_density)


@pytest.mark.parametrize("which", [0, 1])
def test_density_gradient(which):
    log_density = torch.tensor([-5.0, 0.0, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda d: density_losses(d)[which], log_density)
