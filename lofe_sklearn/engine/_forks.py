"""What a process forked from one that has computed must not wait for: threads that are not there.

A fork copies the memory of a process and only the thread that forks. OpenMP takes the threads of
its pool for waiting, and a lock that another thread held stays held.
"""

from __future__ import annotations

import os
import threading

import torch
from threadpoolctl import threadpool_limits

_imported_in = os.getpid()


def is_fork() -> bool:
    """Whether this process was forked from one that had this module, and so torch, loaded."""
    return os.getpid() != _imported_in


class ForkSafeLock:
    """A lock that is free in a process that was just forked, even if a thread held it.

    It is held by ``with lock.held:``, and not by a ``with`` of its own: Python looks for Ctrl-C as
    it enters a function, so one that comes as an ``__exit__`` in Python begins would leave the lock
    held, and all later fits would wait for it.
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        # In a fork that is made within a block, the block lets go of the lock that it has.
        self.held = threading.Lock()


class _TorchOnOneThread:
    """Let torch compute without other threads; what the program has set is put back.

    A thread has a number of its own, which it takes from the program's when it first asks. So the
    number to put back is that of the first thread that computes, and blocks in a block do nothing.
    """

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._own = threading.local()
        self._n_inside = 0
        self._before = 1

    def __enter__(self) -> None:
        self._own.depth = getattr(self._own, "depth", 0) + 1
        if self._own.depth > 1:
            return
        with self._lock.held:
            if self._n_inside == 0:
                self._before = torch.get_num_threads()
            self._n_inside += 1
            torch.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        self._own.depth -= 1
        if self._own.depth > 0:
            return
        with self._lock.held:
            self._n_inside -= 1
            torch.set_num_threads(self._before)


class _OneThread:
    """Compute without OpenMP's other threads, of torch's copy of it and of all other libraries'.

    It looks through all loaded libraries, and so is not for the scores of a single row.
    """

    def __init__(self) -> None:
        self._own = threading.local()

    def __enter__(self) -> None:
        torch_on_one_thread.__enter__()
        self._own.depth = getattr(self._own, "depth", 0) + 1
        if self._own.depth == 1:  # scikit-learn has a copy of its own
            self._own.others = threadpool_limits(1, user_api="openmp")

    def __exit__(self, *error: object) -> None:
        self._own.depth -= 1
        if self._own.depth == 0:
            self._own.others.restore_original_limits()
        torch_on_one_thread.__exit__(*error)


torch_on_one_thread = _TorchOnOneThread()
one_thread = _OneThread()
