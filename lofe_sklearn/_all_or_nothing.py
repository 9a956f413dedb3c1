"""What a fit leaves behind: all that it has found, or what there was before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from lofe_sklearn.exceptions import TrainingDivergedError

Estimator = TypeVar("Estimator")
# What scikit-learn keeps of an estimator besides its parameters and its fit: requests of metadata
# routing, the format of its output; and callbacks, in several attributes.
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
    # What was set or deleted meanwhile, by a callback for one, stands, unless it is of a fit.
    for name in now.keys() | before.keys():
        if not _is_of_a_fit(name) and now.get(name) is not before.get(name):
            found.pop(name, None)
            if name in now:
                found[name] = now[name]
    estimator.__dict__ = found


def _forget_the_fit(estimator: Any) -> None:
    kept = {name: value for name, value in vars(estimator).items() if not _is_of_a_fit(name)}
    estimator.__dict__ = kept


def _is_of_a_fit(name: str) -> bool:
    """Whether an attribute is what a fit has found, and no parameter."""
    if name in _NOT_OF_A_FIT or "_callback" in name:
        return False
    return name.startswith("_") or name.endswith("_")
