"""The detectors of other libraries behind one surface."""

import importlib
import sys
import types

import numpy as np
import pytest
from sklearn.base import OutlierMixin
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from benchmarks.peers.detectors import PEERS, PeerError, build

LONG = ("pyod.AutoEncoder", "pyod.CBLOF", "pyod.DIF", "pyod.HBOS")
SKLEARN = [name for name in PEERS if name.startswith("sklearn.")]
# Slow or, blind on contaminated rows, as good as chance.
TRAINED = {"epochs": 3, "epoch_num": 3}


def made(name, params=None, X=None, **kwargs):
    kwargs = {
        "seed": 0,
        "n_features": 5 if X is None else X.shape[1],
        "contamination": 0.1,
    } | kwargs
    return build(name, params, **kwargs)


@pytest.fixture
def clean_and_odd():
    """Rows with 5 % far anomalies, and new ones of the same kind."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    y = np.arange(200) < 10
    X[y] += 6 * rng.choice([-1, 1], size=(10, 5))
    return X[::2], y[::2], X[1::2], y[1::2]


class Style:
    """What the detectors of the module below have in common."""

    def __init__(self, factor=1.0, random_state=None, contamination=None):
        self.factor, self.random_state, self.contamination = factor, random_state, contamination

    def fit(self, X):
        self.center_ = X.mean(axis=0)
        return self

    def distances(self, X):
        return self.factor * np.linalg.norm(X - self.center_, axis=1)


class PyodStyle(Style):
    def fit(self, X):
        super().fit(X)
        self.decision_scores_ = self.distances(X) + 100
        return self

    def decision_function(self, X):
        return self.distances(X)


class BaseDetector:
    """The name of PyOD's base class, in a module of PyOD's name."""


BaseDetector.__module__ = "pyod.models.base"


class SubclassOfPyod(Style, BaseDetector):
    decision_function = Style.distances


class SklearnStyle(Style, OutlierMixin):
    def decision_function(self, X):
        return 100 - self.distances(X)


class Density(Style):
    def score_samples(self, X):
        return -self.distances(X)


class Unmarked(Style):
    decision_function = Style.distances


class Both(PyodStyle):
    def score_samples(self, X):
        return -self.distances(X)


class NoScores(Style):
    pass


class WrongNumber(Density):
    def score_samples(self, X):
        return np.zeros(3)


@pytest.fixture(autouse=True)
def own_module(monkeypatch):
    module = types.ModuleType("own_detectors")
    for cls in (PyodStyle, SubclassOfPyod, SklearnStyle, Density, Unmarked, Both, NoScores):
        setattr(module, cls.__name__, cls)
    module.WrongNumber = WrongNumber
    monkeypatch.setitem(sys.modules, "own_detectors", module)


@pytest.mark.parametrize("name", SKLEARN)
def test_scikit_learns_detectors_rank_anomalies_on_top(name, clean_and_odd):
    X, y, X_new, y_new = clean_and_odd
    peer = made(name).fit(X)
    assert roc_auc_score(y, peer.anomaly_scores(X)) > 0.95
    assert roc_auc_score(y_new, peer.anomaly_scores(X_new)) > 0.95


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in LONG))
        for name in PEERS
        if name not in SKLEARN
    ],
)
def test_pyods_and_deepods_detectors_rank_anomalies_on_top(name, clean_and_odd, capsys):
    library = name.split(".")[0]
    pytest.importorskip(library, reason=f"{library} comes with make peers")
    X, y, X_new, _ = clean_and_odd
    cls = getattr(importlib.import_module(PEERS[name].module), PEERS[name].name)
    takes = cls.__init__.__code__.co_varnames
    peer = made(name, {key: value for key, value in TRAINED.items() if key in takes}).fit(X)
    scores = peer.anomaly_scores(X)
    assert scores.shape == (100,)
    assert scores.dtype == np.float64
    if "epochs" not in takes:
        assert roc_auc_score(y, scores) > 0.9
    again = made(name, {key: value for key, value in TRAINED.items() if key in takes}).fit(X)
    np.testing.assert_allclose(again.anomaly_scores(X), scores, rtol=1e-6)
    assert peer.anomaly_scores(X_new).shape == (100,)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["PyodStyle", "SubclassOfPyod", "SklearnStyle", "Density"])
def test_the_direction_of_scores_is_told_by_the_style(name, clean_and_odd):
    X, y, X_new, y_new = clean_and_odd
    peer = made(f"own_detectors:{name}").fit(X)
    assert roc_auc_score(y, peer.anomaly_scores(X)) > 0.95
    assert roc_auc_score(y_new, peer.anomaly_scores(X_new)) > 0.95


def test_training_rows_have_the_scores_of_the_fit(clean_and_odd):
    X, _, X_new, _ = clean_and_odd
    peer = made("own_detectors:PyodStyle").fit(X)
    assert peer.anomaly_scores(X.copy()).min() > 100
    assert peer.anomaly_scores(X_new).max() < 100
    # A row is not its own first neighbour there.
    lof = made("sklearn.LocalOutlierFactor", {"scaling": "raw"}).fit(X)
    np.testing.assert_array_equal(lof.anomaly_scores(X), -lof.detector.negative_outlier_factor_)


@pytest.mark.parametrize("name", ["Unmarked", "Both"])
def test_an_ambiguous_direction_is_an_error_that_says_how_to_tell(name, clean_and_odd):
    X, y, *_ = clean_and_odd
    with pytest.raises(PeerError, match="high_means='outlier' or high_means='normal'"):
        made(f"own_detectors:{name}").fit(X)
    told = made(f"own_detectors:{name}", {"high_means": "outlier"}).fit(X)
    assert roc_auc_score(y, told.anomaly_scores(X)) > 0.95


def test_the_constructor_gets_parameters_seed_and_ratio():
    peer = made("own_detectors:Density", {"factor": 2.0}, seed=7, contamination=0.2)
    assert vars(peer.detector) == {"factor": 2.0, "random_state": 7, "contamination": 0.2}
    own = made("own_detectors:Density", {"random_state": 1}, seed=7, contamination=None)
    assert vars(own.detector) == {"factor": 1.0, "random_state": 1, "contamination": None}


def test_the_same_as_the_detector_by_hand(clean_and_odd):
    X, _, X_new, _ = clean_and_odd
    by_hand = IsolationForest(n_estimators=20, random_state=3).fit(X)
    for name in ("sklearn.IsolationForest", "sklearn.ensemble:IsolationForest"):
        peer = made(name, {"n_estimators": 20}, seed=3).fit(X)
        np.testing.assert_array_equal(peer.anomaly_scores(X_new), -by_hand.score_samples(X_new))


def test_scaling_is_the_detectors_own_or_as_asked(clean_and_odd):
    X, _, X_new, _ = clean_and_odd
    wide = X * [1, 1, 1, 1, 1000]
    assert [made(name).scaling for name in SKLEARN] == ["raw", "standard", "standard", "raw"]
    scores = made("own_detectors:Density", {"scaling": "standard"}).fit(wide).anomaly_scores(wide)
    same = made("own_detectors:Density", {"scaling": "standard"}).fit(X).anomaly_scores(X)
    np.testing.assert_allclose(scores, same)
    assert made("own_detectors:Density").fit(wide).anomaly_scores(X_new).max() > 100


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("pyod.Knn", {}, "Did you mean pyod.KNN?"),
        ("sklearn.IsolationForst", {}, "Did you mean sklearn.IsolationForest?"),
        ("DeepSVDD", {}, "Did you mean pyod.DeepSVDD or deepod.DeepSVDD?"),
        ("nothing_like_it", {}, r"package.module:Class"),
        ("own_detectors:Densty", {}, "Did you mean own_detectors:Density?"),
        ("no_such_module:Class", {}, "cannot be imported"),
        ("own_detectors:NoScores", {}, "neither decision_function nor score_samples"),
        ("own_detectors:Density", {"factr": 2}, "does not take these parameters.*factr"),
        ("own_detectors:Density", {"scaling": "minmax"}, "'raw' or 'standard', not 'minmax'"),
        ("own_detectors:Density", {"high_means": "good"}, "not 'good'"),
    ],
)
def test_what_cannot_be_had_is_a_clear_error(name, params, message):
    with pytest.raises(PeerError, match=message):
        made(name, params)


def test_a_wrong_number_of_scores_is_an_error(clean_and_odd):
    X = clean_and_odd[0]
    with pytest.raises(PeerError, match="3 scores for 100 rows"):
        made("own_detectors:WrongNumber").fit(X).anomaly_scores(X)


@pytest.mark.parametrize("library", ["pyod", "deepod"])
def test_a_missing_library_names_what_to_install(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    for module in [name for name in sys.modules if name.startswith(f"{library}.")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(PeerError, match=r"benchmarks/peers/requirements.txt.*make peers"):
        made(f"{library}.DeepSVDD")
