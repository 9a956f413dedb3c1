"""scikit-learn's FrozenEstimator around a fitted detector, wherever fitted detectors are taken."""

import numpy as np
import pytest
from conftest import slow_but
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, load, save, to_onnx
from lofe_sklearn.active import query, refit
from lofe_sklearn.distributed import BatchScorer
from lofe_sklearn.features import TemporalSmoothing
from lofe_sklearn.inspection import drift_report, explain

RNG = np.random.default_rng(0)
pytestmark = pytest.mark.all_trees  # as the fixtures of the module

X = RNG.normal(size=(80, 4))
X[-8:] += 4
Y = np.arange(80) >= 72


def small(**params):
    backbone = DeepSVDD(max_epochs=2)
    given = {"contamination": 0.1, "n_estimators": 2, "evidence": None, "random_state": 0}
    return LOE(backbone, **{**given, **params})


@pytest.fixture(scope="module")
def detector():
    return small().fit(X)


@pytest.fixture(scope="module")
def pipeline():
    return make_pipeline(StandardScaler(), small()).fit(X)


WRAPPED = {
    "a detector": lambda detector, pipeline: (FrozenEstimator(detector), detector),
    "a Pipeline": lambda detector, pipeline: (FrozenEstimator(pipeline), pipeline),
    "the last step": lambda detector, pipeline: (
        make_pipeline(pipeline[0], FrozenEstimator(pipeline[1])),
        pipeline,
    ),
    "twice": lambda detector, pipeline: (FrozenEstimator(FrozenEstimator(detector)), detector),
}


@pytest.fixture(scope="module", params=WRAPPED)
def pair(request, detector, pipeline):
    """A frozen estimator, and the same one as it was."""
    return WRAPPED[request.param](detector, pipeline)


def test_reasons_drift_queries_and_batches(pair):
    frozen, plain = pair
    found, expected = (explain(one, X[-2:], background=X) for one in pair)
    np.testing.assert_allclose(found.contributions, expected.contributions)
    assert drift_report(frozen, X[:40], reference=X[40:]).psi == pytest.approx(
        drift_report(plain, X[:40], reference=X[40:]).psi
    )
    assert drift_report(frozen, X).psi == pytest.approx(drift_report(plain, X).psi)
    asked, expected = (query(one, X, n_queries=3, random_state=0) for one in pair)
    np.testing.assert_array_equal(asked, expected)
    batch, expected = (BatchScorer(one)({f"x{i}": X[:, i] for i in range(4)}) for one in pair)
    np.testing.assert_allclose(batch["score"], expected["score"])


def test_refit_fits_a_new_detector(pair):
    frozen, _ = pair
    before = frozen.score_samples(X)
    found, expected = (refit(one, X, known_anomalies=Y) for one in pair)
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))
    np.testing.assert_array_equal(frozen.score_samples(X), before)


def test_pictures(pair):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from lofe_sklearn.plotting import ReasonsDisplay, ScoresDisplay, TrainingDisplay

    frozen, plain = pair
    np.testing.assert_array_equal(
        ScoresDisplay.from_estimator(frozen).scores, ScoresDisplay.from_estimator(plain).scores
    )
    ScoresDisplay.from_estimator(frozen, X)
    TrainingDisplay.from_estimator(frozen)
    ReasonsDisplay.from_estimator(frozen, X, row=3)


def test_files(pair, tmp_path):
    pytest.importorskip("skops", reason="skops is not installed")
    frozen, _ = pair
    save(frozen, tmp_path / "m.lofe")
    loaded = load(tmp_path / "m.lofe")
    assert type(loaded) is type(frozen)
    np.testing.assert_array_equal(loaded.score_samples(X), frozen.score_samples(X))
    np.testing.assert_array_equal(loaded.fit(X, None).predict(X), frozen.predict(X))


@pytest.mark.parametrize("pair", slow_but(["a Pipeline", "twice"], WRAPPED), indirect=True)
def test_onnx(pair, tmp_path):
    pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
    import onnxruntime

    frozen, _ = pair
    to_onnx(frozen, tmp_path / "m.onnx", X=X[:16])
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    score, label = session.run(["score", "label"], {"X": X})
    np.testing.assert_allclose(score, frozen.score_samples(X), atol=1e-5)
    np.testing.assert_array_equal(label, frozen.predict(X))


@pytest.mark.parametrize("part", slow_but(["evidence"], ["evidence", "init"]))
def test_a_frozen_detector_helps_loe_as_it_is(part):
    forest = IsolationForest(n_estimators=10).fit(X[:40])
    expected = forest.score_samples(X)
    fitted = small(**{part: FrozenEstimator(forest)}, held_out_folds=2).fit(X)
    assert forest.random_state is None  # it is the user's own, and no copy
    np.testing.assert_array_equal(forest.score_samples(X), expected)
    if part == "evidence":
        [used] = fitted.evidence_.values()
        np.testing.assert_array_equal(used.score_samples(X), expected)


def test_smoothing_and_pyod_take_a_frozen_detector(detector):
    frozen = FrozenEstimator(detector)
    smoothed = TemporalSmoothing(frozen, sigma=1.0).fit(X).score_samples(X)
    expected = TemporalSmoothing(small(), sigma=1.0).fit(X).score_samples(X)
    np.testing.assert_allclose(smoothed, expected)
    pytest.importorskip("pyod", reason="PyOD is not installed")
    from lofe_sklearn.adapters.pyod import PyODDetector

    wrapped = PyODDetector(frozen, contamination=0.1).fit(X)
    np.testing.assert_allclose(wrapped.decision_scores_, -detector.score_samples(X))


def test_a_frozen_search():
    search = LOESearchCV(small(), {"contamination": [0.1, 0.2]}, cv=2).fit(X, Y)
    frozen = FrozenEstimator(search)
    np.testing.assert_allclose(
        explain(frozen, X[:2]).contributions, search.explain(X[:2]).contributions
    )
    unfitted = FrozenEstimator(LOESearchCV(small(), {"contamination": [0.1]}, refit=False, cv=2))
    unfitted.estimator.fit(X, Y)
    with pytest.raises(ValueError, match="refit=False"):
        drift_report(unfitted, X)
