"""Rows, known labels, and a view of the stacks that are trained."""

import numpy as np
import pytest
from comparing import N_ROWS

from lofe_sklearn.backbones import _training


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (93, 6)), rng.uniform(-8, 8, (10, 6))])
    return rng.permutation(X)


@pytest.fixture
def known():
    rng = np.random.default_rng(1)
    return rng.choice([-1, 0, 1], size=N_ROWS, p=[0.04, 0.9, 0.06])


@pytest.fixture
def stacks(monkeypatch):
    """Sizes of the stacks that are trained, in turn."""
    sizes, train = [], _training._train_stack

    def spy(tasks, X, keep_going):
        sizes.append(len(tasks))
        return train(tasks, X, keep_going)

    monkeypatch.setattr(_training, "_train_stack", spy)
    return sizes
