"""Sources that break while they are read: the error says where, and nothing is left half-fitted."""

import datetime
import os
import pickle
from itertools import product

import numpy as np
import pandas as pd
import pytest
from conftest import FEW_TREES, slow_but
from sklearn import config_context
from stored_rows import Counted, dask_array, dask_frame, mapped, parquet

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn.sources import ParquetRows
from lofe_sklearn.sources._find_source import source_of

LITTLE = {"working_memory": 1}


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(6000, 4)).astype(np.float32)


class Broken(Counted):
    """A source in which something happens from a certain read on."""

    def __init__(self, X, after, what):
        super().__init__(X)
        self.after, self.what, self.n_reads = after, what, 0

    def __getitem__(self, rows):
        self.n_reads += 1
        block = super().__getitem__(rows)
        return self.what(block) if self.n_reads > self.after else block


def mapped_empty(X, folder):
    (folder / "rows.bin").write_bytes(bytes(16))
    return np.memmap(folder / "rows.bin", dtype=X.dtype, mode="r", shape=(1, 4))[:0]


def _loe(**options):
    return LOE(DeepSVDD(**options), init=FEW_TREES, contamination=0.1)


def unreadable(block):
    raise OSError("bad sector")


@pytest.mark.parametrize("make", [DeepSVDD, _loe])
@pytest.mark.parametrize(
    ("after", "what", "message"),
    [
        (3, unreadable, r"rows \d+ to \d+ of X, a .*Broken, cannot be read \(OSError: bad"),
        (3, lambda b: b[:-1], r"rows \d+ to \d+ of X.*has shrunk while it was read"),
        (
            3,
            lambda b: b[:, :3],
            r"rows \d+ to \d+ of X.*, 3\) and not .*, 4\): .*has changed",
        ),
        (3, lambda b: b.astype(float), r"are of type float64, but X says float32"),
        (200, lambda b: b + 1, r"rows \d+ to \d+ of X have changed since they were read first"),
        (200, unreadable, r"cannot be read"),
    ],
)
def test_a_source_that_breaks_leaves_the_detector_as_it_was(make, after, what, message, X):
    detector = make(max_epochs=5)
    with config_context(**LITTLE):
        before = dict(vars(detector))
        with pytest.raises(ValueError, match=message):
            detector.fit(Broken(X, after, what))
        assert vars(detector) == before
        detector.fit(X[:300])
        scores = detector.score_samples(X)
        with pytest.raises(ValueError, match=message):
            detector.fit(Broken(X, after, what))
    np.testing.assert_array_equal(detector.score_samples(X), scores)


def test_a_bad_value_deep_in_the_source_is_named_by_its_row(X):
    X[5432, 2] = np.nan
    rows = Counted(X)
    with config_context(**LITTLE):
        with pytest.raises(ValueError, match=r"missing values \(NaN\) in column 2 \(row 5432\)"):
            DeepSVDD().fit(rows)
        fitted = DeepSVDD(max_epochs=1).fit(X[:100])
        with pytest.raises(ValueError, match=r"missing values \(NaN\) in column 2 \(row 5432\)"):
            fitted.score_samples(rows)
        large = np.where(np.isnan(X), 0, X).astype(np.float64)
        large[5000, 1] = 1e200
        for call in (DeepSVDD().fit, fitted.score_samples):
            with pytest.raises(ValueError, match="^DeepSVDD: X has .* row 5000, column 1"):
                call(Counted(large))
        large[5000, 1] = 1e30  # float32 holds it, but not its square
        with pytest.raises(ValueError, match="^DeepSVDD: X has .* row 5000, column 1"):
            DeepSVDD(scaling=None, max_epochs=1).fit(Counted(large))


@pytest.mark.parametrize("working_memory", [1, 1024], ids=["blocks", "whole"])
@pytest.mark.parametrize("store", [Counted, lambda X: dask_array(X, None)], ids=["any", "dask"])
def test_masked_values_are_refused_with_their_row(store, working_memory, X):
    masked = np.ma.masked_array(X, mask=np.zeros(X.shape, dtype=bool))
    loe, alone = _loe(max_epochs=1), DeepSVDD(max_epochs=1)
    with config_context(working_memory=working_memory):
        loe.fit(X)
        # Nothing is masked: as any array.
        scores = loe.score_samples(store(masked))
        np.testing.assert_allclose(scores, loe.score_samples(X), rtol=1e-7)
        masked[5432, 2] = np.ma.masked
        for call in (loe.fit, alone.fit, loe.score_samples, loe.predict):
            with pytest.raises(ValueError, match=r"X must hold no masked values.* in row 5432\."):
                call(store(masked))
    with pytest.raises(ValueError, match=r"X must hold no masked values.* in row 5432\."):
        alone.partial_fit(store(masked))


