"""Other detectors that LOE asks, for first labels or evidence: fitted once for all that ask."""

from __future__ import annotations

from pickle import PicklingError
from typing import Any

import joblib

from lofe_sklearn._any_detector import fit_to, rows_of_its_own
from lofe_sklearn._containers import Matrix
from lofe_sklearn._loe._seeds import seeded
from lofe_sklearn._training import Memo


def fitted_copy(detector: Any, X: Matrix, seed: int, rows: Any, memo: Memo) -> Any:
    """Return a seeded copy of a detector, fitted to rows of X.

    A fit to all rows is remembered, since others may ask the same detector about them. Fits to some
    rows are many, and each is for one member.
    """
    key = "fitted", key_of(detector), seed
    if rows is None and key in memo:
        return memo[key]
    copy = seeded(detector, seed)
    fit_to(copy, rows_of_its_own(X) if rows is None else X[rows])
    if rows is None:
        memo[key] = copy
    return copy


def key_of(detector: Any) -> Any:
    """Return a hash of the detector's parameters."""
    try:
        return joblib.hash(detector)
    except (PicklingError, AttributeError, TypeError):  # it holds a lambda, say
        return id(detector)
