import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context

from lofe_sklearn.datasets import contaminate, make_outliers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 3)) + [0, 5, -5]


def test_uniform_ones_fill_the_box():
    made = make_outliers(X, 20_000, random_state=0)
    low, high = X.min(axis=0), X.max(axis=0)
    assert (made >= low).all()
    assert (made <= high).all()
    np.testing.assert_allclose(made.mean(axis=0), (low + high) / 2, atol=0.02 * np.ptp(X))
    np.testing.assert_allclose(made.std(axis=0), (high - low) / np.sqrt(12), rtol=0.02)
    wide = make_outliers(X, 20_000, scale=2.0, random_state=0)
    np.testing.assert_allclose(wide.std(axis=0), 2 * made.std(axis=0))


def test_shuffled_ones_keep_each_feature_and_lose_what_joins_them():
    made = make_outliers(X, 20_000, kind="shuffled", random_state=0)
    assert all(np.isin(made[:, j], X[:, j]).all() for j in range(3))
    np.testing.assert_allclose(made.std(axis=0), X.std(axis=0), rtol=0.05)
    assert np.abs(np.corrcoef(X.T) - np.eye(3)).max() > 0.3
    assert np.abs(np.corrcoef(made.T) - np.eye(3)).max() < 0.03


def test_gaussian_ones_are_around_the_rows():
    made = make_outliers(X, 20_000, kind="gaussian", scale=0.5, random_state=0)
    np.testing.assert_allclose(made.std(axis=0), np.sqrt(1.25) * X.std(axis=0), rtol=0.05)


def test_sparse_ones_stay_sparse():
    rows = sparse.random(400, 30, density=0.05, random_state=0, format="csr")
    made = make_outliers(rows, 1000, kind="shuffled", random_state=0)
    assert sparse.issparse(made)
    assert made.shape == (1000, 30)
    assert made.nnz / 30_000 == pytest.approx(0.05, abs=0.01)
    assert np.isin(made.data, rows.data).all()
    with pytest.raises(ValueError, match="would make dense rows of a sparse X"):
        make_outliers(rows, kind="uniform")


@pytest.mark.parametrize("kind", ["uniform", "shuffled", "gaussian"])
def test_seeds_and_numbers(kind):
    one, same, other = (make_outliers(X, kind=kind, random_state=seed) for seed in (0, 0, 1))
    assert one.shape == X.shape
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert make_outliers(X.tolist(), 1, kind=kind).shape == (1, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "normal"}, "kind must be one of 'uniform'.*got 'normal'"),
        ({"n_samples": 0}, "n_samples must be an integer of at least 1; got 0"),
        ({"n_samples": 2.5}, "got 2.5"),
        ({"scale": 0}, "scale must be a finite number above 0; got 0"),
        ({"scale": np.inf}, "got inf"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        make_outliers(X, **options)


BAD = pd.DataFrame(X, columns=list("abc"))
BAD.loc[7, "b"] = np.nan


@pytest.mark.parametrize("assume_finite", [False, True])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (make_outliers, "make_outliers: X"),
        (lambda rows: contaminate(rows, X), "contaminate: X"),
        (lambda rows: contaminate(X, rows), "contaminate: outliers"),
    ],
    ids=["make_outliers", "X", "outliers"],
)
def test_rows_that_are_no_numbers_are_named_with_a_remedy(call, name, assume_finite):
    remedy = "fill in missing values before.*TableFeatures"
    with config_context(assume_finite=assume_finite):
        with pytest.raises(ValueError, match=rf"^{name} contains .*\(row 7\).*{remedy}"):
            call(BAD)
        with pytest.raises(ValueError, match=rf"^{name} contains .*text in .*'city'.*{remedy}"):
            call(BAD.assign(city="Paris"))
    with pytest.raises(ValueError, match=rf"^{name}: Found array with 0 sample"):
        call(X[:0])


@pytest.mark.parametrize("exponent", [-1000, -600, 600, 1000])
def test_rows_of_any_unit(exponent):
    rows, unit = np.random.default_rng(0).normal(size=(50, 2)), 2.0**exponent
    for kind in ("uniform", "gaussian"):
        plain, other = (make_outliers(X, kind=kind, random_state=0) for X in (rows, rows * unit))
        np.testing.assert_array_equal(other, plain * unit)
    plain, other = (contaminate(X, X[:9], random_state=0)[0] for X in (rows, rows * unit))
    np.testing.assert_array_equal(other, plain * unit)


def test_a_box_that_is_as_wide_as_numbers_are():
    ends = np.array([[-1.7e308], [1.7e308]])
    assert np.isfinite(make_outliers(ends, 100, random_state=0)).all()


def test_each_feature_has_a_unit_of_its_own():
    rows, units = np.random.default_rng(0).normal(size=(50, 3)), np.ldexp(1.0, [0, 700, -700])
    rows[0] = 0.0
    made = make_outliers(rows, 40, kind="gaussian", random_state=0)
    in_units = make_outliers(rows * units, 40, kind="gaussian", random_state=0)
    np.testing.assert_array_equal(in_units, made * units)
