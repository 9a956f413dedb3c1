"""The scaling of wide rows: features are standardised, then added up with random signs."""

from __future__ import annotations

import numpy as np

from lofe_sklearn import engine

SKETCHED = "sketched"


def n_inputs_of(scaling: str | None, n_features: int) -> int:
    """Return how many values of rows of so many features a network is given."""
    return engine.n_sums(n_features) if scaling == SKETCHED else n_features


def with_sums(scaling: engine.Scaling, n_varying: int) -> engine.Scaling:
    """Let scaled features be added up, to sums whose variance is 1 in the mean.

    Features that are no more than the sums stay as they are.

    Parameters
    ----------
    scaling : tuple of ndarray of shape (n_features,)
        Of which the features that vary have a variance of 1.
    n_varying : int
        How many these are.
    """
    n_features = len(scaling[0])
    n_sums = engine.n_sums(n_features)
    if n_sums == n_features:
        return scaling
    shift, factor, low, high = engine.parts_of(scaling, n_features)
    sums, signs = engine.draw_sums(n_features)
    unit = np.sqrt(n_sums / max(1, n_varying)) * signs
    low, high = np.sort([low * unit, high * unit], axis=0)
    return shift, factor * unit, low, high, sums
