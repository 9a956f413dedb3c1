"""Contributions by occlusion: what a typical value in a feature's place does to the score.

With s the score, x a row, t the typical row, and x with t_j the row that has the typical value of
feature j, the contribution of feature j is

    1/2 [s(x with t_j) - s(x)]  +  1/2 [s(t) - s(t with x_j)].

These are the last and the first term of the sum that the Shapley value of j is [1]_. Their mean
is the Shapley value itself if features act on the score one by one or in pairs. The first
bracket alone, as occlusion is usually done, misses features that are anomalous together: either one
is enough for a low score.

.. [1] S. M. Lundberg, S.-I. Lee (2017). A Unified Approach to Interpreting Model Predictions.
   NeurIPS. arXiv:1705.07874.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lofe_sklearn._types import Bools, Floats, Ints
from lofe_sklearn._validation import check_finite

# Values, and rows, that are made and scored at a time: 16 MB of each array of them.
_CHUNK_VALUES, _CHUNK_ROWS = 2**21, 2**13


class Table(Protocol):
    """Rows of which parts, features or groups of them, can be given their typical values.

    Attributes
    ----------
    part_of : ndarray of int, shape (n_features,)
        The part that each feature belongs to, from 0 to `n_parts` - 1.
    typical : ndarray of shape (n_features,)
    """

    n_rows: int
    n_parts: int
    values_per_row: int
    part_of: Ints
    typical: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """All rows, (n_rows, n_features)."""

    def differing(self, start: int, stop: int) -> Bools:
        """Return which parts of some rows are not typical, (stop - start, n_parts)."""

    def mixed(self, rows: Ints, is_typical: Bools) -> Any:
        """Return rows by number, (m,), with typical values in some parts of each, (m, n_parts)."""


@dataclass(frozen=True, eq=False)
class Occluded:
    """The scores of rows, and what each of their parts contributes to them.

    Attributes
    ----------
    contributions : ndarray of float64, shape (n_rows, n_parts)
    scores : ndarray of float64, shape (n_rows,)
    typical_score : float
    """

    contributions: Floats
    scores: Floats
    typical_score: float


def occlude(score: Callable[[Any], Floats], table: Table, owner: str) -> Occluded:
    """Find the contributions of all parts of all rows.

    A row takes two scores for each part that is not typical, and one for itself. They are computed
    in chunks, so that memory stays bounded however many rows and parts there are.

    Parameters
    ----------
    score : callable
        What `Table.mixed` returns -> scores, high for normal rows.
    table : Table
    owner : str
        What messages call the detector.

    Raises
    ------
    ValueError
        If a score is not finite.
    """
    chunk = min(_CHUNK_ROWS, max(1, _CHUNK_VALUES // table.values_per_row))
    block = max(1, chunk // (2 * table.n_parts + 1))

    def scores_of(rows: Ints, is_typical: Callable[[slice], Bools]) -> Floats:
        parts = [slice(start, start + chunk) for start in range(0, len(rows), chunk)]
        return np.concatenate([_finite(score, table, rows[i], is_typical(i), owner) for i in parts])

    everything = np.ones((1, table.n_parts), dtype=bool)
    typical_score = scores_of(np.zeros(1, dtype=np.int64), lambda _: everything)[0]
    contributions = np.zeros((table.n_rows, table.n_parts))
    scores = np.empty(table.n_rows)
    for start in range(0, table.n_rows, block):
        stop = min(start + block, table.n_rows)
        row, part = np.nonzero(table.differing(start, stop))
        own = np.arange(stop - start)
        found = scores_of(
            start + np.concatenate([own, row, row]), _masks(len(own), part, table.n_parts)
        )
        scores[start:stop], without, alone = np.split(found, [len(own), len(own) + len(row)])
        rise, fall = without - scores[start + row], typical_score - alone
        contributions[start + row, part] = (rise + fall) / 2
    return Occluded(contributions, scores, float(typical_score))


def _masks(n_own: int, part: Ints, n_parts: int) -> Callable[[slice], Bools]:
    """Return what makes masks: of rows as they are, without one part, and with that part alone."""
    n_queries = n_own + 2 * len(part)
    parts = np.concatenate([np.zeros(n_own, dtype=np.int64), part, part])

    def is_typical(queries: slice) -> Bools:
        numbers = np.arange(n_queries)[queries]
        alone = numbers >= n_own + len(part)
        mask = np.repeat(alone[:, None], n_parts, axis=1)
        mask[np.arange(len(numbers)), parts[queries]] = ~alone & (numbers >= n_own)
        return mask

    return is_typical


def _finite(
    score: Callable[[Any], Floats], table: Table, rows: Ints, is_typical: Bools, owner: str
) -> Floats:
    scores = np.asarray(score(table.mixed(rows, is_typical)), dtype=np.float64)
    check_finite(
        scores,
        f"{owner}: a row that has the typical values of some features has the score {{value}}. "
        "Scores must be finite; bring the features to a common scale.",
    )
    return scores
