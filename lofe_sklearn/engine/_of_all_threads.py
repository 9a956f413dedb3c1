"""What all threads share while at least one computes: the first begins it, the last ends it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lofe_sklearn.engine._forks import ForkSafeLock


class OfAllThreads(ABC):
    """A context that any number of threads enter, for a state that belongs to the whole program.

    If each thread put back what it has found, it would put back what another one has set.
    """

    def __init__(self) -> None:
        self._lock, self._n_inside = ForkSafeLock(), 0

    @abstractmethod
    def _begin(self) -> None:
        """Note what there is before any thread is inside."""

    @abstractmethod
    def _enter(self, *given: Any) -> None:
        """Change the state for a thread that is inside from now on."""

    @abstractmethod
    def _end(self) -> None:
        """Put back what `_begin` has noted; called again after Ctrl-C as it began."""

    # A generator, so that Ctrl-C as the block begins or ends does not leave the state changed.
    @contextmanager
    def __call__(self, *given: Any) -> Iterator[None]:
        """Return a context in which the state is changed."""
        entered = False
        try:
            with self._lock.held:
                if self._n_inside == 0:
                    self._begin()
                self._n_inside += 1
                entered = True
                self._enter(*given)
            yield
        finally:
            if entered:
                with self._lock.held:
                    self._n_inside -= 1
                    if self._n_inside == 0:
                        try:
                            self._end()
                        except KeyboardInterrupt:  # as a function began
                            self._end()
                            raise
