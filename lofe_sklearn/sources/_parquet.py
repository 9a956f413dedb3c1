"""Files of Parquet as rows: read by row groups."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lofe_sklearn._types import FilePath
from lofe_sklearn.sources._row_source import RowSource, common_dtype

# Files whose footers are kept: each may have some megabytes.
_FOOTERS = 16
# Names under which pandas and Dask store an index without a name.
_INDEX = re.compile("__index_level_[0-9]+__|__null_dask_index__")

# How the files of a folder and of all folders within it are passed.
_AS_A_LIST = "its files, as in sorted(Path({!r}).rglob('*.parquet'))"


class ParquetRows:
    """The rows of one or more Parquet files, read when they are needed.

    Give it to ``fit``, ``partial_fit``, ``score_samples`` and the other methods instead of an
    array. It needs ``pip install 'lofe-sklearn[parquet]'``.

    Parameters
    ----------
    paths : path, or sequence of paths
        A file, a folder whose ``*.parquet`` files are taken in the order of their names, or files
        in their order. Files of a folder whose names begin with ``.`` or ``_`` are left out:
        writers give such names to what is no part of the data, or not yet.
    columns : sequence of str, optional
        The columns to read, in this order. Default: all but those that pandas or Dask has stored
        an index in.

    Attributes
    ----------
    shape : tuple of int
        Rows of all files, and columns.
    dtype : numpy.dtype
        The common type of the values of a row; object if a column does not hold numbers.
    columns : list of str

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    TypeError
        If `paths` are no paths, or `columns` no names.
    FileNotFoundError
        If there is no such file, or none in the folder.
    ValueError
        If a file is no Parquet file, lacks a column, has it twice, or in another type than the
        first file; if there is no column to read, or one is asked for twice.

    Notes
    -----
    A row group is read as a whole, so it has to fit into memory: at most a quarter of
    scikit-learn's ``working_memory``. Writers have an option for it
    (``pyarrow.parquet.write_table(..., row_group_size=100_000)``). Groups of about ten thousand
    rows are best: rows of one group are trained on together.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> import pyarrow.parquet
    >>> from lofe_sklearn import DeepSVDD
    >>> from lofe_sklearn.sources import ParquetRows
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> file = tempfile.NamedTemporaryFile(suffix=".parquet")
    >>> pa.parquet.write_table(pa.table({"speed": X[:, 0], "load": X[:, 1]}), file.name)
    >>> rows = ParquetRows(file.name)
    >>> rows.shape, rows.columns
    ((500, 2), ['speed', 'load'])
    >>> detector = DeepSVDD(max_epochs=5, random_state=0).fit(rows)
    >>> detector.feature_names_in_.tolist(), detector.predict(rows).shape
    (['speed', 'load'], (500,))
    """

    def __init__(
        self, paths: FilePath | Sequence[FilePath], columns: Sequence[str] | None = None
    ) -> None:
        _library()
        self.paths = _files(paths)
        self._stamps = [_stamp(path) for path in self.paths]
        schemas = [_open(path).schema_arrow for path in self.paths]
        self.columns = _features_of(schemas[0]) if columns is None else _listed(columns)
        self._check_names(schemas[0], columns)
        for path, schema in zip(self.paths, schemas, strict=True):
            self._check(path, schema, schemas[0])
        types = [schemas[0].field(name).type for name in self.columns]
        self.dtype = common_dtype(map(_numpy_type, types))
        # Files may differ in whether a value may be missing, and in what is noted of a column.
        self._schema = _library().schema(zip(self.columns, types, strict=True))
        # The file and the number of each row group, and the row after its last one.
        self._groups: list[tuple[int, int]] = []
        lengths = []
        for i, path in enumerate(self.paths):
            metadata = _open(path).metadata
            for group in range(metadata.num_row_groups):
                if metadata.row_group(group).num_rows:
                    self._groups.append((i, group))
                    lengths.append(metadata.row_group(group).num_rows)
        self.group_ends = np.cumsum(lengths, dtype=np.int64)
        self.shape = (int(sum(lengths)), len(self.columns))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Any:
        """Return a range of rows as a table of Arrow's."""
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise TypeError(f"ParquetRows: rows are taken as [start:stop]; got [{rows!r}].")
        start, stop, _ = rows.indices(len(self))
        return self.read_range(start, max(start, stop))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows as an array, which has to fit into memory."""
        return np.asarray(self[:], dtype=dtype)

    def __repr__(self) -> str:
        more = f" and {len(self.paths) - 1} more files" if len(self.paths) > 1 else ""
        return f"ParquetRows({str(self.paths[0])!r}{more}, shape={self.shape})"

    def read_range(self, start: int, stop: int) -> Any:
        """Read the row groups that hold the rows from `start` to `stop`, and return these.

        Raises
        ------
        OSError
            If a file has changed, or cannot be read.
        """
        if start >= stop:
            return self._schema.empty_table()
        first = int(np.searchsorted(self.group_ends, start, side="right"))
        last = int(np.searchsorted(self.group_ends, stop, side="left"))
        tables = [self._read_group(number) for number in range(first, last + 1)]
        offset = int(self.group_ends[first - 1]) if first else 0
        return _library().concat_tables(tables).slice(start - offset, stop - start)

    def _read_group(self, number: int) -> Any:
        file, group = self._groups[number]
        path = self.paths[file]
        if _stamp(path) != self._stamps[file]:
            raise OSError(f"the file {path} has changed since it was opened")
        try:
            opened = _library().parquet.ParquetFile(path, metadata=self._footer_of(file))
            table = opened.read_row_group(group, columns=self.columns).select(self.columns)
            return table.cast(self._schema)
        except (OSError, ValueError) as error:  # Arrow's errors are of one of these kinds
            raise OSError(f"row group {group} of {path} is damaged: {error}") from error

    @cached_property
    def _footer_of(self) -> Callable[[int], Any]:
        """A function of the number of a file that returns what it says of its row groups.

        To read that takes as long as they are many, so that some files' are kept.
        """
        paths = self.paths
        return lru_cache(maxsize=_FOOTERS)(lambda file: _open(paths[file]).metadata)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_footer_of"}

    def _check_names(self, schema: Any, asked: Sequence[str] | None) -> None:
        """Raise ValueError if there is no column to read, or if one comes twice."""
        path = self.paths[0]
        if not self.columns:
            got = f"{path} has no column" if asked is None else "got an empty list"
            only_index = " that is no index" if asked is None and schema.names else ""
            raise ValueError(
                f"ParquetRows: columns must name at least one column; {got}{only_index}. Pass the "
                "names of the columns to read, as in columns=['a', 'b']."
            )
        if asked is not None:
            _check_once(self.columns, self.columns, "columns")

    def _check(self, path: Path, schema: Any, first: Any) -> None:
        names = schema.names  # Arrow makes a new list at each request
        known = set(names)
        missing = [name for name in self.columns if name not in known]
        if missing:
            raise ValueError(
                f"ParquetRows: {path} has no column {missing[0]!r}; its columns are "
                f"{', '.join(map(repr, names))}."
            )
        _check_once(self.columns, names, path)
        for name in self.columns:
            own, other = schema.field(name).type, first.field(name).type
            if own != other:
                raise ValueError(
                    f"ParquetRows: column {name!r} is of type {own} in {path}, but of type {other} "
                    f"in {self.paths[0]}. Write the files again with one type."
                )


class ParquetSource(RowSource):
    """The rows of `ParquetRows`."""

    reads_whole_chunks = True
    remedy = "pyarrow.parquet.write_table(..., row_group_size=...)"

    def chunk_ends(self) -> np.ndarray:
        """Return the ends of the row groups."""
        return self.array.group_ends

    def read(self, start: int, stop: int) -> Any:
        """Read a range of rows as a table of Arrow's."""
        return self.array.read_range(start, stop)


