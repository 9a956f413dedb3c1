"""Tables in files: CSV, Parquet and .npz, in chunks."""

from __future__ import annotations

import codecs
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lofe_sklearn._command_line._csv_file import CsvFile
from lofe_sklearn._command_line._exits import BadData, UsageMistake
from lofe_sklearn._errors_of_others import is_of_memory
from lofe_sklearn._saving._atomic import is_special

if TYPE_CHECKING:
    import pandas as pd

# A table of more columns rarely has one record in each row, and finding reasons would take hours.
MOST_COLUMNS = 2000
_SEPARATORS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_INTEGERS = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
_KINDS = ".csv, .csv.gz, .tsv, .txt, .parquet or .npz"
_REMEDIES = {
    (".xlsx", ".xls", ".xlsm", ".ods"): "Save the sheet as CSV in the program that wrote it",
    (".jsonl", ".ndjson"): "Convert it with pandas.read_json(..., lines=True).to_parquet(...)",
    (".json",): "Convert it with pandas.read_json(...).to_parquet(...)",
    (".bz2", ".xz", ".zst", ".zip", ".7z", ".tar", ".tgz"): "Unpack it first",
    (".feather", ".arrow"): "Convert it with pandas.read_feather(...).to_parquet(...)",
}


@dataclass(frozen=True)
class ReadingOptions:
    """How CSV files are written.

    Parameters
    ----------
    separator : str
        ``"auto"``, a character, or the name of one.
    encoding : str
    decimal : {".", ","}
    """

    separator: str = "auto"
    encoding: str = "utf-8"
    decimal: str = "."

    def checked(self) -> ReadingOptions:
        """Return the options with the separator as a character.

        Raises
        ------
        UsageMistake
            If an option is not one of those allowed.
        """
        separator = _SEPARATORS.get(self.separator, self.separator)
        if separator != "auto" and (len(separator) != 1 or separator in '\r\n"'):
            raise UsageMistake(
                f"--separator must be auto, tab, or one sign such as , or ;; got {separator!r}"
            )
        if self.decimal not in (".", ","):
            raise UsageMistake(f"--decimal must be . or ,; got {self.decimal!r}")
        try:
            "".encode(self.encoding)
        except (LookupError, ValueError):  # also that of the codec "undefined"
            raise UsageMistake(
                f"--encoding: {self.encoding!r} is not known to Python; examples are utf-8, "
                "latin-1, cp1252 and utf-16"
            ) from None
        return ReadingOptions(separator, codecs.lookup(self.encoding).name, self.decimal)


class TableFile(Protocol):
    """A file of rows."""

    columns: list[str]

    def chunks(self, n_rows: int | None) -> Iterator[pd.DataFrame]:
        """Yield the rows as tables of at most `n_rows`; all at once for None.

        The index counts the rows of the file from 1. Values of CSV files are text.
        """
        ...

    def place(self, row: int) -> str:
        """Say where a row is, by its number."""
        ...

    def share_read(self) -> float:
        """Return how much of the file was read by now."""
        ...


def open_table(path: Path, how: ReadingOptions) -> TableFile:
    """Open a file by its ending, and check its columns.

    Raises
    ------
    BadData
        If it is not there, is no file, is empty, is of another kind, or has columns of one name.
    """
    if not os.path.exists(path):  # of any name, too long ones included
        of_stdin = ". Rows are not read from stdin: write them to a file first"
        raise BadData(f"{path}: there is no such file{of_stdin if str(path) == '-' else ''}")
    if path.is_dir():
        raise BadData(f"{path} is a folder; give a file ({_KINDS})")
    if is_special(path):
        raise BadData(
            f"{path} is a pipe or a device, and a file is read more than once: write the rows to a "
            f"file first ({_KINDS})"
        )
    name = path.name.lower().removesuffix(".gz")
    try:
        empty = path.stat().st_size == 0
        if empty:
            raise BadData(f"{path} is empty")
        if name.endswith((".parquet", ".pq")):
            table: TableFile = ParquetFile(path)
        elif name.endswith(".npz"):
            table = NpzFile(path)
        elif name.endswith((".csv", ".tsv", ".txt")):
            table = CsvFile(path, how.separator, how.encoding, how.decimal)
        else:
            remedy = next((f". {do}" for ends, do in _REMEDIES.items() if name.endswith(ends)), "")
            raise BadData(f"{path}: the name must end in {_KINDS}{remedy}")
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror or error}") from error
    _check_columns(table.columns, path)
    return table


