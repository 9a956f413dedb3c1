"""A bank of normal patches (PatchCore): how far a patch is from the nearest of them.

Its labels are those of whole pictures, and they alternate with the bank as LOE's do with a network:
the bank is made of the pictures that are labelled normal, and the pictures whose worst patch is the
furthest from the patches of other pictures are labelled anomalies. The first labels go to pictures
with a patch that is far from most of the others, since defects that look alike are near each other.
Unlike a Gaussian, a bank does not minimise a sum: the rounds end when labels repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lofe_sklearn._types import Floats, Ints
from lofe_sklearn.images._cell_gaussians import top

# Distances in memory at the same time: 32 MB in float64.
_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class PatchBank:
    """Patches to compare with.

    Attributes
    ----------
    patches : ndarray of float32, shape (n_kept, d)
    cells : ndarray of int, shape (n_kept,)
        The cell of each.
    pictures : ndarray of int, shape (n_kept,)
        The training picture of each; of equal ones, the first.
    weights : ndarray of float32, shape (n_kept,)
        Distances to a patch are divided by its weight: 1, or less if its picture is labelled as an
        anomaly.
    grid_size : int
    radius : int or None
        A patch is compared with patches at most this number of cells away; None for all.
    """

    patches: NDArray[np.float32]
    cells: Ints
    pictures: Ints
    weights: NDArray[np.float32]
    grid_size: int
    radius: int | None

    def distances(self, patches: NDArray[np.float32]) -> Floats:
        """Return the distance of each patch of one picture, (n_cells, d), to the nearest one."""
        return self._compare(patches[None], None, _nearest)[0]

    def held_out(self, patches: NDArray[np.float32], pictures: Ints) -> Floats:
        """Return the distance of each training patch, (n, n_cells, d), to those of other pictures.

        To the nearest one. `pictures` are the numbers of the training pictures, as in the bank.
        """
        return self._compare(patches, pictures, _nearest)

    def from_most(self, patches: NDArray[np.float32], pictures: Ints) -> Floats:
        """Return how far training patches, (n, n_cells, d), are from half of the other pictures.

        A defect that only a few pictures share is far from most pictures.
        """
        return self._compare(patches, pictures, _median_picture)

    def _compare(
        self,
        patches: NDArray[np.float32],
        own: Ints | None,
        reduce: Callable[[Floats, Ints], Floats],
    ) -> Floats:
        """Reduce the distances of each patch to those of its neighbourhood.

        `own` are the numbers of the pictures in the bank; patches of the same picture are left out.
        """
        n, _, d = patches.shape
        result = np.empty(patches.shape[:2])
        for cells, kept in self._neighbourhoods():
            n_cells = cells.stop - cells.start
            near, pictures = self.patches[kept].astype(np.float64), self.pictures[kept]
            lengths, weights = (near**2).sum(axis=1), self.weights[kept]
            size = max(1, _AT_ONCE // (n_cells * len(kept)))
            for start in range(0, n, size):
                block = slice(start, min(start + size, n))
                asked = patches[block, cells].astype(np.float64).reshape(-1, d)
                # |a - b|^2 = |a|^2 - 2 a.b + |b|^2, in float64 for a difference of large numbers.
                squared = (asked**2).sum(axis=1)[:, None] - 2 * asked @ near.T + lengths
                distances = np.sqrt(np.maximum(squared, 0.0)) / weights
                if own is not None:
                    itself = np.repeat(own[block], n_cells)[:, None] == pictures
                    distances[itself] = np.inf
                result[block, cells] = reduce(distances, pictures).reshape(-1, n_cells)
        result[np.isinf(result)] = 0.0  # there are only copies of the picture, which look the same
        return result

    def _neighbourhoods(self) -> Iterator[tuple[slice, Ints]]:
        """Yield cells, and the patches of the bank that those are compared with."""
        n_cells = self.grid_size**2
        if self.radius is None:
            yield slice(0, n_cells), np.arange(len(self.patches))
            return
        rows, columns = np.divmod(self.cells, self.grid_size)
        for cell in range(n_cells):
            row, column = divmod(cell, self.grid_size)
            away = np.maximum(np.abs(rows - row), np.abs(columns - column))
            yield slice(cell, cell + 1), np.flatnonzero(away <= self.radius)


@dataclass(frozen=True, eq=False)
class FittedBank:
    """What the rounds found in the training patches.

    Attributes
    ----------
    model : PatchBank
    held_out : ndarray of shape (n, n_cells)
        The distance of each patch to the nearest of another picture.
    marked : ndarray of bool, shape (n,)
        The pictures labelled as anomalies.
    n_iter : int
        Rounds.
    """

    model: PatchBank
    held_out: Floats
    marked: NDArray[np.bool_]
    n_iter: int


def fit_bank(
    patches: NDArray[np.float32],
    *,
    grid_size: int,
    radius: int | None,
    n_marked: int,
    weight: float,
    bank_size: int,
    max_iter: int,
    pictures: Ints,
) -> FittedBank:
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
        The approximate number of patches in the bank.
    max_iter : int
        Rounds, at most.
    pictures : ndarray of int, shape (n,)
        The number of each picture; of equal ones that of the first. A picture is not compared with
        its copies: the distance to them is 0, however odd it looks.
    """
    n, n_cells, _ = patches.shape
    a_cell = max(2, bank_size // n_cells)  # of two pictures, so that none is compared with itself

    def fill(marked: NDArray[np.bool_], weight: float = 0.0) -> PatchBank:
        weights = np.where(marked, weight, 1.0).astype(np.float32)
        kept, cells = _choose(patches, np.flatnonzero(weights), a_cell)
        return PatchBank(
            patches[kept, cells], cells, pictures[kept], weights[kept], grid_size, radius
        )

    marked, n_iter = np.zeros(n, dtype=bool), 0
    if n_marked:
        marked = top(fill(marked).from_most(patches, pictures).max(axis=1), n_marked)
    seen = set[bytes]()
    while True:
        bank = fill(marked)
        held_out = bank.held_out(patches, pictures)
        labels = top(held_out.max(axis=1), n_marked)
        seen.add(marked.tobytes())
        n_iter += 1
        if n_iter >= max_iter or labels.tobytes() in seen:
            break
        marked = labels
    if weight > 0:
        # Soft labels only now: in the rounds they would soon make two pictures of one defect
        # normal.
        bank = fill(marked, weight)
        held_out = bank.held_out(patches, pictures)
    return FittedBank(bank, held_out, marked, n_iter)


def _choose(patches: NDArray[np.float32], among: Ints, a_cell: int) -> tuple[Ints, Ints]:
    """Choose a coreset of each cell's patches; return their pictures, by position, and cells."""
    kept = [among[coreset(patches[among, cell], a_cell)] for cell in range(patches.shape[1])]
    return np.concatenate(kept), np.repeat(np.arange(len(kept)), [len(one) for one in kept])


def coreset(rows: NDArray[np.float32], size: int) -> Ints:
    """Choose rows so that none is far from a chosen one: each time the farthest row.

    This is PatchCore's greedy choice; its largest distance is at most twice that of the best
    choice. No row is chosen twice, also if many are equal, such as those of a black background:
    else a bank might hold a single picture at a cell, which has nothing to be compared with there.
    """
    if len(rows) <= size:
        return np.arange(len(rows))
    chosen = [int(((rows - rows.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    nearest = np.full(len(rows), np.inf)
    while len(chosen) < size:
        nearest = np.minimum(nearest, ((rows - rows[chosen[-1]]) ** 2).sum(axis=1))
        nearest[chosen[-1]] = -1.0
        chosen.append(int(nearest.argmax()))
    return np.sort(chosen)


def _nearest(distances: Floats, pictures: Ints) -> Floats:
    return distances.min(axis=1)


def _median_picture(distances: Floats, pictures: Ints) -> Floats:
    """Reduce distances (rows, kept) to the lower median over pictures of that to the nearest."""
    order = np.argsort(pictures, kind="stable")
    firsts = np.flatnonzero(np.diff(pictures[order], prepend=-1))
    of_pictures = np.minimum.reduceat(distances[:, order], firsts, axis=1)
    middle = max(0, len(firsts) - 2) // 2  # the row's own picture is infinitely far
    return np.partition(of_pictures, middle, axis=1)[:, middle]
