"""One scale for the scores of members: standardised logarithms of their normal losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TINY = 1e-12


@dataclass(frozen=True)
class CommonScale:
    """What makes members' normal losses comparable, learned from the training rows only.

    Attributes
    ----------
    take_log : bool
    center, spread : ndarray of shape (M, 1)
    """

    take_log: bool
    center: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, losses: list[np.ndarray]) -> CommonScale:
        """Learn the scale of M members from the losses of the rows each was trained on."""
        # A third-party loss may be negative, a log-density for one: it is then averaged as it is.
        take_log = all(bool((own >= 0).all()) for own in losses)
        values = [np.log(np.maximum(own, _TINY)) if take_log else own for own in losses]
        spread = np.array([[own.std()] for own in values])
        center = np.array([[own.mean()] for own in values])
        return cls(take_log, center, np.where(spread > 0, spread, 1.0))

    def combine(self, loss_n: np.ndarray) -> np.ndarray:
        """Scores of n rows, high for normal, from the members' normal losses, (M, n)."""
        if len(loss_n) == 1:
            return -loss_n[0]
        values = np.log(np.maximum(loss_n, _TINY)) if self.take_log else loss_n
        return -((values - self.center) / self.spread).mean(axis=0)

    def standardised(self, scores: np.ndarray) -> np.ndarray:
        """Turn the scores of `combine` round, high for anomalies, on one scale for all numbers M.

        Those of several members are on it; a single one's is its loss as it is.
        """
        if len(self.center) > 1:
            return -scores
        values = np.log(np.maximum(-scores, _TINY)) if self.take_log else -scores
        return (values - self.center[0]) / self.spread[0]


def mean_losses(loss_n: np.ndarray, loss_a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both losses averaged over the members, so that none of them decides alone: (1, n) each.

    A single member's stay as they are: a rule of the user's own may compare them with a number.
    """
    spread = np.maximum((loss_n - loss_a).std(axis=1, keepdims=True), _TINY)
    spread /= spread.mean()
    return (loss_n / spread).mean(axis=0, keepdims=True), (loss_a / spread).mean(
        axis=0, keepdims=True
    )
