"""Find a file in the data folder or download it, and refuse altered files."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TypedDict

from lofe_sklearn._types import FilePath
from lofe_sklearn._validation import Number, check_argument
from lofe_sklearn.datasets._download import download
from lofe_sklearn.datasets._home import VARIABLE, get_data_home
from lofe_sklearn.datasets._registry import Entry


@dataclass(frozen=True)
class Access:
    """Where to find files: the parameters that all fetch functions share."""

    caller: str
    data_home: FilePath | None = None
    download_if_missing: bool = True
    n_retries: int = 3
    delay: float = 1.0
    progress: bool = True

    def __post_init__(self) -> None:
        check_argument(self.caller, "n_retries", self.n_retries, Number(Integral, low=0))
        check_argument(self.caller, "delay", self.delay, Number(low=0))

    @property
    def home(self) -> Path:
        """The data folder."""
        return Path(get_data_home(self.data_home))


class FetchOptions(TypedDict, total=False):
    """The same parameters, as the overloads of the fetch functions name them."""

    data_home: FilePath | None
    download_if_missing: bool
    n_retries: int
    delay: float
    progress: bool


def read_verified(
    access: Access,
    entry: Entry,
    *,
    elsewhere: Iterable[Path] = (),
    without_source: str = "",
) -> tuple[bytes, Path]:
    """Bytes of a file whose checksum was compared, and where it lies.

    The file is looked for in the data folder, then `elsewhere`, and is downloaded otherwise.
    `without_source` is part of the error for files without a url. The returned bytes are those that
    were checked, so that a change of the file in between has no effect.
    """
    wanted = access.home / entry.path
    for place in (wanted, *elsewhere):
        if place.is_file():
            return _read(access, entry, place), place
    if not entry.url:
        raise FileNotFoundError(
            f"{access.caller}: {wanted} does not exist. {without_source} Its sha256 must be "
            f"{entry.sha256}. {VARIABLE} or data_home names the folder."
        )
    if not access.download_if_missing:
        raise OSError(
            f"{access.caller}: {wanted} does not exist and download_if_missing is False. Set it to "
            f"True, download {entry.url} to that path, or set data_home or {VARIABLE} to the "
            "folder that has it."
        )
    download(
        entry.url,
        wanted,
        entry.sha256,
        caller=access.caller,
        n_retries=access.n_retries,
        delay=access.delay,
        progress=access.progress,
    )
    return _read(access, entry, wanted), wanted


def _read(access: Access, entry: Entry, path: Path) -> bytes:
    """Bytes of a file; raises an error if they do not match the checksum."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found == entry.sha256 or _same_content(content, entry.content_sha256):
        return content
    again = f"delete it and call again to download {entry.url}" if entry.url else "get it again"
    raise OSError(
        f"{access.caller}: {path} is not the published file: it was altered or cut off. Expected "
        f"the sha256 {entry.sha256}, got {found} ({len(content)} bytes). The file was left as it "
        f"is; {again}. If it is a set of your own, load it with load_npz."
    )


def _same_content(content: bytes, sha256: str) -> bool:
    """Whether a .gz file has the right content, however it was compressed."""
    if not sha256:
        return False
    try:
        return hashlib.sha256(gzip.decompress(content)).hexdigest() == sha256
    except (OSError, EOFError, zlib.error):
        return False
