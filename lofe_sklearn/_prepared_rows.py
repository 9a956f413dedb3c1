"""Rows after their validation, and what says which rows may come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np

from lofe_sklearn._containers import Matrix, count_rows
from lofe_sklearn._reasons import typical_values
from lofe_sklearn._types import Floats, Ints
from lofe_sklearn.sources._find_source import source_of


class RowReader(Protocol):
    """An object that says which rows it takes: a backbone."""

    input_dtypes: ClassVar[Sequence[type]]
    min_features: ClassVar[int]
    layout_parameters: ClassVar[Sequence[str]]

    def to_rows(self, X: Any, layout: Any = None) -> tuple[Any, Any]:
        """Lay X out as rows; return them and what was found out about them."""

    def feature_groups(self, n_features: int, layout: Any = None) -> Ints | None:
        """Return which features are explained together, or None."""

    def warn_of_other_rows(self, X: Matrix, owner: str, name: str) -> None:
        """Warn of rows to score that can hardly be compared with the training rows."""


@dataclass(frozen=True, eq=False)
class PreparedRows:
    """Rows after their validation, and what was found out about them.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    feature_names : ndarray of str, shape (n_features,), or None
    layout : object
        What `RowReader.to_rows` found, such as the shape of images.
    n_given : int or None
        How many rows the user gave, where X is a sample of them.
    """

    X: Matrix
    feature_names: np.ndarray | None = None
    layout: Any = None
    n_given: int | None = None

    @property
    def n_samples(self) -> int:
        """How many rows are trained on."""
        return self.X.shape[0] if self.n_given is None else self.n_given

    @property
    def seen(self) -> Matrix:
        """The rows that decide about parameters that are left open: all, if they are in memory."""
        return self.X

    def take(self, rows: np.ndarray | None = None) -> PreparedRows:
        """Return some of the rows."""
        return self if rows is None else replace(self, X=self.X[rows])

    @cached_property
    def typical_values(self) -> Floats:
        """Medians of the features."""
        return typical_values(self.X)


def count_given_rows(X: Any, owner: str) -> int:
    """Return the number of rows, in memory or of a source."""
    source = source_of(X, owner)
    return count_rows(X, "X", owner) if source is None else source.shape[0]
