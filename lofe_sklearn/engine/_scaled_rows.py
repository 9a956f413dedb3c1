"""How features are scaled: by a shift, a factor and, for some, limits."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

# Shift and factor; behind them may stand the lowest and the highest scaled value of each feature.
Scaling: TypeAlias = tuple[np.ndarray, ...]


def scaled(X: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Scale rows, (n, d): ``(X - shift) * factor``, cut off at the limits. In float64."""
    shift, factor, *limits = scaling
    with np.errstate(over="ignore"):  # what overflows is cut off, or refused by who computes on
        result = (X.astype(np.float64, copy=False) - shift) * factor
    return np.clip(result, *limits, out=result) if limits else result


def parts_of(scaling: Scaling | None, n_features: int) -> np.ndarray:
    """Return shift, factor and both limits, (4, d), whichever of them there are."""
    parts = np.tile([[0.0], [1.0], [-np.inf], [np.inf]], n_features)
    if scaling is not None:
        parts[: len(scaling)] = scaling
    return parts
