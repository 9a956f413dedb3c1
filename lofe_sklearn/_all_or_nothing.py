"""What a fit leaves behind: all that it has found, or what there was before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from lofe_sklearn.exceptions import TrainingDivergedError

Estimator = TypeVar("Estimator")
# What scikit-learn keeps of an estimator besides its parameters and its fit: requests of metadata
# routing, the format of its output. Callbacks have several names.
_NOT_OF_A_FIT = ("_metadata_request", "_sklearn_output_config")


@contextmanager
def all_or_nothing(estimator: Estimator) -> Iterator[Estimator]:
    """Yield a copy to be fitted; the estimator gets what was found, at once, when the block ends.

    Until then callbacks of the fit, and other threads, find the estimator as it was before, fitted
    or not. An error leaves it so. Only a diverged training leaves it unfitted: the data and
    parameters were valid, and the earlier model does not belong to them.
    """
    before = dict(vars(estimator))
    copy = object.__new__(type(estimator))
    vars(copy).update(before)
    try:
        yield copy
    except TrainingDivergedError:
        _forget_the_fit(estimator)
        raise
    now, found = dict(vars(estimator)), vars(copy)
    for name in before.keys() - found.keys():
        now.pop(name, None)
    # No more than that: a callback may have set a parameter meanwhile.
    now.update(
        (name, value)
        for name, value in found.items()
        if name not in before or value is not before[name]
    )
    estimator.__dict__ = now


def _forget_the_fit(estimator: Any) -> None:
    kept = {*estimator.get_params(deep=False), *_NOT_OF_A_FIT}
    estimator.__dict__ = {
        name: value
        for name, value in vars(estimator).items()
        if name in kept or "_callback" in name  # these are to be told of the end
    }
