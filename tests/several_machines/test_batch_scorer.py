"""BatchScorer: frame in, frame of scores out, as engines call it."""

import errno
import os
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import ComparedName
from scoring import OUTPUTS, assert_equal_to_one_process, make_model, make_scorer
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import lofe_sklearn
from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
from lofe_sklearn.distributed import BatchScorer
from lofe_sklearn.distributed import _batch_scorer as module

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.normal(size=(60, 3)), columns=["a", "b", "c"])
SMALL = LOE(DeepSVDD(max_epochs=2), contamination=0.1, init=None, random_state=0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pytest.importorskip("skops")
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def fitted():
    return clone(SMALL).fit(FRAME)


def test_parts_are_scored_as_the_whole(model):
    path, table, expected = model
    scorer = pickle.loads(pickle.dumps(make_scorer(path)))
    parts = [scorer(table[start : start + 37]) for start in range(0, len(table), 37)]
    scored = pd.concat(parts)
    assert_equal_to_one_process(scored, expected)
    assert scored.index.equals(table.index)
    assert list(scorer.over([table[:9], table[9:11]]))[1].equals(scorer(table[9:11]))


def test_kinds_of_frames(fitted):
    frame = FRAME.assign(id=range(60))
    scorer = BatchScorer(fitted, keep=["id"])
    expected = scorer(frame)
    as_polars = scorer(pl.from_pandas(frame))
    assert isinstance(as_polars, pl.DataFrame)
    pd.testing.assert_frame_equal(as_polars.to_pandas(), expected)
    as_arrow = scorer(pa.Table.from_pandas(frame))
    assert isinstance(as_arrow, pa.Table)
    pd.testing.assert_frame_equal(as_arrow.to_pandas(), expected)
    as_dict = scorer({name: frame[name].to_numpy() for name in frame})
    pd.testing.assert_frame_equal(pd.DataFrame(as_dict), expected)


@pytest.mark.parametrize(
    "make", [pl.from_pandas, pa.Table.from_pandas, pa.RecordBatch.from_pandas, dict]
)
@pytest.mark.parametrize("n_rows", [1, 60])
def test_scores_alone_are_of_the_same_kind(fitted, make, n_rows):
    frame = FRAME[:n_rows]
    given = make(frame) if make is not dict else {name: frame[name].to_numpy() for name in frame}
    scored = BatchScorer(fitted)(given)
    assert type(scored) is type(given)
    as_pandas = pd.DataFrame(scored) if make is dict else scored.to_pandas()
    pd.testing.assert_frame_equal(as_pandas, BatchScorer(fitted)(frame))


@pytest.mark.parametrize("index", [range(60), np.arange(60), pd.date_range("2020", periods=60)])
def test_rows_are_named_by_their_index_as_it_is_written(fitted, index):
    frame = FRAME.set_axis(index).drop(columns="b")
    last = {range: "59", np.ndarray: "59"}.get(type(index), r"Timestamp\('2020-02-29 00:00:00'\)")
    with pytest.raises(ValueError, match=f"with index .* to {last} lack columns"):
        BatchScorer(fitted)(frame)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas, dict])
@pytest.mark.parametrize("keep", [[], ["id"]])
def test_no_rows(fitted, make, keep):
    frame = FRAME.assign(id=range(60))
    frame["id"] = frame["id"].astype("int32")
    none = make(frame[:0]) if make is not dict else {n: frame[n].to_numpy()[:0] for n in frame}
    scored = BatchScorer(fitted, keep=keep)(none)
    if make is dict:
        scored = pd.DataFrame(scored)
    elif make is not pd.DataFrame:
        scored = scored.to_pandas()
    assert list(scored.columns) == [*keep, *OUTPUTS]
    expected = BatchScorer(fitted, keep=keep)(frame).dtypes
    assert len(scored) == 0
    assert (scored.dtypes == expected).all()


def test_a_row_at_the_threshold_has_the_label_of_predict():
    fitted = clone(SMALL).fit(FRAME)
    fitted.offset_ = fitted.score_samples(FRAME)[7]
    scored = BatchScorer(fitted)(FRAME)
    assert scored["label"].iloc[7] == 1
    np.testing.assert_array_equal(scored["label"], fitted.predict(FRAME))


