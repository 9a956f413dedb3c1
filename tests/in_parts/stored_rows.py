"""The same rows, stored in every way that is read."""

import numpy as np
import pytest


def mapped(X, folder):
    np.save(folder / "rows.npy", X)
    return np.load(folder / "rows.npy", mmap_mode="r")


def fortran(X, folder):
    np.save(folder / "rows.npy", np.asfortranarray(X))
    return np.load(folder / "rows.npy", mmap_mode="r")


def hdf5(X, folder):
    h5py = pytest.importorskip("h5py", reason="needs h5py")
    file = h5py.File(folder / "rows.h5", "w")
    return file.create_dataset("rows", data=X, chunks=(100, X.shape[1]), compression="gzip")


def zarr(X, folder):
    zarr = pytest.importorskip("zarr", reason="needs zarr")
    array = zarr.create_array(
        str(folder / "rows.zarr"), shape=X.shape, chunks=(130, X.shape[1]), dtype=X.dtype
    )
    array[:] = X
    return array


def dask_array(X, folder):
    dask = pytest.importorskip("dask.array", reason="needs dask")
    return dask.from_array(X, chunks=(150, X.shape[1]))


def dask_frame(X, folder):
    dask = pytest.importorskip("dask.dataframe", reason="needs dask")
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    frame = pandas.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    return dask.from_pandas(frame, npartitions=9)


def parquet(X, folder):
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    from lofe_sklearn.sources import ParquetRows

    half = len(X) // 2
    for name, rows in {"a.parquet": X[:half], "b.parquet": X[half:]}.items():
        table = arrow.table({f"x{j}": rows[:, j] for j in range(X.shape[1])})
        parquet.write_table(table, folder / name, row_group_size=170)
    return ParquetRows(folder)


class Counted:
    """Whatever has a shape, a type and slices of rows; it counts what is read."""

    def __init__(self, X):
        self.X, self.shape, self.dtype = X, X.shape, X.dtype
        self.n_read = self.largest = 0

    def __getitem__(self, rows):
        block = self.X[rows]
        self.n_read += len(block)
        self.largest = max(self.largest, len(block))
        return block


def counted(X, folder):
    return Counted(X)


STORES = [mapped, fortran, hdf5, zarr, dask_array, dask_frame, parquet, counted]
