"""Whether pictures are aligned: whether a patch's place predicts its content."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The bound for the share of variance that the place explains. The share was .86 to .91 for pictures
# that are aligned to a few pixels, .2 to .35 for the same pictures shifted by a patch, and below
# .22 for surfaces.
ALIGNED = 0.5
# Cells along the edges look alike in all pictures, since the network sees the edge.
_SMALLEST_WITH_EDGE = 5


def explained_by_position(patches: NDArray[np.float32], grid_size: int) -> float:
    """Return the share of the patches' variance that their place in the grid explains.

    It is the adjusted coefficient of determination: about 0 if the place explains nothing, whatever
    the number of pictures.

    Parameters
    ----------
    patches : ndarray of shape (n, grid_size ** 2, d)
    grid_size : int
    """
    n, _, d = patches.shape
    grid = patches.reshape(n, grid_size, grid_size, d)
    if grid_size >= _SMALLEST_WITH_EDGE:
        grid = grid[:, 1:-1, 1:-1]
    inner = grid.reshape(n, -1, d)
    n_cells = inner.shape[1]
    if n_cells < 2:
        return 1.0  # one cell: there is but one place
    cell_means = inner.mean(axis=0, dtype=np.float64)
    within = sum(float(((picture - cell_means) ** 2).sum()) for picture in inner)
    # The variance around the mean of all: within the cells, and n times between their means.
    between = n * float(((cell_means - cell_means.mean(axis=0)) ** 2).sum())
    if between == 0:
        return 0.0
    n_patches = n * n_cells
    unexplained = within / (n_patches - n_cells)
    return 1.0 - unexplained / ((within + between) / (n_patches - 1))
