"""The detector of `init` is seeded by LOE's random_state wherever it has no seed of its own."""

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import SGDOneClassSVM
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline, make_union

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn._loe._seeds import seeded


@pytest.fixture
def X():
    # Without anomalies that every forest would agree about.
    return np.random.default_rng(0).normal(size=(90, 5))


def loe(init, **parameters):
    parameters = {"contamination": 0.2, "random_state": 0, **parameters}
    return LOE(DeepSVDD(max_epochs=3), init=init, warmup_epochs=2, **parameters)


def pipeline():
    return make_pipeline(make_union(RBFSampler(), Nystroem(n_components=9)), SGDOneClassSVM())


def first_labels(detector):
    return [member.history_.labels[0, 0] for member in detector.estimators_]


@pytest.mark.parametrize(
    "init", [IsolationForest(), GaussianMixture(4, init_params="random"), pipeline()]
)
@pytest.mark.parametrize(
    "parameters", [{}, {"n_estimators": 2, "max_samples": 0.6}, {"contamination": "auto"}]
)
def test_two_fits_of_one_seed_are_equal(X, init, parameters):
    if parameters.get("contamination") == "auto":
        parameters = {**parameters, "n_estimators": 2}
    np.random.seed(1)
    first = loe(init, **parameters).fit(X)
    np.random.seed(2)
    second = loe(init, **parameters).fit(X)
    np.testing.assert_array_equal(first_labels(first), first_labels(second))
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))


@pytest.mark.all_trees
def test_forest_of_ones_own_is_the_forest_by_name(X):
    by_name, own = loe("iforest").fit(X), loe(IsolationForest()).fit(X)
    np.testing.assert_array_equal(by_name.score_samples(X), own.score_samples(X))


def test_other_seeds_are_other_first_labels(X):
    first, second = (loe(IsolationForest(), random_state=seed).fit(X) for seed in (0, 1))
    assert not np.array_equal(first_labels(first), first_labels(second))


def test_generator_of_the_calling_program_is_left_alone(X):
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    loe(make_pipeline(RBFSampler(), IsolationForest())).fit(X)
    assert np.random.rand() == expected


def test_seed_of_its_own_is_kept(X):
    given = -IsolationForest(random_state=7).fit(X).score_samples(X)
    expected = np.argsort(-given, kind="stable")[:18]
    for seed in (0, 1):
        labels = first_labels(loe(IsolationForest(random_state=7), random_state=seed).fit(X))
        np.testing.assert_array_equal(np.flatnonzero(labels[0]), np.sort(expected))


def test_fit_many_and_search_are_single_fits(X):
    alone = loe(IsolationForest()).fit(X)
    [together, _] = fit_many([loe(IsolationForest()), loe(IsolationForest(), random_state=1)], X)
    np.testing.assert_array_equal(first_labels(alone), first_labels(together))
    y = np.arange(len(X)) % 9 == 0
    grid = {"contamination": [0.1, 0.2]}
    first, second = (
        LOESearchCV(loe(IsolationForest()), grid, cv=3).fit(X, y).cv_results_["mean_test_score"]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_every_open_seed_is_set_and_no_other():
    original = make_pipeline(make_union(RBFSampler(random_state=3), Nystroem()), IsolationForest())
    copy = seeded(original, 0)
    union, forest = copy[0], copy[1]
    seeds = [transformer.random_state for _, transformer in union.transformer_list]
    assert seeds[0] == 3
    assert None not in (seeds[1], forest.random_state)
    assert seeds[1] != forest.random_state  # what is nested differs
    assert original[1].random_state is None  # the user's is left as it was


def test_detectors_in_a_list_are_seeded():
    class Several:
        """As PyOD's ensembles: a list of detectors as a parameter."""

        def __init__(self, detector_list=()):
            self.detector_list = detector_list

        def get_params(self, deep=True):
            return {"detector_list": self.detector_list}

        def set_params(self, **params):
            vars(self).update(params)
            return self

        def fit(self, X):
            return self

    copy = seeded(Several([IsolationForest(), IsolationForest()]), 0)
    first, second = (forest.random_state for forest in copy.detector_list)
    assert None not in (first, second)
    assert first != second
