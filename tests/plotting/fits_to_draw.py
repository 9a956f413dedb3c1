"""Fixtures: small fits that all displays are drawn of.

It is a plugin and no conftest.py, since tests of other folders import from the one above.
"""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture
def figures():
    """Draw without a screen, and leave no figure and no changed setting behind."""
    plt.switch_backend("Agg")
    before = dict(plt.rcParams)
    yield
    assert dict(plt.rcParams) == before
    plt.close("all")


@pytest.fixture(scope="session")
def rows():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (190, 4)), rng.normal(6, 1, (10, 4))])


@pytest.fixture(scope="session")
def labels():
    return np.repeat([0, 1], [190, 10])


def small_loe():
    backbones = [DeepSVDD(max_epochs=4), AutoEncoder(max_epochs=3)]
    return LOE(backbones, n_estimators=4, random_state=0)


@pytest.fixture(scope="session")
def loe(rows):
    return small_loe().fit(rows)


@pytest.fixture(scope="session")
def backbone(rows):
    return DeepSVDD(max_epochs=3, random_state=0).fit(rows)


@pytest.fixture(scope="session")
def pipeline(rows):
    return make_pipeline(StandardScaler(), small_loe()).fit(rows)


@pytest.fixture(scope="session")
def search(rows, labels):
    grid = {"contamination": [0.05, 0.1, 0.01], "method": ["soft", "hard"]}
    return LOESearchCV(LOE(DeepSVDD(max_epochs=2), random_state=0), grid, cv=3).fit(rows, labels)
