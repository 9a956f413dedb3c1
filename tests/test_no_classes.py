"""Tools that are made for classifiers say why they cannot use a detector."""

import numpy as np
import pytest
from conftest import few_detectors
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import IsolationForest, StackingClassifier
from sklearn.model_selection import (
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import DeepSVDD, LOESearchCV
from lofe_sklearn.features import ImageFeatures, TemporalSmoothing
from lofe_sklearn.images import PatchDetector

WHY = "'{}' object has no attribute 'classes_': it is an outlier detector, and no classifier"
SMALL = DeepSVDD(max_epochs=1, random_state=0)
SEARCH = LOESearchCV(SMALL, {"lr": [1e-3]}, cv=2, scoring="excess_mass")


@pytest.mark.parametrize(
    "make",
    [
        CalibratedClassifierCV,
        TunedThresholdClassifierCV,
        lambda detector: StackingClassifier([("detector", detector)]),
    ],
    ids=["CalibratedClassifierCV", "TunedThresholdClassifierCV", "StackingClassifier"],
)
@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "Pipeline"])
def test_meta_estimators_for_classifiers(make, wrapped, contaminated):
    X, y = contaminated
    detector = make_pipeline(StandardScaler(), SMALL) if wrapped else SMALL
    with pytest.raises(AttributeError, match=WHY.format("DeepSVDD")):
        make(clone(detector)).fit(X[:, :4], y)


@few_detectors
def test_cross_validated_scores(detector, contaminated):
    X, y = contaminated[0][:, :4], contaminated[1]
    with pytest.raises(AttributeError, match="cross_val_predict can, if it gets no y; pass cv="):
        cross_val_predict(detector, X, y, cv=2, method="decision_function")
    cv = StratifiedKFold(2)
    scores = cross_val_predict(detector, X, cv=list(cv.split(X, y)), method="decision_function")
    for train, test in cv.split(X, y):
        expected = clone(detector).fit(X[train]).decision_function(X[test])
        np.testing.assert_array_equal(scores[test], expected)


@pytest.mark.parametrize(
    "detector",
    [SMALL, SEARCH, TemporalSmoothing(IsolationForest()), PatchDetector(ImageFeatures())],
    ids=lambda detector: type(detector).__name__,
)
def test_there_are_none_until_a_user_sets_them(detector):
    detector = clone(detector)
    assert not hasattr(type(detector), "classes_")
    with pytest.raises(AttributeError, match=WHY.format(type(detector).__name__)):
        _ = detector.classes_
    detector.classes_ = np.array([-1, 1])
    assert detector.classes_.tolist() == [-1, 1]