@pytest.mark.parametrize(
    ("scaling", "value"),
    slow_but(
        [("minmax", 1e50), ("winsorized", -1e200), ("rms", -1e200), (None, 1e50)],
        product(["minmax", "winsorized", "auto", "rms", None], [1e50, -1e200]),
    ),
)
def test_a_huge_value_is_refused_in_blocks_as_in_memory(scaling, value, X):
    X = X.astype(float)
    X[5000, 1] = value
    errors = []
    backbone = AutoEncoder(scaling=scaling)
    for detector in (backbone, LOE(backbone, init=None, evidence=None)):
        for memory in (1, 1024):
            raises = pytest.raises(ValueError, match="row 5000")
            with config_context(working_memory=memory), raises as caught:
                detector.fit(Counted(X))
            errors.append(str(caught.value).partition(": ")[2])
    assert len(set(errors)) == 1
    assert f"{value:.6g} in row 5000, column 1" in errors[0]
    assert ("scaling='minmax'" in errors[0]) == (scaling in ("rms", None))


def test_features_of_huge_values_are_scaled_in_blocks(X):
    X = X.astype(float) * [1.0, 1e50, 1e200, 1e-200] + [0.0, 5e51, 5e201, 5e-199]
    scores = []
    for memory in (1, 1024):
        with config_context(working_memory=memory):
            fitted = AutoEncoder(scaling="minmax", max_epochs=1, random_state=0).fit(Counted(X))
        scores.append(fitted._scaling)
    np.testing.assert_allclose(*scores)
    with config_context(**LITTLE), pytest.raises(ValueError, match="too large to compute with.*1e"):
        AutoEncoder(scaling="standard").fit(Counted(X))


def test_rows_of_other_features(X):
    with config_context(**LITTLE):
        fitted = DeepSVDD(max_epochs=1).fit(X[:100])
        with pytest.raises(ValueError, match="X has 8 features, but DeepSVDD is expecting 4"):
            fitted.score_samples(Counted(np.hstack([X, X])))


def test_a_mapped_file_that_is_cut_off(X, tmp_path):
    rows = mapped(X, tmp_path)
    fitted = DeepSVDD(max_epochs=1).fit(X[:100])
    os.truncate(tmp_path / "rows.npy", 4000)
    with config_context(**LITTLE), pytest.raises(ValueError, match="has shrunk"):
        # It is seen before the first page beyond its end is touched, which would end Python.
        fitted.score_samples(rows[10:])
    for call in (fitted.score_samples, fitted.fit, fitted.partial_fit, _loe().fit_resample):
        with pytest.raises(ValueError, match=r": rows 0 to 5999 of X, a np.memmap, .* has shrunk"):
            call(rows)  # read whole


def test_a_mapped_file_that_is_deleted(X, tmp_path):
    """Its pages stay as long as they are mapped."""
    rows = mapped(X, tmp_path)
    (tmp_path / "rows.npy").unlink()
    fitted = DeepSVDD(max_epochs=1).fit(rows)
    with config_context(**LITTLE):
        np.testing.assert_allclose(fitted.score_samples(rows), fitted.score_samples(X))


@pytest.mark.parametrize("make", [DeepSVDD, _loe])
def test_a_source_that_cannot_be_read_whole(make, X):
    fitted = make(max_epochs=1).fit(X[:100])
    before = dict(vars(fitted))
    message = r"(DeepSVDD|LOE): rows 0 to 5999 of X, a .*Broken, cannot be read \(OSError: bad"
    for call in (fitted.fit, fitted.partial_fit, fitted.score_samples, fitted.predict):
        with pytest.raises(ValueError, match=message):
            call(Broken(X, 0, unreadable))
    with pytest.raises(ValueError, match="are 5999 rows and not 6000: the source has shrunk"):
        fitted.fit(Broken(X, 0, lambda block: block[:-1]))
    for change in (lambda block: np.hstack([block, block]), lambda block: block[:, 0]):
        with pytest.raises(ValueError, match=r"and not \(6000, 4\): the source has changed"):
            fitted.fit(Broken(X, 0, change))
    assert vars(fitted) == before


