"""One Gaussian for each cell of the grid (PaDiM), trained by LOE's block coordinate descent.

The rows are the patches of one cell, one of each picture. The normal loss of a row is its negative
log-likelihood under the cell's Gaussian, L_n = (d^2 + log det S) / 2 with d the Mahalanobis
distance; anomalies are uniform, so that L_a is a constant. Over labels y and parameters,

    sum of (1 - y) L_n + y L_a, and m rows' worth of a prior: m (log det S + tr(T / S)) / 2

is minimised in turn. For given labels the minimum has a closed form: the weighted mean, and
S = (scatter + m T) / (W + m) with W the sum of the weights 1 - y. For given parameters the minimum
marks the rows of the largest L_n, which have the largest distance. No step can raise the sum, and
there are finitely many labellings, so the iteration ends. With hard labels the marked rows have no
weight, and this is the concentration step of the minimum covariance determinant; with soft labels
they have half the weight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lofe_sklearn._types import Floats

# T is shrunk to its diagonal by this share, and has at least this share of the mean variance
# everywhere.
_DIAGONAL = 0.01
_RIDGE = 1e-3
# The smallest unit of distances in a cell, as a share of the median cell's unit.
_LEAST_SCALE = 0.25
# Keeps distances finite if nothing varies at all.
_FLOOR = 1e-10


@dataclass(frozen=True, eq=False)
class CellGaussians:
    """A mean and a whitening matrix for each cell.

    Attributes
    ----------
    means : ndarray of shape (n_cells, d)
    whitening : ndarray of shape (n_cells, d, d)
        Turns a deviation from the mean into one of unit covariance.
    scales : ndarray of shape (n_cells,)
        The usual distance in each cell, which distances are divided by.
    """

    means: Floats
    whitening: Floats
    scales: Floats

    def distances(self, patches: NDArray[np.float32]) -> Floats:
        """Return the distance of each patch of one picture, (n_cells, d), to its cell's mean."""
        white = np.einsum("cij,cj->ci", self.whitening, patches - self.means)
        return np.linalg.norm(white, axis=1) / self.scales


@dataclass(frozen=True, eq=False)
class FittedCells:
    """What the descent found in the training patches.

    Attributes
    ----------
    model : CellGaussians
    held_out : ndarray of shape (n, n_cells)
        The distance of each patch to its cell's Gaussian without it.
    marked : ndarray of bool, shape (n, n_cells)
        The patches labelled as anomalies.
    n_iter : int
        The most rounds of any cell.
    """

    model: CellGaussians
    held_out: Floats
    marked: NDArray[np.bool_]
    n_iter: int


def fit_cells(
    patches: NDArray[np.float32], *, n_marked: int, weight: float, prior: float, max_iter: int
) -> FittedCells:
    """Train a Gaussian for each cell.

    Parameters
    ----------
    patches : ndarray of shape (n, n_cells, d)
    n_marked : int
        How many patches of each cell are labelled as anomalies.
    weight : float
        The weight of a labelled patch: 0 for hard labels, 0.5 for soft ones, 1 for none.
    prior : float
        m, the number of rows that the prior counts as.
    max_iter : int
        Rounds of both steps, at most.
    """
    n, n_cells, d = patches.shape
    target = pooled_covariance(patches)
    held_out, marked = np.empty((n, n_cells)), np.zeros((n, n_cells), dtype=bool)
    n_iter = 0
    means, whitening = np.empty((n_cells, d)), np.empty((n_cells, d, d))
    for cell in range(n_cells):
        rows = patches[:, cell].astype(np.float64)
        fits = [
            descend(rows, target, start, n_marked, weight, prior, max_iter)
            for start in _starts(rows, target, prior)
        ]
        best = min(fits, key=lambda fit: fit.log_det)  # the one of the lowest sum
        held_out[:, cell], marked[:, cell] = best.held_out(), best.marked
        n_iter = max(n_iter, best.n_iter)
        means[cell], whitening[cell] = best.mean, best.whitening()
    scales = usual_distances(held_out)
    return FittedCells(CellGaussians(means, whitening, scales), held_out / scales, marked, n_iter)


def usual_distances(held_out: Floats) -> Floats:
    """Return the median distance in each cell: in some, such as at edges, all patches differ more.

    Cells in which nothing varies, such as a black background, get a share of the usual distance.
    """
    medians = np.median(held_out, axis=0)
    least = _LEAST_SCALE * np.median(medians)
    return np.maximum(medians, least if least > 0 else 1.0)


