"""Parameters may be numbers of NumPy, as a grid over ``np.arange`` has them, of any width."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone

from lofe_sklearn import GOAD, ICL, LOE, AutoEncoder, DeepSVDD, LOESearchCV, NeuTraL, fit_many
from lofe_sklearn.metrics import excess_mass_scorer

X = np.random.default_rng(0).normal(size=(300, 4))
# Products of these with numbers of rows or features are beyond their types.
GIVEN = [
    (DeepSVDD(max_epochs=1), "batch_size", np.uint8(100)),
    (DeepSVDD(max_epochs=1), "max_epochs", np.int8(2)),
    (AutoEncoder(max_epochs=1), "hidden_sizes", [np.uint8(100), np.uint8(9)]),
    (ICL(max_epochs=1), "n_permutations", np.int64(3)),
    (ICL(max_epochs=1), "n_permutations", np.uint8(3)),
    (ICL(max_epochs=1), "max_windows", np.int8(2)),
    (NeuTraL(max_epochs=1), "n_transforms", np.uint8(3)),
    (GOAD(max_epochs=1), "transform_size", np.int16(3)),
]


def python_number(value):
    return [python_number(each) for each in value] if isinstance(value, list) else value.item()


@pytest.mark.parametrize(("backbone", "name", "value"), GIVEN)
def test_they_mean_the_same_as_those_of_python(backbone, name, value):
    backbone = clone(backbone).set_params(random_state=0)
    given = clone(backbone).set_params(**{name: value})
    same = clone(backbone).set_params(**{name: python_number(value)})
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # an overflow
        scores = given.fit(X).score_samples(X)
        in_loe = LOE(given, contamination=0.1, random_state=0).fit(X)
        [in_stack] = fit_many([given], X)
    np.testing.assert_array_equal(scores, same.fit(X).score_samples(X))
    np.testing.assert_array_equal(in_stack.score_samples(X), scores)
    expected = LOE(same, contamination=0.1, random_state=0).fit(X)
    np.testing.assert_array_equal(in_loe.score_samples(X), expected.score_samples(X))
    assert given.get_params()[name] is value  # as the user has set it
    given.partial_fit(X)


def test_a_grid_over_an_array():
    grid = {"n_permutations": np.arange(1, 3), "batch_size": np.array([64], dtype=np.uint8)}
    backbone = ICL(max_epochs=1, random_state=0)
    search = LOESearchCV(backbone, grid, scoring=excess_mass_scorer, cv=2, error_score="raise")
    assert np.isfinite(search.fit(X[:80]).cv_results_["mean_test_score"]).all()
