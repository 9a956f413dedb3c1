"""Batches that grow, and states that are kept."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from lofe_sklearn.engine import Course, grown
from lofe_sklearn.engine._batches import Batches
from lofe_sklearn.engine._restore import restore_module
from lofe_sklearn.engine._states import AveragedModule


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ((10, 1.0, 50, 100), 10),
        ((10, 1.5, 0, 100), 10),
        ((10, 1.5, 1, 100), 15),
        ((10, 1.5, 9, 100), 100),
        ((10, 1e300, 1000, 100), 100),
        ((128, 1.1, 3, 50), 128),
    ],
)
def test_the_size_of_a_batch(arguments, size):
    assert grown(*arguments) == size


@pytest.mark.parametrize("known", [None, np.arange(40) % 13 == 0])
def test_batches_that_grow_hold_every_row_once(known):
    known = None if known is None else [known.astype(np.int8)] * 2
    batches = Batches([torch.arange(40)] * 2, 8, [0, 1], known, growth=1.5)
    n_batches = []
    for epoch in range(6):
        drawn = [batch.position for batch in batches.epoch(epoch)]
        n_batches.append(len(drawn))
        rows = torch.cat(drawn, dim=1)
        assert rows.shape[1] == batches.n_drawn[0]
        for own in rows:
            counts = torch.bincount(own, minlength=40)
            unknown = counts if known is None else counts[known[0] == 0]
            assert (unknown == 1).all()
            assert (counts >= 1).all()
    assert n_batches == sorted(n_batches, reverse=True)
    assert (n_batches[0], n_batches[-1]) == (5, 1)


def test_the_first_epochs_are_those_of_batches_that_do_not_grow():
    plain, growing = (Batches([torch.arange(40)], 8, [3], growth=g) for g in (1.0, 1.5))
    for a, b in zip(plain.epoch(0), growing.epoch(0), strict=True):
        assert torch.equal(a.position, b.position)


@pytest.mark.parametrize(
    ("share", "max_epochs", "epochs"),
    [
        (0.0, 10, []),
        (0.5, 6, [3, 4, 5]),
        (1.0, 1, [0]),
        (0.01, 10, [9]),
        (1.0, 19, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]),
    ],
)
def test_which_epochs_are_averaged(share, max_epochs, epochs):
    course = Course(averaged_share=share)
    assert sorted(course.averaged_epochs(max_epochs)) == epochs
    assert course.n_states(max_epochs) == len(epochs)


class Constant(nn.Module):
    score_scale = "linear"

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x):
        return x.sum(1) + self.value, x.sum(1) * self.value

    def embed(self, x):
        return x * self.value


def test_an_averaged_module_is_the_mean_of_its_states():
    module = AveragedModule([Constant(1.0), Constant(3.0)])
    x = torch.ones(2, 2)
    for same in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        loss_n, loss_a = same(x)
        assert (loss_n.tolist(), loss_a.tolist()) == ([4.0, 4.0], [4.0, 4.0])
        assert same.score_scale == "linear"
        np.testing.assert_array_equal(same.embed(x).detach(), 3.0)
        assert not hasattr(same, "scoring_dtype")


def test_a_network_is_not_copied_for_states_without_values():
    values = {f"states.{i}.weight": torch.zeros(1) for i in range(1000)}
    with pytest.raises(ValueError, match="not those of 1000 states of its network"):
        restore_module(lambda: nn.Linear(100, 100, bias=False), values, bounded=True)
