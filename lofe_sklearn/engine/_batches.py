"""The rows on the device, and the order in which each model sees them.

There is one copy of the data, whatever the number of models: a batch is an index matrix (M, b)
into it, one line for each model.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

Scaling = tuple[np.ndarray, np.ndarray]

# Rows scaled at a time: their float64 intermediates would be several times the size of X.
_BLOCK_ROWS = 16_384


class Rows:
    """Rows of X as tensors: a dense X lives on the device, a sparse one is densified per batch.

    Parameters
    ----------
    X : ndarray of shape (n, ...) or CSR matrix of shape (n, d)
    scaling : pair of ndarray of shape (d,), optional
        Shift and factor: rows are handed out as ``(row - shift) * factor``, computed in float64.
    device : torch.device
    dtype : torch.dtype
    """

    def __init__(
        self,
        X: np.ndarray | sparse.csr_matrix,
        *,
        scaling: Scaling | None = None,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.scaling = scaling
        self.device, self.dtype = device, dtype
        self._X = X if sparse.issparse(X) else self._to_tensor(X)
        self.shape = X.shape

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, index: Tensor) -> Tensor:
        """Rows at `index` of any shape: (M, b) gives (M, b, d)."""
        flat = index.reshape(-1)
        if isinstance(self._X, Tensor):
            picked = self._X.index_select(0, flat)
        else:
            picked = self._to_tensor(self._X[flat.cpu().numpy()].toarray())
        return picked.view(*index.shape, *picked.shape[1:])

    def _to_tensor(self, X: np.ndarray) -> Tensor:
        # A copy always: torch has no read-only tensors, and the user's array must stay as it is.
        rows = torch.empty(X.shape, dtype=self.dtype)
        for start in range(0, len(X), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            rows[block] = torch.from_numpy(self._scaled(X[block]))
        return rows.to(self.device)

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        if self.scaling is not None:
            shift, factor = self.scaling
            X = (X.astype(np.float64, copy=False) - shift) * factor
        # A network squares what it is given: beyond this it would compute with infinities, and
        # not every one of them would show in a loss.
        largest, limit = float(np.abs(X).max(initial=0)), torch.finfo(self.dtype).max ** 0.48
        if largest > limit:
            raise ValueError(
                f"X has a value of magnitude {largest:.3g}, too large to compute with (at most "
                f"{limit:.1g}). Scale the features (scaling='minmax') or correct that value."
            )
        return np.array(X, order="C")  # torch reads no negative strides


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Split `n_rows` into batches of at most `batch_size`, sizes differing by at most one.

    No row is dropped and no small rest is left over, in which a share of anomalies could not be
    ranked: a batch has at least two rows (so one of three when `batch_size` is 2 and `n_rows` odd).
    """
    n_batches = max(1, min(-(-n_rows // batch_size), n_rows // 2))
    size, larger = divmod(n_rows, n_batches)
    return [size + 1] * larger + [size] * (n_batches - larger)


def epoch_batches(
    index: Tensor, batch_size: int, generators: list[torch.Generator]
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch over every model's rows, each model in an order of its own.

    Parameters
    ----------
    index : Tensor of int, shape (M, n)
        The rows of each model.
    batch_size : int
    generators : list of M torch.Generator
        On the CPU, so that every device sees the same order.

    Yields
    ------
    position, row : Tensor of int, shape (M, b)
        Where each of the batch's rows stands in `index`, and which row of X it is.
    """
    n_rows = index.shape[1]
    order = torch.stack([torch.randperm(n_rows, generator=g) for g in generators])
    order = order.to(index.device)
    shuffled = index.gather(1, order)
    sizes = batch_sizes(n_rows, batch_size)
    yield from zip(order.split(sizes, dim=1), shuffled.split(sizes, dim=1), strict=True)
