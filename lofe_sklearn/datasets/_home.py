"""The folder that data sets are looked for in and downloaded to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lofe_sklearn._types import FilePath
from lofe_sklearn.datasets._registry import entries

VARIABLE = "LOFE_DATA"


def get_data_home(data_home: FilePath | None = None) -> str:
    """Return the folder of data sets.

    The fetch functions look for files there and put downloads there. It is created by the first
    download. It has the subfolders ``tabular/adbench``,
    ``tabular/odds30``, ``embeddings/CV_by_ResNet18`` and ``images``.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder. By default, the environment variable ``LOFE_DATA`` or, if that is not set,
        ``lofe_sklearn`` in the user's cache folder: ``$XDG_CACHE_HOME`` or ``~/.cache``,
        ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows.

    Returns
    -------
    data_home : str
        The folder, with ``~`` expanded.

    Examples
    --------
    >>> from lofe_sklearn.datasets import get_data_home
    >>> get_data_home("data/of/mine")
    'data/of/mine'
    """
    if data_home is None:
        data_home = os.environ.get(VARIABLE) or _cache_folder() / "lofe_sklearn"
    return os.path.expanduser(os.fspath(data_home))


def clear_data_home(data_home: FilePath | None = None) -> None:
    """Delete what the fetch functions downloaded.

    Unlike scikit-learn's function it leaves the folder and everything in it that cannot be
    downloaded again: files of your own, and sets without a public source.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder, as in :func:`get_data_home`.

    Raises
    ------
    OSError
        If a file cannot be deleted.

    Examples
    --------
    >>> import tempfile
    >>> from lofe_sklearn.datasets import clear_data_home
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clear_data_home(folder)
    """
    home = Path(get_data_home(data_home))
    for entry in entries():
        if entry.url:
            for path in (home / entry.path, home / (entry.path + ".part")):
                path.unlink(missing_ok=True)


def _cache_folder() -> Path:
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
