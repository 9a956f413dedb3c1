"""Graphs, and rows that they cannot score, rows in frames and as pictures, and names of columns."""

import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from conftest import slow_but
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, MinMaxScaler, Normalizer, StandardScaler

from lofe_sklearn import (
    DTE,
    GOAD,
    ICL,
    LOE,
    TCCM,
    AutoEncoder,
    DeepSVDD,
    MHRot,
    NeuTraL,
    RealNVP,
    to_onnx,
)
from lofe_sklearn.exceptions import ModelFileError
from lofe_sklearn.sources import ParquetRows

pytest.importorskip("onnxscript", reason="needs onnxscript")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")

X = np.random.default_rng(0).normal(size=(80, 3))
FRAME = pd.DataFrame(X, columns=list("abc"))
EACH = [DTE, GOAD, ICL, TCCM, AutoEncoder, DeepSVDD, RealNVP]


def run(path, rows):
    session = onnxruntime.InferenceSession(path)
    return session.run(["score", "label"], {"X": rows})


@pytest.mark.parametrize(
    "kind",
    slow_but([LOE], [NeuTraL, LOE, *EACH]),
    ids=lambda kind: kind.__name__,
)
def test_values_too_large_to_compute_with(kind, tmp_path):
    """The detector refuses them, and a graph can only mark them."""
    detector = kind(max_epochs=1, random_state=0) if kind is not LOE else None
    if detector is None:
        detector = LOE(DeepSVDD(max_epochs=1), contamination=0.1, random_state=0)
    to_onnx(detector.fit(X), tmp_path / "model.onnx")
    rows = np.repeat(X[:1], 5, axis=0)
    rows[1:, 1] = [1e160, -1e200, np.inf, np.nan]
    score, label = run(tmp_path / "model.onnx", rows)
    assert score[0] == pytest.approx(detector.score_samples(X[:1])[0], abs=1e-5)
    assert np.isnan(score[1:]).all()
    assert (label[1:] == -1).all()
    with pytest.raises(ValueError, match="too large"):
        detector.score_samples(rows[1:2])


def test_far_values_are_cut_off(tmp_path):
    rows = np.random.default_rng(0).normal(size=(200, 3))
    rows[::40, 1] = -999.0
    detector = LOE(DeepSVDD(max_epochs=1, scaling="winsorized"), evidence="knn", random_state=0)
    detector.set_params(contamination=0.1, init=None).fit(rows)
    assert len(detector.estimator_._scaling) == len(detector.evidence_["knn"].scaling_) == 4
    to_onnx(detector, tmp_path / "model.onnx")
    new = np.repeat(rows[1:2], 6, axis=0)
    new[1:, 1] = [-999.0, -1e9, 1e9, np.inf, np.nan]
    score, label = run(tmp_path / "model.onnx", new)
    np.testing.assert_allclose(score[:4], detector.score_samples(new[:4]), atol=1e-5)
    assert np.isnan(score[4:]).all()
    assert (label[4:] == -1).all()


@pytest.mark.parametrize("name", slow_but(["column_names"], ["c", "column_names"]))
def test_a_detector_of_a_frame(name, tmp_path):
    frame = FRAME.rename(columns={"c": name})
    detector = DeepSVDD(max_epochs=1, random_state=0).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_onnx(detector, tmp_path / "model.onnx", X=frame)
        to_onnx(detector, tmp_path / "model.onnx")
    score, _ = run(tmp_path / "model.onnx", X)
    np.testing.assert_allclose(score, detector.score_samples(frame), atol=1e-5)


@pytest.mark.slow  # the exporter takes ten seconds
def test_pictures(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, size=(20, 8, 8, 1)).astype(np.uint8)
    detector = MHRot(max_epochs=1, random_state=0).fit(images)
    to_onnx(detector, tmp_path / "model.onnx", X=images[:3])
    score, _ = run(tmp_path / "model.onnx", images.reshape(20, -1).astype(float))
    np.testing.assert_allclose(score, detector.score_samples(images), atol=1e-3)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["label", "score", "b"], "name of an output of the graph: rename 'label', 'score'"),
        (["a b", "u", "c/d"], "by letters, digits and _.* rename 'a b', 'c/d' before"),
        ([0, 1, 2], "not first a digit: rename '0', '1', '2' before"),
        (["a", "variable", "b"], "skl2onnx needs the names 'variable' itself: rename these col"),
    ],
    ids=["outputs", "signs", "numbers", "of-skl2onnx"],
)
def test_names_of_columns_that_inputs_cannot_have(names, message, tmp_path):
    pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    frame = pd.DataFrame(X, columns=names)
    pipeline = make_pipeline(StandardScaler(), DeepSVDD(max_epochs=1)).fit(frame)
    with pytest.raises(ModelFileError, match=message):
        to_onnx(pipeline, tmp_path / "model.onnx", X=frame)
    assert not (tmp_path / "model.onnx").exists()


