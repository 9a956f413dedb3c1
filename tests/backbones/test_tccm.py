"""TCCM: its losses by the formula, and what its field learns."""

import numpy as np
import pytest
import torch

from lofe_sklearn import LOE, TCCM
from lofe_sklearn.metrics import roc_auc


def velocity(module, x, t):
    """f(x, t) as one network of the row and the time."""
    weight = torch.cat([module.row_layer.weight, module.time_layer.weight], dim=1)
    times = torch.full((len(x), 1), t, dtype=x.dtype)
    hidden = torch.cat([x, times], dim=1) @ weight.T + module.row_layer.bias
    for layer in module.rest.layers:
        hidden = layer(hidden.relu())
    return hidden


@pytest.mark.parametrize("n_times", [1, 4])
def test_the_losses_are_the_formulas(n_times):
    torch.manual_seed(0)
    module = TCCM(n_times=n_times, hidden_sizes=[8, 6]).build_module(5).double()
    x = torch.randn(7, 5, dtype=torch.float64)
    errors = [
        (velocity(module, x, (k + 1) / n_times) + x).square().mean(dim=1) for k in range(n_times)
    ]
    for loss, expected in ((module(x), sum(errors) / n_times), (module.eval()(x), errors[-1])):
        torch.testing.assert_close(loss[0], expected)
        torch.testing.assert_close(loss[1], -torch.log(1 - torch.exp(-expected)), rtol=1e-4, atol=0)


def test_the_score_is_the_mean_square_of_the_residuals(contaminated):
    X, _ = contaminated
    detector = TCCM(max_epochs=3, random_state=0).fit(X)
    residuals = detector.embed(X)
    assert residuals.shape == X.shape
    np.testing.assert_allclose(-detector.score_samples(X), np.square(residuals).mean(axis=1))


def test_the_residuals_are_small_where_rows_are_like_those_seen():
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(2, 6))
    X = rng.normal(size=(400, 2)) @ factors
    detector = TCCM(max_epochs=100, random_state=0).fit(X[:300])
    size = np.square(X / X.std(axis=0)).mean(axis=1)
    # Other rows of the same plane are taken to the origin; of rows off it more is left.
    assert np.median(np.square(detector.embed(X[300:])).mean(axis=1) / size[300:]) < 0.02
    off = rng.permuted(X[300:], axis=0)
    assert roc_auc(np.repeat([0, 1], 100), detector.score_samples(np.r_[X[300:], off])) > 0.9


def test_members_with_other_numbers_of_times_are_no_stack(contaminated):
    X, _ = contaminated
    members = [TCCM(n_times=n, max_epochs=3) for n in (1, 4)]
    fitted = LOE(members, contamination=0.1, n_estimators=4, random_state=0).fit(X)
    assert [len(member.module_.times) for member in fitted.estimators_] == [1, 4, 1, 4]


@pytest.mark.parametrize(("name", "value"), [("n_times", 0), ("hidden_sizes", None)])
def test_bad_parameters(name, value):
    with pytest.raises(ValueError, match=f"TCCM: {name} must be"):
        TCCM(**{name: value}).fit(np.ones((4, 2)))


def test_wide_rows_take_fewer_steps_and_a_network_of_one_width():
    assert TCCM().choose_steps(1024) == 200
    n_weights = [sum(p.numel() for p in TCCM().build_module(d).parameters()) for d in (500, 1000)]
    assert n_weights[1] < 2 * n_weights[0]
