"""Names for the types of the public signatures.

`MatrixLike` is what scikit-learn validates as rows. It is composed of protocols, so that it means
the same with and without type stubs of scipy, pandas and polars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray


class SparseMatrix(Protocol):
    """A scipy sparse matrix or array."""

    def tocsr(self, *args: Any, **kwargs: Any) -> Any:
        """Return it in CSR format."""


class Frame(Protocol):
    """A pandas or polars data frame."""

    @property
    def columns(self) -> Any:
        """Names of the columns."""

    @property
    def shape(self) -> Any:
        """Number of rows and of columns."""


class Detector(Protocol):
    """A detector whose scores are high for normal rows, or a Pipeline that ends in one."""

    def predict(self, X: Any) -> Any:
        """Return -1 for anomalies and 1 for normal rows."""

    def score_samples(self, X: Any) -> Any:
        """Return scores, high for normal rows."""


class Splitter(Protocol):
    """What `cv` stands for: folds of rows to train on and rows to test on."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Any, Any]]:
        """Yield row numbers for training and for testing."""

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""


# Rows: (n_samples, n_features).
MatrixLike: TypeAlias = ArrayLike | SparseMatrix | Frame
# Rows known to be anomalies, or to be normal: a boolean for each row.
Mask: TypeAlias = ArrayLike
# Known labels: one of -1, 0 and +1 for each row, or boolean masks (normal, anomalous).
KnownLabels: TypeAlias = ArrayLike | Sequence[ArrayLike]
RandomState: TypeAlias = int | np.integer[Any] | np.random.RandomState | None
FilePath: TypeAlias = str | PathLike[str]

# Rows, or what an estimator takes in their place: pictures, a folder of them, windows of a video.
SamplesLike: TypeAlias = MatrixLike | FilePath | Sequence[Any]

# scikit-learn's scorers: (estimator, X, y) to a number, the higher the better.
Scorer: TypeAlias = Callable[..., float]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

# What loaders return with ``return_X_y=True``: rows, or images laid out as rows, and labels.
RowsAndLabels: TypeAlias = tuple[Floats, Ints]
ImagesAndClasses: TypeAlias = tuple[NDArray[np.uint8], Ints]
# X_train, X_test, y_train, y_test, as protocols return them.
TrainTestSplit: TypeAlias = tuple[Floats, Floats, Ints, Ints]
