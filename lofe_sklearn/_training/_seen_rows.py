"""The rows that `partial_fit` was given: how many, and a random sample of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from lofe_sklearn._containers import Matrix

# Rows of the sample at most, and at least where they are wide; and the bytes in between.
_MOST, _LEAST, _BYTES = 16_384, 256, 2**26


@dataclass(frozen=True, eq=False)
class SeenRows:
    """A sample in which each row that was seen is with equal probability (Vitter's algorithm R).

    Attributes
    ----------
    rows : ndarray of shape (n_kept, n_features)
    known : ndarray of int8, shape (n_kept,)
        Their known labels, 0 for none.
    n_seen, n_parts, n_steps : int
        Rows and parts of them so far, and the steps that were trained.
    after_fit : bool
        Whether the detector had been fitted before, to rows that are not counted.
    """

    rows: np.ndarray
    known: np.ndarray
    n_seen: int = 0
    n_parts: int = 0
    n_steps: int = 0
    after_fit: bool = False

    @classmethod
    def none(cls, n_features: int, dtype: np.dtype, *, after_fit: bool) -> SeenRows:
        """Return the sample before there are any rows."""
        rows, known = np.empty((0, n_features), dtype), np.empty(0, np.int8)
        return cls(rows, known, after_fit=after_fit)

    def with_more(self, X: Matrix, known: np.ndarray | None) -> SeenRows:
        """Return the sample with the rows of one more part."""
        n_rows, n_features = X.shape
        known = np.zeros(n_rows, np.int8) if known is None else known
        bytes_of_a_row = self.rows.itemsize * n_features
        most = min(_MOST, max(_LEAST, _BYTES // bytes_of_a_row))
        n_new = min(n_rows, max(0, most - len(self.rows)))
        rows = np.concatenate([self.rows, _dense(X[:n_new])])
        labels = np.concatenate([self.known, known[:n_new]])
        # The row that each later one takes the place of; none beyond the sample.
        rng = np.random.default_rng(self.n_parts)
        places = rng.integers(0, np.arange(self.n_seen + n_new, self.n_seen + n_rows) + 1)
        taken = np.flatnonzero(places < len(rows))
        rows[places[taken]] = _dense(X[n_new + taken])
        labels[places[taken]] = known[n_new + taken]
        return replace(
            self,
            rows=rows,
            known=labels,
            n_seen=self.n_seen + n_rows,
            n_parts=self.n_parts + 1,
        )

    def after(self, n_steps: int) -> SeenRows:
        """Return the same after so many more steps of training."""
        return replace(self, n_steps=self.n_steps + n_steps)


def _dense(X: Matrix) -> np.ndarray:
    return X.toarray() if sparse.issparse(X) else X  # type: ignore[union-attr]
