"""Checks of parameters, with errors that say which parameter, what was needed, and what came.

Constraints are small parts that combine: ``AnyOf(Number(low=0), None)`` is a number of at least 0,
or None.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

# The largest size of anything that is kept in memory.
MOST = 2**31 - 1
# The largest number of things that are built one by one, such as the members of an ensemble.
MOST_PARTS = 10**6


class Constraint(Protocol):
    """What a parameter may be."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""

    def __str__(self) -> str:
        """Say in words what is allowed, to go on after 'must be'."""


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`, both included.

    Parameters
    ----------
    kind : {numbers.Real, numbers.Integral}, default=Real
        What kind of number. Booleans are none.
    low, high : float
        The ends. Infinite ones, the default, are never included.
    exclude_low : bool, default=False
        Whether `low` itself is too small.
    exclude_high : bool, default=False
        Whether `high` itself is too large.
    optional : bool, default=False
        Whether None is allowed too.
    step : int, optional
        Only `low`, and numbers that are a multiple of `step` above it.
    noun : str, optional
        What such a number is called in messages.
    most : int, optional
        Larger ones are too many for any machine; only messages about them say so.
    above : bool, default=False
        An earlier name of `exclude_low`.
    """

    kind: type[Real] | type[Integral] = Real
    low: float = -np.inf
    high: float = np.inf
    exclude_low: bool = False
    exclude_high: bool = False
    optional: bool = False
    step: int | None = None
    noun: str = ""
    most: int | None = None
    above: InitVar[bool] = False

    def __post_init__(self, above: bool) -> None:
        if above:
            object.__setattr__(self, "exclude_low", True)

    def accepts(self, value: Any) -> bool:
        """Whether `value` is such a number, or None if that is allowed."""
        if value is None:
            return self.optional
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, self.kind):
            return False
        try:
            number = float(value)
        except OverflowError:  # an integer beyond every float
            return False
        if self.most is not None and number > self.most:
            return False
        if not np.isfinite(number) or (self.step and (number - self.low) % self.step):
            return False
        above = number > self.low if self.exclude_low else number >= self.low
        return above and (number < self.high if self.exclude_high else number <= self.high)

    def __str__(self) -> str:
        none = " or None" if self.optional else ""
        if self.step:
            first = ", ".join(f"{self.low + k * self.step:g}" for k in range(4))
            rule = f"{self.step} n + {self.low % self.step:g}"
            return f"{rule}, that is {first}, and so on{none}"
        name = self.noun or ("an integer" if self.kind is Integral else "a number")
        if not self.noun and self.kind is not Integral and np.isinf([self.low, self.high]).any():
            name = "a finite number"
        if np.isinf(self.high):
            low = f"{'above' if self.exclude_low else 'of at least'} {self.low:g}"
            return f"{name}{'' if np.isinf(self.low) else ' ' + low}{none}"
        left = "(" if self.exclude_low or self.low == -np.inf else "["
        right = ")" if self.exclude_high else "]"
        return f"{name} in {left}{self.low:g}, {self.high:g}{right}{none}"


@dataclass(frozen=True)
class OneOf:
    """One of a few values."""

    options: tuple

    def accepts(self, value: Any) -> bool:
        """Whether `value` is one of them; of the same type, so that 1 is not True.

        A search over an array of values sets numpy's strings and booleans.
        """
        value = value.item() if isinstance(value, np.generic) else value
        return any(type(value) is type(o) and value == o for o in self.options)

    def __str__(self) -> str:
        several = "one of " if len(self.options) > 1 else ""
        return several + ", ".join(map(repr, self.options))


@dataclass(frozen=True)
class InstanceOf:
    """An instance of a type, described by `name`."""

    kind: type | tuple[type, ...]
    name: str

    def accepts(self, value: Any) -> bool:
        """Whether `value` is such an instance."""
        return isinstance(value, self.kind)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class CallableOr:
    """A function, or an object with one of the methods `methods`; classes are not allowed."""

    name: str = "a callable"
    methods: tuple[str, ...] = ()

    def accepts(self, value: Any) -> bool:
        """Whether `value` can be called, or has such a method."""
        if isinstance(value, type):
            return False
        has_method = any(callable(getattr(value, method, None)) for method in self.methods)
        return callable(value) or has_method

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ListOf:
    """A list or tuple whose items all satisfy `item`."""

    item: Constraint
    length: int | None = None
    ascending: bool = False
    name: str = ""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is such a list, not empty and of the length that is asked for."""
        if not isinstance(value, (list, tuple)) or len(value) == 0:
            return False
        if self.length is not None and len(value) != self.length:
            return False
        if not all(map(self.item.accepts, value)):
            return False
        return not self.ascending or list(value) == sorted(value)

    def __str__(self) -> str:
        return self.name or f"a non-empty list, each item {self.item}"


class AnyOf:
    """A value that satisfies at least one of several constraints; None stands for itself."""

    def __init__(self, *parts: Constraint | None) -> None:
        self.parts = parts

    def accepts(self, value: Any) -> bool:
        """Whether one of the parts accepts `value`."""
        return any(value is None if part is None else part.accepts(value) for part in self.parts)

    def __str__(self) -> str:
        *most, last = map(str, self.parts)
        return f"{', '.join(most)} or {last}"


@dataclass(frozen=True)
class Described:
    """A constraint that messages describe by words of the caller."""

    constraint: Constraint
    words: str

    def accepts(self, value: Any) -> bool:
        """Whether `value` satisfies the constraint."""
        return self.constraint.accepts(value)

    def __str__(self) -> str:
        return self.words


class Seed:
    """What scikit-learn takes as ``random_state``."""

    def accepts(self, value: Any) -> bool:
        """Whether random numbers can be drawn by it."""
        try:
            check_random_state(value)
        except (ValueError, TypeError):
            return False
        return True

    def __str__(self) -> str:
        return "an integer in [0, 4294967295], a numpy.random.RandomState, or None"


class Sizes(AnyOf):
    """A sequence of positive integers, one for each layer; `optional` allows None."""

    def __init__(self, optional: bool = True) -> None:
        name = "a non-empty list of integers of at least 1"
        layers = ListOf(Number(Integral, low=1, most=MOST), name=name)
        super().__init__(layers, *([None] if optional else []))

    def __str__(self) -> str:
        return ", or ".join(map(str, self.parts))


# None stands for one job; of negative numbers -1 is one for each core, as joblib has it.
N_JOBS = Described(
    AnyOf(Number(Integral, low=1, optional=True), Number(Integral, high=-1)),
    "None or an integer other than 0",
)
CONTAMINATION = Number(low=0, high=0.5, exclude_low=True)
IMAGE_SHAPE = AnyOf(
    ListOf(
        Number(Integral, low=1),
        length=3,
        name="a tuple (channels, height, width) of integers of at least 1",
    ),
    None,
)
RANDOM_STATE = Seed()


def check_seed(owner: str, random_state: Any) -> np.random.RandomState:
    """Return the generator that `random_state` stands for, or raise ValueError."""
    check_argument(owner, "random_state", random_state, RANDOM_STATE)
    return check_random_state(random_state)


def check_parameters(estimator: Any, constraints: Mapping[str, Constraint]) -> None:
    """Raise ValueError for the first parameter of `estimator` that breaks its constraint."""
    for name, constraint in constraints.items():
        value = getattr(estimator, name)
        if not constraint.accepts(value):
            owner = type(estimator).__name__
            raise ValueError(
                f"{owner}: {name} must be {constraint}; got {value!r}."
                f"{did_you_mean(value, options_of(constraint))}{_too_many(value, constraint)} "
                f"Set it in the constructor or with set_params({name}=...)."
            )


def check_argument(owner: str, name: str, value: Any, constraint: Constraint) -> None:
    """Raise ValueError if the argument `name` of the function `owner` breaks its constraint."""
    if not constraint.accepts(value):
        hint = did_you_mean(value, options_of(constraint)) + _too_many(value, constraint)
        raise ValueError(f"{owner}: {name} must be {constraint}; got {value!r}.{hint}")


def options_of(constraint: Constraint | None) -> list[str]:
    """Return the names that a constraint lists, also within nested constraints."""
    if isinstance(constraint, OneOf):
        return [option for option in constraint.options if isinstance(option, str)]
    if isinstance(constraint, AnyOf):
        return [option for part in constraint.parts for option in options_of(part)]
    if isinstance(constraint, Described):
        return options_of(constraint.constraint)
    return []


def _too_many(value: Any, constraint: Constraint) -> str:
    """Return the sentence that says how many are possible, if they are more, or nothing."""
    if isinstance(constraint, (AnyOf, Described)):
        parts = constraint.parts if isinstance(constraint, AnyOf) else [constraint.constraint]
        return "".join(_too_many(value, part) for part in parts if part is not None)
    if isinstance(constraint, ListOf) and isinstance(value, (list, tuple)):
        return next(filter(None, (_too_many(item, constraint.item) for item in value)), "")
    most = getattr(constraint, "most", None)
    if most is None or not isinstance(value, Real) or value <= most:
        return ""
    return f" More than {most} are too many."


def did_you_mean(value: Any, options: Iterable[str]) -> str:
    """Return the sentence that names the option that `value` is likely meant to be, or nothing."""
    names = {option.lower(): option for option in options}
    close = get_close_matches(value.lower(), names, n=1) if isinstance(value, str) else []
    return f" Did you mean {names[close[0]]!r}?" if close else ""


def as_numbers(values: Any, name: str, owner: str) -> NDArray[np.float64]:
    """Return `values` as an array of numbers in double precision, or raise ValueError."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{owner}: {name} must be numbers. {error}") from error


def check_finite(scores: np.ndarray, message: str) -> None:
    """Raise ValueError unless all `scores` are finite.

    `message` is a format string: ``{value}`` is the first score that is not, ``{row}`` its place.
    """
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise ValueError(message.format(value=scores[bad[0]], row=bad[0]))


def warn_user(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the user's code that led here, however deep the calls are."""
    level, frame = 2, sys._getframe(1)
    # scikit-learn's callbacks wrap what `fit` calls, and its `set_output` wraps `transform`; its
    # Pipeline calls steps, through joblib; a context manager is entered by contextlib.
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_WITHIN):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


_WITHIN = (
    f"{__name__.partition('.')[0]}.",
    *("sklearn.callback.", "sklearn.utils.", "sklearn.base", "sklearn.pipeline"),
    *("joblib.memory", "contextlib"),
)