def _check_columns(columns: list[str], path: Path) -> None:
    twice = [repr(name) for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise BadData(
            f"{path}: columns must have different names; {', '.join(twice[:8])} "
            f"{'comes' if len(twice) == 1 else 'come'} more than once in the header"
        )
    if len(columns) > MOST_COLUMNS:
        raise BadData(
            f"{path} has {len(columns):,} columns; at most {MOST_COLUMNS:,} are read. Leave out "
            "those that say little of a row, or use LOE from Python"
        )


class ParquetFile:
    """A Parquet file."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise ImportError(
                f"{path}: Parquet files need pyarrow. Install it with: pip install pyarrow"
            ) from error
        self.path, self._bad = path, pyarrow.ArrowException
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except pyarrow.ArrowException as error:
            raise self._damaged(error) from error
        schema = self._file.schema_arrow
        unnamed = _unnamed_indexes(schema.pandas_metadata)
        self.columns = [name for name in schema.names if name not in unnamed]
        self._n_read = 0

    def chunks(self, n_rows: int | None) -> Iterator[pd.DataFrame]:
        """Yield the rows as tables of at most `n_rows`."""
        start = 1
        batches = self._batches(n_rows)
        while True:
            try:
                batch = next(batches, None)
            except (self._bad, OSError) as error:
                raise self._damaged(error) from error
            if batch is None:
                return
            # What pandas notes of its index would take columns out of the table.
            frame = batch.to_pandas(ignore_metadata=True, types_mapper=_exact_integers)
            frame = frame[self.columns]
            self._n_read = start - 1 + len(frame)
            yield _numbered(frame, start)
            start += len(frame)

    def _batches(self, n_rows: int | None) -> Iterator[Any]:
        """Yield tables of Arrow's, or batches of records, which end with some row groups too."""
        if n_rows is not None:
            yield from self._file.iter_batches(batch_size=n_rows)
        elif self._file.metadata.num_rows:
            yield self._file.read()

    def place(self, row: int) -> str:
        """Say where a row is."""
        return f"row {row}"

    def share_read(self) -> float:
        """Return how much of the file was read, as a share of its rows."""
        return self._n_read / max(1, self._file.metadata.num_rows)

    def _damaged(self, error: Exception) -> Exception:
        if is_of_memory(error):
            return error
        return BadData(f"{self.path} is no Parquet file, or is damaged: {error}")


def _exact_integers(kind: Any) -> Any:
    """Return pandas' type for integers that may be missing, which would become rounded floats."""
    import pandas as pd

    names = {str(dtype).lower(): dtype for dtype in map(pd.api.types.pandas_dtype, _INTEGERS)}
    return names.get(str(kind))


def _unnamed_indexes(metadata: dict[str, Any] | None) -> set[str]:
    """Return the columns that pandas wrote for an index without a name, such as row numbers."""
    if metadata is None:
        return set()
    stored = [name for name in metadata["index_columns"] if isinstance(name, str)]
    return {name for name in stored if re.fullmatch(r"__index_level_\d+__", name)}


class NpzFile:
    """An .npz file with X, optional ``feature_names``, and other arrays of the same length."""

    def __init__(self, path: Path) -> None:
        import pandas as pd

        try:
            with np.load(path, allow_pickle=False) as arrays:
                values = {name: arrays[name] for name in arrays.files}
        except (ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
            why = "; objects that are pickled are not read" if "pickle" in str(error) else ""
            raise BadData(f"{path} is no .npz file of plain arrays of numbers{why}") from error
        X = values.pop("X", None)
        if X is None or X.ndim != 2 or X.dtype.kind not in "biuf":
            found = "no X" if X is None else f"X of shape {X.shape} and type {X.dtype}"
            raise BadData(f"{path} must hold X, a matrix of numbers; it holds {found}")
        names: Any = values.pop("feature_names", None)
        names = [f"x{j}" for j in range(X.shape[1])] if names is None else list(map(str, names))
        if len(names) != X.shape[1]:
            raise BadData(
                f"{path}: feature_names must hold {X.shape[1]} names, as X has columns; got "
                f"{len(names)}"
            )
        self.columns = names
        # Arrays beside X can be named by --id and --known; they are no features.
        self.beside = {k: v for k, v in values.items() if v.shape in ((len(X),), (len(X), 1))}
        twice = [repr(name) for name in self.beside if name in names]
        if twice:
            raise BadData(
                f"{path}: {', '.join(twice)} beside X has the name of a column of X; rename one"
            )
        beside = {name: pd.Series(value.ravel()) for name, value in self.beside.items()}
        self._n_read = 0
        own = pd.DataFrame(X, columns=names)
        self._frame = own if not beside else pd.concat([own, pd.DataFrame(beside)], axis=1)

    def chunks(self, n_rows: int | None) -> Iterator[pd.DataFrame]:
        """Yield the rows as tables of at most `n_rows`, arrays beside X included."""
        step = n_rows or max(1, len(self._frame))
        for start in range(0, len(self._frame), step):
            part = self._frame.iloc[start : start + step].reset_index(drop=True)
            self._n_read = start + len(part)
            yield _numbered(part, start + 1)

    def place(self, row: int) -> str:
        """Say where a row is."""
        return f"row {row}"

    def share_read(self) -> float:
        """Return how much of the file was handed on, as a share of its rows."""
        return self._n_read / max(1, len(self._frame))


def _numbered(frame: pd.DataFrame, first: int) -> pd.DataFrame:
    import pandas as pd

    frame.index = pd.RangeIndex(first, first + len(frame))
    return frame
