"""What a job has done, as shares of shares: phases nest, and the display sees one number.

The outermost `job` decides whether anything is shown, and where. Jobs and parts within it fill its
bar. Code that reports progress asks nobody whether somebody looks: `part` costs nothing where there
is no job.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from lofe_sklearn._progress._displays import opened


class Display(Protocol):
    """Where progress is shown."""

    def show(self, done: float, text: str, detail: str) -> None:
        """Show the share of the job that is done, and what is done now ("" for what was)."""


class _Nobody:
    """The display of a job that shows nothing."""

    def show(self, done: float, text: str, detail: str) -> None:
        """Show nothing."""


class Part:
    """A part of a job: so much of the bar, from where it stands.

    Parameters
    ----------
    display : Display
    start, width : float
        In shares of the whole bar.

    Attributes
    ----------
    done : float
        The share of this part that is done. It never becomes less.
    """

    def __init__(self, display: Display, start: float, width: float) -> None:
        self.display, self.start, self.width = display, start, width
        self.done = 0.0
        # Threads and forked processes inherit the context of a job in some versions of Python.
        self._owner = os.getpid(), threading.get_ident()

    def reach(self, done: float, text: str = "", detail: str = "") -> None:
        """Say how much of the part is done, and what is done now, in detail where there is room."""
        self.done = max(self.done, min(done, 1.0))
        self.display.show(self.start + self.width * self.done, text, detail)

    def counter(self, total: int, what: str) -> Callable[[], None]:
        """Return what to call after each of `total` equal steps."""
        n_done = 0

        def count() -> None:
            nonlocal n_done
            n_done += 1
            self.reach(n_done / total, f"{what} {n_done}/{total}")

        return count

    def next(self, share: float) -> Part:
        """Return the part that takes the next `share` of this one, or what is left of it."""
        left = min(share, 1.0 - self.done)
        return Part(self.display, self.start + self.width * self.done, self.width * left)

    def is_own(self) -> bool:
        """Whether the calling thread is the one that does this part."""
        return self._owner == (os.getpid(), threading.get_ident())


_current: ContextVar[Part | None] = ContextVar("lofe_sklearn_part", default=None)


class _All:
    """Several displays."""

    def __init__(self, displays: Sequence[Display]) -> None:
        self._displays = displays

    def show(self, done: float, text: str, detail: str) -> None:
        """Show it on each of them."""
        for display in self._displays:
            display.show(done, text, detail)


@contextmanager
def job(name: str, *, show: bool, other: Display | None = None) -> Iterator[None]:
    """Show a bar over a job; a job within another one uses the outer bar, if there is any.

    `other` is shown the progress of an outermost job too.

    Raises
    ------
    ImportError
        If something is to be shown and rich is not installed.
    """
    if _whole() is not None:
        yield
        return
    with opened(name, show=show) as display:
        seeing: list[Display] = [each for each in (display, other) if each is not None]
        token = _current.set(Part(_All(seeing), 0.0, 1.0))
        try:
            yield
        finally:
            _current.reset(token)


@contextmanager
def part(share: float, text: str = "") -> Iterator[Part]:
    """Do the next `share` of the current job or part of one; it is done when the block ends.

    After an error the bar stays where it stands, and what comes instead shares what is left.

    Parameters
    ----------
    share : float
        In (0, 1]: of the job or part within which this one is.
    text : str
        What is done. Default: what the bar says already.
    """
    whole = _whole() or Part(_Nobody(), 0.0, 1.0)
    own = whole.next(share)
    own.reach(0.0, text)
    token = _current.set(own)
    try:
        yield own
        own.reach(1.0)
    finally:
        _current.reset(token)
        whole.done = min(1.0, whole.done + min(share, 1.0 - whole.done) * own.done)


def _whole() -> Part | None:
    """Return the job or part that the calling thread does."""
    current = _current.get()
    return current if current is not None and current.is_own() else None
