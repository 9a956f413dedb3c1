"""What a process forked from one that has computed must not wait for: threads that are not there.

A fork copies the memory of a process and only the thread that forks. OpenMP takes the threads of
its pool for waiting, and a lock that another thread held stays held.
"""

from __future__ import annotations

import os
import threading

_imported_in = os.getpid()


def is_fork() -> bool:
    """Whether this process was forked from one that had this module, and so torch, loaded."""
    return os.getpid() != _imported_in


class ForkSafeLock:
    """A lock that is free in a process that was just forked, even if a thread held it.

    It is held by ``with lock.held:``, and not by a ``with`` of its own: Python looks for Ctrl-C as
    it enters a function, so one that comes as an ``__exit__`` in Python begins would leave the lock
    held, and all later fits would wait for it.

    Parameters
    ----------
    reentrant : bool, default=False
        Whether the thread that holds it may take it again.
    """

    def __init__(self, *, reentrant: bool = False) -> None:
        self._reentrant = reentrant
        self._renew()
        if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        # In a fork that is made within a block, the block lets go of the lock that it has.
        self.held = threading.RLock() if self._reentrant else threading.Lock()
