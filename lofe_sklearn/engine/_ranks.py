"""The processes that train one model together, and how they talk: by sums and by small objects.

They are those of torch.distributed's default group. Each of them calls the same methods in the same
order, or all wait for each other: whatever may fail in one process alone is done in `agreeing`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from lofe_sklearn._errors_of_others import first_line
from lofe_sklearn.exceptions import ProcessGroupError

Value = TypeVar("Value")

# Seconds in which a process that is still there says so, when another is missing.
_PATIENCE = 5.0


class Ranks:
    """The processes of torch.distributed's default group.

    Attributes
    ----------
    rank, size : int
        The number of this process, from 0, and how many there are.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def __str__(self) -> str:
        return f"process {self.rank} of {self.size}"

    def sum(self, values: Tensor) -> Tensor:
        """Add up the tensors of all processes, in place."""
        with self._naming_the_missing():
            dist.all_reduce(values)
        return values

    def of_all(self, value: Value) -> list[Value]:
        """Return the small objects that all processes have here, in the order of their numbers."""
        values: list[Any] = [None] * self.size
        with self._naming_the_missing():
            dist.all_gather_object(values, value)
        return values

    def whole(self, compute: Callable[[], Tensor], rows: slice, n_rows: int) -> Tensor:
        """Put the parts that processes compute for their rows into one tensor, (..., n_rows).

        Parameters
        ----------
        compute : callable
            Returns the part of this process, (..., n_own). It may fail in some processes.
        rows : slice
            Where this part stands.
        n_rows : int
        """
        with self.agreeing():
            own = compute()
        values = own.new_zeros(*own.shape[:-1], n_rows)
        values[..., rows] = own
        return self.sum(values)

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Add up the gradients of all processes, in one message."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        summed = self.sum(torch.cat([g.reshape(-1) for g in gradients]))
        for gradient, total in zip(
            gradients, summed.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(total.view_as(gradient))

    @contextmanager
    def agreeing(self) -> Iterator[None]:
        """Do something that may fail in some processes without the others noticing.

        Raises
        ------
        Exception
            What was raised in this process.
        ProcessGroupError
            If it failed in another: the message says in which, and why.
        """
        error: Exception | None = None
        try:
            yield
        except Exception as own:  # noqa: BLE001
            error = own
        errors = self.of_all(None if error is None else f"{type(error).__name__}: {error}")
        if error is not None:
            raise error
        for rank, text in enumerate(errors):
            if text is not None:
                raise ProcessGroupError(f"process {rank} of {self.size} failed: {text}")

    @contextmanager
    def _naming_the_missing(self) -> Iterator[None]:
        """Say which processes are no longer there, where the others wait for them in vain."""
        try:
            yield
        except RuntimeError as error:
            missing = _that_do_not_answer(self.rank, self.size)
            named = ", ".join(map(str, missing))
            who = f"no answer from process {named} of {self.size}" if missing else "no connection"
            raise ProcessGroupError(
                f"{self} cannot go on: {who}. It failed, was ended, or takes longer than the "
                "group's timeout; look at what it has printed. Nothing is fitted; start all "
                f"processes again. ({first_line(error)})"
            ) from error


def _that_do_not_answer(rank: int, size: int) -> list[int]:
    """Return the numbers of processes that do not write to the group's common store in time."""
    store = dist.distributed_c10d._get_default_store()
    deadline = time.monotonic() + _PATIENCE
    try:
        store.set(f"lofe_sklearn/waits/{rank}", "1")
        silent = list(range(size))
        while silent and time.monotonic() < deadline:
            silent = [r for r in silent if not store.check([f"lofe_sklearn/waits/{r}"])]
            time.sleep(0.05)
    except RuntimeError:
        return [0]  # it keeps the store, unless torchrun does
    return silent
