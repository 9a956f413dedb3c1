"""Seeds for the detector of `init`, so that two fits of one seed are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator


def seeded(detector: Any, seed: int) -> Any:
    """Return a copy of a detector, with a seed for each ``random_state`` that is None.

    Its own is the seed itself, so that ``IsolationForest()`` is the same forest as ``"iforest"``.
    Those of what is nested in it, as of the steps of a Pipeline, are drawn with the seed and
    differ from each other. A ``random_state`` that the user has set stays as it is.
    """
    copy = clone(detector, safe=False)
    rng = np.random.RandomState(seed)
    _seed(copy, rng, own=seed)
    return copy


def _seed(value: Any, rng: np.random.RandomState, own: int | None = None) -> None:
    """Seed an estimator, or all that a list or tuple holds, in place."""
    if isinstance(value, (list, tuple)):
        for item in value:
            _seed(item, rng)
        return
    if isinstance(value, type) or not hasattr(value, "get_params"):
        return
    if isinstance(value, FrozenEstimator):  # the user's own, since its clone is no copy
        return
    params = value.get_params(deep=False)
    if params.get("random_state", 0) is None:
        drawn = int(rng.randint(np.iinfo(np.int32).max))
        value.set_params(random_state=drawn if own is None else own)
    # Not by get_params(deep=True): it does not look into lists, as PyOD's ensembles take them.
    for _, nested in sorted(params.items()):
        _seed(nested, rng)
