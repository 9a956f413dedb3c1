"""How the rows come to the jobs of joblib: once for all of them, not with each."""

from __future__ import annotations

from typing import Any

from joblib.parallel import get_active_backend

from lofe_sklearn._containers import Matrix


class _RowsInStore:
    """Rows in the object store of Ray, which every node gets once and every process maps."""

    def __init__(self, X: Matrix) -> None:
        import ray

        self._reference = ray.put(X)

    def read(self) -> Matrix:
        import ray

        rows: Matrix = ray.get(self._reference)
        return rows


def for_jobs(X: Matrix) -> Any:
    """Return the form of X that jobs get.

    joblib maps large arrays into its own processes, and its Dask backend scatters them. Its Ray
    backend would pickle X with every job, so X is put into Ray's object store.
    """
    backend, _ = get_active_backend()
    is_of_ray = type(backend).__module__.partition(".")[0] == "ray"
    return _RowsInStore(X) if is_of_ray else X


def rows_of(given: Any) -> Any:
    """Return X in a job, given what `for_jobs` has made of it."""
    return given.read() if isinstance(given, _RowsInStore) else given
