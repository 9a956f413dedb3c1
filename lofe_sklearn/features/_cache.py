"""Features of images kept on disk, one file for each image.

A file is an ``.npy`` array followed by a checksum. So nothing in it is ever executed, and files
that are damaged, or belong to another image, are recognised.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from lofe_sklearn._validation import warn_user

FOLDER = "lofe_sklearn_features"
# The features depend on these packages: the network's arithmetic, and the decoding of images and
# videos.
DECISIVE = ("torch", "pillow", "av")


class Cache:
    """Rows of features in a folder, which is asked for many at once.

    A file that does not hold the row of its key is computed again and replaced. So threads and
    processes may share a folder, and any file in it may be deleted at any time.

    Parameters
    ----------
    folder : path
        Where the files are. It is created by the first row.
    fingerprint : str
        What the rows depend on besides the images.
    n_features : int
        Length of a row.
    """

    def __init__(self, folder: Path, fingerprint: str, n_features: int) -> None:
        self.folder = folder
        self.fingerprint = f"{fingerprint} {_versions()}"
        self.n_features = n_features
        row = np.zeros(n_features, dtype=np.float32)
        array = _as_file(row)
        self._header = array[: len(array) - row.nbytes]
        self._n_bytes = len(array) + hashlib.sha256().digest_size
        self._writes = True

    def rows(
        self,
        keys: Mapping[int, str],
        compute: Callable[[Sequence[int]], Mapping[int, np.ndarray]],
    ) -> dict[int, np.ndarray]:
        """Return rows by position; `compute` gets the positions of missing rows.

        Rows that it leaves out are left out here too.
        """
        names = {i: self._name(key) for i, key in keys.items()}
        kept = {i: self._read(name) for i, name in names.items()}
        missing = [i for i, row in kept.items() if row is None]
        computed = compute(missing) if missing else {}
        for i, row in computed.items():
            self._write(names[i], row)
        found = {i: computed.get(i, row) for i, row in kept.items()}
        return {i: row for i, row in found.items() if row is not None}

    def _name(self, key: str) -> str:
        return hashlib.sha256(f"{self.fingerprint} {key}".encode()).hexdigest()

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}.npy"

    def _read(self, name: str) -> np.ndarray | None:
        """Return the row of this name, or None where no file holds it whole."""
        try:
            with self._path(name).open("rb") as file:
                content = file.read(self._n_bytes + 1)
        except OSError:  # missing, deleted or unreadable: the row is computed
            return None
        # Another length, type or checksum: the file was cut off or altered, or holds another row.
        digest = _digest(name, content[: -hashlib.sha256().digest_size])
        if (
            len(content) != self._n_bytes
            or not content.startswith(self._header)
            or not content.endswith(digest)
        ):
            return None
        row = np.frombuffer(content, np.float32, self.n_features, len(self._header)).copy()
        return row if np.isfinite(row).all() else None

    def _write(self, name: str, row: np.ndarray) -> None:
        """Put a row in place in one step, so that no reader sees a part of it."""
        if not self._writes or not np.isfinite(row).all():
            return  # rows with NaN are computed again each time, as without a cache
        array = _as_file(row)
        path = self._path(name)
        part = path.with_name(f"{name}.{uuid.uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("xb") as file:
                    file.write(array + _digest(name, array))
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)
        except FileNotFoundError:
            return  # another program has just emptied the folder
        except OSError as error:
            self._writes = False
            warn_user(
                f"ImageFeatures: features cannot be kept in {self.folder} ({error}); the result is "
                "complete, but the next call computes them again. Free some space, or set memory "
                "to another folder."
            )


def folder_of(memory: Any, owner: str) -> Path | None:
    """Return the folder for entries of a path or a joblib.Memory; None where nothing is kept.

    It is below joblib's own, so that ``memory.clear()`` empties it.

    Raises
    ------
    ValueError
        If `memory` is no folder and has none.
    """
    if memory is None:
        return None
    if isinstance(memory, str | os.PathLike):
        if Path(memory).is_file():
            raise ValueError(f"{owner}: memory must be the path of a folder; {memory} is a file.")
        memory = joblib.Memory(memory, verbose=0)
    elif not isinstance(memory, joblib.Memory) or memory.backend != "local":
        raise ValueError(
            f"{owner}: memory must be the path of a folder, a joblib.Memory of one, or None; got "
            f"{memory!r}."
        )
    # A Memory without a location keeps nothing.
    return None if memory.store_backend is None else Path(memory.store_backend.location, FOLDER)


def _as_file(row: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, row.astype(np.float32, copy=False), allow_pickle=False)
    return file.getvalue()


def _digest(name: str, array: bytes) -> bytes:
    return hashlib.sha256(name.encode() + array).digest()


def _versions() -> str:
    # The package's version from where it is loaded: this file must not import it.
    found = {"lofe-sklearn": sys.modules[__name__.partition(".")[0]].__version__}
    for name in DECISIVE:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "none"
    return str(found)