def run_columns(path, frame):
    session = onnxruntime.InferenceSession(path)
    inputs = {name: frame[[name]].to_numpy(float) for name in frame.columns}
    return session.run(["score", "label"], inputs)


@pytest.mark.slow
def test_columns_named_as_values_within_the_graphs(tmp_path):
    """Such as those of the steps' graph, of the detector's, and what is put before their names."""
    pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    names = ["cat", "X", "mul", "steps_variable", "detector_cat", "detector__cat"]
    frame = pd.DataFrame(np.hstack([X, X**2]), columns=names)
    detector = LOE(DeepSVDD(max_epochs=1), contamination=0.1, evidence=None, random_state=0)
    pipeline = make_pipeline(StandardScaler(), detector).fit(frame)
    to_onnx(pipeline, tmp_path / "model.onnx", X=frame)
    score, _ = run_columns(tmp_path / "model.onnx", frame)
    np.testing.assert_allclose(score, pipeline.score_samples(frame), atol=1e-9)


SCALERS = [StandardScaler(), MinMaxScaler()]


@pytest.mark.parametrize("scaler", slow_but(SCALERS[:1], SCALERS))
def test_columns_are_put_side_by_side_in_double_precision(scaler, tmp_path):
    """Seconds since 1970 differ by less than single precision tells of them."""
    pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    frame = FRAME.assign(a=FRAME["a"] + 1.7e9)
    pipeline = make_pipeline(scaler, DeepSVDD(max_epochs=1, random_state=0)).fit(frame)
    to_onnx(pipeline, tmp_path / "model.onnx", X=frame)
    score, label = run_columns(tmp_path / "model.onnx", frame)
    np.testing.assert_allclose(score, pipeline.score_samples(frame), atol=1e-9)
    np.testing.assert_array_equal(label, pipeline.predict(frame))


@pytest.mark.parametrize(
    ("norm", "scaled"),
    slow_but([("l1", False), ("max", True)], product(["l1", "l2", "max"], [False, True])),
)
def test_rows_of_zeros_are_normalized_as_in_the_pipeline(norm, scaled, tmp_path):
    first = [StandardScaler()] if scaled else []
    rows = np.random.default_rng(0).normal(size=(60, 3))
    pipeline = make_pipeline(*first, Normalizer(norm), AutoEncoder(max_epochs=2, random_state=0))
    pipeline.fit(rows)
    odd = rows * 10.0 ** np.linspace(-20, 20, 60)[:, None]
    odd[:2] = pipeline[0].mean_ if scaled else 0.0
    to_onnx(pipeline, tmp_path / "m.onnx", X=odd)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    [score] = session.run(["score"], {"X": odd})
    np.testing.assert_allclose(score, pipeline.score_samples(odd), rtol=1e-6, atol=1e-6)


def test_values_at_the_threshold_are_binarized_as_in_the_pipeline(tmp_path):
    """Counts of zero, for one, which may not be among the rows that the file is tested on."""
    rows = np.random.default_rng(0).normal(size=(60, 3))
    pipeline = make_pipeline(Binarizer(), AutoEncoder(max_epochs=2, random_state=0)).fit(rows)
    to_onnx(pipeline, tmp_path / "m.onnx", X=rows)
    odd = np.vstack([rows, np.zeros((1, 3)), rows * [0, 1, 1]])
    score, label = run(tmp_path / "m.onnx", np.vstack([odd, [[np.nan, 0, 0], [0, np.inf, 0]]]))
    np.testing.assert_allclose(score[:-2], pipeline.score_samples(odd), atol=1e-9)
    assert np.isnan(score[-2:]).all()
    assert (label[-2:] == -1).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["table", "batch of records", "file of Parquet"])
def test_tables_of_arrow_before_steps(kind, tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    FRAME.to_parquet(tmp_path / "rows.parquet")
    given = {
        "table": arrow.Table.from_pandas(FRAME),
        "batch of records": arrow.RecordBatch.from_pandas(FRAME),
        "file of Parquet": ParquetRows(tmp_path / "rows.parquet"),
    }[kind]
    detector = make_pipeline(StandardScaler(), DeepSVDD(max_epochs=1, random_state=0)).fit(FRAME)
    to_onnx(detector, tmp_path / "model.onnx", X=given)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    rows = {name: FRAME[[name]].to_numpy() for name in FRAME.columns}
    [scores] = session.run(["score"], rows)
    np.testing.assert_allclose(scores, detector.score_samples(FRAME), atol=1e-9)
