"""The state of torch that a computation sees, whatever the calling program has set.

torch keeps much of its state for the whole process or thread: the type and the device of new
tensors, whether gradients are recorded, whether operations are cast to half precision. A fit that
took it over would be another fit in another program, or fail in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from lofe_sklearn.engine._forks import ForkSafeLock, is_fork, one_thread
from lofe_sklearn.engine._freed_memory import keep_freed_memory


@contextmanager
def plain_torch() -> Iterator[None]:
    """Compute as in a program that has changed nothing of torch, and leave its state as it was.

    New tensors are of float32 and on the CPU, gradients are recorded, nothing is cast. Each thread
    that computes has to enter it, since torch keeps most of this state by thread.

    In a process that was forked, computations use one thread: there are no others to wait for.
    """
    with ExitStack() as stack:
        stack.enter_context(_default_dtype)
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        # Of a new tensor: torch's own function for it fails in some versions.
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in _autocast_kinds():
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if is_fork():
            stack.enter_context(one_thread)
        keep_freed_memory()
        yield


def _autocast_kinds() -> list[str]:
    """Types of devices that this build of torch knows autocast for."""
    return ["cpu", "cuda", *(["mps"] if torch.backends.mps.is_available() else [])]


class _DefaultDtype:
    """Make float32 the default type for as long as at least one thread computes.

    It is the one part of torch's state that all threads share. The first to come changes it, and
    the last to leave puts it back.
    """

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._n_inside = 0
        self._before = torch.float32

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._before = torch.get_default_dtype()
                self._set(torch.float32)
            self._n_inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._set(self._before)

    def _set(self, dtype: torch.dtype) -> None:
        if dtype != torch.get_default_dtype():
            torch.set_default_dtype(dtype)


_default_dtype = _DefaultDtype()
