"""Silence warnings of another library while it computes, in any number of threads."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from lofe_sklearn.engine import ForkSafeLock

_lock, _thread = ForkSafeLock(), threading.local()


@contextmanager
def silenced(message: str, category: type[Warning]) -> Iterator[None]:
    """Ignore warnings of a category whose text matches the regular expression `message`.

    Filters of warnings belong to the whole program. So threads do this one after another: else each
    would put back what another one has set. Warnings are only ignored, never made errors, since
    those of other threads may be among them.
    """
    is_inside = getattr(_thread, "is_inside", False)
    with nullcontext() if is_inside else _lock:
        _thread.is_inside = True
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message, category)
                yield
        finally:
            _thread.is_inside = is_inside
