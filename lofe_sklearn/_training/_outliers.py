"""Auxiliary outliers, from what users give to rows that a model can be exposed to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn import engine
from lofe_sklearn._bad_rows import OUTLIERS, what_is_wrong
from lofe_sklearn._containers import Matrix, check_plain_values, readable_rows
from lofe_sklearn._not_rows import as_array, what_holds_rows
from lofe_sklearn.datasets import make_outliers
from lofe_sklearn.sources._find_source import in_memory


def exposure_to(
    outliers: Any,
    X: Matrix,
    validate: Callable[[Any], Matrix],
    *,
    weight: float = 1.0,
    seed: int,
    owner: str,
) -> engine.Exposure | None:
    """Validate outliers as the user gives them, or make synthetic ones.

    Parameters
    ----------
    outliers : array-like of shape (m, n_features), str or None
        Rows, or a kind of `lofe_sklearn.datasets.make_outliers`, of which as many are made as X
        has rows.
    X : {ndarray, CSR matrix} of shape (n, n_features)
        Validated training rows.
    validate : callable
        Validates rows with the features of X.
    weight : float
        How much their mean anomaly loss counts beside the mean over the training rows.
    seed : int
        Of synthetic ones.
    owner : str
        Whose parameter it is, for the messages.

    Raises
    ------
    ValueError
        If they have other features than X, or values that X may not have either.
    """
    if outliers is None:
        return None
    if isinstance(outliers, str):
        kind: Any = outliers  # make_outliers says which there are
        try:
            made = make_outliers(X, X.shape[0], kind=kind, random_state=seed)
        except ValueError as error:
            raise ValueError(f"{owner}: outliers cannot be made. {error}") from error
        return engine.Exposure(_like(X, made), weight)
    outliers = _laid_out(outliers, owner)
    shape = outliers.shape
    if len(shape) < 2 or (len(shape) == 2 and shape[1] != X.shape[1]):
        raise ValueError(
            f"{owner}: outliers must be rows with the features of X, shape (n_outliers, "
            f"{X.shape[1]}); got shape {shape}. Transform them as X was; or name a kind of "
            "synthetic ones: 'uniform', 'shuffled' or 'gaussian'."
        )
    if shape[0] == 0:
        raise ValueError(f"{owner}: outliers has no rows. Pass None to train without.")
    try:
        rows = validate(outliers)
    except ValueError as error:
        reason = str(error).removeprefix(f"{owner}: ")
        raise ValueError(f"{owner}: outliers cannot be used. {reason}") from error
    found = None if _all_finite(rows) else what_is_wrong(rows, OUTLIERS, owner)
    if found is not None:  # scikit-learn's check is left out under assume_finite
        raise ValueError(f"{owner}: outliers cannot be used. {found}")
    return engine.Exposure(_like(X, rows), weight)


def _laid_out(outliers: Any, owner: str) -> Any:
    """Return outliers as given, in a container that has a shape."""
    outliers = readable_rows(in_memory(outliers, owner, OUTLIERS), owner, OUTLIERS)
    if (found := what_holds_rows(outliers, OUTLIERS)) is not None:
        raise TypeError(f"{owner}: outliers must hold rows of numbers; {found}")
    # An array of a list has lost the masks, and one of records has no features.
    check_plain_values(outliers, OUTLIERS, owner)
    return as_array(outliers, owner, OUTLIERS)


def _all_finite(rows: Matrix) -> bool:
    values = rows.data if sparse.issparse(rows) else rows
    return bool(np.isfinite(values).all())


def _like(X: Matrix, rows: Matrix) -> Matrix:
    """Give rows the precision of X; beside X of integers, pixels, they stay as they are."""
    return rows.astype(X.dtype, copy=False) if X.dtype.kind == "f" else rows
