"""No inf and no NaN on any real set; slow where it trains on all rows."""

import numpy as np
import pytest

from lofe_sklearn import LOE

pytestmark = pytest.mark.real_data


@pytest.fixture
def rows_class(backbone_class):
    if backbone_class.__name__ == "MHRot":
        pytest.skip("these sets are no images; benchmarks.paper_image trains MHRot on some")
    return backbone_class


def real_sets(folder):
    return sorted([*folder.glob("tabular/*/*.npz"), *folder.glob("embeddings/*/*.npz")])


def check_set(path, backbone_class, max_rows):
    with np.load(path, allow_pickle=False) as arrays:
        X = np.asarray(arrays["X"])
    X = X[np.random.default_rng(0).permutation(len(X))[:max_rows]]
    for method in ("hard", "soft"):
        estimator = backbone_class(max_epochs=2)
        detector = LOE(estimator, method=method, contamination=0.1, warmup_epochs=1).fit(X)
        history = detector.estimator_.history_
        for values in (detector.score_samples(X), history.loss_n, history.loss_a):
            assert np.isfinite(values).all(), (path.name, method)


def test_every_set_in_part(data_folder, rows_class):
    paths = real_sets(data_folder)
    assert len(paths) > 50
    for path in paths:
        check_set(path, rows_class, max_rows=100)


@pytest.mark.slow
def test_every_set(data_folder, rows_class):
    for path in real_sets(data_folder):
        check_set(path, rows_class, max_rows=20_000)