@pytest.mark.parametrize("store", [parquet, dask_frame, dask_array, mapped_empty, Counted])
def test_sources_without_rows(store, X, tmp_path):
    rows = store(X[:0], tmp_path) if store is not Counted else Counted(X[:0])
    fitted = DeepSVDD(max_epochs=1).fit(X[:100])
    fitted_to_names = DeepSVDD(max_epochs=1).fit(pd.DataFrame(X[:100]).add_prefix("x"))
    for memory in (0, 1024):
        with config_context(working_memory=memory):
            for detector in (DeepSVDD(), LOE()):
                with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
                    detector.fit(rows)
            scorer = fitted_to_names if store in (parquet, dask_frame) else fitted
            with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
                scorer.score_samples(rows)


def test_a_dask_frame_whose_partitions_are_empty(X):
    rows = dask_frame(X, None)
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\) \(shape=\(0, 4\)\)"):
        DeepSVDD().fit(rows[rows.x0 > 100])


@pytest.mark.parametrize("memory", [1, 1024])
@pytest.mark.parametrize("store", ["parquet", "dask"])
@pytest.mark.parametrize(
    "values",
    [
        pd.date_range("2020", periods=6000),
        pd.date_range("2020", periods=6000, tz="UTC"),
        pd.to_timedelta(np.arange(6000), unit="s"),
        pd.period_range("2020", periods=6000),
        [datetime.time(3)] * 6000,
        [datetime.date(2020, 1, 1)] * 6000,
    ],
    ids=lambda values: str(getattr(values, "dtype", type(values[0]).__name__)),
)
def test_a_column_of_times_is_named(values, store, memory, X, tmp_path):
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1].astype(float), "when": values})
    if store == "parquet":
        frame.to_parquet(tmp_path / "rows.parquet", row_group_size=500)
        rows = ParquetRows(tmp_path / "rows.parquet")
    else:
        dask = pytest.importorskip("dask.dataframe", reason="needs dask")
        rows = dask.from_pandas(frame, npartitions=9)
    with config_context(working_memory=memory):
        assert source_of(rows, "").dtype == object
        # Dask makes text of Python's dates and times.
        with pytest.raises(
            ValueError, match="DeepSVDD: X .*(dates or times|text) in column 'when'"
        ):
            DeepSVDD().fit(rows)


def _frame_of(*partitions):
    dask = pytest.importorskip("dask", reason="needs dask")
    frames = pytest.importorskip("dask.dataframe", reason="needs dask")
    parts = [dask.delayed(each)() for each in partitions]
    return frames.from_delayed(parts, meta=partitions[0]()[:0], verify_meta=False)


@pytest.mark.parametrize(
    ("odd", "kind"), [(pd.Timestamp("2020"), "dates or times"), (1j, "complex"), ("?", "text")]
)
def test_a_partition_of_another_kind_is_named_by_its_row(odd, kind, X):
    frame = pd.DataFrame(X, columns=list("abcd"))
    halves = lambda: frame[:3000], lambda: frame[3000:].assign(b=odd)
    fitted = DeepSVDD(max_epochs=1).fit(frame)
    for call in (DeepSVDD(max_epochs=1).fit, fitted.score_samples):
        with config_context(**LITTLE), pytest.raises(ValueError, match=kind) as caught:
            call(_frame_of(*halves))
        if kind != "complex":  # whose message names the column alone
            assert "in column 'b'" in str(caught.value)
            assert "in row 3000" in str(caught.value)


def test_a_partition_that_cannot_be_read_when_rows_are_counted(X):
    frame = pd.DataFrame(X, columns=list("abcd"))
    rows = _frame_of(lambda: frame, lambda: unreadable(frame))
    fitted = DeepSVDD(max_epochs=1, random_state=0).fit(frame)
    before = fitted.score_samples(frame)
    for call in (fitted.fit, fitted.score_samples, fitted.partial_fit):
        with pytest.raises(ValueError, match=r"DeepSVDD: X, a dask.* \(OSError: bad sector\)"):
            call(rows)
    np.testing.assert_array_equal(fitted.score_samples(frame), before)


@pytest.mark.parametrize("store", [mapped, Counted, lambda X, folder: dask_array(X, None)])
def test_rows_read_in_blocks_cannot_be_resampled(store, X, tmp_path):
    rows = store(X, tmp_path) if store is not Counted else Counted(X)
    loe = _loe(max_epochs=1)
    before = dict(vars(loe))
    with config_context(**LITTLE), pytest.raises(ValueError, match="no labels_ are kept"):
        loe.fit_resample(rows, np.zeros(6000))
    assert vars(loe) == before
    kept, _ = loe.fit_resample(rows)  # read whole
    np.testing.assert_array_equal(kept, X[loe.sample_indices_])


