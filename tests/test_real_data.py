"""No inf and no NaN on any real set; slow where it trains on all rows."""

from functools import cache, partial
from itertools import cycle, product

import numpy as np
import pytest
from conftest import BACKBONES, small

from lofe_sklearn import ICL, LOE, MHRot

pytestmark = pytest.mark.real_data


@pytest.fixture
def rows_class(backbone_class):
    if backbone_class.__name__ == "MHRot":
        pytest.skip("these sets are no images; the suite paper-image trains MHRot on some")
    return backbone_class


def real_sets(folder):
    return sorted([*folder.glob("tabular/*/*.npz"), *folder.glob("embeddings/*/*.npz")])


@cache
def some_rows(path, max_rows):
    with np.load(path, allow_pickle=False) as arrays:
        X = np.asarray(arrays["X"])
    return X[np.random.default_rng(0).permutation(len(X))[:max_rows]]


METHODS = ("hard", "soft")


def check_set(X, name, backbone_class, methods=METHODS):
    # What the first labels are does not matter here: those farthest from the median.
    first = -np.abs(X - np.median(X, axis=0)).mean(axis=1)
    for method in methods:
        detector = LOE(
            backbone_class(max_epochs=2),
            method=method,
            contamination=0.1,
            init=first,
            warmup_epochs=1,
        ).fit(X)
        history = detector.estimator_.history_
        for values in (detector.score_samples(X), history.loss_n, history.loss_a):
            assert np.isfinite(values).all(), (name, method)


def test_every_set_in_part(data_folder):
    """With one backbone and method each, in turn; with all of them in the slow test."""
    classes = [small(cls) for cls in BACKBONES if cls not in (ICL, MHRot)]
    classes.append(partial(ICL, max_windows=40))  # of 512 features it makes 151 by default
    paths = real_sets(data_folder)
    assert len(paths) > 50
    for path, (rows_class, method) in zip(paths, cycle(product(classes, METHODS)), strict=False):
        check_set(some_rows(path, 60), path.name, rows_class, [method])


@pytest.mark.slow
def test_every_set(data_folder, rows_class):
    for path in real_sets(data_folder):
        check_set(some_rows.__wrapped__(path, 20_000), path.name, rows_class)
