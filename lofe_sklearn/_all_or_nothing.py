"""What a failed fit leaves behind: what there was before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lofe_sklearn.exceptions import TrainingDivergedError


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Keep a failed ``fit`` from leaving a half-fitted estimator.

    An error leaves the estimator as it was before the call, fitted or not. Only a diverged training
    leaves it unfitted: the data and parameters were valid, and the earlier model does not belong to
    them.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException as error:
        state = vars(estimator)
        state.clear()
        state.update(before)
        if isinstance(error, TrainingDivergedError):
            for name in before.keys() - estimator.get_params(deep=False).keys():
                if "_callback" not in name:  # scikit-learn's, to be told of the end
                    del state[name]
        raise
