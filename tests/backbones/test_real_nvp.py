"""RealNVP: its density is one, and stays finite where features are constant, discrete or far."""

import numpy as np
import pytest
import torch
from scipy import stats

from lofe_sklearn import LOE, RealNVP
from lofe_sklearn.backbones._real_nvp import log_student


def trained(X, **parameters):
    detector = RealNVP(**{"max_epochs": 30, "scaling": None, "random_state": 0, **parameters})
    return detector.fit(X)


@pytest.mark.parametrize("n_features", [1, 2])
def test_the_density_sums_up_to_one(n_features):
    rng = np.random.default_rng(0)
    X = np.where(rng.random(300) < 0.5, -1, 1)[:, None] + 0.5 * rng.normal(size=(300, n_features))
    # Much of a heavy tail lies far out; with many degrees of freedom hardly any does.
    detector = trained(X, degrees_of_freedom=30.0)
    step, axis = 0.05, np.arange(-12, 12, 0.05)
    grid = np.stack(np.meshgrid(*[axis] * n_features), axis=-1).reshape(-1, n_features)
    total = np.exp(detector.score_samples(grid)).sum() * step**n_features
    assert total == pytest.approx(1, abs=0.01)


def test_the_volume_is_the_determinant():
    torch.manual_seed(0)
    module = RealNVP(n_layers=5).build_module(4).double()
    for x in torch.randn(3, 4, dtype=torch.float64):
        jacobian = torch.autograd.functional.jacobian(lambda row: module.embed(row[None])[0], x)
        z = module.embed(x[None])
        expected = log_student(z, 3.0).sum() + torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(module(x[None])[1][0], expected)


@pytest.mark.parametrize("degrees_of_freedom", [0.5, 3.0, 1e6])
def test_students_t_is_that_of_scipy(degrees_of_freedom):
    z = np.array([-1e5, -3.0, 0.0, 0.1, 50.0])
    expected = stats.t.logpdf(z, degrees_of_freedom)
    found = log_student(torch.from_numpy(z), degrees_of_freedom)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def jacobian(module, x):
    return torch.autograd.functional.jacobian(lambda row: module.embed(row[None])[0], x)


@pytest.mark.parametrize("degrees_of_freedom", [1e-3, 3.0])
def test_students_t_of_values_whose_squares_are_infinite(degrees_of_freedom):
    z = torch.tensor([0.0, 1e10, -1e30, 3e38], requires_grad=True)
    log_density = log_student(z, degrees_of_freedom)
    assert log_density.isfinite().all()
    assert (log_density.diff() <= 0).all()
    log_density.sum().backward()
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("n_features", [2, 3, 8])
def test_each_layer_keeps_one_half_of_the_features_and_a_pair_changes_all(n_features):
    torch.manual_seed(0)
    x = torch.randn(n_features)
    of_two = jacobian(RealNVP(n_layers=2).build_module(n_features), x)
    assert (of_two.diagonal() != 1).all()
    torch.manual_seed(0)
    of_three = RealNVP(n_layers=3).build_module(n_features)
    with torch.no_grad():  # the first two layers change nothing
        for network in of_three.networks[:2]:
            network.layers[-1].weight.zero_()
            network.layers[-1].bias.zero_()
    changed = jacobian(of_three, x).diagonal() != 1
    assert changed.sum() == n_features // 2
    # The others are what the changed ones depend on.
    on_changed = jacobian(of_three, x)[:, changed] - torch.eye(n_features)[:, changed]
    assert (on_changed[~changed] == 0).all()


def test_embeddings_have_the_features_in_their_order():
    torch.manual_seed(0)
    module = RealNVP(n_layers=5).build_module(7)
    with torch.no_grad():
        for network in module.networks:
            network.layers[-1].weight.zero_()
            network.layers[-1].bias.zero_()
    x = torch.randn(4, 7)
    assert torch.equal(module.embed(x), x)


def test_seeds_draw_other_halves():
    orders = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        orders.append(RealNVP().build_module(20).orders)
    assert not torch.equal(*orders)


@pytest.mark.parametrize("method", ["blind", "hard", "soft"])
def test_constant_discrete_and_far_values(method):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    X[:, 1] = 7.0
    X[:, 2] = rng.integers(0, 2, 200)
    X[:, 3] = np.where(rng.random(200) < 0.99, 0.0, 1e9)
    estimator = RealNVP(max_epochs=60, lr=1e-2)
    detector = LOE(estimator, method=method, contamination=0.1, random_state=0).fit(X)
    scores = detector.score_samples(X)
    # At most 1 for each layer that changes a feature, on top of the density of Student's t at 0.
    assert scores.max() < 5 * (stats.t.logpdf(0, 3) + 4)
    assert np.isfinite(scores).all()
    far = X[:3].copy()
    far[:, 0] = [1e6, 1e12, -1e15]
    assert np.isfinite(detector.score_samples(far)).all()
    assert detector.score_samples(far).max() < np.median(scores)


def test_a_far_row_labelled_anomalous_does_not_outweigh_the_others():
    module = RealNVP().build_module(3)
    x = torch.tensor([[1.0, 0.0, 0.0], [1e5, 0.0, 0.0]], requires_grad=True)
    module(x)[1].sum().backward()
    near, far = x.grad.norm(dim=1)
    assert far < near


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_layers", 1), ("hidden_sizes", None), ("degrees_of_freedom", 0)],
)
def test_bad_parameters(name, value):
    with pytest.raises(ValueError, match=f"RealNVP: {name} must be"):
        RealNVP(**{name: value}).fit(np.ones((4, 2)))


def test_wide_rows_take_fewer_steps_and_networks_of_one_width():
    assert RealNVP().choose_steps(1024) == 200
    n_weights = [
        sum(p.numel() for p in RealNVP().build_module(d).parameters()) for d in (500, 1000)
    ]
    assert n_weights[1] < 2 * n_weights[0]
