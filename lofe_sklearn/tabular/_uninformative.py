"""Columns that tell nothing about a row: empty ones, constant ones, and identifiers."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn.tabular._date_formats import vectorizer_reads
from lofe_sklearn.tabular._plain_columns import CATEGORY, EMPTY, NUMBER, TEXT, Column
from lofe_sklearn.tabular._rounding import n_different

if TYPE_CHECKING:
    import pandas as pd

EMPTY_REASON = "all values are missing"
CONSTANT_REASON = "one value only"
IDENTIFIER_REASON = "looks like an identifier"
ROUNDED_REASON = (
    "numbers so large that float64 rounds them to one value; subtract the smallest, or put a "
    "letter before them to make them text"
)
NO_FEATURE_REASON = "the vectorizer makes no feature of it"

# Fewer rows often have different values by chance.
_MIN_ROWS = 20
# Of n whole numbers drawn from a range of R values, all are different with a probability of about
# exp(-n^2 / 2R); at this many times R it is exp(-10).
_BIRTHDAYS = 20
# Different integers beyond this, such as identifiers of 64 bits, may be one number in float64.
_EXACT = 2**53
# 20260131 and 20260131T0830 are read as dates.
_DAY = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(T\d{4}(\d\d)?)?", re.ASCII)
# An amount in a form that is not read, such as <109.56>; A12.5 may be a code.
_FRACTION = re.compile(r"[^\w\s]{0,2}[^\W\d_]{0,3}[^\w\s]{0,2}\d[\d,.']*[.,]\d\d[^\w\s]{0,2}")
_WORDS_OF_NAMES = {"id", "ids", "uid", "uuid", "guid", "key", "pk", "rowid", "index", "identifier"}


def uninformative(
    columns: Mapping[str, Column], table: pd.DataFrame, keep: Sequence[str]
) -> dict[str, str]:
    """Return the columns to drop, and why; of those to keep, only empty ones are dropped.

    Parameters
    ----------
    columns : dict of str to Column
        All columns of the table.
    table : pandas.DataFrame
        As the user gave it.
    keep : sequence of str
    """
    reasons = {
        name: why_uninformative(column, table[name], name) for name, column in columns.items()
    }
    return {
        name: reason
        for name, reason in reasons.items()
        if reason is not None and (name not in keep or reason == EMPTY_REASON)
    }


def check_some_left(left: Collection[str], dropped: Mapping[str, str], owner: str) -> None:
    """Raise ValueError if no column is left, with the reasons."""
    if not left:
        listed = [f"{name!r} ({reason})" for name, reason in list(dropped.items())[:8]]
        more = f" and {len(dropped) - 8} more" if len(dropped) > 8 else ""
        raise ValueError(
            f"{owner}: X must have a column that tells rows apart; none is left: "
            f"{', '.join(listed)}{more}. Keep some with keep=[...], or add others."
        )


def why_uninformative(column: Column, given: pd.Series, name: str) -> str | None:
    """Say why a column should be dropped, or None.

    Parameters
    ----------
    column : Column
        Its training rows.
    given : pandas.Series
        The same as the user gave them.
    name : str
        Its name. A column of whole numbers of a wide range, all different, is an identifier only
        if its name says so.
    """
    if column.kind == EMPTY:
        return EMPTY_REASON
    values = column.values
    if column.kind == NUMBER and values.abs().min() > _EXACT:
        values = _distances(given.reset_index(drop=True))
    n_values = n_different(values)
    # Missing values may still tell rows apart then, but the user expects more of the column.
    is_rounded = _are_one_number(given)
    if n_values == 1 and not is_rounded and not values.isna().any():
        return CONSTANT_REASON
    present = values.dropna()
    if n_values == 1 or len(present) < _MIN_ROWS or n_values < len(present):
        return ROUNDED_REASON if is_rounded else None
    if _has_unit(column):
        return None
    if column.kind == NUMBER and _are_numbers_of_rows(present.to_numpy(), name):
        return IDENTIFIER_REASON
    if column.kind in (TEXT, CATEGORY) and _are_names_of_rows(list(present), name):
        return IDENTIFIER_REASON
    return None


def _are_one_number(given: pd.Series) -> bool:
    """Whether different integers, as categories or text too, are one number in float64."""
    values = given.dropna().unique()
    if len(values) < 2 or not _is_large(values[0]):
        return False
    return all(map(_is_large, values)) and len(set(map(float, values))) == 1


def _is_large(value: Any) -> bool:
    """Whether a value is an integer, or the text of one, beyond those that float64 holds."""
    if isinstance(value, str) and len(value) <= 300 and value.strip().isdecimal():
        value = int(value)
    return isinstance(value, Integral) and _EXACT < abs(int(value)) < sys.float_info.max


def _distances(numbers: pd.Series) -> pd.Series:
    """Return how far whole numbers are from the first one: float64 does not tell them apart."""
    present = numbers.dropna()
    first = int(present.iloc[0])
    return present.map(lambda number: float(int(number) - first)).reindex(numbers.index)


def _has_unit(column: Column) -> bool:
    """Whether numbers are amounts, shares, durations or times of day, none of which names a row."""
    writing = column.writing
    if column.is_clock or writing is None:
        return column.is_clock
    return writing.sides is not None or bool((writing.before + writing.after).strip())


def _are_numbers_of_rows(numbers: np.ndarray, name: str) -> bool:
    """Whether different numbers are integers of a range too small for that to be chance."""
    if (numbers != np.round(numbers)).any():
        return False
    spread = float(numbers.max() - numbers.min()) + 1
    n = float(len(numbers))
    return spread < n * n / _BIRTHDAYS or _says_identifier(name)


def _are_names_of_rows(texts: list[str], name: str) -> bool:
    """Whether different texts are single words with digits or signs in them, not sentences."""
    import pandas as pd

    words = [text.strip() for text in texts]
    if all(map(_DAY.fullmatch, words)):
        return False
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError:
        pass
    else:
        return bool(np.isfinite(numbers).all()) and _are_numbers_of_rows(numbers, name)
    if any(len(word.split()) > 1 for word in words) or all(map(_FRACTION.fullmatch, words)):
        return False
    return not all(map(_is_date, words)) and not vectorizer_reads(pd.Series(words, dtype=object))


def _is_date(word: str) -> bool:
    """Whether a word has the form of a date or a time, as in 2024-05-01T10:00 or 1/5/2024."""
    return re.fullmatch(r"\d{1,4}([-/.:]\d{1,4}){1,2}(T\S+)?Z?", word) is not None


def _says_identifier(name: str) -> bool:
    """Whether a name has a word such as "id" in it, as customer_id and customerID have."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return not _WORDS_OF_NAMES.isdisjoint(re.split(r"[^a-z0-9]+", words.lower()))
