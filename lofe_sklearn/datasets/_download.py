"""Downloads that go on where they were cut off, and appear only when they are whole.

Of several threads or processes that ask for one file, one downloads it and the others wait.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack
from io import FileIO
from pathlib import Path

from lofe_sklearn.datasets._part import finish_part, locked_part, path_of_part, remove_part

# Of a chunk that is cut off nothing is kept, so it is a small one.
CHUNK = 1 << 14
TIMEOUT = 30
# Answers that asking again cannot change, like 404.
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
            f"'lofe-sklearn[data]'. Or put the file to {path} by hand."
        ) from error

    with ExitStack() as opened:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = opened.enter_context(locked_part(path))
        except OSError as error:
            raise OSError(
                f"{caller}: {url} cannot be saved to {path} ({error.strerror or error}). Let "
                "data_home or LOFE_DATA name a folder that can be written to."
            ) from error
        if part is None:
            return
        try:
            for left in reversed(range(n_retries + 1)):
                try:
                    _fetch_rest(url, part, path.name, progress)
                    break
                except (requests.RequestException, CutOffError) as error:
                    response = getattr(error, "response", None)
                    status = 0 if response is None else response.status_code
                    if left == 0 or (status in FINAL and status not in WORTH_ANOTHER_TRY):
                        raise
                    time.sleep(delay)
            found = pooch.file_hash(str(path_of_part(path)))
            if found == sha256:
                finish_part(part, path)
                return
        except (requests.RequestException, CutOffError) as error:
            kept = _size(part)
            if not kept:
                remove_part(part, path)
            raise ConnectionError(
                f"{caller}: {url} could not be downloaded ({type(error).__name__}: {error})."
                + (f" The next call goes on after the {kept} bytes that came." if kept else "")
                + f" Without a network, put the file to {path}; its sha256 must be {sha256}."
            ) from error
        except OSError as error:
            free = shutil.disk_usage(path.parent).free
            raise OSError(
                f"{caller}: {url} could not be saved to {path} ({error}); {free} bytes are free "
                "there. Make room, or let data_home or LOFE_DATA name another folder."
            ) from error
        remove_part(part, path)
        raise OSError(
            f"{caller}: what came from {url} is not the published file, and was not kept: its "
            f"sha256 is {found}. Try again later, or put the file to {path}; its sha256 must be "
            f"{sha256}."
        )


def _fetch_rest(url: str, part: FileIO, name: str, progress: bool) -> None:
    """Append to `part` what it lacks."""
    import requests
    from tqdm.auto import tqdm

    have = _size(part)
    # Byte ranges count the bytes on the wire, so these must be the file's.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:
            # Nothing lies beyond: the part is whole, or of another file. The checksum decides
            # on the former; the latter starts anew.
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
            disable=not progress,
        ) as bar:
            for chunk in response.iter_content(CHUNK):
                _write(part, chunk)
                bar.update(len(chunk))
    size = _size(part)
    if total is not None and size < total:
        raise CutOffError(f"{size} of {total} bytes came")


def _write(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:  # on a disk that is nearly full, only a part of it is written
        rest = rest[file.write(rest) :]


def _size(file: FileIO) -> int:
    return os.fstat(file.fileno()).st_size
