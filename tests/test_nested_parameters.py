"""estimator__parameter, also where the estimator is None by default, or a list."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, NeuTraL, RealNVP
from lofe_sklearn.active import refit
from lofe_sklearn.adapters.pyod import PyODDetector
from lofe_sklearn.metrics import excess_mass_scorer
from lofe_sklearn.rules import AAR

QUICK = {"contamination": 0.1, "random_state": 0}


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(60, 4))


def rates(loe):
    return [(type(each), each.lr) for each in loe.estimator]


ALL = [(DeepSVDD, 0.5), (RealNVP, 0.5)]


def test_of_the_default():
    loe = LOE()
    assert loe.set_params(estimator__lr=0.5) is loe
    assert rates(loe) == ALL
    assert rates(clone(loe)) == ALL
    # What scikit-learn says of an estimator's parameters is as before.
    assert LOE().estimator is None
    assert not [name for name in LOE().get_params() if "__" in name]
    assert "estimator__lr" in LOE(DeepSVDD()).get_params()
    assert LOE(DeepSVDD()).set_params(estimator__lr=0.5).estimator.lr == 0.5


def test_of_a_list():
    backbones = [DeepSVDD(), AutoEncoder(), RealNVP()]
    loe = LOE(backbones).set_params(estimator__lr=0.5, estimator__max_epochs=3)
    assert rates(loe) == [(DeepSVDD, 0.5), (AutoEncoder, 0.5), (RealNVP, 0.5)]
    # As scikit-learn sets what is nested: in the estimators that were given.
    assert loe.estimator is backbones
    assert backbones[1].max_epochs == 3


@pytest.mark.parametrize("Search", [GridSearchCV, LOESearchCV])
def test_of_a_list_with_names(X, Search):
    loe = LOE([DeepSVDD(max_epochs=1), DeepSVDD(max_epochs=1)], **QUICK)
    loe.set_params(method=["hard", AAR()], evidence=["knn", IsolationForest(n_estimators=3)])
    loe.set_params(method__cut=2.0, evidence__n_estimators=2)
    assert loe.method[0] == "hard"
    assert loe.method[1].cut == 2.0
    assert loe.evidence[0] == "knn"
    assert loe.evidence[1].n_estimators == 2
    grid = {"evidence__n_estimators": [4], "method__cut": [5.0]}
    search = Search(loe, grid, scoring=excess_mass_scorer, cv=2, error_score="raise").fit(X)
    assert len(search.best_estimator_.evidence_["IsolationForest"].estimators_) == 4
    assert search.best_estimator_.method[1].cut == 5.0
    assert loe.evidence[1].n_estimators == 2  # a copy was changed


def test_the_estimator_is_set_first():
    loe = LOE().set_params(estimator__lr=0.5, estimator=NeuTraL())
    assert isinstance(loe.estimator, NeuTraL)
    assert loe.estimator.lr == 0.5
    assert rates(loe.set_params(estimator=None, estimator__lr=0.5)) == ALL


def test_it_is_the_fit_with_these_backbones(X):
    set_later = LOE(**QUICK).set_params(estimator__max_epochs=2, estimator__lr=1e-2)
    kinds = (DeepSVDD, RealNVP)
    given = LOE([kind(max_epochs=2, lr=1e-2) for kind in kinds], **QUICK)
    expected = given.fit(X).score_samples(X)
    np.testing.assert_array_equal(set_later.fit(X).score_samples(X), expected)


@pytest.mark.parametrize("Search", [GridSearchCV, LOESearchCV])
def test_grids(X, Search):
    y = np.where(np.arange(60) % 6 == 0, -1, 1)
    options = {"scoring": "roc_auc"} if Search is GridSearchCV else {}
    steps = make_pipeline(StandardScaler(), LOE(**QUICK).set_params(estimator__max_epochs=2))
    grid = {"loe__estimator__lr": [1e-4, 1e-2]}
    search = Search(steps, grid, cv=2, **options).fit(X, y)
    best = search.best_estimator_[-1]
    assert [each.lr for each in best.estimator] == [search.best_params_["loe__estimator__lr"]] * 2
    plain = Search(LOE(**QUICK), {"estimator__max_epochs": [2]}, cv=2, **options).fit(X, y)
    assert [each.max_epochs for each in plain.best_estimator_.estimator] == [2, 2]
    assert plain.estimator.estimator is None


def test_refit(X):
    known = np.repeat([-1, 1, 0], [2, 3, 55])
    detector = LOE(estimator=[DeepSVDD(max_epochs=2)], **QUICK).fit(X)
    assert refit(detector, X, known, estimator__lr=0.5).estimator[0].lr == 0.5
    assert detector.estimator[0].lr != 0.5


def test_adapter():
    detector = PyODDetector().set_params(estimator__random_state=0, contamination=0.2)
    assert detector.estimator.random_state == 0
    assert detector.contamination == 0.2
    detector.set_params(estimator__estimator__lr=0.5)
    assert rates(detector.estimator) == ALL
    assert PyODDetector(LOE()).set_params(estimator__random_state=1).estimator.random_state == 1


@pytest.mark.parametrize(
    ("detector", "name", "text"),
    [
        (
            LOE(),
            "estimator__anomaly_loss",
            "holds DeepSVDD, RealNVP, and RealNVP has no parameter 'anomaly_loss'. "
            r"Pass estimator=\[DeepSVDD\(...\), RealNVP",
        ),
        (LOE(), "estimator__widths", "DeepSVDD has no parameter 'widths'"),
        (LOE(DeepSVDD()), "estimator__widths", "Invalid parameter 'widths' for estimator DeepSVDD"),
        (LOE(), "init__n_estimators", "it is 'auto'. Set init to an estimator first"),
        (LOE(init=None), "init__n_estimators", "it is None. Set init to an estimator first"),
        (LOE([]), "estimator__lr", r"it is \[\]"),
        (LOE([DeepSVDD]), "estimator__lr", "estimator holds no estimator with parameters"),
        (LOE([DeepSVDD(), AutoEncoder]), "estimator__lr", "estimator holds no estimator with"),
        (LOE(), "backbone__lr", "Invalid parameter 'backbone' for estimator LOE"),
        (DeepSVDD(), "lr__step", "it is 0.001. Set lr to an estimator first"),
        (PyODDetector(), "estimator__widths", "Invalid parameter 'widths' for estimator LOE"),
    ],
)
def test_what_cannot_be_set(detector, name, text):
    before = str(detector)
    with pytest.raises((ValueError, TypeError), match=text):
        detector.set_params(**{name: 1})
    assert str(detector) == before


def test_detector_of_init():
    loe = LOE(init=IsolationForest()).set_params(init__n_estimators=7)
    assert loe.init.n_estimators == 7
    assert LOE().set_params(init=IsolationForest(), init__n_estimators=7).init.n_estimators == 7
