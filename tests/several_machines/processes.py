"""Run a function in several processes that form a group of torch.distributed's."""

import multiprocessing
import os
import pickle
import socket

import pytest
import torch

from lofe_sklearn.distributed import process_group

# Forked, since a process that starts anew takes seconds to import torch.
CONTEXT = multiprocessing.get_context("fork")


def in_processes(work, size=2, timeout=30.0):
    """Return what ``work(ranks)`` returns in each process, or the exception that it raises.

    None stands for a process that ended silently.
    """
    if torch.cuda.is_initialized():
        pytest.skip("a process that uses a GPU cannot be forked")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pipes = [CONTEXT.Pipe(duplex=False) for _ in range(size)]
    started = [
        CONTEXT.Process(target=_one, args=(work, rank, size, port, timeout, pipe[1]))
        for rank, pipe in enumerate(pipes)
    ]
    for process in started:
        process.start()
    for _, sender in pipes:
        sender.close()
    results = []
    for receiver, _ in pipes:
        try:
            results.append(pickle.loads(receiver.recv_bytes()))
        except EOFError:
            results.append(None)
    for process in started:
        process.join()
    return results


def _one(work, rank, size, port, timeout, sender):
    os.environ.update(
        RANK=str(rank), WORLD_SIZE=str(size), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    try:
        with process_group(timeout=timeout) as ranks:
            result = work(ranks)
    except Exception as error:  # noqa: BLE001
        result = error
    sender.send_bytes(pickle.dumps(result))  # send() would hand over tensors in shared memory
    sender.close()
    os._exit(0)  # what pytest does at its end is not for this process
