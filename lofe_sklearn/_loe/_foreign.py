"""Detectors of the user's among those that LOE asks: what they are given, and what they answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._any_detector import outlier_scores
from lofe_sklearn._containers import Matrix

# Errors by which a detector says that the rows are not what it needs, beside TypeError.
_OF_VALUES = (ValueError, IndexError, AttributeError)


@contextmanager
def named_if_it_fails(what: str, X: Matrix, remedy: str = "") -> Iterator[None]:
    """Say which detector fails: its own message may speak of other rows than the user's.

    Parameters
    ----------
    what : str
        The detector and what it is there for.
    X : {ndarray, CSR matrix}
        The rows that it is given.
    remedy : str
        What to do, if it is not to be told from the message.
    """
    try:
        yield
    except (TypeError, *_OF_VALUES) as error:
        kind = ValueError if isinstance(error, _OF_VALUES) else TypeError
        raise kind(
            f"LOE: {what} cannot be used with these {X.shape[0]} rows of {X.shape[1]} features."
            f"{remedy}{hint_of_names(error)} It says: {error}"
        ) from error


def hint_of_names(error: Exception) -> str:
    """Return the sentences for a detector that seeks columns by name in an array, or nothing."""
    # What scikit-learn says of names, and what NumPy's arrays say of X["a"] and X.columns.
    of_array = isinstance(error, (IndexError, AttributeError)) and not isinstance(error, ValueError)
    if not of_array and "dataframe" not in str(error).lower():
        return ""
    return (
        " It gets an array without column names, also if LOE is fitted to a data frame. If it "
        "picks columns by name, let it pick them by number, such as [0, 1]."
    )


def scores_by_foreign(what: str, detector: Any, X: Matrix, *, was_sparse: bool) -> np.ndarray:
    """Score rows by a detector that was fitted to other rows, high for anomalies.

    It gets them in the container of its fit: few detectors take both, but LOE does.

    Raises
    ------
    TypeError, ValueError
        If it fails, or does not give one score to each row; the message names it.
    """
    with named_if_it_fails(what, X):
        scores = outlier_scores(detector, _in_container(X, was_sparse), "LOE")
    if scores.shape != (X.shape[0],):
        raise ValueError(
            f"LOE: {what} must give one score to each row, shape ({X.shape[0]},); got shape "
            f"{scores.shape}."
        )
    return scores


def _in_container(X: Matrix, is_sparse: bool) -> Any:
    if sparse.issparse(X) == is_sparse:
        return X
    return sparse.csr_matrix(X) if is_sparse else X.toarray()  # type: ignore[union-attr]
