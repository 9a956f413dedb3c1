"""Tensors give the same results where scikit-learn's `array_api_dispatch` is set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
from lofe_sklearn.active import estimate_contamination, query
from lofe_sklearn.datasets import (
    contaminate,
    image_one_vs_rest,
    make_outliers,
    one_class_split,
)
from lofe_sklearn.features import ImageFeatures
from lofe_sklearn.metrics import average_precision, consensus, get_scorer
from lofe_sklearn.model_selection import OutlierStratifiedKFold

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=(54, 3)), RNG.normal(4, 1, size=(6, 3))])
Y = np.repeat([0, 1], [54, 6])
SMALL = DeepSVDD(max_epochs=1, random_state=0)
ENSEMBLE = LOE(SMALL, contamination=0.1, n_estimators=2, evidence=None, random_state=0)
PIXELS = RNG.uniform(size=(8, 4, 4, 1))


def _searched(X, y):
    search = LOESearchCV(SMALL, {"contamination": [0.05, 0.1]}, cv=2, random_state=0)
    return search.fit(X, y).score_samples(X)


CALLS = {
    "backbone": lambda X, y: SMALL.fit(X, y).score_samples(X),
    "partial_fit": lambda X, y: DeepSVDD(random_state=0).partial_fit(X).score_samples(X),
    "LOE": lambda X, y: ENSEMBLE.fit(X).predict_proba(X),
    "known labels": lambda X, y: ENSEMBLE.fit(X, known_anomalies=y == 1).score_samples(X),
    "Pipeline": lambda X, y: make_pipeline(StandardScaler(), SMALL).fit(X).score_samples(X),
    "fit_resample": lambda X, y: ENSEMBLE.fit_resample(X, y)[1],
    "outliers": lambda X, y: ENSEMBLE.fit(X, outliers=X[-3:]).score_samples(X),
    "explain": lambda X, y: ENSEMBLE.fit(X).explain(X[:2]).contributions,
    "LOESearchCV": _searched,
    "query": lambda X, y: query(ENSEMBLE.fit(X), X, 3, random_state=0),
    "estimate_contamination": lambda X, y: estimate_contamination(X[:, 0], 1 - 2 * y, embedding=X),
    "average_precision": lambda X, y: average_precision(y, X[:, 0]),
    "consensus": lambda X, y: consensus(X.T),
    "excess mass": lambda X, y: get_scorer("excess_mass")(SMALL.fit(X), X),
    "folds": lambda X, y: next(OutlierStratifiedKFold(2, random_state=0).split(X, y))[1],
    "contaminate": lambda X, y: contaminate(X[:50], X[54:], random_state=0)[0],
    "make_outliers": lambda X, y: make_outliers(X, 5, random_state=0),
    "one_class_split": lambda X, y: one_class_split(X, y, random_state=0)[0],
}


@pytest.fixture(autouse=True)
def _dispatch(monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it scikit-learn does not dispatch


@pytest.mark.filterwarnings("ignore:LOE")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_tensors_give_what_arrays_do(call):
    expected = call(X, Y)
    with config_context(array_api_dispatch=True):
        found = call(torch.tensor(X), torch.tensor(Y))
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-6, atol=1e-9)


def test_tensors_of_pixels():
    table = PIXELS.reshape(8, -1)
    features = ImageFeatures(image_shape=(1, 4, 4), network=torch.nn.Flatten())
    images = image_one_vs_rest(PIXELS, Y[-8:], PIXELS, Y[-8:], normal_class=1, random_state=0)
    with config_context(array_api_dispatch=True):
        found = features.fit_transform(torch.tensor(table))
        split = image_one_vs_rest(
            torch.tensor(PIXELS),
            torch.tensor(Y[-8:]),
            torch.tensor(PIXELS),
            torch.tensor(Y[-8:]),
            normal_class=1,
            random_state=0,
        )
    np.testing.assert_array_equal(found, features.fit_transform(table))
    np.testing.assert_array_equal(split[0], images[0])