def test_the_model_gets_its_columns(fitted):
    """By name, in its order, and no others."""
    expected = BatchScorer(fitted)(FRAME)
    shuffled = FRAME[["c", "a", "b"]].assign(other="text")
    pd.testing.assert_frame_equal(BatchScorer(fitted)(shuffled), expected)


NAMES = {
    "numbers": [0, 1, 2],
    "tuples": [("x", "a"), ("x", "b"), ("y", "a")],
    "levels": pd.MultiIndex.from_tuples([("x", "a"), ("x", "b"), ("y", "a")]),
    "text and others": ["a", 1, None],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_names_of_pandas_that_are_no_text(names):
    """A table pipeline takes such frames, and remembers the text of the names."""
    pytest.importorskip("skrub", reason="skrub is not installed")
    from lofe_sklearn.tabular import table_pipeline

    frame = FRAME.set_axis(pd.Index(names, tupleize_cols=False), axis=1)
    if isinstance(names, pd.MultiIndex):
        frame = FRAME.set_axis(names, axis=1)
    pipeline = table_pipeline(SMALL).fit(frame)
    expected = pipeline.score_samples(frame)
    for given in (frame, frame.iloc[:, ::-1]):
        scored = BatchScorer(pipeline)(given)
        np.testing.assert_array_equal(scored["score"], expected)
        assert list(scored.columns) == list(OUTPUTS)
    with pytest.raises(ValueError, match="lack columns that the model was fitted to"):
        BatchScorer(pipeline)(frame.iloc[:, 1:])


def test_columns_that_are_numbered_are_kept():
    frame = pd.concat([pd.Series(range(60)), FRAME], axis=1).set_axis(range(4), axis=1)
    rows = frame[[1, 2, 3]].to_numpy()
    for fitted in (
        clone(SMALL).fit(rows),
        clone(SMALL).fit(pd.DataFrame(rows, columns=list("123"))),
    ):
        scored = BatchScorer(fitted, keep=["0"], outputs=["score"])(frame)
        expected = clone(SMALL).fit(rows).score_samples(rows)
        pd.testing.assert_frame_equal(scored, frame[[0]].assign(score=expected))


@pytest.mark.parametrize("name", ["select", "column_names", "with_columns", "_meta"])
@pytest.mark.filterwarnings("ignore:Pandas doesn't allow columns to be created via a new attribute")
def test_columns_of_pandas_named_as_what_other_frames_have(fitted, name):
    frame = FRAME.assign(**{name: range(60)})
    scorer = BatchScorer(fitted, keep=[name])
    expected = BatchScorer(fitted)(FRAME)
    pd.testing.assert_frame_equal(scorer(frame), frame[[name]].join(expected))
    assert scorer.empty(frame).dtypes.equals(scorer(frame).dtypes)


def test_a_model_without_names_gets_what_is_not_kept():
    fitted = DeepSVDD(max_epochs=2, random_state=0).fit(FRAME.to_numpy())
    scorer = BatchScorer(fitted, keep=["id"], outputs=["percentile", "score"])
    for make in (pd.DataFrame, pl.from_pandas, pa.Table.from_pandas):
        scored = scorer(make(FRAME.assign(id=range(60))))
        np.testing.assert_array_equal(scored["score"], fitted.score_samples(FRAME.to_numpy()))
        np.testing.assert_array_equal(scored["percentile"], fitted.severity(FRAME.to_numpy()))


def test_times_in_a_model_without_names():
    fitted = DeepSVDD(max_epochs=2, random_state=0).fit(FRAME.to_numpy())
    scorer = BatchScorer(fitted, outputs=["score"])
    with pytest.raises(ValueError, match=r"index 0 to 59 cannot be scored\. DeepSVDD: X .* times"):
        scorer(FRAME.assign(b=pd.Timestamp("2020-01-01")))


def test_pipelines_and_searches(fitted):
    pipeline = make_pipeline(StandardScaler(), clone(SMALL)).fit(FRAME)
    search = LOESearchCV(SMALL, {"contamination": [0.05, 0.1]}, cv=2)
    y = np.arange(60) % 7 == 0
    for model in (pipeline, search.fit(FRAME, y)):
        scored = BatchScorer(model)(FRAME)
        np.testing.assert_array_equal(scored["score"], model.score_samples(FRAME))
        np.testing.assert_array_equal(scored["label"], model.predict(FRAME))


class _Identity(TransformerMixin, BaseEstimator):
    """A step that remembers nothing of its columns."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


class _Sum(_Identity):
    """A step that needs a frame."""

    def transform(self, X):
        return X.assign(sum=X.a + X.b)


class _Ratio(_Identity):
    """A step that needs a column which the detector does not get."""

    def transform(self, X):
        return X.assign(ratio=X.a / X.b).drop(columns="b")


@pytest.mark.parametrize(
    "steps",
    [["passthrough"], [_Identity()], [make_pipeline("passthrough"), "passthrough"], [_Sum()]],
    ids=str,
)
def test_columns_are_in_the_fitted_order_whichever_step_has_their_names(steps):
    frame = FRAME * [1, 10, 100]
    pipeline = make_pipeline(*steps, clone(SMALL)).fit(frame)
    expected = BatchScorer(pipeline)(frame)
    np.testing.assert_array_equal(expected["score"], pipeline.score_samples(frame))
    shuffled = frame[["c", "a", "b"]]
    pd.testing.assert_frame_equal(BatchScorer(pipeline)(shuffled), expected)
    shuffled = shuffled.assign(id=range(60))
    scored = BatchScorer(pipeline, keep=["id"])(shuffled)
    pd.testing.assert_frame_equal(scored.drop(columns="id"), expected)
    if "Sum" not in str(steps):
        pd.testing.assert_frame_equal(BatchScorer(pipeline)(shuffled), expected)
        with pytest.raises(ValueError, match="- b\n|'b'"):
            BatchScorer(pipeline)(frame.drop(columns="b"))


def test_a_step_gets_a_column_that_the_detector_does_not_get():
    pipeline = make_pipeline(_Ratio(), clone(SMALL)).fit(FRAME)
    scored = BatchScorer(pipeline)(FRAME[["c", "b", "a"]])
    np.testing.assert_array_equal(scored["score"], pipeline.score_samples(FRAME))


def test_a_pipeline_without_any_names_gets_the_frame():
    to_array = FunctionTransformer(_ab, validate=False)
    pipeline = make_pipeline(_Identity(), to_array, clone(SMALL)).fit(FRAME)
    del to_array.feature_names_in_, to_array.n_features_in_
    scored = BatchScorer(pipeline)(FRAME[["c", "b", "a"]])
    np.testing.assert_array_equal(scored["score"], pipeline.score_samples(FRAME))


def _ab(frame):
    return frame[["a", "b"]].to_numpy()


def test_a_file_is_read_once(model, monkeypatch):
    """By all scorers and threads of a process; again where it is replaced."""
    path, table, _ = model
    read = []
    monkeypatch.setattr(
        module, "load", lambda *a, **k: read.append(a) or lofe_sklearn.load(*a, **k)
    )
    module._read.cache_clear()
    scorers = [pickle.loads(pickle.dumps(make_scorer(path))) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda scorer: scorer(table[:5]), scorers))
    assert len(read) == 1
    os.utime(path, ns=(1, 1))
    scorers[0](table[:5])
    assert len(read) == 2
    module._read.cache_clear()


def test_trusted_and_device(model):
    path, table, expected = model
    scorer = BatchScorer(path, keep=["transaction_id"], device="cpu", trusted=[StandardScaler])
    assert_equal_to_one_process(pickle.loads(pickle.dumps(scorer))(table), expected)
    for device in ("cpu", None):
        read = BatchScorer(path, device=device, trusted=[StandardScaler])._fitted()
        expected_device = lofe_sklearn.load(path, device=device)[-1].get_params()[
            "estimator__device"
        ]
        assert read[-1].get_params()["estimator__device"] == expected_device == (device or "auto")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="b"), "lack columns that the model was fitted to: 'b'"),
        (lambda f: f.drop(columns="id"), "lack columns that keep asks for: 'id'"),
        (lambda f: f[:0].drop(columns="id"), "lack columns that keep asks for: 'id'"),
        (lambda f: f.assign(b="text"), r"cannot be scored. LOE: X .*'b'"),
        (lambda f: f.assign(b=np.nan), "index 20 to 29 cannot be scored. .*'b'"),
        (lambda f: f.assign(b=pd.Timestamp("2020-01-01")), "contains dates or times in column 'b'"),
    ],
)
def test_partitions_that_cannot_be_scored(fitted, change, message):
    frame = FRAME.assign(id=range(60))[20:30]
    with pytest.raises(ValueError, match=f"BatchScorer: .*{message}"):
        BatchScorer(fitted, keep=["id"])(change(frame))


def test_types_that_hold_the_same_numbers(fitted):
    """Partitions of other types are scored alike."""
    whole = FRAME.round()
    expected = BatchScorer(fitted)(whole)
    for kind in ("int64", "float32", "Int64", "object", "float64[pyarrow]"):
        scored = BatchScorer(fitted)(whole.astype({"b": kind}))
        pd.testing.assert_frame_equal(scored, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: BatchScorer(SMALL.__class__()), NotFittedError, "not fitted"),
        (lambda: BatchScorer(LOESearchCV(SMALL, {})), NotFittedError, "not fitted"),
        (lambda: BatchScorer(3), TypeError, "model must be the path of a model"),
        (lambda: BatchScorer(IsolationForest().fit(FRAME)), TypeError, "got IsolationForest"),
        (lambda: BatchScorer("m.lofe", keep="id"), TypeError, "keep must be a list of names"),
        (lambda: BatchScorer("m.lofe", outputs=["scores"]), ValueError, "Did you mean 'score'"),
        (lambda: BatchScorer("m.lofe", outputs=[]), ValueError, "at least one output"),
        (lambda: BatchScorer("m.lofe", keep=["label"]), ValueError, "label would be a column"),
        (lambda: BatchScorer("m.lofe", keep=["a", "b", "a"]), ValueError, "got 'a' 2 times"),
        (lambda: BatchScorer("m.lofe", outputs=["score"] * 3), ValueError, "got 'score' 3 times"),
        (
            lambda: BatchScorer(DeepSVDD(max_epochs=1).fit(FRAME)),
            ValueError,
            re.escape("Pass outputs=['score', 'label', 'percentile']"),
        ),
        (
            lambda: BatchScorer(DeepSVDD(max_epochs=1).fit(FRAME), device="cpu"),
            ValueError,
            "trusted and device are for a model that is read from a file",
        ),
        (lambda: BatchScorer("none.lofe")(FRAME), FileNotFoundError, "none.lofe"),
        (lambda: BatchScorer("none.lofe")(FRAME.to_numpy()), TypeError, "Wrap an array in one"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


class Sums(TransformerMixin, BaseEstimator):
    """A step for frames that keeps nothing of what it was fitted to."""

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        return X.assign(sum=X["a"] + 2 * X["b"])


@pytest.mark.parametrize("first", ["passthrough", Sums()], ids=str)
def test_a_first_step_that_keeps_no_names(first):
    """Columns of very different sizes: in another order all rows would be anomalies."""
    X = np.random.default_rng(0).normal(size=(300, 4)) * [1, 10, 100, 1000]
    frame = pd.DataFrame(X, columns=list("abcd"))
    detector = LOE(DeepSVDD(max_epochs=3), contamination=0.05, random_state=0)
    pipeline = make_pipeline(first, detector).fit(frame)
    scorer, expected = BatchScorer(pipeline, keep=["kept"]), pipeline.score_samples(frame)
    given = frame.assign(kept=1)
    np.testing.assert_allclose(scorer(given)["score"], expected, rtol=0, atol=1e-12)
    other = given[list("dbca") + ["kept"]]
    np.testing.assert_allclose(scorer(other)["score"], expected, rtol=0, atol=1e-12)
    if first == "passthrough":
        more = scorer(given.assign(more=0))
        np.testing.assert_allclose(more["score"], expected, rtol=0, atol=1e-12)


def test_a_lazy_frame_is_to_be_collected(fitted):
    with pytest.raises(TypeError, match=r"BatchScorer takes .*Pass frame\.collect\(\)"):
        BatchScorer(fitted)(pl.from_pandas(FRAME).lazy())


class Elsewhere:
    """A frame of a library whose rows are elsewhere, as Spark's and Ray's."""

    columns = ("a", "b", "c")


@pytest.mark.parametrize(
    ("library", "message"),
    [
        ("dask.dataframe", r"got dask\.Elsewhere\. Pass frame\.map_partitions"),
        ("ray.data.dataset", r"got ray\.Elsewhere\. Pass dataset\.map_batches"),
        ("pyspark.sql", r"got pyspark\.Elsewhere\. Pass frame\.mapInPandas"),
        ("mine", "got Elsewhere. Wrap an array in one"),
    ],
)
def test_frames_whose_rows_are_elsewhere(fitted, monkeypatch, library, message):
    monkeypatch.setattr(Elsewhere, "__module__", library)
    with pytest.raises(TypeError, match=f"BatchScorer takes .*{message}"):
        BatchScorer(fitted)(Elsewhere())


def test_a_frame_of_dask_is_to_be_mapped(fitted):
    dask = pytest.importorskip("dask.dataframe", reason="needs dask")
    with pytest.raises(TypeError, match=r"map_partitions\(scorer, meta=scorer\.empty\(frame\)\)"):
        BatchScorer(fitted)(dask.from_pandas(FRAME, npartitions=2))


def test_a_file_that_is_not_there_is_named(fitted, tmp_path):
    scorer = BatchScorer(tmp_path / "none.lofe")
    with pytest.raises(FileNotFoundError, match="BatchScorer: there is no model file .*none.lofe"):
        scorer(FRAME)


@pytest.mark.parametrize("name", ["file/model.lofe", "x" * 300, "a\0b", "loop"])
def test_a_file_that_cannot_be_there_is_named(name, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(FileNotFoundError, match=f"BatchScorer: there is no model file .*{name}"):
        BatchScorer(tmp_path / name)(FRAME)


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "model.lofe"
    path.write_bytes(b"")

    def refuse(self, *args, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    for way, owner in (("read_bytes", "load"), ("stat", "BatchScorer")):
        monkeypatch.setattr(Path, way, refuse)
        message = f"{owner}: there is no permission to read .*model.lofe"
        with pytest.raises(PermissionError, match=message):
            BatchScorer(path)(FRAME)


@pytest.mark.filterwarnings("error")
def test_columns_of_several_levels():
    X = FRAME.to_numpy()
    fitted = DeepSVDD(max_epochs=2, random_state=0).fit(X)
    frame = pd.DataFrame(X, columns=pd.MultiIndex.from_product([["m"], FRAME]), index=range(5, 65))
    scored = BatchScorer(fitted, outputs=["score", "label"])(frame)
    assert list(scored.columns) == ["score", "label"]
    assert scored.index.equals(frame.index)


@pytest.mark.parametrize("name", ["keep", "trusted"])
def test_lists_that_are_none(fitted, name):
    with pytest.raises(TypeError, match=f"BatchScorer: {name} must be a list .*; got None"):
        BatchScorer(fitted, **{name: None})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": np.arange(3)}, "'id' has 3"),
        ({"b": np.arange(61.0)}, "'b' has 61"),
        ({"a": 1.5}, "'a' is one value"),
    ],
)
def test_arrays_of_other_lengths(fitted, change, said):
    arrays = {name: FRAME[name].to_numpy() for name in FRAME} | {"id": np.arange(60)}
    scorer = BatchScorer(fitted, keep=["id"])
    assert len(scorer(arrays)["id"]) == 60
    with pytest.raises(ValueError, match=f"arrays of a dict must have one length, .*{said}"):
        scorer(arrays | change)


@pytest.mark.parametrize("make", [lambda frame: frame, pa.Table.from_pandas])
@pytest.mark.parametrize(("name", "said"), [("a", "the model was fitted to"), ("id", "keep asks")])
def test_columns_of_one_name(make, name, said, fitted):
    frame = FRAME.assign(id=range(60), other=1.0)
    scorer, expected = BatchScorer(fitted, keep=["id"]), BatchScorer(fitted)(FRAME)
    if isinstance(make(frame), pd.DataFrame):
        others = pd.concat([frame, frame[["other"]]], axis=1)
        twice = pd.concat([frame, frame[[name]]], axis=1)
    else:
        table = make(frame)
        others, twice = (table.append_column(own, table[own]) for own in ("other", name))
    assert list(np.asarray(scorer(others)["score"])) == expected["score"].tolist()
    with pytest.raises(ValueError, match=f"more than one column '{name}', and {said}"):
        scorer(twice)


def test_names_of_columns_are_not_compared_pair_by_pair():
    ComparedName.n_compared = 0
    names = [ComparedName(f"column {i}") for i in range(100)]
    module._check_columns(names[::-1], names, "the rows", "the model was fitted to")
    assert ComparedName.n_compared <= 100
    with pytest.raises(ValueError, match="lack columns that keep asks for: 'other'"):
        module._check_columns([ComparedName("other")], names, "the rows", "keep asks for")
    with pytest.raises(ValueError, match="more than one column 'column 7'"):
        module._check_columns(names, [*names, names[7]], "the rows", "keep asks for")
