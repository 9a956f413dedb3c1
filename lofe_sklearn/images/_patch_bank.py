"""A bank of normal patches (PatchCore): how far a patch is from the nearest of them.

Its labels are those of whole pictures, and they alternate with the bank as LOE's do with a network:
the bank is made of the pictures that are labelled normal, and the pictures whose worst patch is the
furthest from the patches of other pictures are labelled anomalies. Unlike a Gaussian, a bank is not
what minimises a sum, so that the rounds may not settle; they are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lofe_sklearn._types import Floats, Ints
from lofe_sklearn.images._cell_gaussians import top


@dataclass(frozen=True, eq=False)
class PatchBank:
    """Patches to compare with.

    Attributes
    ----------
    patches : ndarray of float32, shape (n_kept, d)
    cells : ndarray of int, shape (n_kept,)
        The cell of each.
    pictures : ndarray of int, shape (n_kept,)
        The training picture of each.
    weights : ndarray of float32, shape (n_kept,)
        Distances to a patch are divided by its weight: 1, or less of a picture that is labelled as
        an anomaly.
    grid_size : int
    radius : int or None
        A patch is compared with those at most so many cells away; None for all.
    """

    patches: NDArray[np.float32]
    cells: Ints
    pictures: Ints
    weights: NDArray[np.float32]
    grid_size: int
    radius: int | None

    def distances(self, patches: NDArray[np.float32], without: int | None = None) -> Floats:
        """Return the distance of each patch of one picture, (n_cells, d), to the nearest one.

        Those of the training picture `without` are left out.
        """
        result = np.empty(len(patches))
        for cells, kept in self._neighbourhoods():
            if without is not None:
                kept = kept[self.pictures[kept] != without]
            # A cell's patches, expanded: |a - b|^2 = |a|^2 - 2 a.b + |b|^2, in float64 for the
            # difference of large numbers.
            near = self.patches[kept].astype(np.float64)
            asked = patches[cells].astype(np.float64)
            squared = (asked**2).sum(axis=1)[:, None] - 2 * asked @ near.T + (near**2).sum(axis=1)
            distances = np.sqrt(np.maximum(squared, 0.0)) / self.weights[kept]
            result[cells] = distances.min(axis=1)
        return result

    def _neighbourhoods(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield cells, and the patches of the bank that those are compared with."""
        all_cells = np.arange(self.grid_size**2)
        if self.radius is None:
            yield all_cells, np.arange(len(self.patches))
            return
        rows, columns = np.divmod(self.cells, self.grid_size)
        for cell in all_cells:
            row, column = divmod(int(cell), self.grid_size)
            away = np.maximum(np.abs(rows - row), np.abs(columns - column))
            yield np.array([cell]), np.flatnonzero(away <= self.radius)


def fit_bank(
    patches: NDArray[np.float32],
    *,
    grid_size: int,
    radius: int | None,
    n_marked: int,
    weight: float,
    bank_size: int,
    max_iter: int,
) -> tuple[PatchBank, Floats, NDArray[np.bool_]]:
    """Fill a bank, alternating with the labels of the pictures.

    Parameters
    ----------
    patches : ndarray of shape (n, n_cells, d)
    grid_size, radius
        As of the bank.
    n_marked : int
        How many pictures are labelled as anomalies.
    weight : float
        Of those: 0 for hard labels, 0.5 for soft ones, 1 for none.
    bank_size : int
        Patches in the bank, about.
    max_iter : int
        Rounds, at most.

    Returns
    -------
    bank : PatchBank
    held_out : ndarray of shape (n, n_cells)
        The distance of each training patch to the nearest of another picture.
    marked : ndarray of bool, shape (n,)
        The pictures labelled as anomalies.
    """
    n, n_cells, _ = patches.shape
    a_cell = max(2, bank_size // n_cells)  # of two pictures, so that none is compared with itself
    marked = np.zeros(n, dtype=bool)
    n_rounds = max_iter if n_marked and weight < 1 else 0
    for remaining in range(n_rounds, -1, -1):
        weights = np.where(marked, weight, 1.0).astype(np.float32)
        bank = _fill(patches, weights, a_cell, grid_size, radius)
        held_out = np.stack([bank.distances(picture, i) for i, picture in enumerate(patches)])
        labels = top(held_out.max(axis=1), n_marked)
        if remaining == 0 or (labels == marked).all():
            break
        marked = labels
    return bank, held_out, marked


def _fill(
    patches: NDArray[np.float32],
    weights: NDArray[np.float32],
    a_cell: int,
    grid_size: int,
    radius: int | None,
) -> PatchBank:
    """Fill a bank with a coreset of each cell's patches, of the pictures that have a weight."""
    has_weight = np.flatnonzero(weights)
    kept = [
        has_weight[coreset(patches[has_weight, cell], a_cell)] for cell in range(patches.shape[1])
    ]
    pictures = np.concatenate(kept)
    cells = np.repeat(np.arange(len(kept)), [len(one) for one in kept])
    return PatchBank(
        patches[pictures, cells], cells, pictures, weights[pictures], grid_size, radius
    )


def coreset(rows: NDArray[np.float32], size: int) -> Ints:
    """Choose rows so that none is far from a chosen one: each time the one that is furthest.

    This greedy choice is at most twice as far from the rows as the best one; PatchCore's.
    """
    if len(rows) <= size:
        return np.arange(len(rows))
    chosen = [int(((rows - rows.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    nearest = np.full(len(rows), np.inf)
    while len(chosen) < size:
        nearest = np.minimum(nearest, ((rows - rows[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(nearest.argmax()))
    return np.sort(chosen)
