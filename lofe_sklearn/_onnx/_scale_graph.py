"""Rows scaled as a fitted detector scales them, as a graph."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from lofe_sklearn.engine import Scaling
from lofe_sklearn.engine._sketch import slots_of


class Scaled(nn.Module):
    """Shift, factor and limits of each feature, whichever there are."""

    def __init__(self, scaling: Scaling | None) -> None:
        super().__init__()
        parts = () if scaling is None else scaling[:4]
        self.names = ("shift", "factor", "low", "high")[: len(parts)]
        for name, part in zip(self.names, parts, strict=True):
            self.register_buffer(name, torch.as_tensor(np.asarray(part, float)))

    def forward(self, x: Tensor) -> Tensor:
        """Scale rows, (n, d)."""
        parts = [getattr(self, name) for name in self.names]
        if parts:
            x = (x - parts[0]) * parts[1]
        # Not clamp: exported, it takes numbers only.
        return x if len(parts) < 4 else torch.minimum(torch.maximum(x, parts[2]), parts[3])


class AddedUp(nn.Module):
    """Scaled features added up to sums."""

    index: Tensor

    def __init__(self, sums: np.ndarray) -> None:
        super().__init__()
        slots = slots_of(sums)
        self.most, self.n_sums = slots.shape
        self.register_buffer("index", torch.as_tensor(slots.ravel()))

    def forward(self, x: Tensor) -> Tensor:
        """Add up rows, (n, d), to (n, n_sums)."""
        with_zero = torch.cat([x, torch.zeros_like(x[:, :1])], dim=1)
        return with_zero.index_select(1, self.index).unflatten(1, (self.most, self.n_sums)).sum(1)
