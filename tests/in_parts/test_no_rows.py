"""What is given as rows and has none, or none that are read: the error says what to pass."""

import numpy as np
import pandas as pd
import pytest
from conftest import FEW_TREES
from scipy import sparse
from sklearn import config_context
from stored_rows import Counted, dask_array, dask_frame, hdf5

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn.sources import ParquetRows

LITTLE = {"working_memory": 1}


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(6000, 4)).astype(np.float32)


def _loe(**options):
    return LOE(DeepSVDD(**options), init=FEW_TREES, contamination=0.1)


def _calls(X, frame):
    """What takes rows, and calls itself so."""
    alone = DeepSVDD(max_epochs=1).fit(frame)
    yield "DeepSVDD", DeepSVDD().fit
    yield "DeepSVDD", DeepSVDD().partial_fit
    yield "DeepSVDD", alone.score_samples
    yield "LOE", _loe().fit_resample
    yield "LOESearchCV", LOESearchCV(_loe(), {"contamination": [0.1]}).fit
    yield "fit_many", lambda rows: fit_many([DeepSVDD()], rows)


def test_collections_of_dask_that_are_no_rows(X):
    dask = pytest.importorskip("dask", reason="needs dask")
    frame = pd.DataFrame(X[:100], columns=["x0", "x1", "x2", "x3"])
    series = dask_frame(X, None).x0
    for owner, call in _calls(X[:100], frame):
        with pytest.raises(TypeError, match=rf"^{owner}: X must be a table .* X\.to_frame\(\)"):
            call(series)
        with pytest.raises(TypeError, match=rf"^{owner}: X must be a table .*X\.compute\(\)"):
            call(dask.delayed(X))


def test_a_lazy_frame_is_to_be_collected(X):
    polars = pytest.importorskip("polars", reason="needs polars")
    frame = pd.DataFrame(X[:100], columns=["x0", "x1", "x2", "x3"])
    for owner, call in _calls(X[:100], frame):
        with pytest.raises(TypeError, match=rf"^{owner}: X must be rows; .*Pass X\.collect\(\)"):
            call(polars.from_pandas(frame).lazy())


def test_a_dataset_of_a_closed_file(X, tmp_path):
    rows = hdf5(X, tmp_path)
    calls = list(_calls(X[:100], X[:100]))
    rows.file.close()
    for owner, call in calls:
        with pytest.raises(ValueError, match=rf"^{owner}: X, a h5py.Dataset.*file may be closed"):
            call(rows)


def test_frames_without_columns(X):
    frame = pd.DataFrame(X[:100]).add_prefix("x")
    alone = DeepSVDD(max_epochs=1).fit(frame)
    for rows in (frame[[]], dask_frame(X, None)[[]]):
        for call in (alone.score_samples, DeepSVDD().fit):
            with pytest.raises(ValueError, match=r"^DeepSVDD: Found array with 0 feature\(s\)"):
                call(rows)


def test_sparse_blocks_of_dask(X):
    rows = dask_array(X, None).map_blocks(sparse.csr_matrix)
    detector = DeepSVDD(max_epochs=1).fit(rows)  # read whole
    with config_context(**LITTLE):
        np.testing.assert_allclose(detector.score_samples(rows), detector.score_samples(X))
        with pytest.raises(ValueError, match=r"are a sparse matrix.*block\.toarray\(\)"):
            detector.fit(rows)


def test_many_detectors_of_a_frame_of_dask(X):
    [detector] = fit_many([DeepSVDD(max_epochs=1, random_state=0)], dask_frame(X, None))
    expected = DeepSVDD(max_epochs=1, random_state=0).fit(X)
    np.testing.assert_allclose(
        detector.score_samples(dask_frame(X, None)), expected.score_samples(X)
    )


@pytest.mark.parametrize("chunks", [(0, 4), (), "auto", ((100, 4900), (4,)), (7, 4)])
def test_chunks_of_any_meaning(X, chunks):
    rows = Counted(X)
    rows.chunks = chunks
    detector = DeepSVDD(max_epochs=1, random_state=0)
    with config_context(**LITTLE):
        scores = detector.fit(rows).score_samples(rows)
    np.testing.assert_allclose(scores, detector.score_samples(X), rtol=1e-5)


def test_blocks_that_are_none(X):
    class Empty(Counted):
        def __getitem__(self, rows):
            return None

    detector = DeepSVDD(max_epochs=1).fit(X[:100])
    for memory in (LITTLE, {}):
        for call in (DeepSVDD().fit, detector.score_samples):
            with config_context(**memory), pytest.raises(ValueError, match=r"are no rows: .*None"):
                call(Empty(X))


@pytest.mark.parametrize("paths", [None, 3, [None], b"rows.parquet"])
def test_parquet_paths_that_are_none(paths):
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    with pytest.raises(TypeError, match="ParquetRows: paths must be the path of a file"):
        ParquetRows(paths)


