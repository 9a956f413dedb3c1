"""Numbers too small for full precision are 0 while a network is trained, and nowhere else."""

import pytest
import torch
from torch import nn

from lofe_sklearn import LOE
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.engine._denormals import denormals_as_zero


def are_zero():
    return bool((torch.full((1,), 2e-38) * 0.1 == 0).all())


@pytest.fixture(autouse=True)
def usual_state():
    """Processors that cannot treat them as 0 have nothing to test."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot treat denormal numbers as 0")
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("before", [False, True])
def test_the_state_is_what_it_was(before):
    torch.set_flush_denormal(before)
    inside = []
    with pytest.raises(KeyboardInterrupt), denormals_as_zero():
        raise KeyboardInterrupt(inside.append(are_zero()))
    assert inside == [True]
    assert are_zero() == before


class Watching(nn.Module):
    """Notes in each pass whether denormal numbers are 0."""

    def __init__(self, n_features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_features))

    def forward(self, x):
        if torch.is_grad_enabled():
            Watched.seen.append(are_zero())
        distance = (x * self.weight).square().sum(dim=1)
        return distance, 1 / (1 + distance)


class Watched(Backbone):
    seen: list = []

    def build_module(self, n_features):
        return Watching(n_features)


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_steps_compute_with_zeros(n_estimators):
    Watched.seen.clear()
    X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)).numpy()
    loe = LOE(Watched(max_epochs=2), contamination=0.1, n_estimators=n_estimators, random_state=0)
    loe.fit(X)
    assert sum(Watched.seen) == 2  # of each epoch's step; a stack tries its modules before
    assert not are_zero()
