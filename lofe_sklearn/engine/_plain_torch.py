"""The state of torch that a computation sees, whatever the calling program has set.

torch keeps much of its state for the whole process or thread: the type and the device of new
tensors, whether gradients are recorded, whether operations are cast to half precision. A fit that
took it over would be another fit in another program, or fail in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Generic, TypeVar

import torch

from lofe_sklearn.engine._forks import ForkSafeLock, is_fork
from lofe_sklearn.engine._freed_memory import keep_freed_memory
from lofe_sklearn.engine._thread_limits import one_thread, within_cores

_T = TypeVar("_T")


@contextmanager
def plain_torch() -> Iterator[None]:
    """Compute as in a program that has changed nothing of torch, and leave its state as it was.

    New tensors are of float32 and on the CPU, gradients are recorded, nothing is cast, and a GPU's
    convolutions give the same result each time. Each thread that computes has to enter it, since
    torch keeps most of this state by thread.

    There are no more threads than cores that the process may use, as in a container. In a process
    that was forked, computations use one thread: there are no others to wait for.
    """
    has_cudnn = torch.backends.cudnn.is_available()
    convolutions = _repeatable_convolutions() if has_cudnn else nullcontext()
    with _default_dtype(), convolutions, within_cores(), ExitStack() as stack:
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
            stack.enter_context(one_thread())
        keep_freed_memory()
        yield


def _autocast_kinds() -> list[str]:
    """Types of devices that this build of torch knows autocast for."""
    return ["cpu", "cuda", *(["mps"] if torch.backends.mps.is_available() else [])]


class _OfAllThreads(Generic[_T]):
    """Have a setting that all threads share as `wanted`, for as long as at least one computes.

    The first to come changes it, and the last to leave puts it back.
    """

    def __init__(self, wanted: _T, read: Callable[[], _T], write: Callable[[_T], object]) -> None:
        self._wanted, self._read, self._write = wanted, read, write
        self._lock = ForkSafeLock()
        self._n_inside = 0
        self._before = wanted

    # A generator, so that Ctrl-C as the block begins or ends does not leave the setting changed.
    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Return a context in which the setting is as wanted."""
        entered = False
        try:
            with self._lock.held:
                if self._n_inside == 0:
                    self._before = self._read()
                self._n_inside += 1
                entered = True
                self._set(self._wanted)
            yield
        finally:
            if entered:
                with self._lock.held:
                    self._n_inside -= 1
                    if self._n_inside == 0:
                        try:
                            self._set(self._before)
                        except KeyboardInterrupt:  # as a function began
                            self._set(self._before)
                            raise

    def _set(self, value: _T) -> None:
        if value != self._read():
            self._write(value)


def _cudnn() -> tuple[bool, bool]:
    return torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark


def _set_cudnn(values: tuple[bool, bool]) -> None:
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = values


_default_dtype = _OfAllThreads(torch.float32, torch.get_default_dtype, torch.set_default_dtype)
# Else a GPU sums up a convolution's gradients in any order: the same seed, another model.
_repeatable_convolutions = _OfAllThreads((True, False), _cudnn, _set_cudnn)