def test_parquet_columns_that_cannot_be_read(X, tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    path = tmp_path / "rows.parquet"
    arrow.parquet.write_table(arrow.table([X[:, 0], X[:, 1], X[:, 2]], names=list("aab")), path)
    with pytest.raises(ValueError, match="column 'a' comes more than once in .*rows.parquet"):
        ParquetRows(path)
    assert ParquetRows(path, columns=["b"]).shape == (6000, 1)
    with pytest.raises(ValueError, match="column 'b' comes more than once in columns"):
        ParquetRows(path, columns=["b", "b"])
    with pytest.raises(ValueError, match="must name at least one column; got an empty list"):
        ParquetRows(path, columns=[])
    for columns in ("b", [0], 3):
        with pytest.raises(TypeError, match="ParquetRows: columns must be a list of names"):
            ParquetRows(path, columns=columns)
    pd.DataFrame(index=range(9)).to_parquet(path)
    with pytest.raises(ValueError, match="rows.parquet has no column"):
        ParquetRows(path)
    pd.DataFrame(index=[3, 1]).to_parquet(path)
    with pytest.raises(ValueError, match="rows.parquet has no column that is no index"):
        ParquetRows(path)


def test_what_a_writer_has_beside_its_files_is_not_read(X, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame.to_parquet(tmp_path / "part-0.parquet")
    frame.to_parquet(tmp_path / ".part-1.parquet")  # not finished
    (tmp_path / "._part-0.parquet").write_bytes(b"attributes of another system")
    (tmp_path / "_metadata.parquet").write_bytes(b"")
    (tmp_path / "_SUCCESS").write_bytes(b"")
    assert ParquetRows(tmp_path).paths == [tmp_path / "part-0.parquet"]
    assert ParquetRows(tmp_path / ".part-1.parquet").shape == (6000, 4)  # asked for by its name


def test_parquet_files_in_folders_of_a_folder(X, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    for day in range(2):
        folder = tmp_path / f"day={day}"
        folder.mkdir()
        pd.DataFrame(X, columns=list("abcd")).to_parquet(folder / "0.parquet")
    advice = r"sorted\(Path\(.*\).rglob\('\*.parquet'\)\)"
    with pytest.raises(FileNotFoundError, match=f"in folders within it .*day=.*{advice}"):
        ParquetRows(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"day=1 is a folder, .*{advice}"):
        ParquetRows([tmp_path / "day=0" / "0.parquet", tmp_path / "day=1"])
    assert ParquetRows(sorted(tmp_path.rglob("*.parquet"))).shape == (12000, 4)
    with pytest.raises(FileNotFoundError, match="at least one file; got an empty list"):
        ParquetRows([])


def test_a_column_that_comes_twice_in_a_later_file(X, tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    arrow.parquet.write_table(arrow.table({"a": X[:, 0], "b": X[:, 1]}), tmp_path / "1.parquet")
    twice = arrow.table([X[:, 0], X[:, 1], X[:, 2]], names=list("aba"))
    arrow.parquet.write_table(twice, tmp_path / "2.parquet")
    with pytest.raises(ValueError, match="column 'a' comes more than once in .*2.parquet"):
        ParquetRows(tmp_path)
    assert ParquetRows(tmp_path, columns=["b"]).shape == (12000, 1)


@pytest.mark.parametrize(
    ("what", "got"), [(lambda b: np.concatenate([b, b]), r"\d+, 4"), (np.ravel, r"\d+,")]
)
@pytest.mark.parametrize("memory", [LITTLE, {}])
def test_a_source_that_gives_too_much(what, got, memory, X):
    class Other(Counted):
        def __getitem__(self, rows):
            return what(super().__getitem__(rows))

    message = rf"have shape \({got}\) and not \(\d+, 4\): the source has changed .*, or its slices"
    with config_context(**memory), pytest.raises(ValueError, match=message):
        DeepSVDD().fit(Other(X))


def test_files_and_groups_of_arrays(X, tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py")
    zarr = pytest.importorskip("zarr", reason="needs zarr")
    np.savez(tmp_path / "rows.npz", rows=X)
    group = zarr.open_group(tmp_path / "rows.zarr", mode="w")
    group.create_array("rows", data=X)
    detector = DeepSVDD(max_epochs=1).fit(X[:100])
    with (
        h5py.File(tmp_path / "rows.h5", "w") as file,
        np.load(tmp_path / "rows.npz") as arrays,
    ):
        file["rows"] = X
        for given in (file, arrays, group, {"rows": X}):
            for use in (DeepSVDD().fit, detector.score_samples, detector.partial_fit):
                with pytest.raises(
                    (ValueError, TypeError), match=r"one of them, as in X\['rows'\]"
                ):
                    use(given)
            detector.fit(given["rows"])
        with pytest.raises(ValueError, match="got a Group of arrays; pass one of them, if"):
            DeepSVDD().fit(file.create_group("empty"))
    with pytest.raises(ValueError, match="got a File of arrays"):  # which is closed
        DeepSVDD().fit(file)


def test_files_of_arrow_that_are_yet_to_be_read(X, tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    dataset = pytest.importorskip("pyarrow.dataset", reason="needs pyarrow")
    path = tmp_path / "rows.parquet"
    pd.DataFrame(X, columns=list("abcd")).to_parquet(path)
    for given, how in [
        (dataset.dataset(path), "to_table"),
        (arrow.parquet.ParquetFile(path), "read"),
        (arrow.parquet.read_table(path).to_reader(), "read_all"),
    ]:
        with pytest.raises(TypeError, match=rf"Pass X\.{how}\(\), or .*ParquetRows\(paths\)"):
            DeepSVDD().fit(given)
        DeepSVDD(max_epochs=1).fit(getattr(given, how)())


@pytest.mark.parametrize("store", ["array", "mapped", "hdf5"])
def test_records(store, tmp_path):
    records = np.zeros(100, dtype=[("speed", "f4"), ("load", "f4")])
    records["speed"] = np.arange(100)
    given = records
    if store == "mapped":
        np.save(tmp_path / "rows.npy", records)
        given = np.load(tmp_path / "rows.npy", mmap_mode="r")
    if store == "hdf5":
        h5py = pytest.importorskip("h5py", reason="needs h5py")
        given = h5py.File(tmp_path / "rows.h5", "w").create_dataset("rows", data=records)
    with pytest.raises(ValueError, match="the fields 'speed', 'load'. pandas.DataFrame"):
        DeepSVDD().fit(given)
    DeepSVDD(max_epochs=1).fit(pd.DataFrame(given[:]))
