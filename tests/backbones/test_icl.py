"""ICL against its formulas, written as loops, and what it asks of its input."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lofe_sklearn import ICL, LOE, fit_many


def module_of(n_features, **parameters):
    torch.manual_seed(0)
    return ICL(**parameters).build_module(n_features)


def encode(encoder, permutation, part):
    """One part through one of the encoders, by hand."""
    layers = list(zip(encoder.weights, encoder.biases, strict=True))
    for weight, bias in layers[:-1]:
        part = F.leaky_relu(part @ weight[permutation] + bias[permutation, 0], 0.2)
    weight, bias = layers[-1]
    return part @ weight[permutation] + bias[permutation, 0]


def one_window(module, row, j, permutation=0):
    """Both losses of window j of a row under one permutation."""
    k, d = module.window_size, len(row)
    row = row[module.order[permutation]] * module.gain[permutation] + module.offset[permutation]
    starts = range(0, d - k + 1, module.step)
    windows = [encode(module.window_encoder, permutation, row[s : s + k]) for s in starts]
    rest = torch.cat([row[: starts[j]], row[starts[j] + k :]])
    rest = encode(module.rest_encoder, permutation, rest)
    similarity = torch.stack([F.cosine_similarity(rest, w, dim=0) for w in windows])
    p = torch.softmax(similarity / module.temperature, dim=0)[j]
    return -torch.log(p), -torch.log(1 - p)


def by_loops(module, row, permutation):
    """Both losses of one row under one permutation, window by window."""
    losses = [one_window(module, row, j, permutation) for j in range(module.n_windows)]
    return [torch.stack(kind).mean() for kind in zip(*losses, strict=True)]


def test_a_step_uses_the_windows_drawn_for_it():
    module = module_of(7, windows_per_step=2, n_permutations=1).double().train()
    row = torch.randn(1, 7, dtype=torch.float64)
    assert sorted(module.schedule[0].tolist()) == list(range(6))
    each = [one_window(module, row[0], j) for j in range(6)]
    for step in range(3):
        with torch.no_grad():
            module(row)  # only infers labels, and counts for no step
        losses = module(row)
        drawn = module.schedule[step, :2].tolist()
        for loss, kind in zip(losses, (0, 1), strict=True):
            torch.testing.assert_close(loss[0], torch.stack([each[j][kind] for j in drawn]).mean())
    module.eval()
    expected = [torch.stack([one[kind] for one in each]).mean() for kind in (0, 1)]
    torch.testing.assert_close(torch.stack(module(row))[:, 0], torch.stack(expected))


def test_few_windows_are_all_used():
    assert len(module_of(33).schedule) == 0
    assert module_of(200).n_drawn == 64
    assert len(module_of(200, windows_per_step=None).schedule) == 0


def test_windows_are_drawn_alike_in_a_stack_and_alone():
    X = np.random.default_rng(0).normal(size=(60, 9))
    estimators = [
        ICL(windows_per_step=3, max_epochs=3, batch_size=32, random_state=seed) for seed in (0, 1)
    ]
    for stacked, alone in zip(fit_many(estimators, X), estimators, strict=True):
        np.testing.assert_allclose(
            stacked.score_samples(X), alone.fit(X).score_samples(X), rtol=1e-5
        )


@pytest.mark.parametrize("n_permutations", [1, 3])
@pytest.mark.parametrize(("window_size", "max_windows"), [(1, 99), (3, 99), (2, 3)])
def test_losses_are_the_formulas(n_permutations, window_size, max_windows):
    module = module_of(
        7,
        window_size=window_size,
        max_windows=max_windows,
        n_permutations=n_permutations,
        temperature=0.5,
        window_sizes=[5, 4],
        rest_sizes=[6, 5, 4],
    ).double()
    rows = torch.randn(5, 7, dtype=torch.float64)
    losses = torch.stack(module(rows))
    expected = torch.stack(
        [
            torch.stack(
                [
                    torch.stack(by_loops(module, row, permutation))
                    for permutation in range(n_permutations)
                ]
            ).mean(dim=0)
            for row in rows
        ],
        dim=1,
    )
    torch.testing.assert_close(losses, expected)


@pytest.mark.parametrize(
    ("n_features", "size"), [(2, 1), (3, 2), (40, 2), (41, 10), (160, 10), (161, 11), (500, 350)]
)
def test_the_windows_follow_the_papers_rule(n_features, size):
    module = module_of(n_features)
    assert module.window_size == size
    assert module.n_windows == n_features - size + 1


def test_windows_of_wide_rows_are_evenly_spaced():
    module = module_of(100, window_size=2, max_windows=20)
    assert module.step == 5
    assert module.n_windows == 20
    assert module.rest.shape == (20, 98)
    assert module.rest[1].tolist() == [*range(5), *range(7, 100)]


def test_the_first_order_is_the_given_one_and_the_others_are_permutations():
    order = module_of(8, n_permutations=3).order
    assert order[0].tolist() == list(range(8))
    for row in order[1:]:
        assert sorted(row.tolist()) == list(range(8))
        assert row.tolist() != list(range(8))


def test_gains_and_offsets_can_be_switched_off():
    module = module_of(6, feature_gain=0.0, feature_offset=0.0)
    torch.testing.assert_close(module.gain, torch.ones(4, 6))
    assert not module.offset.any()


@pytest.mark.parametrize(("scaling", "told_apart"), [("minmax", True), ("rms", False)])
def test_gains_and_offsets_follow_the_scaling(scaling, told_apart):
    X = np.random.default_rng(0).uniform(size=(20, 30))
    module = ICL(scaling=scaling, max_epochs=1, random_state=0).fit(X).module_
    assert (module.gain[0].abs().log().std() < 0.3) == told_apart
    assert (not module.offset[0].any()) == told_apart
    # The second permutation has ranges, and what tells features apart where they are alike.
    assert module.gain[1].abs().log().std() > 0.3
    assert module.offset[1].all()


@pytest.mark.parametrize(("n_features", "expected"), [(2, 4), (16, 4), (17, 2), (40, 2), (41, 1)])
def test_narrow_rows_have_more_permutations(n_features, expected):
    assert len(module_of(n_features).order) == expected
    assert len(module_of(n_features, n_permutations=3).order) == 3


def seen(X, **parameters):
    """What each permutation of a fitted ICL sees of rows scaled by "rms", but for their order."""
    detector = ICL(scaling="rms", feature_gain=0, feature_offset=0, max_epochs=1, random_state=0)
    module = detector.set_params(**parameters).fit(X).module_
    rows = torch.from_numpy(X * (detector._scaling[1] if detector._scaling else 1)).float()
    back = module.order.argsort(dim=1)
    return rows, [one[:, own] for one, own in zip(module._permuted(rows), back, strict=True)]


def test_every_second_permutation_sees_equal_ranges():
    X = np.random.default_rng(0).normal(size=(50, 5)) * [1, 2, 3, 0, 4] + [0, 5, 0, 7, 0]
    rows, (first, second, third, fourth) = seen(X)
    torch.testing.assert_close(first, rows)
    torch.testing.assert_close(third, rows)
    for one in (second, fourth):
        torch.testing.assert_close(one.amin(dim=0), torch.zeros(5), atol=1e-4, rtol=0)
        torch.testing.assert_close(
            one.amax(dim=0), torch.tensor([1.0, 1, 1, 0, 1]), atol=1e-4, rtol=0
        )
    assert all(one.equal(rows) for one in seen(X, mixed_scaling=False)[1])


def test_one_feature_with_all_of_the_variance_keeps_its_size():
    X = np.random.default_rng(0).normal(size=(50, 5)) * [1, 100, 1, 1, 1]
    rows, each = seen(X)
    assert all(one.equal(rows) for one in each)
    assert not seen(X, mixed_scaling=True)[1][1].equal(rows)


def test_windows_of_a_step_are_shared_by_the_permutations():
    assert module_of(30, windows_per_step=10, n_permutations=3).n_drawn == 4


def test_training_stops_below_the_loss_threshold():
    X = np.random.default_rng(0).normal(size=(100, 5)) * 0.1 + np.arange(5)
    free = ICL(max_epochs=40, loss_threshold=0, random_state=0).fit(X)
    assert free.n_iter_ == 40
    losses = free.history_.loss_n[:, 0]
    threshold = losses[10]
    stopped = ICL(max_epochs=40, loss_threshold=float(threshold), random_state=0).fit(X)
    assert stopped.n_iter_ == np.flatnonzero(losses < threshold)[0] + 1


def test_the_default_threshold_is_the_papers():
    assert ICL().choose_loss_threshold(40) == 1e-3
    assert ICL().choose_loss_threshold(41) == 1e-2
    assert ICL(loss_threshold=0.5).choose_loss_threshold(41) == 0.5


@pytest.mark.parametrize(
    ("n_samples", "n_epochs"), [(60, 300), (1000, 188), (3000, 63), (9999, 50)]
)
def test_epochs_make_a_number_of_steps(n_samples, n_epochs):
    assert ICL().choose_max_epochs(n_samples, 4) == n_epochs
    assert ICL(max_epochs=7).choose_max_epochs(n_samples, 4) == 7


def test_too_few_features():
    for detector in (ICL(), LOE(ICL())):
        with pytest.raises(ValueError, match=r"1 feature\(s\).* minimum of 2 is required by ICL"):
            detector.fit(np.ones((5, 1)))


def test_a_window_must_leave_a_rest():
    with pytest.raises(ValueError, match=r"window_size=4 for X with 4 features.* to 3 or less"):
        ICL(window_size=4).fit(np.ones((5, 4)))


def test_both_encoders_must_end_alike():
    with pytest.raises(ValueError, match=r"same width.*\[4, 8\] and \[16\]"):
        ICL(window_sizes=[4, 8], rest_sizes=[16]).fit(np.ones((5, 4)))


@pytest.mark.slow
def test_memory_is_bounded_for_wide_rows():
    program = """
import resource, numpy as np
from lofe_sklearn import ICL
X = np.random.default_rng(0).normal(size=(5000, 500)).astype("float32")
ICL(max_epochs=1, random_state=0).fit(X).score_samples(X)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=600
    )
    assert float(done.stdout) < 3.0  # GB