def test_parquet_files_that_change_or_are_damaged(X, tmp_path):
    rows = parquet(X, tmp_path)
    with config_context(**LITTLE):
        fitted = DeepSVDD(max_epochs=1).fit(rows)
        path = tmp_path / "b.parquet"
        content = bytearray(path.read_bytes())
        content[100:2000] = b"\0" * 1900
        path.write_bytes(content)
        with pytest.raises(ValueError, match="has changed since it was opened"):
            fitted.score_samples(rows)
        with pytest.raises(ValueError, match="row group 0 of .*b.parquet is damaged"):
            fitted.score_samples(ParquetRows(tmp_path))


def test_parquet_files_that_do_not_fit_together(X, tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    table = arrow.table({"a": X[:9, 0], "b": X[:9, 1]})
    arrow.parquet.write_table(table, tmp_path / "1.parquet")
    with pytest.raises(ValueError, match="has no column 'c'; its columns are 'a', 'b'"):
        ParquetRows(tmp_path, columns=["c"])
    arrow.parquet.write_table(table.select(["a"]), tmp_path / "2.parquet")
    with pytest.raises(ValueError, match="2.parquet has no column 'b'"):
        ParquetRows(tmp_path)
    other = arrow.table({"a": X[:9, 0].astype(float), "b": X[:9, 1]})
    arrow.parquet.write_table(other, tmp_path / "2.parquet")
    with pytest.raises(ValueError, match="column 'a' is of type double in .*, but of type float"):
        ParquetRows(tmp_path)
    with pytest.raises(FileNotFoundError, match="no file"):
        ParquetRows(tmp_path / "missing.parquet")
    (tmp_path / "3.parquet").write_text("no parquet")
    with pytest.raises(ValueError, match="is no Parquet file"):
        ParquetRows(tmp_path / "3.parquet")


def test_a_row_group_that_is_larger_than_the_memory(tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    table = arrow.table({"a": np.zeros(100_000), "b": np.zeros(100_000)})
    arrow.parquet.write_table(table, tmp_path / "1.parquet")
    with config_context(**LITTLE), pytest.raises(ValueError, match="row_group_size"):
        DeepSVDD().fit(ParquetRows(tmp_path))


def test_dask_arrays_of_unknown_length(X):
    dask = pytest.importorskip("dask.array", reason="needs dask")
    rows = dask.from_array(X, chunks=(1000, 4))
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        DeepSVDD().fit(rows[rows[:, 0] > 0])


def test_partitions_of_different_types(X):
    dask = pytest.importorskip("dask.array", reason="needs dask")
    parts = [dask.from_array(X[:3000], chunks=(500, 4)), dask.from_array(X[3000:], chunks=(500, 4))]
    # Dask says float32 of both, and one of them turns out to be something else.
    lying = parts[1].map_blocks(lambda block: block.astype(np.int16), dtype=np.float32)
    with config_context(**LITTLE), pytest.raises(ValueError, match="are of type int16, but X says"):
        DeepSVDD().fit(dask.concatenate([parts[0], lying]))


def test_footers_of_parquet_files_are_read_once_for_each_file(X, tmp_path, monkeypatch):
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    pytest.importorskip("pyarrow.parquet")
    n_listed, n_read = 0, 0

    class Schema:
        def __init__(self, schema):
            self._schema = schema

        def __getattr__(self, name):
            nonlocal n_listed
            n_listed += name == "names"
            return getattr(self._schema, name)

    class File(arrow.parquet.ParquetFile):
        def __init__(self, source, *, metadata=None):
            nonlocal n_read
            n_read += metadata is None
            super().__init__(source, metadata=metadata)

        @property
        def schema_arrow(self):
            return Schema(super().schema_arrow)

    monkeypatch.setattr(arrow.parquet, "ParquetFile", File)
    columns = [f"x{j}" for j in range(40)]
    table = arrow.table({name: X[:90, j % X.shape[1]] for j, name in enumerate(columns)})
    for number in range(3):
        arrow.parquet.write_table(table, tmp_path / f"{number}.parquet", row_group_size=10)
    rows = ParquetRows(tmp_path)
    assert rows.columns == columns
    assert n_listed <= 4  # a list is made of all names whenever they are asked for
    n_read = 0
    table = rows[:]
    assert n_read == 3
    read = np.column_stack([table.column(name) for name in columns])
    np.testing.assert_array_equal(read, np.tile(X[:90, np.arange(40) % X.shape[1]], (3, 1)))
    fitted = DeepSVDD(max_epochs=1, random_state=0).fit(rows)
    assert n_read == 3
    assert pickle.dumps(rows) == pickle.dumps(ParquetRows(tmp_path))
    np.testing.assert_array_equal(
        fitted.score_samples(pickle.loads(pickle.dumps(rows))), fitted.score_samples(rows)
    )
