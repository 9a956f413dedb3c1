"""Small work has one thread, larger work has torch's, and the program's number is put back."""

import numpy as np
import pytest
import torch
from torch import nn

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, MHRot, NeuTraL, RealNVP
from lofe_sklearn.engine import _few_threads
from lofe_sklearn.engine._few_threads import threads_to_score, threads_to_train
from lofe_sklearn.engine._stack import ModuleStack

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _two_threads(device):
    if device.type != "cpu":
        pytest.skip("of threads of the processor")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def n_threads(context):
    with context:
        return torch.get_num_threads()


def modules(backbone, n_features, n_models=1):
    return [backbone.build_module(n_features) for _ in range(n_models)]


@pytest.mark.parametrize(
    ("backbone", "n_features", "n_models", "expected"),
    [
        (DeepSVDD(), 30, 4, 1),
        (DeepSVDD(), 1000, 16, 2),
        (AutoEncoder(), 6, 1, 1),
        (RealNVP(), 60, 4, 1),  # many products, but few at once
        (RealNVP(), 200, 4, 2),
        (NeuTraL(), 6, 1, 1),
        (NeuTraL(), 6, 4, 2),  # each row goes through the encoder many times
        (MHRot(depth=10, width=1), 64, 1, 2),  # convolutions
    ],
)
def test_a_step(backbone, n_features, n_models, expected):
    stack = ModuleStack(modules(backbone, n_features, n_models))
    assert n_threads(threads_to_train(stack, 128, CPU)) == expected


def test_of_another_module_nothing_is_known():
    class Mine(nn.Linear):
        def forward(self, x):
            loss = super().forward(x).square().sum(-1)
            return loss, -loss

    assert n_threads(threads_to_train(ModuleStack([Mine(2, 2)]), 2, CPU)) == 2
    assert n_threads(threads_to_score([Mine(2, 2)], 2, CPU)) == 2


def test_scores():
    few = modules(DeepSVDD(), 30, 4)
    assert n_threads(threads_to_score(few, 5_000, CPU)) == 1
    assert n_threads(threads_to_score(few, 1_000_000, CPU)) == 2


def test_training_and_scoring_ask_for_them(monkeypatch):
    seen = []

    def watched(name):
        original = getattr(_few_threads, name)

        def ask(*args):
            seen.append((name, n_threads(original(*args))))
            return original(*args)

        return ask

    monkeypatch.setattr("lofe_sklearn.engine._loop.threads_to_train", watched("threads_to_train"))
    monkeypatch.setattr("lofe_sklearn.engine._score.threads_to_score", watched("threads_to_score"))
    X = np.random.default_rng(0).normal(size=(60, 4))
    detector = LOE(DeepSVDD(max_epochs=2), contamination=0.1, random_state=0).fit(X)
    assert set(seen) == {("threads_to_train", 1), ("threads_to_score", 1)}
    seen.clear()
    detector.score_samples(X)
    assert set(seen) == {("threads_to_score", 1)}


def test_a_small_fit_is_the_same_on_any_number_of_cores():
    X = np.random.default_rng(0).normal(size=(300, 20))
    found = []
    for n in (1, 2):
        torch.set_num_threads(n)
        found.append(LOE(random_state=0, evidence=None, init=None).fit(X).score_samples(X))
    np.testing.assert_array_equal(*found)


def test_an_error_puts_the_number_back():
    with pytest.raises(ValueError, match="NaN"):
        DeepSVDD(max_epochs=1).fit(np.full((9, 2), np.nan))
    detector = DeepSVDD(max_epochs=1).fit(np.random.default_rng(0).normal(size=(30, 2)))
    with pytest.raises(ValueError, match="features"):
        detector.score_samples(np.ones((3, 5)))
