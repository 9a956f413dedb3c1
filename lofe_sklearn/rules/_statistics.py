"""Statistics of the losses of M models at once, over the rows that count.

Losses are (M, b) for b rows, and so is the mask of rows that count; results are (M, 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Steps of the expectation maximisation. The number is fixed, so that no model of a stack waits for
# another.
_N_STEPS = 20
# Smallest standard deviation of a component, if that of all losses is 1: tied rows have none.
_LEAST_STD = 1e-4
# Equal rows have equal losses up to so many times the precision of the numbers.
_ROUNDING = 100


def unknown_rows(loss: Tensor, known: Tensor | None) -> Tensor:
    """Return which rows are of unknown label, (M, b)."""
    return torch.ones_like(loss, dtype=torch.bool) if known is None else known == 0


def quantile(values: Tensor, counted: Tensor, q: Tensor | float) -> Tensor:
    """Quantile of the values that count, interpolated linearly as NumPy does; inf of none."""
    ordered = values.masked_fill(~counted, math.inf).sort(dim=-1).values
    place = q * (counted.sum(dim=-1, keepdim=True) - 1).clamp(min=0).to(values)
    below = place.floor()
    low = ordered.gather(-1, below.long())
    high = ordered.gather(-1, place.ceil().long())
    # If both are infinite and equal, their difference is not finite.
    return torch.where(low == high, low, low + (place - below) * (high - low))


def from_median(values: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Median of the values that count, (M, 1), and the difference of each from it, (M, b).

    0 where a value is the median but for rounding. The median of no values is 0.
    """
    median = quantile(values, counted, 0.5).nan_to_num(posinf=0.0)
    away = values - median
    rounding = _ROUNDING * torch.finfo(values.dtype).eps * median.abs()
    return median, torch.where(away.abs() <= rounding, 0.0, away)


def modified_z_scores(values: Tensor, counted: Tensor) -> Tensor:
    """Distance from the median in robust standard deviations, (M, b).

    That is .6745 (x - median) / MAD, and if the MAD is 0, since more than half of the values
    tie, (x - median) / (1.2533 mean absolute deviation). 0 if all values are equal. Values tie
    if they differ by rounding.
    """
    _, distance = from_median(values, counted)
    size = distance.abs()
    mad = quantile(size, counted, 0.5)
    n_counted = counted.sum(dim=-1, keepdim=True).clamp(min=1)
    mean = size.masked_fill(~counted, 0.0).sum(dim=-1, keepdim=True) / n_counted
    unit = torch.where(mad > 0, mad / 0.6745, math.sqrt(math.pi / 2) * mean)
    return torch.where(unit > 0, distance / unit, 0.0)


@dataclass(frozen=True)
class TwoNormals:
    """A mixture of two normal distributions of standardised losses, for each of M models.

    Attributes
    ----------
    center, unit : Tensor of shape (M, 1)
        Mean and standard deviation by which the losses were standardised.
    weight, mean, std : Tensor of shape (2, M, 1)
        Of the component of the lower mean, that of normal rows, and of the other.
    """

    center: Tensor
    unit: Tensor
    weight: Tensor
    mean: Tensor
    std: Tensor

    @classmethod
    def fit(cls, values: Tensor, counted: Tensor) -> TwoNormals:
        """Fit by expectation maximisation, from a split one standard deviation above the mean."""
        counts = counted.to(values)
        n_counted = counts.sum(dim=-1, keepdim=True).clamp(min=1.0)
        # Relative to the median, so that equal losses are exactly 0, and in units of the largest
        # distance, since a square may exceed float32.
        center, away = from_median(values, counted)
        z = away.masked_fill(~counted, 0.0)
        unit = z.abs().amax(dim=-1, keepdim=True)
        unit = torch.where(unit > 0, unit, 1.0)
        mean = (z / unit).sum(dim=-1, keepdim=True) / n_counted
        z = (z / unit - mean).masked_fill(~counted, 0.0)
        center = center + mean * unit
        std = (z.square().sum(dim=-1, keepdim=True) / n_counted).sqrt()
        std = torch.where(std > 0, std, 1.0)
        unit, z = unit * std, z / std

        upper = (z > 1.0) & counted
        upper = torch.where(upper.any(dim=-1, keepdim=True), upper, (z > 0) & counted).to(values)
        shares = torch.stack([counts - upper, upper])  # (2, M, b), of both components
        for _ in range(_N_STEPS):
            components = _components(z, shares, n_counted)
            shares = counts * _log_densities(z, *components).softmax(dim=0)
        is_swapped = components[1][0] > components[1][1]
        in_order = [torch.where(is_swapped, each.flip(0), each) for each in components]
        return cls(center, unit, *in_order)

    def normal_posterior(self, values: Tensor) -> Tensor:
        """Probability, (M, b), that each loss is of the lower component.

        For losses below the lower mean it is the probability at the lower mean, and for losses
        above the upper mean that at the upper mean. Otherwise the wider component would get the
        losses at both ends.
        """
        z = (values - self.center) / self.unit
        z = torch.minimum(torch.maximum(z, self.mean[0]), self.mean[1])
        return _log_densities(z, self.weight, self.mean, self.std).softmax(dim=0)[0]

    def distance(self) -> Tensor:
        """Wasserstein distance of order 2 between both components, (M,), in `unit`."""
        between_means, between_stds = self.mean.diff(dim=0)[0], self.std.diff(dim=0)[0]
        return torch.hypot(between_means, between_stds).squeeze(-1)


def _components(z: Tensor, shares: Tensor, n_counted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, means and standard deviations of components that have a share of each row."""
    total = shares.sum(dim=-1, keepdim=True).clamp(min=1e-6)
    mean = (shares * z).sum(dim=-1, keepdim=True) / total
    variance = (shares * (z - mean).square()).sum(dim=-1, keepdim=True) / total
    return total / n_counted, mean, variance.sqrt().clamp(min=_LEAST_STD)


def _log_densities(z: Tensor, weight: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Logarithms of the weighted densities of both components, but for a constant: (2, M, b)."""
    return (weight / std).log() - ((z - mean) / std).square() / 2
