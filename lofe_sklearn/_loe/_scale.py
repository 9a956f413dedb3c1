"""One scale for the scores of members: standardised logarithms of their normal losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_TINY = 1e-12
# Standard deviation below which a member's losses are equal: dividing by it would turn rounding
# errors, 1e-15, into differences of more than the 1e-7 that scores are promised to.
_NO_SPREAD = 1e-8
# The exponential of this is a number.
_LARGEST = 700.0


@dataclass(frozen=True)
class CommonScale:
    """What makes members' normal losses comparable, learned from the training rows only.

    Attributes
    ----------
    take_log : ndarray of bool, shape (M, 1)
        Whether the logarithm of a member's losses is taken, as its module declares.
    center, spread : ndarray of shape (M, 1)
    """

    take_log: np.ndarray
    center: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, losses: Sequence[np.ndarray], modules: Sequence[Any]) -> CommonScale:
        """Learn the scale of M members from the losses of the rows each was trained on.

        Raises
        ------
        ValueError
            If a module whose losses are on a logarithmic scale has negative ones.
        """
        take_log = np.array([[_declares_log(module)] for module in modules])
        for own, module, is_log in zip(losses, modules, take_log[:, 0], strict=True):
            if is_log and (own < 0).any():
                name = type(module).__name__
                raise ValueError(
                    f"LOE: {name} returned a negative normal loss, {own.min():.3g}, of which there "
                    f"is no logarithm. Set score_scale = 'linear' in {name}, as for log-densities, "
                    "or return losses of at least 0."
                )
        values = [_scaled(own, is_log) for own, is_log in zip(losses, take_log[:, 0], strict=True)]
        spread = np.array([[own.std()] for own in values])
        center = np.array([[own.mean()] for own in values])
        differ = spread > _NO_SPREAD * np.maximum(1.0, np.abs(center))
        return cls(take_log, center, np.where(differ, spread, 1.0))

    @property
    def unit(self) -> float:
        """Size of what several members' scores are computed from; 0 for one, whose are its own."""
        return 0.0 if len(self.center) == 1 else float(np.abs(self.center / self.spread).max())

    def combine(self, loss_n: np.ndarray) -> np.ndarray:
        """Scores of n rows, high for normal, from the members' normal losses, (M, n)."""
        if len(loss_n) == 1:
            return -loss_n[0]
        return -((_scaled(loss_n, self.take_log) - self.center) / self.spread).mean(axis=0)

    def standardised(self, scores: np.ndarray) -> np.ndarray:
        """Turn the scores of `combine` round, high for anomalies, on one scale for all numbers M.

        Those of several members are on it; a single one's is its loss as it is.
        """
        if len(self.center) > 1:
            return -scores
        return (_scaled(-scores, self.take_log[0]) - self.center[0]) / self.spread[0]

    def scores_of(self, units: np.ndarray) -> np.ndarray:
        """Return the scores that `standardised` turns into `units`."""
        if len(self.center) > 1:
            return -units
        values = units * self.spread[0] + self.center[0]
        # A row far outside may have a loss beyond every number; it stays the largest.
        return -np.where(self.take_log[0], np.exp(np.minimum(values, _LARGEST)), values)


def _declares_log(module: Any) -> bool:
    scale = getattr(module, "score_scale", "log")
    if scale not in ("log", "linear"):
        raise ValueError(
            f"LOE: {type(module).__name__}.score_scale must be 'log' or 'linear'; got {scale!r}."
        )
    return scale == "log"


def _scaled(losses: np.ndarray, take_log: np.ndarray | bool) -> np.ndarray:
    """Logarithms of losses where they are taken, the losses themselves elsewhere."""
    return np.where(take_log, np.log(np.maximum(losses, _TINY)), losses)


def mean_losses(loss_n: np.ndarray, loss_a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both losses averaged over the members, so that none of them decides alone: (1, n) each.

    A single member's stay as they are: a rule of the user's own may compare them with a number.
    """
    spread = np.maximum((loss_n - loss_a).std(axis=1, keepdims=True), _TINY)
    spread /= spread.mean()
    return (loss_n / spread).mean(axis=0, keepdims=True), (loss_a / spread).mean(
        axis=0, keepdims=True
    )
