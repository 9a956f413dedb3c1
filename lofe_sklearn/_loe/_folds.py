"""Which rows each fold holds out, so that models that have not seen a row can score it."""

from __future__ import annotations

import numpy as np


def how_many_folds(asked: int | None, n_samples: int) -> int:
    """Return the number of folds to train models for, 0 for none.

    Parameters
    ----------
    asked : int or None
        The parameter `held_out_folds`.
    n_samples : int

    Raises
    ------
    ValueError
        If there are too few rows for the folds that were asked for.
    """
    if asked is None:
        return 0
    least = 4 if asked == 2 else asked
    if n_samples < least:
        raise ValueError(
            f"LOE: held_out_folds={asked} needs at least {least} training rows, so that each fold "
            f"holds one and leaves two to train on; got {n_samples}. Lower held_out_folds, or set "
            "it to None for no held-out scores."
        )
    return int(asked)


def held_out_rows(
    n_samples: int, n_folds: int, known: np.ndarray | None = None
) -> list[np.ndarray]:
    """Draw the rows that each fold holds out; every row is held out by one fold.

    Parameters
    ----------
    n_samples, n_folds : int
    known : ndarray of int8, shape (n_samples,), optional
        Known labels: each fold holds out its share of each class, so that no model loses all known
        anomalies at once.
    """
    if n_folds == 0:
        return []
    order = np.random.default_rng(0).permutation(n_samples)
    classes = [order] if known is None else [order[known[order] == label] for label in (-1, 1, 0)]
    dealt: list[list[np.ndarray]] = [[] for _ in range(n_folds)]
    at = 0
    for rows in classes:
        # Each class goes on with the fold after the last one that got a row more.
        for i, part in enumerate(np.array_split(rows, n_folds)):
            dealt[(at + i) % n_folds].append(part)
        at += len(rows) % n_folds
    return [np.sort(np.concatenate(parts)) for parts in dealt]
