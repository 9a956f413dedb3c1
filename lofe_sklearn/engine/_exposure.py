"""Outlier exposure: rows that are anomalies for certain, and are none of the training rows.

To a batch's objective comes the mean anomaly loss of as many of them as the batch has rows, drawn
anew for each step. After Hendrycks, Mazeika and Dietterich, ICLR 2019, arXiv 1812.04606.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Exposure:
    """The outliers that one model is exposed to.

    Parameters
    ----------
    index : Tensor of int, shape (m,)
        Which rows of the data they are.
    weight : float
        How much their mean anomaly loss counts beside the mean over the training rows.
    """

    index: Tensor
    weight: float = 1.0


class ExposureStep:
    """Draws of M models' outliers, batch after batch.

    Parameters
    ----------
    exposures : sequence of M Exposure
    seeds : sequence of M ints
        The draws are made on the CPU, so that every device sees the same.
    """

    def __init__(self, exposures: Sequence[Exposure], seeds: Sequence[int]) -> None:
        self._exposures = exposures
        # Another sequence than that of the rows' order, which has the same seed.
        self._generators = [torch.Generator().manual_seed(seed + 1) for seed in seeds]
        device = exposures[0].index.device
        self._weight = torch.tensor([[e.weight] for e in exposures], device=device)

    def draw(self, n_drawn: int) -> Tensor:
        """Draw `n_drawn` outliers for each model, with replacement: rows, (M, n_drawn)."""
        drawn = [
            own.index[torch.randint(len(own.index), (n_drawn,), generator=g).to(own.index.device)]
            for own, g in zip(self._exposures, self._generators, strict=True)
        ]
        return torch.stack(drawn)

    def weights(self, n_drawn: int) -> Tensor:
        """Weights of the drawn rows' anomaly losses, (M, n_drawn): a weighted mean."""
        return (self._weight / n_drawn).expand(-1, n_drawn)
