"""How many epochs pass before a network infers labels, if the user leaves it open."""

from __future__ import annotations

import math

# Steps of a blind start, if not of two epochs.
_BLIND_STEPS = 50


def warmup_epochs(n_epochs: int, n_batches: int, *, is_blind: bool) -> int:
    """Return how long first labels hold, or a blind start, of `n_epochs` in all."""
    quarter = max(1, n_epochs // 4)
    # Two epochs of a few rows are a few steps, after which the ranking is a random one.
    blind_epochs = max(2, min(quarter, math.ceil(_BLIND_STEPS / n_batches)))
    return min(n_epochs - 1, blind_epochs if is_blind else quarter)
