"""glibc does not return the memory of a step to the system."""

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import torch
from lofe_sklearn.engine import plain_torch

def page_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    [torch.ones(2**20) for _ in range(10)]  # 40 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with plain_torch():
    print([page_faults() for _ in range(8)][-1])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
@pytest.mark.slow
def test_memory_is_kept():
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=own, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 1000  # of 10,240 pages
