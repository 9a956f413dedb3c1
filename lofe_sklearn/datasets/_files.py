"""Find a file in the folder of data or fetch it, and let nothing through that was altered."""

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
    """How to come by files: the parameters that all fetch functions share."""

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
        """The folder of data."""
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

    Looked for at its path in the folder of data, then `elsewhere`, then downloaded from its url.
    `without_source` is what the error says where there is no url. The bytes that were compared are
    the ones returned, so that nothing can come between.
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
            f"True, download {entry.url} to that path, or let data_home or {VARIABLE} name the "
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
    """Bytes of a file, or an error if they are not the ones that the checksum is of."""
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
    """Whether a .gz file has the right content, in whatever way it was compressed."""
    if not sha256:
        return False
    try:
        return hashlib.sha256(gzip.decompress(content)).hexdigest() == sha256
    except (OSError, EOFError, zlib.error):
        return False
