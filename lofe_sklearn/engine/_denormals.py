"""Numbers that are too small for full precision, taken for 0."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Take denormal numbers for 0 in this thread, and leave it as it was.

    Weights of features that say nothing decay towards 0, and the optimiser's means with them. Below
    1e-38 many processors compute several times slower. Those that cannot leave such numbers out
    change nothing here.
    """
    before = _are_zero()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _are_zero() -> bool:
    """Whether they are taken for 0 already; torch has no function that says so."""
    small = torch.full((1,), 1e-37, dtype=torch.float32, device="cpu")
    return float(small * 1e-3) == 0.0
