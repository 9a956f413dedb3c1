"""Scores of patches as maps over the picture."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional as F

from lofe_sklearn import engine
from lofe_sklearn._types import Floats


def heat_map(cells: Floats, height: int, width: int, smoothing: float) -> NDArray[np.float32]:
    """Interpolate one picture's values (g, g) to its size, and smooth them.

    A pixel of a map that is smaller than the grid has the largest value of its cells.

    Parameters
    ----------
    cells : ndarray of shape (g, g)
    height, width : int
    smoothing : float
        Standard deviation of the Gaussian, in widths of a cell.
    """
    grid_size = len(cells)
    with engine.plain_torch():
        values = torch.from_numpy(np.ascontiguousarray(cells, dtype=np.float32))[None, None]
        # A map of fewer pixels than cells would leave some of these out.
        values = F.adaptive_max_pool2d(values, (min(height, grid_size), min(width, grid_size)))
        large = F.interpolate(values, (height, width), mode="bilinear", align_corners=False)
    sigma = (smoothing * height / grid_size, smoothing * width / grid_size)
    return ndimage.gaussian_filter(large[0, 0].numpy(), sigma, mode="nearest")
