"""Rows of a table as the first step of a Pipeline reads them, mixed as its features.

The features of a column depend on nothing else, so that those of a mixed row are known from the
features of the row and of the typical row: no mixed row has to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._reasons import read_groups
from lofe_sklearn._types import Bools, Ints
from lofe_sklearn.inspection._columns import column_values
from lofe_sklearn.inspection._frame_rows import FrameRows

if TYPE_CHECKING:
    import pandas as pd


class RowsAsRead(FrameRows):
    """Rows that are mixed with typical values in the form in which the fit had them.

    So X, `background` and the table of the fit may be of different libraries, and have columns of
    different types. Values are shown as X has them.

    Parameters
    ----------
    first : TableFeatures
        The first step of the Pipeline.
    X : pandas.DataFrame
        The rows.
    background : table
        Of any kind that `first` takes; None for the typical values that `first` keeps.
    groups : array-like, optional
        As for `explain`, one for each column of X.
    owner : str
        Whose arguments they are, for messages.

    Attributes
    ----------
    names : list of str
        The columns of X that were there in the fit.
    """

    def __init__(
        self, first: Any, X: Any, background: Any, groups: ArrayLike | None, owner: str
    ) -> None:
        kept = first.typical_row_
        self.names = [name for name in X.columns if name in kept.columns]
        table = X[self.names]
        plain = first._plain_for_reasons(table, owner)
        background = kept if background is None else background
        others = first._table_for_reasons(background, owner, "background")
        missing = [name for name in self.names if name not in others.columns]
        if missing:
            raise ValueError(f"{owner}: background lacks the column {missing[0]!r} of X.")
        typical = first._typical_for_reasons(first._plain_for_reasons(others[self.names], owner))
        super().__init__(plain, typical, _groups_of(groups, X, self.names, owner), owner)
        for j, value in enumerate(first._shown_in_reasons(typical, table)):
            self.typical[j] = value
            for i, own in enumerate(column_values(table, j)):
                self.values[i, j] = own
        self._features = first.transform(self._stacked)
        column = {name: j for j, name in enumerate(self.names)}
        origin = [column[name] for name in first.feature_origin_.values()]
        self._part_of_feature = self.part_of[origin]
        self.values_per_row = len(origin)

    def mixed(self, rows: Ints, is_typical: Bools) -> pd.DataFrame:
        """Return the features of rows by number, with typical values in some groups of each."""
        import pandas as pd

        features = self._features.to_numpy()
        mixed = np.where(is_typical[:, self._part_of_feature], features[-1], features[rows])
        return pd.DataFrame(mixed, columns=self._features.columns)


def _groups_of(groups: ArrayLike | None, X: Any, names: list[str], owner: str) -> Any:
    """Return the number of the group of each column that is explained."""
    own = read_groups(groups, X.shape[1], owner, X.columns)[X.columns.get_indexer(names)]
    return np.unique(own, return_inverse=True)[1].ravel()
