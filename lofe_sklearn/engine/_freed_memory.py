"""Memory that one step frees is there for the next."""

from __future__ import annotations

from functools import cache

import torch

# The largest block by which glibc learns, less what it adds itself.
_LARGEST_BLOCK = 2**25 - 2**16


@cache
def keep_freed_memory() -> None:
    """Let glibc keep 64 MB of what is freed, once in a process.

    It returns freed memory to the system beyond twice the largest block that it has seen freed.
    Then each step, or each chunk of rows that are scored, gets its memory page by page again, which
    may take as long as all else. With other allocators nothing changes.
    """
    # It is never written to, and so costs nothing.
    torch.empty(_LARGEST_BLOCK, dtype=torch.uint8, device="cpu")
