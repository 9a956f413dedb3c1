"""The geometric views of an image as maps of pixel indices, and which of them a step uses."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from torch import Tensor

# Passes over all views before the order in which a training takes them repeats.
_ROUNDS = 16


def view_maps(side: int, *, flips: bool) -> tuple[Tensor, Tensor, list[int]]:
    """All combinations of flip, shifts and rotation of a square image, in this order of doing.

    An image is mirrored left to right, shifted by a quarter of its side to the right or left and
    down or up, and turned counter-clockwise by multiples of 90 degrees. What a shift uncovers is
    filled by reflection.

    Parameters
    ----------
    side : int
        Height and width in pixels.
    flips : bool
        Whether there are mirrored views.

    Returns
    -------
    maps : Tensor of int, shape (V, side * side)
        View v of an image with the pixels p is ``p[maps[v]]``. V is 36, or 72 with flips; view 0
        is the image itself.
    labels : Tensor of int, shape (V, T)
        Which of its values each of the T transformations has in each view.
    sizes : list of T ints
        The number of values of each transformation.
    """
    # Shift by at least one pixel, even in a very small image.
    step = max(1, side // 4)
    pixels = np.arange(side * side).reshape(side, side)
    sizes = [2] * flips + [3, 3, 4]
    labels = list(product(*map(range, sizes)))
    maps = []
    for *flip, right, down, turns in labels:
        view = pixels[:, ::-1] if any(flip) else pixels
        # Value 1 is a shift by +step, value 2 one by -step.
        view = _shifted(view, (0, step, -step)[right], axis=1)
        view = _shifted(view, (0, step, -step)[down], axis=0)
        maps.append(np.rot90(view, turns).ravel())
    return torch.from_numpy(np.stack(maps)), torch.from_numpy(np.array(labels)), sizes


def _shifted(pixels: np.ndarray, step: int, axis: int) -> np.ndarray:
    """Move towards higher indices, and reflect at the border that this leaves open."""
    if step == 0:
        return pixels
    border = [(0, 0), (0, 0)]
    border[axis] = (step, 0) if step > 0 else (0, -step)
    padded = np.pad(pixels, border, mode="reflect")
    kept = slice(None, pixels.shape[axis]) if step > 0 else slice(-step, None)
    return padded[:, kept] if axis == 1 else padded[kept]


def view_schedule(n_views: int, n_used: int) -> Tensor:
    """Draw, from torch's global generator, the views that each step of a training uses.

    In each `n_views` consecutive lines from a multiple of `n_views` on every view occurs equally
    often, and no view occurs twice in a line.

    Returns
    -------
    schedule : Tensor of int, shape (16 * n_views, n_used)
    """
    turn = torch.arange(n_views)[:, None] * n_used + torch.arange(n_used)
    return torch.cat([torch.randperm(n_views)[turn % n_views] for _ in range(_ROUNDS)])
