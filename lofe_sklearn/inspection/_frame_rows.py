"""Rows of a table of any columns, in which columns can be given typical values."""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn._errors_of_others import is_of_memory
from lofe_sklearn._types import Bools, Ints
from lofe_sklearn.inspection._columns import column_values, gathered, with_row_below
from lofe_sklearn.inspection._typical_row import is_same


class FrameRows:
    """Rows of a data frame, a table of Arrow's or an array of objects.

    A row in which some columns are typical is put together by row numbers, from the rows and the
    typical row below them.

    Parameters
    ----------
    X : table of shape (n_samples, n_columns)
        The rows.
    typical : table of shape (1, n_columns)
        The typical row, in a table of the same kind and with the same columns.
    part_of : ndarray of int, shape (n_columns,)
        The number of the group that each column belongs to.
    owner : str
        Whose argument X is, for messages.

    Raises
    ------
    ValueError
        If the columns of X and those of the typical row have types that do not go together.
    """

    def __init__(self, X: Any, typical: Any, part_of: Ints, owner: str) -> None:
        self.part_of = part_of
        self.n_rows, self.values_per_row = X.shape
        self.n_parts = int(part_of.max()) + 1
        self.typical = np.empty(self.values_per_row, dtype=object)
        self.values = np.empty(X.shape, dtype=object)
        self._differs = np.zeros((self.n_rows, self.n_parts), dtype=bool)
        for j in range(self.values_per_row):
            [self.typical[j]] = column_values(typical, j)
            for i, value in enumerate(column_values(X, j)):
                self.values[i, j] = value
                self._differs[i, part_of[j]] |= not is_same(value, self.typical[j])
        try:
            self._stacked = with_row_below(X, typical)
        except Exception as error:  # of whichever library it is
            if is_of_memory(error):
                raise
            raise ValueError(
                f"{owner}: X and background must have columns of the same types. {error}"
            ) from error

    def differing(self, start: int, stop: int) -> Bools:
        """Return which groups of some rows have a value that is not typical, (m, n_parts)."""
        return self._differs[start:stop]

    def mixed(self, rows: Ints, is_typical: Bools) -> Any:
        """Return rows by number, with typical values in some groups of each."""
        below = self.n_rows
        return gathered(self._stacked, np.where(is_typical[:, self.part_of], below, rows[:, None]))
