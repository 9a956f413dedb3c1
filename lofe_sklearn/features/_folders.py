"""The image files of a folder, and of the folders in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from lofe_sklearn._validation import warn_user

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)


def files_of(folder: Path, owner: str) -> list[Path]:
    """Return the image files of a folder and the folders in it, sorted by their names.

    Without hidden ones, whose names begin with a dot: systems and editors put copies there. Links
    to folders are followed.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    OSError
        If the folder may not be read.
    ValueError
        If it is a file, or has no images.

    Warns
    -----
    UserWarning
        If a folder in it may not be read, such as lost+found.
    """
    if folder.is_file():
        raise ValueError(
            f"{owner}: {folder} is a file. For one image give a list: [{str(folder)!r}]."
        )
    if not folder.is_dir():
        raise FileNotFoundError(f"{owner}: there is no folder {folder}.")
    failed: list[OSError] = []
    paths = list(_all_of(folder, failed.append))
    for error in failed:
        if error.filename is None or Path(error.filename) == folder:
            raise error
        warn_user(
            f"{owner}: the folder {error.filename} cannot be read ({error.strerror}); its images, "
            "if it has any, are left out."
        )
    found = sorted(
        path
        for path in paths
        if path.suffix.lower() in SUFFIXES
        # A link that leads nowhere is an error when it is read.
        and (path.is_file() or (path.is_symlink() and not path.exists()))
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        others = sum(path.is_file() for path in paths)
        raise ValueError(
            f"{owner}: the folder {folder} has no images ({others} other files). Images are known "
            f"by their suffixes: {', '.join(sorted(SUFFIXES))}. Give others as a list of files."
        )
    return found


def _all_of(folder: Path, on_error: Callable[[OSError], object]) -> Iterator[Path]:
    """Yield what is in a folder and the folders in it; each folder once, if links lead back."""
    seen = {os.path.realpath(folder)}
    for at, folders, files in os.walk(folder, onerror=on_error, followlinks=True):
        for name in files:
            yield Path(at, name)
        new = []
        for name in sorted(folders):
            place = os.path.realpath(os.path.join(at, name))
            if place not in seen and not name.startswith("."):
                seen.add(place)
                new.append(name)
        folders[:] = new  # which `os.walk` goes into
