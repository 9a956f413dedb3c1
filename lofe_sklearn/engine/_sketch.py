"""Many features added up to fewer sums, with random signs: a count sketch.

Sums of standardised features keep what networks and distances see of wide rows: lengths, and
products of rows, up to an error of a few percent [1]_ [2]_. A step then costs no more than one of
rows that are as wide as the sums, whatever the number of features.

.. [1] M. Charikar, K. Chen, M. Farach-Colton (2002). Finding Frequent Items in Data Streams. ICALP.
.. [2] K. Weinberger et al. (2009). Feature Hashing for Large Scale Multitask Learning. ICML.
   arXiv:0902.2206.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# With more, or with all features, networks rank words, categories, genes and pixels no better, and
# take longer (study `wide-rows`).
MOST_SUMS = 512


def n_sums(n_features: int) -> int:
    """Return how many sums there are of so many features: 512, or somewhat fewer equal ones."""
    return -(-n_features // features_of_a_sum(n_features))


def features_of_a_sum(n_features: int) -> int:
    """Return how many features each sum has, but for the last, which may have fewer."""
    return max(1, -(-n_features // MOST_SUMS))


def draw_sums(n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the sum that each feature is added to, and its sign, (d,) each.

    They are the same for all models of as many features, which then share their rows.
    """
    rng = np.random.default_rng(0)
    sums = rng.permutation(n_features) // features_of_a_sum(n_features)
    return sums, rng.choice([-1.0, 1.0], n_features)


def slots_of(sums: np.ndarray) -> np.ndarray:
    """Return the features by sums, (k, n_sums): column s has those of sum s.

    A sum of fewer than k features has d, a number that no feature has, in their place.

    Raises
    ------
    ValueError
        If they are not sums as `draw_sums` makes them, as in a file that is not ours.
    """
    n_features = len(sums)
    if sums.min() < 0 or sums.max() >= n_features:
        raise ValueError("features are added to sums that there are not")
    order, counts = np.argsort(sums, kind="stable"), np.bincount(sums)
    if (counts[:-1] != counts.max()).any():
        raise ValueError("the sums of features are of different lengths")
    nth = np.arange(n_features) - np.repeat(np.cumsum(counts) - counts, counts)
    slots = np.full((int(counts.max()), len(counts)), n_features)
    slots[nth, sums[order]] = order
    return slots


def added_up(rows: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Add up the features of rows, (n, d), to sums, (n, n_sums)."""
    with_zero = np.column_stack([rows, np.zeros(len(rows), rows.dtype)])
    total = with_zero[:, slots[0]]
    for each in slots[1:]:  # in one order, so that a row's sums do not depend on other rows
        total += with_zero[:, each]
    return total


def added_up_by_models(rows: Tensor, slots: Tensor) -> Tensor:
    """Add up the features of rows, (M, b, d), by the slots of each model, (M, k, n_sums)."""
    with_zero = torch.cat([rows, rows.new_zeros(*rows.shape[:2], 1)], dim=2)
    n_models, k, n_sums = slots.shape
    index = slots.reshape(n_models, 1, k * n_sums).expand(-1, rows.shape[1], -1)
    return with_zero.gather(2, index).unflatten(2, (k, n_sums)).sum(dim=2)
