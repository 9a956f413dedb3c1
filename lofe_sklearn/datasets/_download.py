"""Downloads that go on where they were cut off, and appear only when they are whole.

Of several threads or processes that ask for one file, one downloads it and the others wait.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from typing import Any

from lofe_sklearn.datasets._part import finish_part, locked_part, path_of_part, remove_part

# Chunks are small, since nothing of an unfinished chunk is kept.
CHUNK = 1 << 14
TIMEOUT = 30
# Answers that another try cannot change, like 404.
FINAL = range(400, 500)
WORTH_ANOTHER_TRY = (408, 416, 425, 429)


class CutOffError(OSError):
    """Fewer bytes came than were announced."""


def download(
    url: str,
    path: Path,
    sha256: str,
    *,
    caller: str,
    n_retries: int = 3,
    delay: float = 1.0,
    progress: bool = True,
) -> None:
    """Download `url` to `path`, unless it is there, if its checksum is right."""
    try:
        import pooch
        import requests
        import tqdm  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller}: downloading {url} needs pooch and tqdm. Install them with: pip install "
            f"'lofe-sklearn[data]'. Or copy the file to {path} by hand."
        ) from error

    with ExitStack() as opened:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = opened.enter_context(locked_part(path))
        except OSError as error:
            raise OSError(
                f"{caller}: {url} cannot be saved to {path} ({error.strerror or error}). Set "
                "data_home or LOFE_DATA to a folder that can be written to."
            ) from error
        if part is None:
            return
        opened.callback(_remove_if_empty, part, path)
        try:
            _fetch(url, part, path.name, progress, n_retries, delay)
            found = pooch.file_hash(str(path_of_part(path)))
            if found == sha256:
                finish_part(part, path)
                return
        except (requests.RequestException, CutOffError) as error:
            kept = _size(part)
            raise ConnectionError(
                f"{caller}: {url} could not be downloaded ({type(error).__name__}: {error})."
                + (f" The next call continues after {kept} bytes." if kept else "")
                + f" Without a network, copy the file to {path}; its sha256 must be {sha256}."
            ) from error
        except OSError as error:
            free = shutil.disk_usage(path.parent).free
            raise OSError(
                f"{caller}: {url} could not be saved to {path} ({error}); {free} bytes are free "
                "there. Free some space, or set data_home or LOFE_DATA to another folder."
            ) from error
        remove_part(part, path)
        raise OSError(
            f"{caller}: the file downloaded from {url} is not the published one, and was not kept: "
            f"its sha256 is {found}. Try again later, or copy the file to {path}; its sha256 must "
            f"be {sha256}."
        )


def _fetch(url: str, part: FileIO, name: str, progress: bool, n_retries: int, delay: float) -> None:
    """Append to `part` what it lacks, in further tries if the network fails."""
    import requests

    for left in reversed(range(n_retries + 1)):
        try:
            _fetch_rest(url, part, name, progress)
            return
        except (requests.RequestException, CutOffError) as error:
            response = getattr(error, "response", None)
            status = 0 if response is None else response.status_code
            if left == 0 or (status in FINAL and status not in WORTH_ANOTHER_TRY):
                raise
            time.sleep(delay)


def _fetch_rest(url: str, part: FileIO, name: str, progress: bool) -> None:
    """Append to `part` what it lacks, in one try."""
    import requests
    from tqdm.auto import tqdm

    have = _size(part)
    # Byte ranges count the bytes on the wire, so these must be the file's.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:
            # There is nothing to download: the part is complete, or belongs to another file. The
            # checksum confirms a complete part; another file starts anew.
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return
            part.truncate(0)
        response.raise_for_status()
        if response.status_code != 206:
            have = 0  # no ranges here: the whole file comes
            part.truncate(0)
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        part.seek(have)
        with tqdm(
            total=total,
            initial=have,
            unit="B",
            unit_scale=True,
            desc=name,
            file=_Expendable(sys.stderr),
            disable=not progress or sys.stderr is None,  # it is None in programs without a console
        ) as bar:
            for chunk in response.iter_content(CHUNK):
                _write(part, chunk)
                bar.update(len(chunk))
    size = _size(part)
    if total is not None and size < total:
        raise CutOffError(f"{size} of {total} bytes came")


class _Expendable:
    """A stream for the bar, which is given up where it cannot be written: the download goes on."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> None:
        """Write what the bar shows, if that is possible."""
        with suppress(OSError, ValueError):  # the second is of closed streams, and their encodings
            self._stream.write(text)

    def flush(self) -> None:
        """Flush the stream, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def _remove_if_empty(part: FileIO, path: Path) -> None:
    """Remove the part if nothing came, so that there is nothing to go on with."""
    if not part.closed and not _size(part):
        remove_part(part, path)


def _write(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:  # a nearly full disk takes only a part of it
        rest = rest[file.write(rest) :]


def _size(file: FileIO) -> int:
    return os.fstat(file.fileno()).st_size
