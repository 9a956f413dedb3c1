"""`ADBenchDetector`: called as ADBench calls a customized algorithm."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn.adapters.adbench import ADBenchDetector
from lofe_sklearn.datasets import adbench_split


def loe(**parameters):
    return LOE(DeepSVDD(max_epochs=4), n_estimators=2, contamination=0.1, **parameters)


class Recorder(BaseEstimator):
    """A detector that keeps what it is given."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None, known_labels=None):
        self.given_ = (X, y, known_labels)
        return self

    def score_samples(self, X):
        return -np.abs(np.asarray(X)).max(axis=1)


def adbench_run(clf, X, y, share_labelled=0.0, seeds=(1, 2)):
    """What ADBench does with a class: one fit and one scoring a seed, as in its documentation."""
    results = []
    for seed in np.array(seeds):  # NumPy's integers, as there
        X_train, X_test, y_train, y_test = adbench_split(X, y, random_state=int(seed))
        scaler = MinMaxScaler().fit(X_train)
        known = np.zeros_like(y_train)
        anomalies = np.flatnonzero(y_train == 1)
        known[anomalies[: round(share_labelled * len(anomalies))]] = 1
        algorithm = clf(seed=seed, model_name="Customized")
        algorithm = algorithm.fit(X_train=scaler.transform(X_train), y_train=known)
        score = algorithm.predict_score(scaler.transform(X_test))
        results.append(roc_auc_score(y_test, score))
    return results


@pytest.mark.parametrize(
    "detector",
    [
        loe(),
        DeepSVDD(max_epochs=4),
        IsolationForest(),
        LocalOutlierFactor(novelty=True),
        make_pipeline(StandardScaler(), loe()),
        lambda seed: loe(random_state=seed),
    ],
    ids=["loe", "backbone", "iforest", "lof", "pipeline", "factory"],
)
def test_adbenchs_loop(detector, contaminated):
    results = adbench_run(ADBenchDetector.of(detector), *contaminated)
    assert min(results) > 0.6


def test_the_class_itself_is_loe():
    algorithm = ADBenchDetector(3)
    assert isinstance(algorithm._unfitted(), LOE)
    assert algorithm._unfitted().random_state == 3
    assert isinstance(ADBenchDetector.of()(seed=3)._unfitted(), LOE)


def test_a_subclass_may_name_its_detector(contaminated):
    class Customized(ADBenchDetector):
        detector = Recorder()

    fitted = Customized(seed=7).fit(contaminated[0])
    assert fitted.detector_.random_state == 7
    assert Customized.detector.random_state is None


def test_scores_are_the_detectors_with_the_other_sign(contaminated):
    X, _ = contaminated
    algorithm = ADBenchDetector.of(loe())(seed=5).fit(X)
    want = loe(random_state=5).fit(X).score_samples(X)
    np.testing.assert_array_equal(algorithm.predict_score(X), -want)


def test_labels_and_ratio_are_not_looked_at(contaminated):
    X, y = contaminated
    algorithm = ADBenchDetector.of(Recorder())(seed=0)
    assert algorithm.fit(X, y, ratio=0.5) is algorithm
    _, given_y, known_labels = algorithm.detector_.given_
    assert given_y is None
    assert known_labels is None


def test_known_anomalies_where_asked(contaminated):
    X, y = contaminated
    algorithm = ADBenchDetector.of(Recorder(), use_labels=True)(seed=0).fit(X, y)
    np.testing.assert_array_equal(algorithm.detector_.given_[2], -y)
    fitted = ADBenchDetector.of(loe(), use_labels=True)(seed=0).fit(X, y)
    assert (fitted.detector_.labels_[y == 1] == -1).all()


def test_known_anomalies_through_a_pipeline(contaminated):
    X, y = contaminated
    pipeline = make_pipeline(StandardScaler(), loe())
    fitted = ADBenchDetector.of(pipeline, use_labels=True)(seed=0).fit(X, y)
    assert (fitted.detector_[-1].labels_[y == 1] == -1).all()


def test_the_semi_supervised_loop(contaminated):
    X, y = contaminated
    Customized = ADBenchDetector.of(loe(), use_labels=True)
    assert min(adbench_run(Customized, X, y, share_labelled=0.5)) > 0.6
    assert min(adbench_run(Customized, X, y, share_labelled=0.0)) > 0.6


def test_the_seed_reaches_every_random_state():
    nested = make_pipeline(StandardScaler(), LOE(DeepSVDD(), init=IsolationForest()))
    detector = ADBenchDetector.of(nested)(seed=np.int64(3))._unfitted()
    states = {k: v for k, v in detector.get_params().items() if k.endswith("random_state")}
    assert len(states) == 3
    assert set(map(type, states.values())) == {int}
    assert set(states.values()) == {3}


def test_no_seed_leaves_random_states():
    detector = ADBenchDetector.of(Recorder(random_state=9))()._unfitted()
    assert detector.random_state == 9


def test_seeds_make_the_difference(contaminated):
    X, _ = contaminated
    Customized = ADBenchDetector.of(loe())
    first, again, other = (Customized(seed=s).fit(X).predict_score(X) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_detector_given_is_never_changed(contaminated):
    given = loe(random_state=4)
    ADBenchDetector.of(given)(seed=1).fit(contaminated[0])
    assert given.random_state == 4
    assert not hasattr(given, "offset_")


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        (LOE, r"got the class LOE. Write LOE\(\)"),
        (StandardScaler(), "StandardScaler has no score_samples"),
        (LocalOutlierFactor(), "novelty=True"),
        ("iforest", "str has no fit and no score_samples"),
    ],
)
def test_what_is_no_detector_is_refused_at_once(detector, message):
    with pytest.raises(TypeError, match=message):
        ADBenchDetector.of(detector)


def test_known_labels_need_a_detector_that_takes_them(contaminated):
    with pytest.raises(TypeError, match="IsolationForest's does not"):
        ADBenchDetector.of(IsolationForest(), use_labels=True)
    made = ADBenchDetector.of(lambda seed: IsolationForest(), use_labels=True)
    with pytest.raises(TypeError, match="IsolationForest's does not"):
        made(seed=0).fit(*contaminated)


def test_a_factory_must_return_a_detector(contaminated):
    with pytest.raises(TypeError, match="the callable returned None"):
        ADBenchDetector.of(lambda seed: None)(seed=0).fit(contaminated[0])


@pytest.mark.parametrize(
    ("y_train", "message"),
    [(None, "needs y_train"), (2, r"got the values \[2\]"), ([-1, 1], r"got the values \[-1, 1\]")],
)
def test_labels_that_cannot_be_used(y_train, message, contaminated):
    X, _ = contaminated
    y_train = None if y_train is None else np.resize(y_train, len(X))
    with pytest.raises(ValueError, match=message):
        ADBenchDetector.of(AutoEncoder(), use_labels=True)(seed=0).fit(X, y_train)


def test_scoring_needs_a_fit(contaminated):
    with pytest.raises(NotFittedError, match="call fit"):
        ADBenchDetector(0).predict_score(contaminated[0])
