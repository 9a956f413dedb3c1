"""`PyODDetector` inside PyOD's own combinations and ensembles, and as first labels of `LOE`."""

import numpy as np
import pytest
from conftest import FEW_TREES
from pyod.models.iforest import IForest
from pyod.models.lof import LOF
from pyod.models.lscp import LSCP
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.adapters.pyod import PyODDetector
from lofe_sklearn.metrics import roc_auc


def loe(random_state=0, init=FEW_TREES):
    return LOE(
        DeepSVDD(max_epochs=4),
        n_estimators=2,
        contamination=0.1,
        init=init,
        random_state=random_state,
    )


@pytest.mark.parametrize("combine", ["average", "maximization", "median", "aom", "moa"])
def test_score_combinations(combine, contaminated):
    pytest.importorskip("combo", reason="PyOD's combinations need combo")
    from pyod.models import combination

    X, y = contaminated
    detectors = [PyODDetector(loe(0)), PyODDetector(loe(1)), IForest(random_state=0), LOF()]
    scores = np.column_stack([d.fit(X).decision_scores_ for d in detectors])
    scores = StandardScaler().fit_transform(scores)
    buckets = {"n_buckets": 2, "random_state": 0} if combine in ("aom", "moa") else {}
    combined = getattr(combination, combine)(scores, **buckets)
    assert roc_auc(y, -combined) > 0.8
    votes = combination.majority_vote(np.column_stack([d.labels_ for d in detectors[:3]]))
    assert set(votes) <= {0, 1}


def test_lscp(contaminated):
    X, y = contaminated
    clf = LSCP([PyODDetector(loe(0)), PyODDetector(loe(1)), LOF()], random_state=0).fit(X)
    assert clf.decision_function(X).shape == (len(X),)
    assert roc_auc(y, -clf.decision_scores_) > 0.5


def test_feature_bagging(contaminated):
    pytest.importorskip("combo", reason="PyOD's combinations need combo")
    from pyod.models.feature_bagging import FeatureBagging

    X, y = contaminated
    clf = FeatureBagging(PyODDetector(loe()), n_estimators=3, random_state=0).fit(X)
    seeds = {member.estimator.random_state for member in clf.estimators_}
    assert len(seeds) == 3
    assert roc_auc(y, -clf.decision_scores_) > 0.5


def test_suod(contaminated):
    pytest.importorskip("suod", reason="PyOD's SUOD needs suod")
    from pyod.models.suod import SUOD

    X, y = contaminated
    base = [PyODDetector(loe(0)), PyODDetector(loe(1)), IForest(random_state=0)]
    clf = SUOD(base_estimators=base, n_jobs=1, verbose=False).fit(X)
    assert roc_auc(y, -clf.decision_function(X)) > 0.7


def test_first_labels_of_loe_in_turn(contaminated):
    X, y = contaminated
    for init in [PyODDetector(IsolationForest(random_state=0)), IForest(random_state=0)]:
        assert roc_auc(y, loe(init=init).fit(X).score_samples(X)) > 0.7
