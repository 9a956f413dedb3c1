"""Silence warnings of another library while it computes, in any number of threads."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lofe_sklearn.engine import ForkSafeLock

# What scikit-learn and this package say of rows with names and a fit without them, or the reverse.
OF_NAMES = "X (does not have valid|has) feature names"


class _Filters:
    """Filters that several threads add: the last thread that leaves puts back what there was.

    Filters of warnings belong to the whole program. If each thread put back what it has found, it
    would put back what another one has set.
    """

    def __init__(self) -> None:
        self._lock, self._n_inside, self._found = ForkSafeLock(), 0, ExitStack()

    def enter(self, message: str, category: type[Warning]) -> None:
        """Ignore warnings from now on."""
        with self._lock.held:
            if self._n_inside == 0:
                self._found.enter_context(warnings.catch_warnings())
            self._n_inside += 1
            warnings.filterwarnings("ignore", message, category)

    def leave(self) -> None:
        """Put back the filters that there were, if no other thread is inside."""
        with self._lock.held:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._found.close()


_filters = _Filters()


@contextmanager
def silenced(message: str, category: type[Warning]) -> Iterator[None]:
    """Ignore warnings of a category whose text matches the regular expression `message`.

    They are only ignored, never made errors, since those of other threads may be among them.
    """
    _filters.enter(message, category)
    try:
        yield
    finally:
        _filters.leave()
