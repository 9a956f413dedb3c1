"""The result file: one JSON object a line, only ever added to.

The first line says what the file is and which version wrote it; every further line is the row of
one finished fit of a suite, or of one finished cell of a study. A row is written in one piece and
synced before the next one is taken up, so a run may be killed at any time: at worst its last line
is torn, and is cut off when the file is opened again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import lofe_sklearn

FORMAT = 1
RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]


class LedgerError(Exception):
    """A result file that cannot be used, and what to do."""


class Ledger:
    """A result file opened for adding to it, by one process at a time.

    `rows` holds what is there already; `add` appends a row. With `mix_versions`, rows of another
    version of the library may be in the same file.
    """

    def __init__(self, path: Path, *, mix_versions: bool = False) -> None:
        self.path, self.mix_versions = Path(path), mix_versions
        self.rows: list[Row] = []

    def __enter__(self) -> Ledger:
        """Lock and read the file; create it if there is none."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what could not be written must not be tried again on closing.
            self._file = self.path.open("a+b", buffering=0)
        except OSError as error:
            raise LedgerError(f"{self.path} cannot be written: {error}.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._open()
        except BlockingIOError:
            self._file.close()
            raise LedgerError(
                f"another runner is writing to {self.path}. Wait for it, or give this one a file "
                "of its own with --output."
            ) from None
        except OSError as error:
            self._file.close()
            raise LedgerError(f"{self.path} cannot be used: {error}.") from error
        except BaseException:
            self._file.close()
            raise
        return self

    def _open(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        header, self.rows = parse(content[:whole], self.path)
        ours = lofe_sklearn.__version__
        if header is None:
            if whole < len(content) and not _our_start().startswith(content[:20]):
                raise LedgerError(f"{self.path} is not a result file of this runner.")
            self._file.truncate(0)
            self._append({"lofe_bench": FORMAT, "lofe-sklearn": ours})
            return
        versions = {header["lofe-sklearn"], *(row.get("lofe-sklearn", ours) for row in self.rows)}
        others = versions - {ours}
        if others and not self.mix_versions:
            raise LedgerError(
                f"{self.path} has results of lofe-sklearn {', '.join(sorted(others))}; this is "
                f"{ours}. Give another --output, or --mix-versions to keep both in one file."
            )
        # Only a torn line goes, of a row that was not finished.
        self._file.truncate(whole)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file, which unlocks it."""
        self._file.close()

    def add(self, row: Row) -> None:
        """Append one row, and have it on the disk when this returns."""
        self._append(row)
        self.rows.append(row)

    def _append(self, row: Row) -> None:
        end = os.fstat(self._file.fileno()).st_size
        rest = memoryview(json.dumps(row, allow_nan=True).encode() + b"\n")
        try:
            while rest:  # on a disk that is nearly full, only a part of it is written
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            # If that fails too, the torn line goes when the file is opened again.
            with suppress(OSError):
                self._file.truncate(end)
            raise LedgerError(
                f"a row could not be written to {self.path}: {error}. The rows before it are safe; "
                "make room and start the same command again."
            ) from error


def read(paths: Iterable[Path]) -> list[Row]:
    """Read the rows of result files, the last one of each fit or cell that was repeated."""
    latest: dict[tuple, Row] = {}
    for path in paths:
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise LedgerError(f"{path} cannot be read: {error}.") from error
        header, rows = parse(content[: content.rfind(b"\n") + 1], Path(path))
        if header is None:
            raise LedgerError(f"{path} is not a result file of this runner: it is empty.")
        for row in rows:
            latest[identity(row)] = row
    return list(latest.values())


# What a fit of a suite is known by: two rows with the same values are the same fit.
IDENTITY = (
    "suite",
    "protocol",
    "dataset",
    "max_rows",
    "detector",
    "method",
    "setting",
    "params",
    "true_ratio",
    "assumed_ratio",
    "seed",
    "device",
)


def identity(row: Row) -> tuple:
    """Return what the fit of `row` is known by, or the cell of a study."""
    if "study" in row:
        return row["study"], json.dumps(row["cell"], sort_keys=True)
    return tuple(json.dumps(row.get(name)) for name in IDENTITY)


def parse(content: bytes, path: Path) -> tuple[Row | None, list[Row]]:
    """Read whole lines: the header, None where there is no line, and the rows.

    Files that were joined by ``cat`` have several headers. Rows behind one of another version say
    which.
    """
    first: Row | None = None
    rows, version = [], None
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict) or (number == 1 and "lofe_bench" not in value):
            what = "is not a result file of this runner" if number == 1 else "has been altered"
            raise LedgerError(
                f"{path} {what}: line {number} is not one of its rows. Nothing was changed in it; "
                "give another --output, or mend that line."
            )
        if "lofe_bench" not in value:
            is_other = first is not None and version != first["lofe-sklearn"]
            rows.append({"lofe-sklearn": version, **value} if is_other else value)
        elif value["lofe_bench"] != FORMAT:
            raise LedgerError(
                f"{path} has format {value['lofe_bench']}; this runner writes format {FORMAT}. "
                "Give another --output."
            )
        else:
            first, version = first or value, value["lofe-sklearn"]
    return first, rows


def _our_start() -> bytes:
    return json.dumps({"lofe_bench": FORMAT}).encode()[:-1]
