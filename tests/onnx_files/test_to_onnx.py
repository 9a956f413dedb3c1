"""Files of ONNX score rows as the detectors do, by ONNX Runtime."""

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import OF_MEMORY, raises
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import lofe_sklearn
from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, MHRot, to_onnx
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.exceptions import ModelFileError
from lofe_sklearn.tabular import table_pipeline

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnxscript", reason="onnxscript is not installed")
pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")

BACKBONES = [
    name
    for name in lofe_sklearn.backbones.__all__
    if isinstance(cls := getattr(lofe_sklearn.backbones, name), type)
    and issubclass(cls, Backbone)
    and cls is not Backbone
]
rng = np.random.default_rng(0)
ROWS = np.concatenate([rng.normal(size=(190, 6)), rng.normal(4.0, 1.0, size=(10, 6))])
ROWS[:, 2] *= 1e4  # features of different sizes
NETWORK = DeepSVDD(max_epochs=2, random_state=0)


def run(path, inputs):
    session = onnxruntime.InferenceSession(path)
    return session.run(["score", "label"], inputs)


def assert_same(path, fitted, X, inputs=None, tolerance=1e-5):
    score, label = run(path, {"X": X} if inputs is None else inputs)
    expected = fitted.score_samples(X)
    np.testing.assert_allclose(score, expected, rtol=tolerance, atol=tolerance)
    assert score.dtype == np.float64
    near = np.abs(fitted.decision_function(X)) < tolerance
    np.testing.assert_array_equal(label[~near], fitted.predict(X)[~near])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.onnx"


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network alone, and its file."""
    path = tmp_path_factory.mktemp("network") / "m.onnx"
    detector = DeepSVDD(max_epochs=2, random_state=0).fit(ROWS)
    to_onnx(detector, path)
    return detector, path


def test_a_network_alone_for_any_number_of_rows(network):
    detector, path = network
    for n_rows in (1, 2, 200):
        assert_same(path, detector, ROWS[:n_rows])


def test_a_program_with_another_default_device(network, path):
    detector, _ = network
    with torch.device("meta"):
        to_onnx(detector, path)
    assert_same(path, detector, ROWS)


@pytest.mark.slow
def test_loe_with_evidence(path):
    detector = LOE(contamination=0.05, n_estimators=4, evidence="auto", random_state=0).fit(ROWS)
    assert list(detector.evidence_) == ["iforest", "knn", "mcd"]
    to_onnx(detector, path)
    assert_same(path, detector, ROWS)
    far = ROWS * 1e3  # outside of all that was seen
    assert_same(path, detector, far)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_each_backbone_alone_and_as_an_ensemble(name, path):
    cls, X = getattr(lofe_sklearn.backbones, name), ROWS
    options = {"max_epochs": 2, "random_state": 0}
    if cls is MHRot:
        X = rng.random((60, 64))
        options |= {"depth": 10, "width": 1, "image_shape": (1, 8, 8)}
    tolerance = 1e-3 if cls is MHRot else 1e-5  # computed in single precision
    alone = cls(**options).fit(X)
    to_onnx(alone, path)
    assert_same(path, alone, X, tolerance=tolerance)
    ensemble = LOE(cls(**options), contamination=0.1, n_estimators=2, random_state=0).fit(X)
    to_onnx(ensemble, path)
    assert_same(path, ensemble, X, tolerance=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"n_estimators": 3, "max_features": 0.5},
        {"evidence": "iforest"},
        {"evidence": ["knn", "mcd"], "n_estimators": 2},
        {"contamination": "auto"},
        {"evidence": None, "n_estimators": 1},
    ],
    ids=str,
)
def test_settings_of_loe(options, path):
    detector = LOE(NETWORK, **{"contamination": 0.1, "random_state": 0, **options}).fit(ROWS)
    to_onnx(detector, path)
    assert_same(path, detector, ROWS)


@pytest.mark.slow
def test_searches_and_pipelines(path):
    y = (np.arange(len(ROWS)) >= 190).astype(int)
    loe = LOE(NETWORK, contamination=0.1, random_state=0)
    search = LOESearchCV(loe, {"contamination": [0.05, 0.1]}, cv=2).fit(ROWS, y)
    to_onnx(search, path)
    assert_same(path, search, ROWS)
    pipeline = make_pipeline(StandardScaler(), make_pipeline(PCA(3), loe)).fit(ROWS)
    to_onnx(pipeline, path, X=ROWS)
    assert_same(path, pipeline, ROWS)


@pytest.mark.slow
def test_a_data_frame_has_one_input_for_each_column(path):
    frame = pd.DataFrame({"a": ROWS[:, 0], "b": np.arange(200), "shop": ["x", "y"] * 100})
    columns = make_column_transformer(
        (StandardScaler(), ["a", "b"]), (OneHotEncoder(handle_unknown="ignore"), ["shop"])
    )
    pipeline = make_pipeline(columns, LOE(NETWORK, contamination=0.1, random_state=0)).fit(frame)
    to_onnx(pipeline, path, X=frame)
    inputs = {
        "a": frame[["a"]].to_numpy(float),
        "b": frame[["b"]].to_numpy(float),
        "shop": frame[["shop"]].to_numpy(object),
    }
    assert_same(path, pipeline, frame, inputs)


@pytest.mark.slow
def test_trees_divide_rows_at_their_thresholds_as_scikit_learn_does(path):
    """Values that float32 cannot tell from a threshold go to the same side."""
    detector = LOE(NETWORK, contamination=0.1, evidence="iforest", random_state=0).fit(ROWS)
    to_onnx(detector, path)
    tree = detector.evidence_["iforest"].forest_.estimators_[0].tree_
    root = tree.feature[0]
    X = np.repeat(ROWS[:1], 5, axis=0)
    X[:, root] = tree.threshold[0] * (1 + np.array([-1e-7, -1e-9, 0.0, 1e-9, 1e-7]))
    assert_same(path, detector, X)


def test_rows_that_are_no_numbers_are_anomalies(network):
    _, path = network
    X = ROWS[:3].copy()
    X[1, 0] = np.nan
    score, label = run(path, {"X": X})
    assert np.isnan(score).tolist() == [False, True, False]
    assert label[1] == -1


def test_what_cannot_be_exported_is_named_and_leaves_the_old_file(path):
    path.write_bytes(b"old")
    fitted = LOE(NETWORK, evidence=[GaussianMixture(2)], contamination=0.1).fit(ROWS)
    with pytest.raises(ModelFileError, match="evidence 'GaussianMixture'"):
        to_onnx(fitted, path)
    with pytest.raises(ModelFileError, match="IsolationForest is no detector of lofe_sklearn"):
        to_onnx(IsolationForest().fit(ROWS), path)
    pipeline = make_pipeline(FunctionTransformer(np.cbrt), NETWORK).fit(ROWS)
    with pytest.raises(ModelFileError, match=r"Pass some, such as X=X_train\[:16\]"):
        to_onnx(pipeline, path)
    with pytest.raises(NotFittedError):
        to_onnx(LOE(), path)
    assert path.read_bytes() == b"old"


@pytest.mark.slow
def test_steps_that_cannot_be_translated_are_named(path):
    pipeline = make_pipeline(FunctionTransformer(np.cbrt), NETWORK).fit(ROWS)
    with pytest.raises(ModelFileError, match="one of the steps FunctionTransformer"):
        to_onnx(pipeline, path, X=ROWS)
    table = pd.DataFrame(ROWS, columns=list("abcdef"))
    with pytest.raises(ModelFileError, match="one of the steps TableFeatures"):
        to_onnx(table_pipeline(LOE(NETWORK, contamination=0.1)).fit(table), path, X=table)
    pipeline = make_pipeline(StandardScaler(), NETWORK).fit(ROWS)
    with pytest.raises(ValueError, match="to_onnx: X must be rows .*X has 3 features, but"):
        to_onnx(pipeline, path, X=ROWS[:, :3])
    with pytest.raises(ValueError, match=r"to_onnx: X must be rows .*0 sample\(s\)"):
        to_onnx(pipeline, path, X=ROWS[:0])


@pytest.mark.slow
def test_a_graph_that_scores_otherwise_is_not_written(path):
    detector = DeepSVDD(max_epochs=1, random_state=0).fit(ROWS)
    detector.score_samples = lambda X: np.zeros(len(X))  # another detector than the exported one
    with pytest.raises(ModelFileError, match="the graph scores a row with"):
        to_onnx(detector, path)
    assert not path.exists()


def test_the_extra_is_named(path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"lofe-sklearn\[onnx\]"):
        to_onnx(DeepSVDD(max_epochs=1).fit(ROWS), path)


def test_frozen_steps(path):
    """FrozenEstimator keeps a transformer from being fitted again; skl2onnx does not know it."""
    scaler = FrozenEstimator(StandardScaler().fit(ROWS))
    columns = ColumnTransformer([("few", FrozenEstimator(PCA(2).fit(ROWS[:, :3])), [0, 1, 2])])
    both = FeatureUnion([("columns", columns), ("all", FrozenEstimator(scaler))])
    features = both.fit_transform(ROWS)  # no part of it is fitted again
    spread = FrozenEstimator(StandardScaler().fit(features))
    within = FrozenEstimator(make_pipeline(spread, PCA(3)).fit(features))
    network = DeepSVDD(max_epochs=2, random_state=0)
    fitted = make_pipeline(both, spread, within, network).fit(ROWS)
    to_onnx(fitted, path, X=ROWS)
    assert_same(path, fitted, ROWS)


def test_too_little_memory_is_no_fault_of_the_detector(network, path, monkeypatch):
    (detector, exported), pipeline = network, make_pipeline(StandardScaler(), NETWORK).fit(ROWS)
    path.write_bytes(b"old")

    def wrapped(error):
        def fail(*_, **__):
            raise torch.onnx.OnnxExporterError("a pass has failed") from error

        return fail

    def run_out(place, fail, expected, fitted=detector):
        with monkeypatch.context() as patch:
            patch.setattr(place, fail)
            with pytest.raises(type(expected)) as raised:
                to_onnx(fitted, path, X=ROWS)
        return raised.value

    for error in OF_MEMORY:
        assert run_out("torch.onnx.export", wrapped(error), error) is error
    for place in ("_export", "_steps_before"):  # it takes seconds
        monkeypatch.setattr(f"lofe_sklearn._onnx.{place}.exported", lambda *_: onnx.load(exported))
    for error in OF_MEMORY:
        fail = raises(error)
        assert run_out("onnxruntime.InferenceSession", fail, error) is error
        assert run_out("skl2onnx.convert_sklearn", fail, error, pipeline) is error
    # Some errors say nothing at all.
    error = run_out("onnxruntime.InferenceSession", raises(ValueError()), ModelFileError())
    assert "ONNX Runtime cannot run its graph: ValueError. save()" in str(error)
    assert path.read_bytes() == b"old"
