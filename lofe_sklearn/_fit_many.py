"""Stand-in of `fit_many`, replaced by the stacked one at merge: each estimator on its own."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone


def fit_many(
    estimators,
    X,
    *,
    rows=None,
    known_labels=None,
    n_jobs=None,
    max_memory=None,
    verbose=0,
    return_errors=False,
):
    """Fit clones of `estimators` on their rows of X."""
    fitted = []
    for i, estimator in enumerate(estimators):
        own = np.arange(X.shape[0]) if rows is None else np.asarray(rows[i])
        known = None if known_labels is None else np.asarray(known_labels)[own]
        taken = X.iloc[own] if hasattr(X, "iloc") else X[own]
        try:
            fitted.append(clone(estimator).fit(taken, known_labels=known))
        except Exception as error:
            if not return_errors:
                raise
            fitted.append(error)
    return fitted
