"""Downloads that go on where they were cut off, and appear only when they are whole."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

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
    """Download `url` to `path`, which must not exist, if its checksum is right."""
    try:
        import pooch
        import requests
        import tqdm  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller}: downloading {url} needs pooch and tqdm. Install them with: pip install "
            f"'lofe-sklearn[data]'. Or put the file to {path} by hand."
        ) from error

    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.open("ab").close()
    except OSError as error:
        raise OSError(
            f"{caller}: {url} cannot be saved to {path} ({error.strerror}). Let data_home or "
            "LOFE_DATA name a folder that can be written to."
        ) from error

    def resume(url: str, output_file: str, _pooch: object) -> None:
        for left in reversed(range(n_retries + 1)):
            try:
                _fetch_rest(url, part, progress)
                break
            except (requests.RequestException, CutOffError) as error:
                response = getattr(error, "response", None)
                status = 0 if response is None else response.status_code
                if left == 0 or (status in FINAL and status not in WORTH_ANOTHER_TRY):
                    raise
                time.sleep(delay)
        os.replace(part, output_file)

    try:
        pooch.retrieve(
            url, f"sha256:{sha256}", fname=path.name, path=path.parent, downloader=resume
        )
    except (requests.RequestException, CutOffError) as error:
        kept = part.stat().st_size if part.exists() else 0
        if not kept:
            part.unlink(missing_ok=True)
        raise ConnectionError(
            f"{caller}: {url} could not be downloaded ({type(error).__name__}: {error})."
            + (f" The next call goes on after the {kept} bytes that came." if kept else "")
            + f" Without a network, put the file to {path}; its sha256 must be {sha256}."
        ) from error
    except ValueError as error:  # pooch's for a wrong checksum
        raise OSError(
            f"{caller}: what came from {url} is not the published file, and was not kept "
            f"({error}). Try again later, or put the file to {path}; its sha256 must be {sha256}."
        ) from error
    except OSError as error:
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            f"{caller}: {url} could not be saved to {path} ({error}); {free} bytes are free there. "
            "Make room, or let data_home or LOFE_DATA name another folder."
        ) from error


def _fetch_rest(url: str, part: Path, progress: bool) -> None:
    """Append to `part` what it lacks."""
    import requests
    from tqdm.auto import tqdm

    have = part.stat().st_size
    # Byte ranges count the bytes on the wire, so these must be the file's.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:
            # Nothing lies beyond: the part is whole, or of another file. The checksum decides
            # on the former; the latter starts anew.
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return
            part.unlink()
            part.touch()
        response.raise_for_status()
        if response.status_code != 206:
            have = 0  # no ranges here: the whole file comes
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            part.open("ab" if have else "wb") as file,
            tqdm(
                total=total,
                initial=have,
                unit="B",
                unit_scale=True,
                desc=part.stem,
                disable=not progress,
            ) as bar,
        ):
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    size = part.stat().st_size
    if total is not None and size < total:
        raise CutOffError(f"{size} of {total} bytes came")
