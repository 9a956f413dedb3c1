"""Rows through trained modules: losses and embeddings, and where values are that are too large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix
from lofe_sklearn._training._spread_rows import SpreadRows
from lofe_sklearn.exceptions import UnusableRowsError


def losses_of(
    module: torch.nn.Module,
    X: Matrix,
    scaling: engine.Scaling | None,
    device: str | torch.device,
    rows: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Both losses of the rows of X under a trained module, (n,) each.

    Raises
    ------
    UnusableRowsError
        If a normal loss is not finite. It is said of which row; `rows` are the user's numbers of
        those of X, where they are not all.
    """
    losses = losses_of_stack([module], X, scaling, device, rows)
    return losses[0, 0], losses[1, 0]


def losses_of_stack(
    modules: Sequence[torch.nn.Module],
    X: Matrix | SpreadRows,
    scaling: engine.Scaling | None,
    device: str | torch.device,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Both losses of the rows of X under M trained modules of equal settings, (2, M, n).

    Raises
    ------
    UnusableRowsError
        As `losses_of`.
    """
    if isinstance(X, SpreadRows):
        return X.each(lambda own: losses_of_stack(modules, own, scaling, device))
    losses = engine.losses_of_stack(
        modules, X, scaling=scaling, device=engine.resolve_device(device)
    )
    bad = np.flatnonzero(~np.isfinite(losses[0]).all(axis=0))
    if len(bad):
        row = bad[0] if rows is None else rows[bad[0]]
        raise UnusableRowsError(
            f"the score of row {row} is not finite: its values are too large for the network. "
            "Bring the features to a common scale (scaling='minmax')."
        )
    return losses


def embeddings_of(
    module: torch.nn.Module,
    X: Matrix,
    scaling: engine.Scaling | None,
    device: str | torch.device,
) -> np.ndarray:
    """Embed the rows of X by a trained module, (n, e).

    Raises
    ------
    UnusableRowsError
        If a value is not finite.
    """
    embedded = engine.embeddings(module, X, scaling=scaling, device=engine.resolve_device(device))
    bad = np.flatnonzero(~np.isfinite(embedded).all(axis=1))
    if len(bad):
        raise UnusableRowsError(
            f"the embedding of row {bad[0]} is not finite: its values are too large for the "
            "network. Bring the features to a common scale (scaling='minmax')."
        )
    return embedded


@contextmanager
def locating(
    *,
    rows: np.ndarray | None = None,
    features: np.ndarray | None = None,
    names: Sequence[str] | np.ndarray | None = None,
) -> Iterator[None]:
    """Say of a value that is too large where it is in the rows of the user.

    Parameters
    ----------
    rows, features : ndarray of int, optional
        Which of the user's rows and features those are that are computed with. Default: all.
    names : sequence of str, optional
        Names of the user's features.
    """
    try:
        yield
    except engine.TooLargeError as error:
        if rows is not None and error.what == "X":
            error.row = int(rows[error.row])
        if features is not None:
            error.column = int(features[error.column])
        if names is not None:
            error.names = names
        raise
