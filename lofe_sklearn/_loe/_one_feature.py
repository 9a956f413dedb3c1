"""Whether rows differ in one feature only, by which all detectors rank them alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._containers import Matrix
from lofe_sklearn._training import SpreadRows, differ, range_of

# Standardised features that differ by no more differ by rounding, of float32 perhaps.
_EQUAL = 1e-5


def differ_in_one_feature(X: Matrix | SpreadRows) -> bool:
    """Whether all features but one are constant up to rounding, or the same feature in other units.

    Parameters
    ----------
    X : {ndarray, CSR matrix, SpreadRows} of shape (n_samples, n_features)
        Of spread rows the sample stands for all.
    """
    rows: Any = X.sample if isinstance(X, SpreadRows) else X
    varying = np.flatnonzero(differ(*range_of(rows), rows.shape[0]))
    if len(varying) < 2:
        return len(varying) == 1
    if sparse.issparse(rows):  # zeros at the same places are not worth a dense copy
        return False
    first = _standardised(rows[:, varying[0]])
    return all(_is_same(first, _standardised(rows[:, column])) for column in varying[1:])


def _standardised(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float64)
    values = values / np.abs(values).max()  # squares of the largest ones would overflow
    away = values - values.mean()
    with np.errstate(invalid="ignore", divide="ignore"):  # of what differs too little to be squared
        standardised: np.ndarray = away / away.std()
    return standardised


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether one is the other, or the other turned round."""
    return bool(min(np.abs(one - other).max(), np.abs(one + other).max()) < _EQUAL)
