"""Find a file in the folder of data or fetch it, and let nothing through that was altered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lofe_sklearn.datasets._download import download
from lofe_sklearn.datasets._home import VARIABLE, get_data_home


@dataclass(frozen=True)
class Access:
    """How to come by files: the parameters that all fetch functions share."""

    caller: str
    data_home: object = None
    download_if_missing: bool = True
    n_retries: int = 3
    delay: float = 1.0
    progress: bool = True

    @property
    def home(self) -> Path:
        """The folder of data."""
        return Path(get_data_home(self.data_home))


def read_verified(
    access: Access,
    path: str,
    sha256: str,
    url: str = "",
    *,
    elsewhere: Iterable[Path] = (),
    without_source: str = "",
) -> tuple[bytes, Path]:
    """Bytes of a file whose checksum was compared, and where it lies.

    Looked for at `path` in the folder of data, then `elsewhere`, then downloaded from `url`.
    `without_source` is what the error says where there is no `url`. The bytes that were compared
    are the ones returned, so that nothing can come between.
    """
    wanted = access.home / path
    for place in (wanted, *elsewhere):
        if place.is_file():
            content = place.read_bytes()
            compare(content, sha256, place, access.caller, url)
            return content, place
    if not url:
        raise FileNotFoundError(
            f"{access.caller}: {wanted} does not exist. {without_source} "
            f"Its sha256 must be {sha256}. {VARIABLE} or data_home names the folder."
        )
    if not access.download_if_missing:
        raise OSError(
            f"{access.caller}: {wanted} does not exist and download_if_missing is False. Set it to "
            f"True, download {url} to that path, or let data_home or {VARIABLE} name the folder "
            "that has it."
        )
    download(
        url,
        wanted,
        sha256,
        caller=access.caller,
        n_retries=access.n_retries,
        delay=access.delay,
        progress=access.progress,
    )
    content = wanted.read_bytes()
    compare(content, sha256, wanted, access.caller, url)
    return content, wanted


def compare(content: bytes, sha256: str, path: Path, caller: str, url: str = "") -> None:
    """Raise if the content is not the one that the checksum is of."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        again = f"delete it and call again to download {url}" if url else "get it again"
        raise OSError(
            f"{caller}: {path} is not the published file: it was altered or cut off. Expected the "
            f"sha256 {sha256}, got {found} ({len(content)} bytes). The file was left as it is; "
            f"{again}. If it is a set of your own, load it with load_npz."
        )
