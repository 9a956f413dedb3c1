"""DTE: its losses by the formulas, and what its network learns."""

import numpy as np
import pytest
import torch

from lofe_sklearn import DTE
from lofe_sklearn.engine._stack import ModuleStack
from lofe_sklearn.metrics import roc_auc


def built(n_features=3, **parameters):
    torch.manual_seed(0)
    return DTE(hidden_sizes=[8, 6], **parameters).build_module(n_features).double()


def normal_quantile(share):
    return torch.special.ndtri(torch.tensor(share, dtype=torch.float64)).item()


def test_the_losses_of_a_score_are_of_the_mean_range():
    module = built(n_bins=5)
    x = torch.randn(7, 3, dtype=torch.float64)
    mean = module.embed(x) @ torch.tensor([0, 0.25, 0.5, 0.75, 1], dtype=torch.float64)
    loss_n, loss_a = module(x)
    torch.testing.assert_close(loss_n, -torch.log(1 - mean))
    torch.testing.assert_close(loss_a, -torch.log(mean))


def test_a_row_with_noise_is_looked_for_at_its_time():
    module = built(n_bins=4)
    x, noise = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    # Times in the first and in the last of four ranges.
    times = [0.1, 0.9]
    first = torch.tensor([[normal_quantile(t)] for t in times], dtype=torch.float64)
    loss_n, loss_a = module(torch.cat([x, first, noise], dim=1))
    for i, (time, k) in enumerate(zip(times, (0, 3), strict=True)):
        of_noised = -module.embed(x[i] + time * noise[i])[k].log()
        clean = module.embed(x[i]).log()
        torch.testing.assert_close(loss_n[i], 0.75 * of_noised - 0.25 * clean[0])
        torch.testing.assert_close(loss_a[i], -clean[3])


def test_several_draws_are_in_parts_of_the_time_of_their_own():
    module = built(n_features=2, n_bins=3, n_draws=3)
    x = torch.randn(4, 2, dtype=torch.float64)
    # Half of each third: times 1/6, 1/2 and 5/6, which are the middles of the three ranges.
    noise = torch.randn(4, 3, 2, dtype=torch.float64)
    columns = torch.cat([torch.zeros(4, 3), noise.flatten(1)], dim=1)
    assert module.noise_per_row == columns.shape[1]
    loss_n, _ = module(torch.cat([x, columns], dim=1))
    expected = 0.25 * -module.embed(x)[:, 0].log()
    for k, time in enumerate((1 / 6, 1 / 2, 5 / 6)):
        expected += 0.25 * -module.embed(x + time * noise[:, k])[:, k].log()
    torch.testing.assert_close(loss_n, expected)


@pytest.mark.parametrize("n_draws", [1, 3])
def test_stacked_parameters_give_the_losses_of_each_model(n_draws):
    modules = [built(n_draws=n_draws), built(n_draws=n_draws)]
    with torch.no_grad():
        for parameter in modules[1].parameters():
            parameter.mul_(0.5)
    x = torch.randn(2, 5, 3 + modules[0].noise_per_row, dtype=torch.float64)
    together = ModuleStack(modules)(x)
    apart = [module(rows) for module, rows in zip(modules, x, strict=True)]
    for loss, alone in zip(together, zip(*apart, strict=True), strict=True):
        torch.testing.assert_close(loss, torch.stack(alone))


def test_the_network_reads_how_much_noise_was_added():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2)) @ rng.normal(size=(2, 6))
    detector = DTE(hidden_sizes=[64, 64], max_epochs=40, random_state=0).fit(X)
    unit = X.std(axis=0)
    means = [
        detector.embed(X + size * unit * rng.normal(size=X.shape)).mean(axis=0) @ np.arange(7)
        for size in (0, 0.2, 0.5, 1.0, 2.0)
    ]
    assert means == sorted(means)
    assert means[-1] - means[0] > 3


def test_rows_off_the_plane_of_the_others_look_noisy():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2)) @ rng.normal(size=(2, 6))
    detector = DTE(hidden_sizes=[64, 64], max_epochs=150, random_state=0).fit(X[:500])
    off = rng.permuted(X[500:], axis=0)
    assert roc_auc(np.repeat([0, 1], 100), detector.score_samples(np.r_[X[500:], off])) > 0.9


def test_rows_far_from_all_others_look_noisiest():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    detector = DTE(hidden_sizes=[64, 64], max_epochs=250, random_state=0).fit(X)
    far = rng.normal(size=(200, 4))
    far /= np.linalg.norm(far, axis=1, keepdims=True)
    for distance in (10.0, 1e3, 1e6):
        scores = detector.score_samples(distance * far)
        assert np.isfinite(scores).all()
        assert scores.max() < detector.score_samples(X).min()


@pytest.mark.parametrize(
    ("name", "value"), [("n_bins", 1), ("n_draws", 0), ("hidden_sizes", None), ("n_draws", 1.5)]
)
def test_bad_parameters(name, value):
    with pytest.raises(ValueError, match=f"DTE: {name} must be"):
        DTE(**{name: value}).fit(np.ones((4, 2)))


def test_wide_rows_take_fewer_steps():
    assert DTE().choose_steps(1024) == 750
