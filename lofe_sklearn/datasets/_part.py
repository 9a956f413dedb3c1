"""The unfinished file of a download, with one writer at a time."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None


def path_of_part(path: Path) -> Path:
    """Return the path of the unfinished file of `path`."""
    if fcntl is None:
        # Named after this process, since other processes cannot be locked out.
        return path.with_name(f"{path.name}.{os.getpid()}.part")
    return path.with_name(path.name + ".part")


@contextmanager
def locked_part(path: Path) -> Iterator[FileIO | None]:
    """Open the part of `path` when no other thread or process writes to it.

    Yields
    ------
    file : file open for reading and writing, or None
        None if `path` is there: another one has downloaded it in the meantime.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    part = path_of_part(path)
    while True:
        with _open(part) as file:
            _lock(file)
            if path.exists():
                # The opened file may be the finished one, under its earlier name. If not, it was
                # created just now, and is not needed.
                remove_part(file, path)
                yield None
                return
            if is_file_at(file, part):
                yield file
                return
            # The process that had the lock has removed the part: start anew.


def finish_part(file: FileIO, path: Path) -> None:
    """Give the part its name, in one step.

    Raises
    ------
    OSError
        If it was removed or replaced in the meantime.
    """
    part = path_of_part(path)
    if not is_file_at(file, part):
        raise OSError(f"{part} was removed or replaced by another program")
    if fcntl is None:  # where open files cannot be renamed
        file.close()
    os.replace(part, path)


def remove_part(file: FileIO, path: Path) -> None:
    """Remove the part, if it is still the one that was opened."""
    part = path_of_part(path)
    if is_file_at(file, part):
        if fcntl is None:
            file.close()
        part.unlink()


def _lock(file: FileIO) -> None:
    """Wait for the lock of the file; closing the file releases it."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        # Some network drives have no locks; there two downloads of one file disturb each other,
        # which the checksum tells.
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


def is_file_at(file: FileIO, path: Path) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _open(part: Path) -> FileIO:
    # Writing through a link, also a hard one, would change another file. The link itself may be
    # removed, since this package owns the name.
    try:
        found = part.lstat()
    except FileNotFoundError:
        pass
    else:
        if not _is_own(found):
            part.unlink(missing_ok=True)
    # Unbuffered, so that closing the file on a full disk has nothing left to write.
    file = FileIO(part, "r+", opener=_create)
    # A file without a name was removed just now; the process that waits for the lock notices.
    found = os.fstat(file.fileno())
    if found.st_nlink and not _is_own(found):
        file.close()
        raise OSError(f"{part} is a link or a device; remove it")
    return file


def _create(part: str, flags: int) -> int:
    # A link that appears at this moment is not followed either.
    own = os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return os.open(part, flags | own, 0o666)


def _is_own(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1
