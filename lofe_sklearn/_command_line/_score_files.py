"""Files of scores, one line for each row: CSV or Parquet, written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lofe_sklearn._command_line._exits import CannotWrite, UsageMistake
from lofe_sklearn._command_line._models import Scores
from lofe_sklearn._command_line._plain_values import name_text
from lofe_sklearn._saving._atomic import file_above, is_special, name_beside, put_in_place

if TYPE_CHECKING:
    import pandas as pd

# The columns of --output and of the printed list.
_OWN_COLUMNS = ("rank", "row", "probability", "anomaly_score", "flagged", "reasons")


def check_targets(written: Mapping[str, Path | None], read: Mapping[str, Path]) -> None:
    """Check the files that a command writes, before anything is read or computed.

    Parameters
    ----------
    written, read : dict of str to Path
        The files, by the options that name them.

    Raises
    ------
    CannotWrite
        If the folder of a file is not there, or a name cannot be that of a file.
    UsageMistake
        If a file that is written is also read, or written twice.
    """
    targets = {option: path for option, path in written.items() if path is not None}
    for path in targets.values():
        try:
            _check_folder(path)
        except OSError as error:  # a name that is too long
            raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error
    for (option, path), (other, taken) in combinations({**targets, **read}.items(), 2):
        if option in targets and is_same_file(path, taken):
            what = "write to" if other in targets else "overwrite what is read from"
            raise UsageMistake(
                f"{option} {path} would {what} the file of {other}, {taken}; give another name"
            )


def _check_folder(path: Path) -> None:
    if path.is_dir():
        raise CannotWrite(f"{path} is a folder; give the name of a file")
    folder, file = path.resolve().parent, file_above(path.resolve())
    if file is not None:
        raise CannotWrite(f"{path} cannot be written: {file} is no folder")
    if not folder.is_dir():
        raise CannotWrite(f"{path} cannot be written: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise CannotWrite(f"{path} cannot be written: no permission to write in {folder}")


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two names are those of one file, by links and on disks that ignore case too."""
    if path.resolve() == other.resolve():
        return True
    # Of any name, too long ones included.
    return os.path.exists(path) and os.path.exists(other) and path.samefile(other)


def check_ending(path: Path | None) -> None:
    """Raise UsageMistake unless scores can be written to a file of this name."""
    if path is not None and path.suffix.lower() not in (".csv", ".parquet"):
        raise UsageMistake(f"--output {path}: the name must end in .csv or .parquet")
    if path is not None and path.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"{path}: Parquet files need pyarrow. Install it with: pip install pyarrow"
            ) from error


def check_id_column(name: str | None) -> None:
    """Raise UsageMistake if the column of --id has the name of one that the scores have."""
    if name in _OWN_COLUMNS:
        raise UsageMistake(
            f"--id {name}: the scores have a column of this name themselves, as they have "
            f"{', '.join(column for column in _OWN_COLUMNS if column != name)}. Rename the column "
            "in the file"
        )


class ScoreFile:
    """Takes scores chunk by chunk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parquet: Any = None
        self._is_new = True

    def add(self, index: pd.Index, names: pd.Series | None, scores: Scores) -> None:
        """Write the scores of some rows."""
        import pandas as pd

        frame = pd.DataFrame({"row": index})
        if names is not None:
            # Written as text, since a column of names may look like numbers in some chunks.
            frame[str(names.name)] = [name_text(name) for name in names]
        frame["anomaly_score"] = scores.anomaly_score
        frame["probability"] = scores.probability
        frame["flagged"] = scores.flagged.astype(int)
        if self._path.suffix == ".tmp-csv":
            frame.to_csv(self._path, mode="a", header=self._is_new, index=False)
        else:
            self._add_to_parquet(frame)
        self._is_new = False

    def close(self) -> None:
        """Finish the file."""
        if self._parquet is not None:
            self._parquet.close()

    def _add_to_parquet(self, frame: pd.DataFrame) -> None:
        import pyarrow
        import pyarrow.parquet

        if self._parquet is None:
            kinds = {
                "row": pyarrow.int64(),
                "anomaly_score": pyarrow.float64(),
                "probability": pyarrow.float64(),
                "flagged": pyarrow.int8(),
            }
            fields = [(name, kinds.get(name, pyarrow.string())) for name in frame.columns]
            self._parquet = pyarrow.parquet.ParquetWriter(self._path, pyarrow.schema(fields))
        table = pyarrow.Table.from_pandas(frame, schema=self._parquet.schema, preserve_index=False)
        self._parquet.write_table(table)


@contextmanager
def writing_scores(path: Path | None) -> Iterator[ScoreFile | None]:
    """Write scores to a temporary file, and move it to its place when all is written.

    Raises
    ------
    CannotWrite
        If the disk is full, for instance. A file that was there stays as it was.
    """
    if path is None:
        yield None
        return
    target = Path(os.path.realpath(path))  # a link stays one
    ending = path.suffix.lower().replace(".", ".tmp-")
    beside = name_beside(target, ending)
    file = ScoreFile(beside)
    try:
        yield file
        file.close()
        if beside.exists():
            if is_special(path):  # a pipe
                with beside.open("rb") as scores, path.open("wb") as pipe:
                    shutil.copyfileobj(scores, pipe)
            else:
                put_in_place(beside, target)
    except BrokenPipeError:
        raise
    except OSError as error:
        stays = "; the file that was there is unchanged" if os.path.exists(path) else ""
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}{stays}") from error
    finally:
        beside.unlink(missing_ok=True)