def pooled_covariance(patches: NDArray[np.float32]) -> Floats:
    """Return the mean over the cells of the covariance within each, a little regularised."""
    n, n_cells, d = patches.shape
    scatter = np.zeros((d, d))
    for cell in range(n_cells):
        deviations = patches[:, cell].astype(np.float64)
        deviations -= deviations.mean(axis=0)
        scatter += deviations.T @ deviations
    covariance = scatter / (n_cells * (n - 1))
    variances = np.diag(covariance)
    ridge = _RIDGE * variances.mean() + _FLOOR
    return (1 - _DIAGONAL) * covariance + np.diag(_DIAGONAL * variances + ridge)


@dataclass(frozen=True, eq=False)
class Descent:
    """A Gaussian for weighted rows, and which of them are labelled as anomalies."""

    rows: Floats
    weights: Floats
    marked: NDArray[np.bool_]
    mean: Floats
    root: Floats
    n_pseudo: float  # W + m
    n_iter: int = 1

    @classmethod
    def of(
        cls, rows: Floats, target: Floats, marked: NDArray[np.bool_], weight: float, prior: float
    ) -> Descent:
        """Minimise over the parameters, for given labels."""
        weights = np.where(marked, weight, 1.0)
        total = weights.sum()
        mean = weights @ rows / total
        deviations = rows - mean
        scatter = (deviations * weights[:, None]).T @ deviations
        covariance = (scatter + prior * target) / (total + prior)
        return cls(rows, weights, marked, mean, np.linalg.cholesky(covariance), total + prior)

    @property
    def log_det(self) -> float:
        """Logarithm of the covariance's determinant."""
        return 2 * float(np.log(np.diag(self.root)).sum())

    def whitening(self) -> Floats:
        """Return the inverse of the covariance's root."""
        return np.asarray(np.linalg.inv(self.root), dtype=np.float64)

    def squared_distances(self) -> Floats:
        """Return d^2 of each row."""
        white = np.linalg.solve(self.root, (self.rows - self.mean).T)
        return (white**2).sum(axis=0)

    def held_out(self) -> Floats:
        """Return the distance of each row to the Gaussian that is trained without it.

        Leaving out a row of weight w moves the mean away from it by w / (W - w) of its deviation r,
        and takes c r r' from the scatter, c = w W / (W - w). The inverse of what is left follows by
        the formula of Sherman and Morrison.
        """
        total, w = self.weights.sum(), self.weights
        q = self.squared_distances() / self.n_pseudo
        further = total / (total - w)
        left = q / np.maximum(1 - w * further * q, np.finfo(np.float64).tiny)
        return further * np.sqrt((self.n_pseudo - w) * left)


def descend(
    rows: Floats,
    target: Floats,
    ranked_by: Floats,
    n_marked: int,
    weight: float,
    prior: float,
    max_iter: int,
) -> Descent:
    """Alternate both steps from the labels of the rows of the highest `ranked_by`."""
    fit = Descent.of(rows, target, top(ranked_by, n_marked), weight, prior)
    for n_iter in range(2, max_iter + 1):
        marked = top(fit.squared_distances(), n_marked)
        if (marked == fit.marked).all():
            break
        fit = replace(Descent.of(rows, target, marked, weight, prior), n_iter=n_iter)
    return fit


def top(losses: Floats, n_marked: int) -> NDArray[np.bool_]:
    """Minimise over the labels: mark the rows of the largest losses."""
    marked = np.zeros(len(losses), dtype=bool)
    marked[np.argsort(-losses, kind="stable")[:n_marked]] = True
    return marked


def _starts(rows: Floats, target: Floats, prior: float) -> list[Floats]:
    """Return first rankings: by the distance to the median, and of blind training.

    The median stays among the normal rows even if many rows are anomalies. If there are two kinds
    of normal rows, the median lies between them.
    """
    root = np.linalg.cholesky(target)
    from_median = np.linalg.solve(root, (rows - np.median(rows, axis=0)).T)
    blind = Descent.of(rows, target, np.zeros(len(rows), dtype=bool), 1.0, prior)
    return [(from_median**2).sum(axis=0), blind.squared_distances()]
