"""Parameter checks with errors that say which parameter, what was needed, and what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np
from sklearn.base import BaseEstimator

from lofe_sklearn.exceptions import TrainingDivergedError


class Constraint(Protocol):
    """What a parameter may be."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""

    def __str__(self) -> str:
        """Say in words what is allowed, to go on after 'must be'."""


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`; `above` excludes the lower end."""

    kind: type[Real] | type[Integral] = Real
    low: float = -np.inf
    high: float = np.inf
    above: bool = False
    optional: bool = False

    def accepts(self, value: Any) -> bool:
        """Whether `value` is such a number, or None where that is allowed."""
        if value is None:
            return self.optional
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, self.kind):
            return False
        number = float(value)
        return (number > self.low if self.above else number >= self.low) and number <= self.high

    def __str__(self) -> str:
        name = "an integer" if self.kind is Integral else "a number"
        left = "(" if self.above or self.low == -np.inf else "["
        right = ")" if self.high == np.inf else "]"
        none = " or None" if self.optional else ""
        return f"{name} in {left}{self.low:g}, {self.high:g}{right}{none}"


@dataclass(frozen=True)
class OneOf:
    """One of a few values."""

    options: tuple

    def accepts(self, value: Any) -> bool:
        """Whether `value` is one of them; of the same type, so that 1 is not True."""
        return any(type(value) is type(o) and value == o for o in self.options)

    def __str__(self) -> str:
        return "one of " + ", ".join(map(repr, self.options))


@dataclass(frozen=True)
class Sizes:
    """A sequence of positive integers, one for each layer."""

    optional: bool = True

    def accepts(self, value: Any) -> bool:
        """Whether `value` is such a sequence, or None where that is allowed."""
        if value is None:
            return self.optional
        positive = Number(Integral, low=1)
        return (
            isinstance(value, (list, tuple))
            and len(value) > 0
            and all(positive.accepts(size) for size in value)
        )

    def __str__(self) -> str:
        none = ", or None" if self.optional else ""
        return f"a non-empty list of integers of at least 1{none}"


def take_rows(data: Any, rows: np.ndarray) -> Any:
    """Rows of `data` by position, in a container of the same kind."""
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    if isinstance(data, (list, tuple)):
        return [data[i] for i in rows]
    return data[rows]


CONTAMINATION = Number(low=0, high=0.5, above=True)


def check_parameters(estimator: BaseEstimator, constraints: Mapping[str, Constraint]) -> None:
    """Raise ValueError for the first parameter of `estimator` that breaks its constraint."""
    for name, constraint in constraints.items():
        value = getattr(estimator, name)
        if not constraint.accepts(value):
            owner = type(estimator).__name__
            raise ValueError(
                f"{owner}: {name} must be {constraint}; got {value!r}. "
                f"Set it in the constructor or with set_params({name}=...)."
            )


@contextmanager
def all_or_nothing(estimator: BaseEstimator) -> Iterator[None]:
    """Keep a failed ``fit`` from leaving a half-fitted estimator.

    An error leaves the estimator as it was before the call, fitted or not. Only a training that
    diverged leaves it unfitted: its data and parameters were valid, and the earlier model is not
    what was asked for.
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
                del state[name]
        raise
