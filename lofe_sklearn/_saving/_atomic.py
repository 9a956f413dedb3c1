"""Write a file completely, or leave the old one as it was."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from lofe_sklearn._types import FilePath


def write_whole(path: FilePath, content: bytes, owner: str) -> None:
    """Write a file in one step: other programs see the old content or the new one.

    Parameters
    ----------
    path : str or path
        An existing file is replaced and keeps its permissions. The target of a link is replaced,
        not the link. A device or a pipe, such as /dev/null, is written to.
    content : bytes
    owner : str
        Whose argument `path` is, for the messages.

    Raises
    ------
    OSError
        If it cannot be written, for instance because the disk is full. The old file stays.
    """
    check_path(path, owner)
    if is_special(path):
        try:
            Path(path).write_bytes(content)
        except OSError as error:
            what = f"{owner}: {path} could not be written: {error.strerror}"
            raise OSError(error.errno, what) from error
        return
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        above = file_above(target)
        if above is not None:
            raise NotADirectoryError(f"{owner}: {target} is below {above}, which is no folder.")
        raise FileNotFoundError(
            f"{owner}: there is no folder {target.parent}. Create it first: "
            f"Path({str(target.parent)!r}).mkdir(parents=True)."
        )
    if os.path.isdir(target):  # of any name, too long ones included
        raise IsADirectoryError(f"{owner}: path must be that of a file; {target} is a folder.")
    beside = name_beside(target, ".tmp")
    try:
        # Created with the permissions that the user's umask allows, as any other file.
        with os.fdopen(os.open(beside, _NEW_FILE, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(beside, target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(
            error.errno,
            f"{owner}: {target} could not be written: {error.strerror}. "
            + (
                "The file that was there is unchanged"
                if os.path.exists(target)
                else "No file was left"
            ),
        ) from error
    except BaseException:  # Ctrl-C
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def name_beside(target: Path, ending: str) -> Path:
    """Return a new name in the folder of a file, for what is written before it takes its place.

    A sign has up to four bytes, and a name at most 255 on most disks.
    """
    return target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}{ending}")


def file_above(target: Path) -> Path | None:
    """Return the file that a path is below, where a folder should be; None for no such file."""
    return next((above for above in target.parents if os.path.isfile(above)), None)


def check_path(path: object, owner: str) -> None:
    """Raise TypeError for what is no path, before anything is computed."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"{owner}: path must be the name of a file, a str or a path; got "
            f"{type(path).__name__}. Bytes and open files are not taken: write them to a file."
        )


def is_special(path: FilePath) -> bool:
    """Whether a path is that of a device, a pipe or a socket, which must not be replaced."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def put_in_place(beside: Path, target: Path) -> None:
    """Replace a file by another one, which gets its permissions."""
    if os.path.exists(target):
        os.chmod(beside, stat.S_IMODE(target.stat().st_mode))
    os.replace(beside, target)


# Windows would change line ends without O_BINARY, which other systems do not have.
_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power failure, as far as the system can.

    Windows cannot open folders, a folder that may be written to need not be readable, and some
    network disks cannot write out a folder. The file is in its place by now.
    """
    if os.name != "nt":
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
