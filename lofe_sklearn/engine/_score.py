"""Losses and embeddings in chunks, so that memory stays bounded however many rows come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from lofe_sklearn._config import get_config
from lofe_sklearn.engine._copies import copy_to_score, takes_stacked_parameters
from lofe_sklearn.engine._few_threads import threads_to_score
from lofe_sklearn.engine._plain_torch import plain_torch
from lofe_sklearn.engine._rows import Rows, Scaling, TooLargeError
from lofe_sklearn.engine._scaled_rows import RowScaling
from lofe_sklearn.engine._stack import check_losses

# Rows of a chunk at most: enough to fill the device.
_MOST_ROWS = {"cpu": 1280, "cuda": 8192, "mps": 2048}
# Size of the largest tensor that a module makes of a chunk. On a CPU it stays in the cache: with
# larger ones, `ICL` takes up to twice as long. With fewer than so many rows, a call would not pay.
_CACHED_BYTES, _LEAST_ROWS = 2**21, 32
# Values of a row that a module makes at least: its hidden layers are wider than few features.
_LEAST_VALUES = 48
_LARGEST_BYTES = {"cpu": 2**26, "cuda": 2**31, "mps": 2**27}
# Values that are loaded and scaled at a time: a chunk of few rows would take longer to load than to
# compute.
_LOADED_VALUES = 2**18


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
    order in which a product of matrices is summed up changes with its shape. `config_context` may
    ask for float32. A module that sees to that itself may ask for another precision by its
    attribute `scoring_dtype`. One that makes more values of a row than it has features says how
    many in `values_per_row`, and gets fewer rows at a time.

    Returns
    -------
    loss_n, loss_a : ndarray of float64, shape (n,)
    """

    def call(loaded: nn.Module) -> Callable[[Tensor], Any]:
        return lambda x: check_losses(module, loaded(x), x.shape[:1])

    with plain_torch(), torch.no_grad(), threads_to_score([module], X.shape[0], device):
        parts = _chunks([module], call, X, scaling, device, chunk_rows)
        loss_n, loss_a = _side_by_side(map(torch.stack, parts), (2, X.shape[0]))
    return loss_n, loss_a


def losses_of_stack(
    modules: Sequence[nn.Module],
    X: np.ndarray | sparse.csr_matrix,
    *,
    scaling: Scaling | None = None,
    device: torch.device,
) -> np.ndarray:
    """Both losses of every row of X by M modules that differ in nothing but their parameters.

    Modules that compute with stacked parameters are called as one, with rows that are scaled once.

    Returns
    -------
    losses : ndarray of float64, shape (2, M, n)
    """
    if len(modules) == 1 or not all(map(takes_stacked_parameters, modules)):
        each = [losses(module, X, scaling=scaling, device=device) for module in modules]
        return np.stack(each, axis=1)

    def call(loaded: nn.Module) -> Callable[[Tensor], Any]:
        def both(x: Tensor) -> Tensor:
            rows = x.expand(len(modules), *x.shape)
            return torch.stack(check_losses(modules[0], loaded(rows), rows.shape[:2]))

        return both

    with plain_torch(), torch.no_grad(), threads_to_score(modules, X.shape[0], device):
        parts = _chunks(modules, call, X, scaling, device, None)
        return _side_by_side(parts, (2, len(modules), X.shape[0]))


def embeddings(
    module: nn.Module,
    X: np.ndarray | sparse.csr_matrix,
    *,
    scaling: Scaling | None = None,
    device: torch.device,
) -> np.ndarray:
    """Embed every row of X by the module's method `embed`, or as its scaled values without one.

    Returns
    -------
    embeddings : ndarray of float64, shape (n, e)
    """

    def call(loaded: nn.Module) -> Callable[[Tensor], Tensor]:
        embed = getattr(loaded, "embed", lambda x: x)
        return lambda x: _checked_embedding(module, embed(x), len(x))

    with plain_torch(), torch.no_grad(), threads_to_score([module], X.shape[0], device):
        chunks = _chunks([module], call, X, scaling, device, None)
        parts = [part.flatten(1).cpu().double().numpy() for part in chunks]
    return np.concatenate(parts)


def _checked_embedding(module: nn.Module, embedded: Any, n_rows: int) -> Tensor:
    if isinstance(embedded, Tensor) and embedded.dim() > 0 and len(embedded) == n_rows:
        return embedded.reshape(n_rows, 1) if embedded.dim() == 1 else embedded
    got = (
        f"shape {tuple(embedded.shape)}"
        if isinstance(embedded, Tensor)
        else type(embedded).__name__
    )
    raise TypeError(
        f"{type(module).__name__}.embed(x) must return a tensor with a first axis of one entry for "
        f"each row; for {n_rows} rows it returned {got}."
    )


def _side_by_side(parts: Iterable[Tensor], shape: tuple[int, ...]) -> np.ndarray:
    """Put the values of chunks of rows side by side on the last axis, in float64.

    Into one array, each as it comes: small parts that are kept hold the memory between them.
    """
    values, end = np.empty(shape), 0
    for part in parts:
        start, end = end, end + part.shape[-1]
        values[..., start:end] = part.cpu().numpy()
    return values


def _rows_of_a_chunk(bytes_per_row: int, device: str) -> int:
    n_rows = _LARGEST_BYTES[device] // bytes_per_row
    if device == "cpu":
        n_rows = min(n_rows, max(_LEAST_ROWS, _CACHED_BYTES // bytes_per_row))
    return min(max(1, n_rows), _MOST_ROWS[device])


def _chunks(
    modules: Sequence[nn.Module],
    call: Callable[[nn.Module], Callable[[Tensor], Any]],
    X: np.ndarray | sparse.csr_matrix,
    scaling: Scaling | None,
    device: torch.device,
    chunk_rows: int | None,
) -> Iterator[Any]:
    """Yield what ``call(module)``, a copy of one or of all, makes of the rows, chunk by chunk."""
    module = modules[0]
    dtype = getattr(module, "scoring_dtype", getattr(torch, get_config()["scoring_dtype"]))
    if dtype not in (torch.float64, torch.float32):
        raise TypeError(
            f"{type(module).__name__}.scoring_dtype must be torch.float64 or torch.float32; got "
            f"{dtype!r}."
        )
    if device.type == "mps":
        dtype = torch.float32  # it has no other
    ready = RowScaling(scaling, X.shape[1])
    if chunk_rows is None:
        values: Any = getattr(module, "values_per_row", ready.n_inputs)
        bytes_per_row = len(modules) * max(values, _LEAST_VALUES) * dtype.itemsize
        chunk_rows = _rows_of_a_chunk(bytes_per_row, device.type)
    compute = call(copy_to_score(modules, device, dtype))
    loaded = chunk_rows * max(1, _LOADED_VALUES // (chunk_rows * ready.n_inputs))
    for start in range(0, X.shape[0], loaded):
        try:
            rows = Rows(X[start : start + loaded], scaling=ready, device=device, dtype=dtype)
            x = rows.take(torch.arange(len(rows), device=device))
        except TooLargeError as error:
            error.row += start
            raise
        yield from map(compute, x.split(chunk_rows))