def _library() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "ParquetRows needs pyarrow. Install it with: pip install 'lofe-sklearn[parquet]'"
        ) from error
    return pyarrow


def _features_of(schema: Any) -> list[str]:
    """Return the names of the columns, but for those that hold an index of pandas or Dask."""
    stored = (schema.pandas_metadata or {}).get("index_columns", [])
    # An index that is a range is described by a dict, and no column.
    index = [name for name in stored if isinstance(name, str)]
    return [name for name in schema.names if name not in index and not _INDEX.fullmatch(name)]


def _listed(columns: Sequence[str]) -> list[str]:
    is_list = isinstance(columns, Iterable) and not isinstance(columns, (str, bytes))
    names = list(columns) if is_list else []
    if not is_list or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"ParquetRows: columns must be a list of names of columns, or None; got {columns!r}."
        )
    return names


def _check_once(columns: Sequence[str], names: Sequence[str], where: object) -> None:
    counts = Counter(names)
    twice = next((name for name in columns if counts[name] > 1), None)
    if twice is not None:
        raise ValueError(
            f"ParquetRows: column {twice!r} comes more than once in {where}. Each name must be "
            "that of one column: rename the others, or leave them out by columns=[...]."
        )


def _files(paths: FilePath | Sequence[FilePath]) -> list[Path]:
    if not isinstance(paths, (str, os.PathLike)):
        several = list(paths) if isinstance(paths, Iterable) else [paths]
        if not all(isinstance(path, (str, os.PathLike)) for path in several):
            raise TypeError(
                "ParquetRows: paths must be the path of a file or a folder, or a list of paths; "
                f"got {paths!r}."
            )
        files = [Path(path) for path in several]
    elif Path(paths).is_dir():
        files = _files_of_folder(Path(paths))
    else:
        files = [Path(paths)]
    if not files:
        raise FileNotFoundError(
            "ParquetRows: paths must name at least one file; got an empty list."
        )
    for file in files:
        if file.is_dir():
            raise FileNotFoundError(
                f"ParquetRows: {file} is a folder, and a list of paths must be one of files. Pass "
                f"{_AS_A_LIST.format(str(file))}."
            )
        if not file.is_file():
            raise FileNotFoundError(f"ParquetRows: there is no file {file}.")
    return files


def _files_of_folder(folder: Path) -> list[Path]:
    """Return the files of rows in a folder, in the order of their names."""
    files = sorted(p for p in folder.glob("*.parquet") if not p.name.startswith((".", "_")))
    if files:
        return files
    below = next((path for path in folder.rglob("*.parquet") if path.is_file()), None)
    if below is None or below.parent == folder:
        raise FileNotFoundError(f"ParquetRows: there is no *.parquet file in {folder}.")
    raise FileNotFoundError(
        f"ParquetRows: there is no *.parquet file in {folder} itself, but in folders within it "
        f"there are some, such as {below}. Pass {_AS_A_LIST.format(str(folder))}. What the names "
        "of these folders say, such as day=1, is no column of the files."
    )


def _open(path: Path) -> Any:
    try:
        return _library().parquet.ParquetFile(path)
    except ValueError as error:  # ArrowInvalid
        raise ValueError(
            f"ParquetRows: {path} is no Parquet file, or is damaged: {error}"
        ) from error


def _stamp(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def _numpy_type(kind: Any) -> np.dtype:
    try:
        return np.dtype(kind.to_pandas_dtype())
    except (NotImplementedError, TypeError):
        return np.dtype(object)
