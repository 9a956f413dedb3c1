"""The rows, labels and folds of a search, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import get_tags, indexable

from lofe_sklearn._containers import (
    check_plain_values,
    check_unmasked,
    count_rows,
    labels_as_array,
    readable_rows,
)
from lofe_sklearn._not_rows import as_array
from lofe_sklearn.model_selection import folds_of


def read_rows(X: Any, y: Any, estimator: Any) -> tuple[Any, Any]:
    """Return rows and labels that folds can be taken from."""
    owner = "LOESearchCV"
    if y is not None:
        check_plain_values(y, "y", owner)
    check_unmasked(X, "X", owner)  # before a Pipeline's transformers drop the mask
    count_rows(X := as_array(X, owner), "X", owner)
    X, y = indexable(readable_rows(X, owner), labels_as_array(y))
    if get_tags(estimator).input_tags.pairwise:
        raise ValueError(
            "LOESearchCV: a Pipeline whose first step takes distances or kernels between rows "
            "is not supported; use sklearn.model_selection.GridSearchCV."
        )
    return X, y


def read_folds(
    cv: Any, X: Any, y: Any, params: Mapping[str, Any], *, by_labels: bool
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the numbers of the rows that each fold trains and tests on.

    `params` are those of the splitter. If `cv` is a number and `by_labels` is true, each fold has
    its share of the anomalies.
    """
    every_row = np.arange(X.shape[0])
    labels: ArrayLike | None = y if by_labels else None
    folds = folds_of(cv, labels, owner="LOESearchCV").split(X, y, **params)
    try:
        return [(every_row[train], every_row[test]) for train, test in folds]
    except IndexError as error:
        raise ValueError(
            f"LOESearchCV: the folds of cv must be numbers, or a mask, of the {len(every_row)} "
            f"rows of X: {error}."
        ) from error
