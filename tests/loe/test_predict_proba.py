"""predict_proba: the columns, and who hands it on."""

import numpy as np
import pytest
from conftest import FEW_TREES
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV

LOE_OF_TEST = LOE(DeepSVDD(max_epochs=4), contamination=0.1, init=FEW_TREES, random_state=0)


def test_normal_rows_come_first(contaminated):
    X, _ = contaminated
    detector = LOE_OF_TEST.fit(X)
    proba = detector.predict_proba(X)
    assert proba.shape == (len(X), 2)
    np.testing.assert_array_equal(proba[:, 1], detector.anomaly_proba(X))
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    order = np.argsort(detector.score_samples(X))  # the most anomalous first
    assert (np.diff(proba[order, 0]) >= 0).all()
    assert not hasattr(detector, "classes_")


def test_a_pipeline_and_a_search_hand_it_on(contaminated):
    X, y = contaminated
    pipeline = make_pipeline(StandardScaler(), LOE_OF_TEST).fit(X)
    expected = pipeline[-1].anomaly_proba(pipeline[:-1].transform(X))
    np.testing.assert_array_equal(pipeline.predict_proba(X)[:, 1], expected)
    search = LOESearchCV(pipeline, {"loe__contamination": [0.1, 0.2]}, cv=2).fit(X, y)
    best = search.best_estimator_.predict_proba(X)
    np.testing.assert_array_equal(search.predict_proba(X), best)


def test_backbones_give_no_probabilities():
    for estimator in (DeepSVDD(), make_pipeline(StandardScaler(), DeepSVDD())):
        assert not hasattr(estimator, "predict_proba")
    assert not hasattr(LOESearchCV(DeepSVDD(), {"lr": [0.1]}), "predict_proba")


def test_unfitted():
    with pytest.raises(NotFittedError):
        LOE().predict_proba(np.ones((3, 2)))
