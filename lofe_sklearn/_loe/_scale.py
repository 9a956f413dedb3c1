"""One scale for the scores of members: standardised logarithms of their normal losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

_TINY = 1e-12
# Standard deviation below which a member's losses are equal: dividing by it would turn rounding
# errors, 1e-15, into differences of more than the 1e-7 that scores are promised to.
_NO_SPREAD = 1e-8
# A member's normal rows are at most so many times closer together than all its rows: of those that
# are equal nothing can be learned.
_CLOSEST = 100.0
# The exponential of this is a number.
_LARGEST = 700.0


@dataclass(frozen=True)
class CommonScale:
    """What makes members' normal losses comparable, learned from the training rows only.

    Where the ratio is known, a member's unit is the spread of the rows that it takes for normal. So
    members that keep these close together, and anomalies far from them, count more.

    Attributes
    ----------
    take_log : ndarray of bool, shape (M, 1)
        Whether the logarithm of a member's losses is taken, as its module declares.
    center, spread : ndarray of shape (M, 1)
    weights : ndarray of shape (M,)
        How much each member counts; their mean is 1.
    is_standardised : bool
        Whether scores are standardised logarithms. A single member's is its loss as it is, unless
        evidence is added to it.
    """

    take_log: np.ndarray
    center: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    is_standardised: bool

    @classmethod
    def of(
        cls,
        losses: Sequence[np.ndarray],
        modules: Sequence[Any],
        shares: Sequence[float],
        *,
        is_fused: bool = False,
    ) -> CommonScale:
        """Learn the scale of M members from the losses of the rows each was trained on.

        Each takes a share of these rows, those of the highest losses, for anomalies. Where it is
        not known, `shares` are 0.

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
        spread, n_members = np.where(differ, spread, 1.0), len(center)
        of_normal = [[_lowest(own, share).std()] for own, share in zip(values, shares, strict=True)]
        closer = spread / np.maximum(np.where(differ, of_normal, 1.0), spread / _CLOSEST)
        # Scores keep their size: the weight of the evidence and the slope of probabilities are for
        # it.
        spread = spread / closer * closer.mean()
        return cls(take_log, center, spread, np.ones(n_members), is_fused or n_members > 1)

    def weighted(self, weights: np.ndarray) -> CommonScale:
        """Return the scale with other weights of the members."""
        return replace(self, weights=weights)

    @property
    def unit(self) -> float:
        """Size of what standardised scores are computed from; 0 for losses as they are."""
        return float(np.abs(self.center / self.spread).max()) if self.is_standardised else 0.0

    def combine(self, loss_n: np.ndarray) -> np.ndarray:
        """Scores of n rows, high for normal, from the members' normal losses, (M, n)."""
        if not self.is_standardised:
            return -loss_n[0]
        units = self.units(loss_n)
        if (self.weights == 1.0).all():
            return -units.mean(axis=0)
        return -(self.weights @ units) / len(units)

    def units(self, loss_n: np.ndarray) -> np.ndarray:
        """Bring each member's losses to the common scale, (M, n), high for anomalies."""
        return (_scaled(loss_n, self.take_log) - self.center) / self.spread

    def standardised(self, scores: np.ndarray) -> np.ndarray:
        """Turn the scores of `combine` round, high for anomalies, on one scale for all numbers M.

        Those of several members are on it; a single one's may be its loss as it is.
        """
        if self.is_standardised:
            return -scores
        return (_scaled(-scores, self.take_log[0]) - self.center[0]) / self.spread[0]

    def scores_of(self, units: np.ndarray) -> np.ndarray:
        """Return the scores that `standardised` turns into `units`."""
        if self.is_standardised:
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


def _lowest(values: np.ndarray, share: float) -> np.ndarray:
    """Return all values but the highest, which are such a share of them."""
    n_kept = max(1, len(values) - round(share * len(values)))
    return values if n_kept == len(values) else np.partition(values, n_kept - 1)[:n_kept]


def mean_losses(loss_n: np.ndarray, loss_a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both losses averaged over the members, so that none of them decides alone: (1, n) each.

    A single member's stay as they are: a rule of the user's own may compare them with a number.
    """
    spread = np.maximum((loss_n - loss_a).std(axis=1, keepdims=True), _TINY)
    spread /= spread.mean()
    return (loss_n / spread).mean(axis=0, keepdims=True), (loss_a / spread).mean(
        axis=0, keepdims=True
    )
