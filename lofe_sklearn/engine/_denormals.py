"""Numbers that are too small for full precision, treated as 0."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Treat denormal numbers as 0 in this thread, and leave it as it was.

    Weights of features that say nothing decay towards 0, and the optimiser's means with them. Many
    processors compute several times slower below 1e-38. Nothing changes on those that cannot treat
    such numbers as 0.
    """
    before = _are_zero()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _are_zero() -> bool:
    """Whether they count as 0 already; torch has no function that says so."""
    small = torch.full((1,), 1e-37, dtype=torch.float32, device="cpu")
    return float(small * 1e-3) == 0.0
