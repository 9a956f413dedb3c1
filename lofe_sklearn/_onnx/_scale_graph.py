"""Rows scaled as a fitted detector scales them, as a graph."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from lofe_sklearn.engine import Scaling


class Scaled(nn.Module):
    """Shift, factor and limits of each feature, whichever there are."""

    def __init__(self, scaling: Scaling | None) -> None:
        super().__init__()
        self.names = ("shift", "factor", "low", "high")[: len(scaling or ())]
        for name, part in zip(self.names, scaling or (), strict=True):
            self.register_buffer(name, torch.as_tensor(np.asarray(part, float)))

    def forward(self, x: Tensor) -> Tensor:
        """Scale rows, (n, d)."""
        parts = [getattr(self, name) for name in self.names]
        if parts:
            x = (x - parts[0]) * parts[1]
        # Not clamp: exported, it takes numbers only.
        return x if len(parts) < 4 else torch.minimum(torch.maximum(x, parts[2]), parts[3])
