"""The processes of one training: torch.distributed's group, as torchrun starts them."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist

from lofe_sklearn import engine
from lofe_sklearn._validation import Number, check_argument

_ENVIRONMENT = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_SECONDS = Number(low=0, exclude_low=True, noun="a number of seconds")


@contextmanager
def process_group(*, timeout: float = 1800.0) -> Iterator[engine.Ranks]:
    """Join the processes that train together, for a block of the program.

    Start the program by ``torchrun``, which starts the processes and tells each of them of the
    others. Without it, the program is one process, and all rows are its own.

    Parameters
    ----------
    timeout : float, default=1800
        Seconds that one process waits for the others before it gives up. A process that ends is
        noticed at once, one that hangs only by this limit. It must be longer than the differences
        between the times in which the processes read their rows.

    Yields
    ------
    ranks : object
        With ``rank``, the number of this process from 0, and ``size``, how many there are.

    Raises
    ------
    RuntimeError
        If the environment names some of the variables of torchrun but not all, or a group exists.

    See Also
    --------
    fit_shard : What the processes do together.

    Notes
    -----
    Processes exchange tensors by gloo on CPUs and by nccl on GPUs, if each process computes on
    the GPU of its number on its machine (``LOCAL_RANK``).

    Examples
    --------
    >>> from lofe_sklearn.distributed import process_group
    >>> with process_group() as ranks:
    ...     print(ranks.rank, ranks.size)
    0 1
    """
    check_argument("process_group", "timeout", timeout, _SECONDS)
    if dist.is_initialized():
        raise RuntimeError(
            "process_group: this program has joined a group of torch.distributed's already, which "
            "fit_shard uses. Leave process_group() out, or dist.init_process_group()."
        )
    given = [name for name in _ENVIRONMENT if name in os.environ]
    if given and len(given) < len(_ENVIRONMENT):
        missing = [name for name in _ENVIRONMENT if name not in given]
        raise RuntimeError(
            f"process_group: the environment has {', '.join(given)} but not {', '.join(missing)}. "
            "Start the program by torchrun, which sets all of them, or unset them to train in one "
            "process."
        )
    on_gpu = torch.cuda.is_available() and dist.is_nccl_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    wait = datetime.timedelta(seconds=timeout)
    if given:
        dist.init_process_group(backend, timeout=wait)
    else:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1, timeout=wait)
    try:
        yield engine.Ranks()
        dist.barrier()  # the process with the group's store must not end before the others
    finally:
        dist.destroy_process_group()
