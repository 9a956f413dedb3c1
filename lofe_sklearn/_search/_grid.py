"""What the parameters of the search may be, and the candidates that a grid stands for."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid, ParameterSampler

from lofe_sklearn._validation import AnyOf, CallableOr, InstanceOf, OneOf

# The names of the scores are checked later, when the scorers are known.
REFIT = AnyOf(
    InstanceOf((bool, np.bool_), "True, False"),
    InstanceOf(str, "the name of a score"),
    CallableOr("a callable that takes cv_results_"),
)
ERROR_SCORE = AnyOf(InstanceOf(Real, "a number"), OneOf(("raise",)))


def list_candidates(param_grid: Any, n_iter: int | None, random_state: Any) -> list[dict[str, Any]]:
    """Parameters to try, in GridSearchCV's order or as RandomizedSearchCV draws them."""
    if n_iter is not None:
        return list(ParameterSampler(param_grid, n_iter, random_state=random_state))
    for grid in param_grid if isinstance(param_grid, (list, tuple)) else [param_grid]:
        for name, values in grid.items() if isinstance(grid, dict) else ():
            if hasattr(values, "rvs"):
                raise TypeError(
                    f"LOESearchCV: param_grid holds a distribution for {name!r}, of which not all "
                    "values can be tried. Say how many to draw, with n_iter=10 for one, or give a "
                    "list of values."
                )
    return list(ParameterGrid(param_grid))
