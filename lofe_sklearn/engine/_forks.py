"""What a process forked from one that has computed must not wait for: threads that are not there.

A fork copies the memory of a process and only the thread that forks. OpenMP takes the threads of
its pool for waiting, and a lock that another thread held stays held.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from threadpoolctl import ThreadpoolController

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

    # A generator puts the number back even if Ctrl-C comes as the block begins or ends: it is
    # closed when it is no longer referred to. A class whose `__exit__` has not begun does nothing.
    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Return a context in which torch has one thread."""
        own = self._own.__dict__  # this thread's; the generator may be closed in another one
        if own.get("is_inside", False):
            yield
            return
        entered = False
        try:
            with self._lock.held:
                if self._n_inside == 0:
                    self._before = torch.get_num_threads()
                self._n_inside += 1
                own["is_inside"] = entered = True
                torch.set_num_threads(1)
            yield
        finally:
            if entered:
                with self._lock.held:
                    self._n_inside -= 1
                    own["is_inside"] = False
                    torch.set_num_threads(self._before)


torch_on_one_thread = _TorchOnOneThread()
_limits_blas = ForkSafeLock()
_own = threading.local()


@contextmanager
def blas_on_one_thread() -> Iterator[None]:
    """Let BLAS compute without other threads, unless another thread of ours sees to it.

    Its number of threads is one for the whole process, so a second thread would find 1 and, if it
    ended last, put that back.
    """
    lock = _limits_blas.held  # a fork has another one
    if not lock.acquire(blocking=False):
        yield
        return
    limits: Any = None
    try:
        limits = ThreadpoolController().select(user_api="blas").limit(limits=1).__enter__()
        yield
    finally:
        try:
            if limits is not None:
                limits.__exit__(None, None, None)
        except KeyboardInterrupt:  # as a function began
            limits.__exit__(None, None, None)
            raise
        finally:
            lock.release()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute without OpenMP's other threads, of torch's copy of it and of all other libraries'.

    It looks through all loaded libraries, and so is not for the scores of a single row.
    """
    own = _own.__dict__
    with torch_on_one_thread():
        if own.get("is_inside", False):
            yield
            return
        # scikit-learn has a copy of its own. Selected, since limits put back the numbers of all
        # libraries that they know, and that of BLAS belongs to other threads too.
        openmp = ThreadpoolController().select(user_api="openmp").limit(limits=1)
        own["is_inside"] = True
        try:
            yield
        finally:
            own["is_inside"] = False
            openmp.restore_original_limits()
