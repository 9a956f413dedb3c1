"""What errors of other libraries say: in one line, and whether memory is all that is lacking."""

from __future__ import annotations

import re

# What torch says on a CPU, where it has no class of its own for it, and on devices.
_OF_MEMORY = re.compile("DefaultCPUAllocator|out of memory")


def is_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was not enough memory.

    Then nothing is wrong with what was read or computed, and no message may say so.
    """
    if isinstance(error, RuntimeError):
        return bool(_OF_MEMORY.search(str(error)))
    return isinstance(error, MemoryError)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its class if it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
