"""One detector whose evidence is asked for, and what brings its scores to the members' scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from lofe_sklearn._any_detector import fit_to, outlier_scores
from lofe_sklearn._containers import Matrix
from lofe_sklearn._loe._by_name import CLASSICAL
from lofe_sklearn._loe._classical import Neighbors, Unfit, fitted
from lofe_sklearn._loe._foreign import hint_of_names, scores_by_foreign
from lofe_sklearn._loe._local_density import LocalDensity
from lofe_sklearn._loe._row_blocks import in_blocks
from lofe_sklearn._loe._seeds import seeded
from lofe_sklearn._training import Memo

# Scores' distance from their minimum is at least this share of their standard deviation, so that
# their logarithms do not depend on how close the most normal row is.
_FLOOR = 0.01
_NO_SPREAD = 1e-12


@dataclass(frozen=True, eq=False)
class Source:
    """A fitted detector, and what brings its scores to the scale of the members'.

    Parameters
    ----------
    name : str
        What the user named it, or its class.
    detector : object
    lowest, floor : float
        The training rows' lowest score, and the least distance from it that counts.
    center, spread : float
        Of the logarithms over the training rows.
    was_sparse : bool
        Whether it was fitted to sparse rows.
    """

    name: str
    detector: Any
    lowest: float
    floor: float
    center: float
    spread: float
    was_sparse: bool = False

    @classmethod
    def of(
        cls, name: str, detector: Any, scores: np.ndarray, *, was_sparse: bool = False
    ) -> Source:
        """Learn the scale from the training rows' outlier scores.

        Raises
        ------
        Unfit
            If they are so far apart that their variance is no number.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            deviation = float(scores.std())
        if not np.isfinite(deviation):
            raise Unfit(f"its scores, up to {np.abs(scores).max():.3g}, are too large")
        alike = deviation <= _NO_SPREAD * max(1.0, float(np.abs(scores).max()))
        floor = 1.0 if alike else _FLOOR * deviation
        logs = np.log(scores - scores.min() + floor)
        spread = 1.0 if alike else float(logs.std())
        center = float(logs.mean())
        return cls(name, detector, float(scores.min()), floor, center, spread, was_sparse)

    def standardised(self, scores: np.ndarray) -> np.ndarray:
        """Bring outlier scores to the members' scale."""
        logs = np.log(np.maximum(scores - self.lowest, 0.0) + self.floor)
        return (logs - self.center) / self.spread

    def score(self, X: Matrix, n_jobs: int | None = None) -> np.ndarray:
        """Score rows on the members' scale, high for anomalies."""
        if not _is_classical(self.detector):
            # Somebody's detector may not be safe in threads, or see rows beside each other.
            what = f"evidence {self.name!r}"
            scores = scores_by_foreign(what, self.detector, X, was_sparse=self.was_sparse)
            return self.standardised(scores)
        scores = in_blocks(lambda _, rows: self.detector.outlier_scores(rows), X, n_jobs)
        return self.standardised(scores)

    def held_out(self, X: Matrix, held_out: Matrix, memo: Memo) -> np.ndarray:
        """Score rows by a copy of the detector that is fitted to X, which holds none of them.

        Raises
        ------
        Unfit
            If it cannot be fitted to these, or cannot score the others.
        """
        with unfit_if_it_fails():
            return self.standardised(scores_of(fitted_again(self.detector, X, memo), held_out))


def scores_by_all(
    sources: Sequence[Source], X: Matrix, n_jobs: int | None = None
) -> list[np.ndarray]:
    """Score rows by each on the members' scale; those by neighbours compute distances once."""
    of_kind = {type(source.detector): source for source in sources}
    shared: dict[str, np.ndarray] = {}
    if Neighbors in of_kind and LocalDensity in of_kind:
        # Fitted to the same rows with the same seed, both compare with the same.
        neighbors, density = of_kind[Neighbors], of_kind[LocalDensity]

        def both(_: int, rows: Matrix) -> np.ndarray:
            return np.column_stack(density.detector.scores_of_both(neighbors.detector, rows))

        scores = in_blocks(both, X, n_jobs)
        shared = {neighbors.name: scores[:, 0], density.name: scores[:, 1]}
    return [
        source.standardised(shared[source.name])
        if source.name in shared
        else source.score(X, n_jobs)
        for source in sources
    ]


def fitted_again(detector: Any, X: Matrix, memo: Memo) -> Any:
    """Fit a copy of a detector to rows of its own; `memo` is what was fitted for others on X."""
    if _is_classical(detector):
        return fitted(type(detector), X, detector.random_state, None, memo)[0]
    return fit_to(seeded(detector, 0), X.copy())  # its own seeds are set


@contextmanager
def unfit_if_it_fails() -> Iterator[None]:
    """Turn whatever somebody's detector raises into `Unfit`: evidence can be done without."""
    try:
        yield
    except Unfit:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}".rstrip(".")
        raise Unfit(f"{said}.{hint_of_names(error)}".rstrip(".")) from error


def scores_of(detector: Any, X: Matrix) -> np.ndarray:
    """Return outlier scores of rows, one each.

    Raises
    ------
    Unfit
        If they are of another shape.
    """
    if _is_classical(detector):
        return detector.outlier_scores(X)
    scores = outlier_scores(detector, X, "LOE")
    if scores.shape != (X.shape[0],):
        raise Unfit(f"its scores have the shape {scores.shape}")
    return scores


def _is_classical(detector: Any) -> bool:
    return isinstance(detector, tuple(CLASSICAL.values()))
