"""Silence warnings of another library while it computes, in any number of threads."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from lofe_sklearn.engine import ForkSafeLock

# What scikit-learn and this package say of rows with names and a fit without them, or the reverse.
OF_NAMES = "X (does not have valid|has) feature names"


class _Filters:
    """Filters that several threads add: the last thread that leaves puts back what there was.

    Filters of warnings belong to the whole program. If each thread put back what it has found, it
    would put back what another one has set.
    """

    def __init__(self) -> None:
        self._lock, self._n_inside = ForkSafeLock(), 0
        self._found = warnings.catch_warnings()

    # A generator, so that Ctrl-C as the block begins or ends does not leave the filters there.
    @contextmanager
    def __call__(self, message: str, category: type[Warning]) -> Iterator[None]:
        """Ignore warnings within the block, and put back the filters if no thread is inside."""
        entered = False
        try:
            with self._lock.held:
                if self._n_inside == 0:
                    self._found = warnings.catch_warnings()
                    self._found.__enter__()
                self._n_inside += 1
                entered = True
                warnings.filterwarnings("ignore", message, category)
            yield
        finally:
            if entered:
                with self._lock.held:
                    self._n_inside -= 1
                    if self._n_inside == 0:
                        try:
                            self._found.__exit__(None, None, None)
                        except KeyboardInterrupt:  # as a function began
                            self._found.__exit__(None, None, None)
                            raise


_filters = _Filters()


def silenced(message: str, category: type[Warning]) -> AbstractContextManager[None]:
    """Ignore warnings of a category whose text matches the regular expression `message`.

    They are only ignored, never made errors, since those of other threads may be among them.
    """
    return _filters(message, category)
