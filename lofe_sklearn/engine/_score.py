"""Scoring in chunks, so that memory stays bounded however many rows come."""

from __future__ import annotations

import copy

import numpy as np
import torch
from scipy import sparse
from torch import nn

from lofe_sklearn.engine._rows import Rows, Scaling

# Rows a chunk: enough to fill the device, few enough for tens of MB of activations on a CPU.
CHUNK_ROWS = {"cpu": 512, "cuda": 8192, "mps": 2048}
# Values that the module makes of a chunk, where it makes several copies of each row.
CHUNK_VALUES = {"cpu": 2**23, "cuda": 2**28, "mps": 2**25}


@torch.no_grad()
def losses(
    module: nn.Module,
    X: np.ndarray | sparse.csr_matrix,
    *,
    scaling: Scaling | None = None,
    device: torch.device,
    chunk_rows: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Both losses of every row of X, with the module in evaluation mode and double precision.

    In float64 a row's score does not depend, beyond 1e-7, on the rows it is scored with: the
    order in which a product of matrices is summed up changes with its shape. A module that sees
    to that itself may ask for another precision by its attribute `scoring_dtype`. One that makes
    several copies of each row says how many in `copies_per_row`, and gets fewer rows at a time.

    Returns
    -------
    loss_n, loss_a : ndarray of float64, shape (n,)
    """
    if chunk_rows is None:
        values_per_row = X.shape[1] * getattr(module, "copies_per_row", 1)
        chunk_rows = min(
            CHUNK_ROWS[device.type], max(1, CHUNK_VALUES[device.type] // values_per_row)
        )
    dtype = getattr(module, "scoring_dtype", torch.float64)
    if device.type == "mps":
        dtype = torch.float32  # it has no other
    module = copy.deepcopy(module).to(device, dtype).eval()
    out = np.empty((2, X.shape[0]))
    for start in range(0, X.shape[0], chunk_rows):
        part = slice(start, start + chunk_rows)
        rows = Rows(X[part], scaling=scaling, device=device, dtype=dtype)
        everything = torch.arange(len(rows), device=device)
        out[:, part] = torch.stack(module(rows.take(everything))).cpu().numpy()
    return out[0], out[1]
