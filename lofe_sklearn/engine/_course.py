"""What else a label rule may ask of a training: larger batches, averages, the best state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

# States to average: each costs one more pass when rows are scored.
_MAX_STATES = 10


@dataclass(frozen=True)
class Peak:
    """Keep the network as it was when its losses were furthest apart, and stop after that.

    Parameters
    ----------
    separation : callable
        ``(loss_n, counted) -> separation``: how far the losses of two kinds of rows are apart, (M,)
        for M models, from the normal losses, (M, n), of the rows that are `counted`, a mask of the
        same shape. It must not depend on the unit of the losses, which shrink in the training.
    every : int
        Updates from one look to the next.
    patience : int
        The training stops after so many looks without a larger separation.

    Raises
    ------
    ValueError
        If `every` or `patience` is below 1.
    """

    separation: Callable[[Tensor, Tensor], Tensor]
    every: int
    patience: int

    def __post_init__(self) -> None:
        for name, value in (("every", self.every), ("patience", self.patience)):
            if value < 1:
                raise ValueError(f"Peak: {name} must be at least 1; got {value!r}.")


@dataclass(frozen=True)
class Course:
    """How one model is trained, besides its labels.

    Parameters
    ----------
    batch_growth : float, default=1.0
        The batch size grows by this factor from epoch to epoch, up to all rows.
    averaged_share : float, default=0.0
        Both losses are averaged over the states of the network at the ends of this last share of
        the epochs; over ten of these at most. 0 takes the last state alone.
    peak : Peak, optional
        When to stop, and which state to keep. Default: the last one.

    Raises
    ------
    ValueError
        If a batch would shrink, or the share is none.
    """

    batch_growth: float = 1.0
    averaged_share: float = 0.0
    peak: Peak | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.batch_growth < np.inf:
            raise ValueError(
                f"Course: batch_growth must be a finite factor of at least 1; got "
                f"{self.batch_growth!r}. 1 leaves the batches as they are."
            )
        if not 0 <= self.averaged_share <= 1:
            raise ValueError(
                f"Course: averaged_share must be a share of the epochs in [0, 1]; got "
                f"{self.averaged_share!r}."
            )

    def averaged_epochs(self, max_epochs: int) -> frozenset[int]:
        """Return the epochs, counted from 0, at whose ends states are kept to be averaged."""
        if self.averaged_share == 0:
            return frozenset()
        n_last = max(1, round(self.averaged_share * max_epochs))
        spread = np.linspace(max_epochs - n_last, max_epochs - 1, min(n_last, _MAX_STATES))
        return frozenset(spread.round().astype(int).tolist())

    def n_states(self, max_epochs: int) -> int:
        """Return how many states of a network are kept while it is trained."""
        return len(self.averaged_epochs(max_epochs)) + (self.peak is not None)
