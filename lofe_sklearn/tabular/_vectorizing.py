"""skrub's part: the vectorizer, the kinds of columns that it read from text, and its features."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder

from lofe_sklearn import engine
from lofe_sklearn._quiet import silenced
from lofe_sklearn._types import Floats, RandomState
from lofe_sklearn.tabular._plain_columns import NUMBER, TEXT, TIME
from lofe_sklearn.tabular._rounding import n_different
from lofe_sklearn.tabular._uninformative import (
    CONSTANT_REASON,
    EMPTY_REASON,
    NO_FEATURE_REASON,
    ROUNDED_REASON,
)

if TYPE_CHECKING:
    import pandas as pd


def new_vectorizer(given: Any, random_state: RandomState, owner: str) -> Any:
    """Return a clone of the user's vectorizer, or the default one for None.

    It returns frames of pandas, whatever output the user's has been set to.

    Raises
    ------
    ImportError
        If skrub is not installed.
    TypeError
        If `given` is no TableVectorizer.
    """
    try:
        from skrub import DatetimeEncoder, StringEncoder, TableVectorizer
    except ImportError as error:
        raise ImportError(
            f"{owner}: this needs skrub. Install it with: pip install 'lofe-sklearn[table]'"
        ) from error
    if given is None:
        given = TableVectorizer(
            # Two values get a column each, so that a third one is like none of them.
            low_cardinality=OneHotEncoder(
                handle_unknown="ignore", sparse_output=False, dtype=np.float32
            ),
            high_cardinality=StringEncoder(random_state=random_state),
            datetime=DatetimeEncoder(
                add_weekday=True, add_total_seconds=True, periodic_encoding="circular"
            ),
        )
    if not isinstance(given, TableVectorizer):
        raise TypeError(
            f"{owner}: vectorizer must be skrub's TableVectorizer(...) or None; got {given!r}."
        )
    return clone(given).set_output(transform="default")


@contextmanager
def calling_skrub() -> Iterator[None]:
    """Keep the user's settings away from skrub, and its remarks away from the user.

    The output that scikit-learn is set to reaches the steps within skrub's encoders, which then
    fail. Silenced are warnings about columns with fewer texts than features, and NumPy's about
    numbers beyond single precision, which are infinite then, and an error. Its products of matrices
    have no more threads than there are cores.
    """
    with (
        engine.within_cores(),
        config_context(transform_output="default"),
        silenced("The matrix shape is", UserWarning),
        np.errstate(over="ignore"),
    ):
        yield


@dataclass(frozen=True, eq=False)
class Reading:
    """How a fitted vectorizer reads text.

    Parameters
    ----------
    kinds : dict of str to str
        The kind of each column, as the vectorizer has read it.
    time_formats : dict of str to str
        How times are written in columns of text.
    null_strings : set of str
        Texts that stand for missing values.
    """

    kinds: dict[str, str]
    time_formats: dict[str, str]
    null_strings: set[str]

    @classmethod
    def of(cls, vectorizer: Any, kinds: Mapping[str, str]) -> Reading:
        """Learn from a fitted vectorizer, which was given columns of these kinds."""
        found = vectorizer.kind_to_columns_
        read = dict.fromkeys(found["numeric"], NUMBER) | dict.fromkeys(found["datetime"], TIME)
        read = {name: kind for name, kind in read.items() if kinds[name] == TEXT}
        steps = vectorizer.all_processing_steps_  # of the columns that it was given
        formats = {
            name: step.format_
            for name in read
            for step in steps[name]
            if getattr(step, "format_", None)
        }
        every_step = [step for of_one in steps.values() for step in of_one]
        nulls = {text for step in every_step for text in getattr(step, "null_strings_", ())}
        return cls({**kinds, **read}, formats, nulls)

    def as_read(self, name: str, values: pd.Series) -> pd.Series:
        """Return the numbers or times that the vectorizer reads in plain values that are text."""
        import pandas as pd

        kind = self.kinds.get(name)
        if values.dtype != object or kind not in (NUMBER, TIME):
            return values
        if kind == NUMBER:
            return pd.to_numeric(values, errors="coerce")
        how = self.time_formats.get(name)
        if how is None:
            return values
        return pd.to_datetime(values, format=how, errors="coerce", utc="%z" in how)

    def why_dropped(self, values: pd.Series, features_of: Collection[str], name: str) -> str:
        """Say why no feature of a column is left.

        Parameters
        ----------
        values : pandas.Series
            Its plain values.
        features_of : collection of str
            The columns that the vectorizer has made features of.
        name : str
        """
        if name in features_of:
            is_one = n_different(self.as_read(name, values)) == 1
            return CONSTANT_REASON if is_one else ROUNDED_REASON
        is_empty = all(str(text).strip() in self.null_strings for text in values.dropna())
        return EMPTY_REASON if is_empty else NO_FEATURE_REASON

    def unreadable(self, values: pd.Series, gaps: np.ndarray) -> list[Any]:
        """Return the values that the vectorizer has turned into missing ones."""
        given = values.astype(object)[gaps & ~values.isna().to_numpy()]
        nulls = self.null_strings | {""}
        return [value for value in given if str(value).strip() not in nulls]


def as_numbers_of(features: pd.DataFrame, owner: str) -> Floats:
    """Return the vectorizer's features as numbers.

    Raises
    ------
    ValueError
        If a feature is not a number.
    """
    try:
        return features.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{owner}: vectorizer must turn all columns into numbers. {error}"
        ) from error


def check_none_is_infinite(features: Floats, names: Sequence[str], owner: str) -> None:
    """Raise ValueError if a feature is infinite."""
    infinite = np.isinf(features)
    if infinite.any():
        row, feature = np.argwhere(infinite)[0]
        raise ValueError(
            f"{owner}: the value in row {row} of the feature {names[feature]!r} is too large to "
            "compute with. Replace it by a missing value, or leave the column out."
        )


def own_name(name: str) -> str:
    """Return a feature's name without the random part that skrub adds to duplicate names."""
    return re.sub(r"__skrub_[0-9a-f]+__$", "", str(name))


def different(names: list[str]) -> list[str]:
    """Return the names, with a number behind duplicates."""
    found: dict[str, None] = {}
    for name in names:
        free, number = name, 2
        while free in found:
            free, number = f"{name}_{number}", number + 1
        found[free] = None
    return list(found)
