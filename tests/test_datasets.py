"""Bundled sets, contamination and the paper's protocol."""

import numpy as np
import pytest

from lofe_sklearn.datasets import contaminate, load_arrhythmia, load_thyroid, loe_tabular_split


@pytest.mark.parametrize(
    ("load", "shape", "n_anomalies"),
    [(load_thyroid, (3772, 6), 93), (load_arrhythmia, (452, 274), 66)],
)
def test_bundled_sets(load, shape, n_anomalies):
    bunch = load()
    assert bunch.data.shape == shape
    assert bunch.data.dtype == np.float64
    assert bunch.target.shape == shape[:1]
    assert bunch.target.sum() == n_anomalies
    assert set(bunch.target) == {0, 1}
    assert "CC BY 4.0" in bunch.DESCR
    assert len(bunch.feature_names) == shape[1]
    X, y = load(return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


def test_bundled_sets_as_frames():
    bunch = load_thyroid(as_frame=True)
    assert bunch.frame.shape == (3772, 7)
    assert list(bunch.data.columns) == bunch.feature_names
    X, y = load_thyroid(return_X_y=True, as_frame=True)
    assert (len(X), y.name) == (3772, "anomaly")


@pytest.mark.parametrize(
    ("contamination", "n_added"), [(0.0, 0), (0.05, 4), (0.1, 10), (0.5, 90), (0.001, 0)]
)
def test_contaminate_adds_the_share(contamination, n_added):
    X, y = contaminate(
        np.zeros((90, 2)), np.ones((5, 2)), contamination=contamination, random_state=0
    )
    assert len(X) == len(y) == 90 + n_added
    assert y.sum() == n_added
    np.testing.assert_array_equal(X[y == 0], 0)


@pytest.mark.parametrize("n_outliers", [20, 10])
def test_contaminate_draws_without_replacement_while_it_can(n_outliers):
    outliers = np.arange(float(n_outliers))[:, None]
    X, y = contaminate(np.full((90, 1), -1.0), outliers, contamination=0.1, noise=0, random_state=0)
    assert len(np.unique(X[y == 1])) == 10


def test_contaminate_adds_noise_of_the_outliers_spread():
    rng = np.random.default_rng(0)
    outliers = rng.normal(5, [1, 20], size=(3000, 2))
    X, y = contaminate(np.zeros((3000, 2)), outliers, contamination=0.5, random_state=0)
    np.testing.assert_allclose(X[y == 1].std(0), outliers.std(0) * np.sqrt(2), rtol=0.1)
    X, y = contaminate(np.zeros((10, 2)), outliers, contamination=0.5, noise=0, random_state=0)
    assert (X[y == 1, None] == outliers).all(axis=2).any(axis=1).all()


def test_contaminate_is_repeatable_and_keeps_its_inputs():
    normal, outliers = np.zeros((20, 2)), np.ones((5, 2))
    first, again, other = (contaminate(normal, outliers, random_state=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[1], other[1])
    assert (normal == 0).all()
    assert (outliers == 1).all()
    _, y = contaminate(normal, outliers, shuffle=False)
    assert (np.diff(y) >= 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contamination": 1.0}, r"contamination must be in \[0, 1\)"),
        ({"contamination": -0.1}, "contamination must be"),
        ({"noise": -1}, "noise must be"),
        ({"noise": float("nan")}, "noise must be"),
        ({"outliers": np.ones((3, 4))}, "X has 2 features and outliers has 4"),
        ({"X": np.array([[np.nan, 1.0]])}, "NaN"),
    ],
)
def test_contaminate_refuses(options, message):
    arguments = {"X": np.zeros((5, 2)), "outliers": np.ones((3, 2)), **options}
    with pytest.raises(ValueError, match=message):
        contaminate(arguments.pop("X"), arguments.pop("outliers"), **arguments)


def test_the_papers_tabular_split():
    X, y = load_thyroid(return_X_y=True)
    X_train, X_test, y_train, y_test = loe_tabular_split(X, y, random_state=0)
    normal, anomalies = X[y == 0], X[y == 1]
    # Every normal row is in one of both halves, every real anomaly in the test rows.
    halves = np.concatenate([X_train[y_train == 0], X_test[y_test == 0]])
    np.testing.assert_array_equal(np.sort(halves, axis=0), np.sort(normal, axis=0))
    np.testing.assert_array_equal(X_test[y_test == 1], anomalies)
    assert y_train.mean() == pytest.approx(0.1, abs=1e-3)
    again = loe_tabular_split(X, y, random_state=0)
    np.testing.assert_array_equal(again[0], X_train)
    assert not np.array_equal(loe_tabular_split(X, y, random_state=1)[0], X_train)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 2, 0], "1 for anomalies and 0"),
        ([0, 0, 0, 0], "at least one anomaly"),
        ([1, 1, 1, 0], "two normal rows"),
    ],
)
def test_the_split_refuses(y, message):
    with pytest.raises(ValueError, match=message):
        loe_tabular_split(np.arange(8.0).reshape(4, 2), y)
