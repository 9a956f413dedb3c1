"""Features without gaps: missing values are imputed and flagged, constant features are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lofe_sklearn._types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Filling:
    """Statistics of each feature in the training rows.

    Parameters
    ----------
    medians : ndarray of shape (n_features,)
        Replacements of missing values.
    flagged : ndarray of int
        Features whose gaps are flagged: the first of each column that had some.
    kept : ndarray of bool, shape (n_features,)
        Whether a feature is usable, and varies or is of a column that was asked for.
    """

    medians: Floats
    flagged: Ints
    kept: Bools

    @classmethod
    def of(
        cls, features: Floats, columns: Sequence[str], asked_for: Sequence[str], usable: Bools
    ) -> Filling:
        """Learn from the training rows.

        Parameters
        ----------
        features : ndarray of shape (n_samples, n_features)
            With NaN where a value is missing.
        columns : sequence of str
            The input column of each feature.
        asked_for : sequence of str
            Columns whose features are kept though they do not vary.
        usable : ndarray of bool, shape (n_features,)
            Features that may be kept.
        """
        missing = np.isnan(features)
        medians = np.array([_median(values) for values in features.T])
        filled = np.where(missing, medians, features)
        varies = (filled != filled[:1]).any(axis=0) | np.isin(columns, list(asked_for))
        is_first = np.zeros(len(columns), dtype=bool)
        is_first[np.unique(columns, return_index=True)[1]] = True
        # `flatnonzero`: arrays without values that are made otherwise change their joblib.hash in
        # a pickle.
        flagged = np.flatnonzero(is_first & missing.any(axis=0))
        return cls(medians, flagged, varies & usable)

    def apply(self, features: Floats) -> tuple[Floats, Floats]:
        """Return the kept features, filled in, and the flags of missing values."""
        missing = np.isnan(features)
        filled = np.where(missing, self.medians, features)[:, self.kept]
        return filled, missing[:, self.flagged].astype(np.float64)


def _median(values: Floats) -> float:
    present = values[~np.isnan(values)]
    return float(np.median(present)) if len(present) else 0.0
