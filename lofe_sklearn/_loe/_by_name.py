"""The classical detectors by the names that `evidence` and `init` know them by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lofe_sklearn._loe._classical import Forest, NearNeighbors, Neighbors, RobustCovariance
from lofe_sklearn._loe._local_density import LocalDensity

CLASSICAL: dict[str, Any] = {
    "iforest": Forest,
    "knn": Neighbors,
    "mcd": RobustCovariance,
    "lof": LocalDensity,
}
FIRST: dict[str, Any] = {"iforest": Forest, "knn": NearNeighbors}
# What first labels are found by, which must find groups of anomalies: a group that is as dense as
# normal rows has no outliers by local density. Where a ratio is given, evidence serves these above
# all, as its own weight is small.
FOR_LABELS = ("iforest", "knn", "mcd")


def suited(names: Iterable[str], n_samples: int, n_features: int) -> list[str]:
    """Return the names of the detectors that rows of this shape are worth a try for."""
    return [name for name in names if CLASSICAL[name].suits(n_samples, n_features)]
