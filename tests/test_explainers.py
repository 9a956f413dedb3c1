"""What explainers do to a detector: they take the feature names off a copy, and score arrays."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
from lofe_sklearn.adapters.pyod import PyODDetector

NAMES = list("abcd")
X = np.random.default_rng(0).normal(size=(60, len(NAMES)))
FRAME = pd.DataFrame(X, columns=NAMES)
Y = np.arange(60) % 6 == 0


def loe():
    return LOE(DeepSVDD(max_epochs=2), contamination=0.1, random_state=0)


def search(estimator):
    name = "contamination" if isinstance(estimator, LOE) else "loe__contamination"
    return LOESearchCV(estimator, {name: [0.1]}, cv=2)


DETECTORS = {
    "DeepSVDD": lambda: DeepSVDD(max_epochs=2, random_state=0),
    "LOE": loe,
    "LOE of several": lambda: LOE(DeepSVDD(max_epochs=2), n_estimators=2, random_state=0),
    "LOE of the default": lambda: LOE(n_estimators=2, random_state=0).set_params(
        estimator__max_epochs=2
    ),
    "LOESearchCV": lambda: search(loe()),
    "LOESearchCV of a Pipeline": lambda: search(make_pipeline(StandardScaler(), loe())),
}


@pytest.fixture(params=DETECTORS)
def detector(request):
    return DETECTORS[request.param]().fit(FRAME, Y)


@pytest.mark.parametrize("method", ["score_samples", "decision_function", "predict"])
def test_a_copy_without_names_scores_arrays(detector, method):
    """As shap's explainers make it of a bound method."""
    expected = getattr(detector, method)(FRAME)
    without = copy.deepcopy(detector)
    without.feature_names_in_ = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(getattr(without, method)(X), expected)
        np.testing.assert_array_equal(getattr(detector, method)(FRAME), expected)
    assert detector.feature_names_in_.tolist() == NAMES


def test_fitted_attributes_can_be_set(detector):
    for name in ("n_features_in_", "feature_names_in_", "offset_"):
        setattr(detector, name, getattr(detector, name))
    before = detector.decision_function(FRAME)
    detector.offset_ += 1.0
    np.testing.assert_allclose(detector.decision_function(FRAME), before - 1.0)


def test_search_has_none_before_its_fit():
    unfitted = search(loe())
    for name in ("n_features_in_", "feature_names_in_", "offset_"):
        assert not hasattr(unfitted, name)
        with pytest.raises(AttributeError, match="before a fit with refit"):
            setattr(unfitted, name, 1)
    assert not hasattr(search(loe()).fit(X, Y), "feature_names_in_")


def test_adapter():
    fitted = PyODDetector(loe()).fit(X)
    fitted.n_features_in_ = fitted.n_features_in_
    assert fitted.n_features_in_ == len(NAMES)


def test_shap(detector):
    shap = pytest.importorskip("shap")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="X does not have valid feature names")
        explainer = shap.KernelExplainer(detector.score_samples, FRAME.iloc[:10])
        values = explainer.shap_values(FRAME.iloc[:2], nsamples=40, silent=True)
    total = values.sum(axis=1) + explainer.expected_value
    np.testing.assert_allclose(total, detector.score_samples(FRAME.iloc[:2]), atol=1e-6)
