"""The synthetic set."""

import numpy as np
import pytest
from scipy.stats import chi2

from lofe_sklearn.datasets import make_mulcross


def test_the_clusters_lie_where_they_should():
    X, y = make_mulcross(
        40_000, 3, contamination=0.3, n_clusters=3, distance=1.5, shuffle=False, random_state=0
    )
    assert (X.shape, int(y.sum())) == ((40_000, 3), 12_000)
    assert (np.diff(y) >= 0).all()
    normal, clusters = X[y == 0], X[y == 1].reshape(3, 4000, 3)
    np.testing.assert_allclose(normal.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(normal.T), np.eye(3), atol=0.03)
    centres = clusters.mean(1)
    radius = 1.5 * np.sqrt(chi2.ppf(0.99, 3))
    np.testing.assert_allclose(centres @ centres.T, radius**2 * np.eye(3), atol=0.3)
    np.testing.assert_allclose(clusters.std(1), 0.5, atol=0.03)


def test_of_the_most_clusters_each_has_one_on_the_other_side():
    X, y = make_mulcross(
        800, 2, contamination=0.5, n_clusters=4, cluster_std=0, shuffle=False, random_state=0
    )
    centres = X[y == 1].reshape(4, 100, 2)[:, 0]
    np.testing.assert_allclose(centres[2:], -centres[:2])
    assert abs(centres[0] @ centres[1]) < 1e-9


def test_it_is_repeatable():
    first, again, other = (make_mulcross(100, random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    assert (np.diff(first[1]) < 0).any()


@pytest.mark.parametrize(("contamination", "n"), [(0.0, 0), (0.001, 0), (0.05, 5), (0.99, 99)])
def test_the_share(contamination, n):
    assert make_mulcross(100, contamination=contamination, random_state=0)[1].sum() == n


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_samples": 0}, "n_samples must be an int >= 1; got 0"),
        ({"n_features": 1.5}, "n_features must be"),
        ({"n_clusters": 9}, r"n_clusters must be at most 2 \* n_features = 8"),
        ({"contamination": 1}, "contamination must be in"),
        ({"distance": -1}, "distance must be"),
        ({"cluster_std": float("nan")}, "cluster_std must be"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_mulcross(**{"n_samples": 10, **options})
