"""What a result depends on besides the code: the machine and the versions."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import sklearn
import torch

import lofe_sklearn


def describe() -> dict[str, str]:
    """One flat row of facts about this machine and these versions."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = names[0].split(":", 1)[1].strip() if names else processor
    facts = {
        "processor": processor,
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "lofe-sklearn": lofe_sklearn.__version__,
    }
    for peer in ("pyod", "deepod"):
        with suppress(PackageNotFoundError):
            facts[peer] = version(peer)
    return facts


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU time of this process that a call takes."""
    start = time.process_time()
    call()
    return time.process_time() - start


_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def release_memory() -> None:
    """Give memory that is free in this process back to the system, where it can (glibc)."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def reset_peak_memory() -> None:
    """Start the peak of `peak_memory` anew, where the system can (Linux)."""
    with suppress(OSError):
        _RESET.write_text("5")


def peak_memory() -> int:
    """Most memory this process has held since the last reset, or ever, in MB.

    That of torch, scikit-learn and the data is part of it.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
