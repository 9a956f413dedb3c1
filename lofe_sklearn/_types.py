"""Names for the types of the public signatures.

`MatrixLike` is what scikit-learn validates as rows. It is put together from protocols, so that it
needs no stubs of scipy's, pandas' or polars' and says the same with and without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray


class SparseMatrix(Protocol):
    """A sparse matrix or array of scipy's."""

    def tocsr(self, *args: Any, **kwargs: Any) -> Any:
        """Return it in CSR format."""


class Frame(Protocol):
    """A data frame of pandas' or polars'."""

    @property
    def columns(self) -> Any:
        """Names of the columns."""

    @property
    def shape(self) -> Any:
        """Number of rows and of columns."""


# Rows: (n_samples, n_features).
MatrixLike: TypeAlias = ArrayLike | SparseMatrix | Frame
# Known labels: one of -1, 0 and +1 for each row, or boolean masks (normal, anomalous).
KnownLabels: TypeAlias = ArrayLike | Sequence[ArrayLike]
RandomState: TypeAlias = int | np.integer[Any] | np.random.RandomState | None
Path: TypeAlias = str | PathLike[str]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

# Rows and labels, as loaders return them with ``return_X_y=True``.
RowsAndLabels: TypeAlias = tuple[NDArray[Any], Ints]
# X_train, X_test, y_train, y_test, as protocols return them.
TrainTestSplit: TypeAlias = tuple[Floats, Floats, Ints, Ints]
