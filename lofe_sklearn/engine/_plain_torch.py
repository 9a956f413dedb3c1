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

from lofe_sklearn.engine._forks import is_fork
from lofe_sklearn.engine._freed_memory import keep_freed_memory
from lofe_sklearn.engine._of_all_threads import OfAllThreads
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


class _Setting(OfAllThreads, Generic[_T]):
    """Have a setting that all threads share as `wanted`, for as long as at least one computes."""

    def __init__(self, wanted: _T, read: Callable[[], _T], write: Callable[[_T], object]) -> None:
        super().__init__()
        self._wanted, self._read, self._write = wanted, read, write
        self._before = wanted

    def _begin(self) -> None:
        self._before = self._read()

    def _enter(self) -> None:
        self._set(self._wanted)

    def _end(self) -> None:
        self._set(self._before)

    def _set(self, value: _T) -> None:
        if value != self._read():
            self._write(value)


def _cudnn() -> tuple[bool, bool]:
    return torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark


def _set_cudnn(values: tuple[bool, bool]) -> None:
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = values


_default_dtype = _Setting(torch.float32, torch.get_default_dtype, torch.set_default_dtype)
# Else a GPU sums up a convolution's gradients in any order: the same seed, another model.
_repeatable_convolutions = _Setting((True, False), _cudnn, _set_cudnn)
