"""The learned model of normal patches, for all kinds of comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lofe_sklearn._types import Floats
from lofe_sklearn.images._cell_gaussians import CellGaussians, FittedCells, fit_cells
from lofe_sklearn.images._patch_bank import FittedBank, PatchBank, fit_bank
from lofe_sklearn.images._position import ALIGNED, explained_by_position

Position: TypeAlias = Literal["padim", "patchcore", "anywhere"]
# The weight of a patch that is labelled as an anomaly.
WEIGHTS = {"hard": 0.0, "soft": 0.5, "blind": 1.0}
# Pictures whose signatures differ by less than this, in standard deviations, are the same
# picture: rounding in the network and the projection depends on the size of the batch.
_SAME = 1e-5


@dataclass(frozen=True, eq=False)
class PatchModel:
    """A model of normal patches that knows its training pictures.

    Attributes
    ----------
    position : {"padim", "patchcore", "anywhere"}
    explained_by_position : float
    normal : CellGaussians or PatchBank
    held_out : ndarray of float32, shape (n, n_cells)
        Distances of the training patches, by a model without their picture.
    signatures : ndarray of float32, shape (n, d)
        What each training picture is recognised by.
    n_iter : int
        Rounds of labelling and learning.
    """

    position: Position
    explained_by_position: float
    normal: CellGaussians | PatchBank
    held_out: NDArray[np.float32]
    signatures: NDArray[np.float32]
    n_iter: int

    def distances(self, patches: NDArray[np.float32]) -> Floats:
        """Return the distance of each patch of one picture, (n_cells, d), to what is normal."""
        known = training_picture(patches, self.signatures)
        return self.normal.distances(patches) if known is None else self.held_out[known]


def signature(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a weighted mean of a picture's patches, (n_cells, d), by which it is recognised.

    Each place has a weight of its own. Without weights the same patches at other places would have
    the same mean: a picture that is mirrored, or a part that lies upside down.
    """
    # This generator's numbers never change between versions of NumPy.
    weights = np.random.RandomState(0).uniform(0.5, 1.5, len(patches)).astype(np.float32)
    return weights @ patches / np.float32(len(patches))


def training_picture(patches: NDArray[np.float32], signatures: NDArray[np.float32]) -> int | None:
    """Return which training picture this is, the first of equal ones; None for none."""
    away = np.abs(signatures - signature(patches)).max(axis=1)
    same = np.flatnonzero(away <= _SAME)
    return int(same[0]) if len(same) else None


def fit_patch_model(
    patches: NDArray[np.float32],
    *,
    grid_size: int,
    position: Literal["auto", "padim", "patchcore", "anywhere"],
    contamination: float,
    method: Literal["hard", "soft", "blind"],
    radius: int,
    bank_size: int,
    max_iter: int,
) -> tuple[PatchModel, NDArray[np.bool_]]:
    """Learn what is normal in training patches (n, grid_size ** 2, d), and label them.

    Returns
    -------
    model : PatchModel
    marked : ndarray of bool, shape (n, n_cells)
        The patches labelled as anomalies.
    """
    n, n_cells, d = patches.shape
    explained = explained_by_position(patches, grid_size)
    if position == "auto":
        position = "padim" if explained > ALIGNED else "anywhere"
    weight = WEIGHTS[method]
    # At least two pictures remain unlabelled, so that each can be compared with another one.
    n_marked = min(max(1, round(contamination * n)), n - 2) if weight < 1 else 0
    signatures = np.stack([signature(picture) for picture in patches])
    # Equal pictures get equal scores, even if only one of them is labelled.
    same = [training_picture(picture, signatures) for picture in patches]
    first = np.array([i if found is None else found for i, found in enumerate(same)])
    fitted: FittedCells | FittedBank
    if position == "padim":
        fitted = fit_cells(
            patches, n_marked=n_marked, weight=weight, prior=float(d), max_iter=max_iter
        )
        marked = fitted.marked
    else:
        fitted = fit_bank(
            patches,
            grid_size=grid_size,
            radius=radius if position == "patchcore" else None,
            n_marked=n_marked,
            weight=weight,
            bank_size=bank_size,
            max_iter=max_iter,
            pictures=first,
        )
        marked = np.repeat(fitted.marked[:, None], n_cells, axis=1)
    held_out = fitted.held_out[first].astype(np.float32)
    return PatchModel(
        position, explained, fitted.model, held_out, signatures, fitted.n_iter
    ), marked
