"""ICL against its formulas, written as loops, and what it asks of its input."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lofe_sklearn import ICL, LOE


def module_of(n_features, **parameters):
    torch.manual_seed(0)
    return ICL(**parameters)._build_module(n_features)


def encode(encoder, permutation, part):
    """One part through one of the encoders, by hand."""
    layers = list(zip(encoder.weights, encoder.biases, strict=True))
    for weight, bias in layers[:-1]:
        part = F.leaky_relu(part @ weight[permutation] + bias[permutation, 0], 0.2)
    weight, bias = layers[-1]
    return part @ weight[permutation] + bias[permutation, 0]


def by_loops(module, row, permutation, temperature):
    """Both losses of one row under one permutation, window by window."""
    k, d = module.window_size, len(row)
    row = row[module.order[permutation]] * module.gain[permutation] + module.offset[permutation]
    starts = range(0, d - k + 1, module.step)
    windows = [encode(module.window_encoder, permutation, row[s : s + k]) for s in starts]
    rests = [
        encode(module.rest_encoder, permutation, torch.cat([row[:s], row[s + k :]])) for s in starts
    ]
    loss_n, loss_a = [], []
    for j, rest in enumerate(rests):
        similarity = torch.stack([F.cosine_similarity(rest, w, dim=0) for w in windows])
        p = torch.softmax(similarity / temperature, dim=0)[j]
        loss_n.append(-torch.log(p))
        loss_a.append(-torch.log(1 - p))
    return torch.stack(loss_n).mean(), torch.stack(loss_a).mean()


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
                    torch.stack(by_loops(module, row, permutation, 0.5))
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
    torch.testing.assert_close(module.gain, torch.ones(1, 6))
    assert not module.offset.any()


@pytest.mark.parametrize(("scaling", "told_apart"), [("minmax", True), ("rms", False)])
def test_gains_and_offsets_follow_the_scaling(scaling, told_apart):
    X = np.random.default_rng(0).uniform(size=(20, 30))
    module = ICL(scaling=scaling, max_epochs=1, random_state=0).fit(X).module_
    assert (module.gain.abs().log().std() < 0.3) == told_apart
    assert (not module.offset.any()) == told_apart


def test_training_stops_below_the_loss_threshold():
    X = np.random.default_rng(0).normal(size=(100, 5)) * 0.1 + np.arange(5)
    free = ICL(max_epochs=40, loss_threshold=0, random_state=0).fit(X)
    assert free.n_iter_ == 40
    losses = free.history_.loss_n[:, 0]
    threshold = losses[10]
    stopped = ICL(max_epochs=40, loss_threshold=float(threshold), random_state=0).fit(X)
    assert stopped.n_iter_ == np.flatnonzero(losses < threshold)[0] + 1


def test_the_default_threshold_is_the_papers():
    assert ICL()._loss_threshold(40) == 1e-3
    assert ICL()._loss_threshold(41) == 1e-2
    assert ICL(loss_threshold=0.5)._loss_threshold(41) == 0.5


@pytest.mark.parametrize(
    ("n_samples", "n_epochs"), [(60, 300), (1000, 188), (3000, 63), (9999, 50)]
)
def test_epochs_make_a_number_of_steps(n_samples, n_epochs):
    assert ICL()._n_epochs(n_samples) == n_epochs
    assert ICL(max_epochs=7)._n_epochs(n_samples) == 7


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
