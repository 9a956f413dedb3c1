"""AAR and ALTBI: their formulas by hand, and what holds for any losses."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture

from lofe_sklearn.engine._labels import Labelling, LabelStep
from lofe_sklearn.rules import AAR, ALTBI, ODIM
from lofe_sklearn.rules._statistics import TwoNormals, modified_z_scores, quantile

RULES = [
    AAR(),
    AAR(cut=0.1),
    AAR("posterior"),
    ALTBI(),
    ALTBI(0.5),
    ALTBI(None),
    ODIM(),
]
ids = pytest.mark.parametrize("rule", RULES, ids=str)


def weights(rule, loss_n, alpha=0.1, known=None):
    loss_n = torch.as_tensor(loss_n)
    ratios = torch.full(loss_n.shape[:1], alpha)
    return rule(loss_n, torch.zeros_like(loss_n), ratios, known)


def everything(values):
    return torch.ones(values.shape, dtype=torch.bool)


def test_the_modified_z_score_by_hand():
    # Median 3, distances 2 1 0 1 97, their median 1.
    values = torch.tensor([[1.0, 2.0, 3.0, 4.0, 100.0]])
    z = modified_z_scores(values, everything(values))
    assert z[0].tolist() == pytest.approx([-1.349, -0.6745, 0, 0.6745, 65.4265])
    w_n, w_a = weights(AAR(cut=0.7), values)
    assert (w_n.tolist(), w_a.tolist()) == ([[1, 1, 1, 1, 0]], [[0] * 5])
    assert weights(AAR(cut=0.6), values)[0].tolist() == [[1, 1, 1, 0, 0]]


def test_an_even_number_of_losses_has_the_mean_of_two_as_median():
    values = torch.tensor([[1.0, 2.0, 4.0, 9.0]])
    expected = 0.6745 * (values - 3) / 1.5  # distances 2 1 1 6
    assert torch.equal(modified_z_scores(values, everything(values)), expected)


def test_where_most_losses_tie_the_mean_deviation_takes_the_place_of_the_mad():
    values = torch.tensor([[1.0, 1.0, 1.0, 1.0, 6.0]])
    z = modified_z_scores(values, everything(values))
    assert z[0, -1].item() == pytest.approx(5 / (math.sqrt(math.pi / 2) * 1.0))
    assert weights(AAR(cut=3.5), values)[0].tolist() == [[1, 1, 1, 1, 0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_that_differ_by_rounding_tie(dtype):
    exact = torch.tensor([[0.3] * 6 + [0.4, 0.5, 0.6, 40.0]], dtype=dtype)
    rounded = exact.clone()
    rounded[0, :6] += torch.finfo(dtype).eps * torch.tensor([-1, 1, 0, -1, 1, 1], dtype=dtype)
    alike = exact[:, :1] + rounded[:, :6] - exact[:, :6]
    assert len(alike.unique()) > 1
    z = modified_z_scores(rounded, everything(rounded))
    torch.testing.assert_close(z, modified_z_scores(exact, everything(exact)))
    assert weights(AAR(), rounded)[0].tolist() == [[1] * 9 + [0]]
    for rejection in ("cut", "posterior"):
        expected = weights(AAR(rejection), alike.mean().expand(1, 6))[0]
        assert torch.equal(weights(AAR(rejection), alike)[0], expected)
    assert TwoNormals.fit(alike, everything(alike)).distance().tolist() == [0]


def test_first_scores_that_differ_by_rounding_tie():
    scores = np.array([0.3] * 6 + [0.4, 0.5, 0.6, 40.0])
    scores[:3] += 1e-16
    labelling = Labelling(AAR(), 0.1, 1, first_scores=scores, by_rank=False)
    w_n, w_a = LabelStep([labelling], [10], torch.arange(10)[None])._fixed
    assert (w_n.tolist(), w_a.tolist()) == ([[1] * 9 + [0]], [[0] * 10])


@given(
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40),
    q=st.floats(0, 1),
    counted=st.integers(0, 2**40 - 1),
)
@settings(deadline=None, max_examples=200)
def test_quantiles_are_those_of_numpy(values, q, counted):
    values = torch.tensor([values], dtype=torch.float64)
    mask = torch.tensor([[bool(counted >> i & 1) for i in range(values.shape[1])]])
    found = quantile(values, mask, q).item()
    if not mask.any():
        assert found == math.inf
    else:
        expected = np.quantile(values[mask].numpy(), q)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_altbi_drops_the_losses_above_the_quantile():
    losses = torch.arange(100.0)[torch.randperm(100, generator=torch.Generator().manual_seed(0))]
    w_n, w_a = weights(ALTBI(0.92), losses[None])
    assert torch.equal(w_n[0] == 0, losses > 0.92 * 99)
    assert not w_a.any()


def test_altbi_without_a_quantile_takes_each_models_ratio():
    losses = torch.rand(3, 100, generator=torch.Generator().manual_seed(0))
    w_n, _ = ALTBI(None)(losses, 0 * losses, torch.tensor([0.0, 0.1, 0.5]))
    assert (w_n == 0).sum(dim=1).tolist() == [0, 10, 50]


def two_groups(n_normal=300, n_other=60, gap=6.0, spread=1.0):
    rng = np.random.default_rng(0)
    normal, other = rng.normal(0, 1, n_normal), rng.normal(gap, spread, n_other)
    return np.concatenate([normal, other])[None]


@pytest.mark.parametrize(("gap", "spread"), [(6.0, 1.0), (4.0, 0.5), (9.0, 2.0)])
def test_the_mixture_is_that_of_scikit_learn(gap, spread):
    values = two_groups(gap=gap, spread=spread)
    found = TwoNormals.fit(torch.from_numpy(values), everything(values))
    expected = GaussianMixture(2, tol=1e-9, max_iter=500, random_state=0).fit(values.T)
    order = expected.means_[:, 0].argsort()
    center, unit = found.center.item(), found.unit.item()
    means = [center + unit * mean.item() for mean in found.mean]
    assert means == pytest.approx(expected.means_[order, 0], abs=0.02)
    stds = [unit * std.item() for std in found.std]
    assert stds == pytest.approx(np.sqrt(expected.covariances_[order, 0, 0]), abs=0.02)
    assert [w.item() for w in found.weight] == pytest.approx(expected.weights_[order], abs=0.01)

    # The posterior is Bayes' between both means.
    between = values[(values > means[0]) & (values < means[1])]
    posterior = found.normal_posterior(torch.from_numpy(between[None]))[0].numpy()
    bayes = expected.predict_proba(between[:, None])[:, order[0]]
    np.testing.assert_allclose(posterior, bayes, atol=0.02)


def test_the_posterior_never_rises_with_the_loss():
    for spread in (0.2, 5.0):  # the narrower component on either side
        values = torch.from_numpy(two_groups(gap=8.0, spread=spread))
        fitted = TwoNormals.fit(values, everything(values))
        posterior = fitted.normal_posterior(torch.linspace(-50, 80, 500)[None].double())
        assert (posterior.diff() <= 0).all()
        assert posterior[0, 0] > 0.9
        assert posterior[0, -1] < 0.1


def test_aar_by_the_posterior_weighs_or_drops():
    values = torch.from_numpy(two_groups(gap=4.0))
    w_n, w_a = weights(AAR("posterior"), values)
    posterior = TwoNormals.fit(values, everything(values)).normal_posterior(values)
    kept = posterior >= 0.5
    assert torch.equal(w_n[kept], posterior[kept])
    assert not w_n[~kept].any()
    assert not w_a.any()
    marked = (w_a >= w_n)[0]
    assert marked[:300].float().mean() < 0.05
    assert marked[300:].float().mean() > 0.9


def test_the_distance_of_two_normals_is_wassersteins():
    values = torch.from_numpy(two_groups(gap=6.0, spread=2.0))
    fitted = TwoNormals.fit(values, everything(values))
    ((m0, m1), (s0, s1)) = ([x.item() for x in pair] for pair in (fitted.mean, fitted.std))
    assert fitted.distance().item() == pytest.approx(math.hypot(m1 - m0, s1 - s0))
    # In standard deviations of the losses, so that their unit does not matter.
    assert fitted.unit.item() == pytest.approx(values.std(correction=0).item())
    scaled = TwoNormals.fit(1e-3 * values - 7, everything(values)).distance()
    assert scaled.item() == pytest.approx(fitted.distance().item(), rel=1e-6)
    nearer = torch.from_numpy(two_groups(gap=3.0, spread=1.0))
    assert TwoNormals.fit(nearer, everything(nearer)).distance() < fitted.distance()


LOSSES = {
    "constant": torch.full((2, 9), 3.0),
    "one row": torch.tensor([[1.0], [2.0]]),
    "two rows": torch.tensor([[1.0, 2.0], [3.0, 3.0]]),
    "two values": torch.tensor([[0.0, 1.0] * 6, [0.0] * 11 + [1.0]]),
    "mostly tied": torch.tensor([[1.0] * 8 + [2.0, 3.0], [1.0] * 9 + [1e30]]),
    "huge": torch.tensor([[1e30, 2e30, 3e30, 1e37], [1e-30, 2e-30, 3e-30, 1e-29]]),
    "negative": torch.tensor([[-5.0, -4.0, -4.5, 9.0], [-1.0, -2.0, -3.0, -4.0]]),
}


@ids
@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_losses_are_too_odd(rule, losses, dtype, device):
    w_n, w_a = weights(rule, losses.to(device, dtype))
    for weight in (w_n, w_a):
        assert weight.dtype == dtype
        assert weight.shape == losses.shape
        assert weight.isfinite().all()
        assert ((weight >= 0) & (weight <= 1)).all()
    assert not w_a.any()
    assert (w_n > 0).any(dim=1).all()


@ids
@given(
    losses=st.lists(st.floats(0, 1e4, width=32), min_size=1, max_size=60),
    known=st.lists(st.sampled_from([0, 0, 0, 1, -1]), min_size=60, max_size=60),
)
@settings(deadline=None, max_examples=60)
def test_half_of_the_rows_stay_and_known_labels_stand(rule, losses, known):
    # In double precision: the steps that fit a mixture make errors of single precision larger.
    losses, known = torch.tensor([losses]).double(), torch.tensor([known[: len(losses)]])
    w_n, w_a = weights(rule, losses, known=known.to(torch.int8))
    is_known = known != 0
    assert torch.equal(w_n[is_known], (known > 0).double()[is_known])
    assert torch.equal(w_a[is_known], (known < 0).double()[is_known])
    unknown_n = w_n[~is_known]
    assert not w_a[~is_known].any()
    assert (unknown_n > 0).sum() >= len(unknown_n) / 2
    # A row of a lower loss is never dropped before one of a higher.
    order = losses[~is_known].argsort()
    assert (unknown_n[order].diff() <= 1e-6).all()
    # Rows that tie weigh the same, and known rows do not touch the weights of the others.
    if len(unknown_n):
        alone, _ = weights(rule, losses[~is_known][None])
        torch.testing.assert_close(alone[0], unknown_n)


@ids
def test_models_of_a_stack_do_not_touch_each_other(rule):
    losses = torch.rand(5, 40, generator=torch.Generator().manual_seed(0)).exp()
    alpha = torch.tensor([0.01, 0.1, 0.2, 0.3, 0.5])
    known = torch.zeros(5, 40, dtype=torch.int8)
    known[1, :9], known[2, 3:7] = -1, 1
    together = rule(losses, 1 / losses, alpha, known)
    for m in range(5):
        one = slice(m, m + 1)
        alone = rule(losses[one], 1 / losses[one], alpha[one], known[one])
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a[one], b)


@ids
def test_all_rows_known(rule):
    known = torch.tensor([[1, -1, 1]])
    w_n, w_a = weights(rule, torch.tensor([[1.0, 2.0, 3.0]]), known=known)
    assert (w_n.tolist(), w_a.tolist()) == ([[1, 0, 1]], [[0, 1, 0]])
