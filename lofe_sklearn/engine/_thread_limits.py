"""Numbers of threads that torch and BLAS compute with, as long as a block takes.

What the program has set is put back, also after an error or Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, Literal

import joblib
import torch
from threadpoolctl import ThreadpoolController

from lofe_sklearn.engine._forks import ForkSafeLock


class _TorchThreads:
    """Let torch compute with so many threads; what the program has set is put back.

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
    def __call__(self, n_threads: int = 1) -> Iterator[None]:
        """Return a context in which torch has `n_threads`."""
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
                torch.set_num_threads(n_threads)
            yield
        finally:
            if entered:
                with self._lock.held:
                    self._n_inside -= 1
                    own["is_inside"] = False
                    torch.set_num_threads(self._before)


class _BlasThreads:
    """Let BLAS compute with so many threads, unless another thread of ours sees to its number.

    It is one number for the whole process, so a second thread would find the first one's and, if
    it ended last, put that back. Blocks of one thread may lie in each other.
    """

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._owner: int | None = None

    @contextmanager
    def __call__(self, libraries: ThreadpoolController, n_threads: int = 1) -> Iterator[None]:
        """Return a context in which these libraries have `n_threads`."""
        lock, caller = self._lock.held, threading.get_ident()  # a fork has another lock
        is_outermost = lock.acquire(blocking=False)
        if not is_outermost and self._owner != caller:
            yield
            return
        limits: Any = None
        try:
            if is_outermost:
                self._owner = caller
            limits = libraries.limit(limits=n_threads).__enter__()
            yield
        finally:
            try:
                if limits is not None:
                    limits.__exit__(None, None, None)
            except KeyboardInterrupt:  # as a function began
                limits.__exit__(None, None, None)
                raise
            finally:
                if is_outermost:
                    self._owner = None
                    lock.release()


torch_on_one_thread = _TorchThreads()
_torch_within_cores = _TorchThreads()
_blas_threads = _BlasThreads()
_own = threading.local()


@contextmanager
def blas_on_one_thread() -> Iterator[None]:
    """Let BLAS compute without other threads, unless another thread of ours sees to it."""
    with _blas_threads(_libraries("blas")):
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute without OpenMP's other threads, of torch's copy of it and of all other libraries'."""
    own = _own.__dict__
    with torch_on_one_thread():
        if own.get("is_inside", False):
            yield
            return
        # scikit-learn has a copy of its own. Selected, since limits put back the numbers of all
        # libraries that they know, and that of BLAS belongs to other threads too.
        openmp = _libraries("openmp").limit(limits=1)
        own["is_inside"] = True
        try:
            yield
        finally:
            own["is_inside"] = False
            openmp.restore_original_limits()


@contextmanager
def within_cores() -> Iterator[None]:
    """Compute with no more threads than cores that this process may use.

    torch and BLAS start one for each core of the machine, even in a container that may use a few:
    they wait for each other by spinning, and use up its share by that. scikit-learn's own loops
    look for the limits of containers themselves, by the same function of joblib.
    """
    n_cores = _limited_cores()
    if n_cores is None:
        yield
        return
    libraries = _libraries("blas")
    too_many = [each.filepath for each in libraries.lib_controllers if each.num_threads > n_cores]
    blas = libraries.select(filepath=too_many)
    with _torch_within_cores(min(n_cores, torch.get_num_threads())), _blas_threads(blas, n_cores):
        yield


# Looked up once, as the libraries below are, since it takes a part of the time of scoring a row.
@cache
def _limited_cores() -> int | None:
    """Return how many cores this process may use, or None if that is all of the machine."""
    n_cores = joblib.cpu_count()
    return n_cores if n_cores < (os.cpu_count() or 1) else None


def _libraries(user_api: Literal["blas", "openmp"]) -> ThreadpoolController:
    """Return the loaded libraries of a kind, looked up again if modules were imported since."""
    return _loaded(user_api, len(sys.modules))


@lru_cache(maxsize=2)
def _loaded(user_api: str, n_modules: int) -> ThreadpoolController:
    return ThreadpoolController().select(user_api=user_api)
