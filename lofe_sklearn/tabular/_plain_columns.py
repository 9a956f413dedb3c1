"""One column of a table, as one of four kinds of plain values: number, time, category or text."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Complex, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn.inspection._typical_row import is_missing
from lofe_sklearn.tabular._clock_texts import are_minutes, clocks_among_words, seconds_of_all
from lofe_sklearn.tabular._code_texts import are_of_four_digits, code_length, without_nulls
from lofe_sklearn.tabular._date_formats import dates_in_text
from lofe_sklearn.tabular._date_texts import dates_among_words, in_iso_form
from lofe_sklearn.tabular._quantity_texts import Writing, quantities_of
from lofe_sklearn.tabular._spellings import in_one_spelling
from lofe_sklearn.tabular._stray_words import unguarded, without_space_around_nulls

if TYPE_CHECKING:
    import pandas as pd

NUMBER, TIME, CATEGORY, TEXT, EMPTY = "number", "time", "category", "text", "empty"


@dataclass(frozen=True, eq=False)
class Column:
    """The values of a column.

    Parameters
    ----------
    kind : {"number", "time", "category", "text", "empty"}
        A column is empty where all its values are missing.
    values : pandas.Series
        Numbers in double precision, times, categories of text, or text. Its index counts the rows.
    is_clock : bool
        Whether numbers are seconds, of durations or times of day.
    in_minutes : bool
        Whether 4:07 is in minutes among them, not in hours.
    writing : Writing, optional
        How numbers are written that were read from text with units or grouped digits.
    words : tuple of str
        Texts of the fit that count as missing, since most others are numbers or dates.
    n_digits : int
        Of categories that are codes of equally many digits; 0 of all others.
    text_format : str, optional
        How times are written that were read from text here, and not by the vectorizer.
    first_year : int, optional
        The first of the hundred that years of two digits are of. Default: as Python reads them.
    """

    kind: str
    values: pd.Series
    is_clock: bool = False
    writing: Writing | None = None
    words: tuple[str, ...] = ()
    n_digits: int = 0
    text_format: str | None = None
    first_year: int | None = None
    in_minutes: bool = False

    @property
    def zone(self) -> Any:
        """The time zone of times; None for those without one, and for other values."""
        return getattr(self.values.dtype, "tz", None)


def plain_column(values: pd.Series, name: str, owner: str) -> Column:
    """Return the values of a column of any type as plain ones.

    Truth values become 0 and 1, durations seconds, times of day seconds since midnight, periods
    their first moment, and decimals numbers. Text of white space only is missing. A column of
    numbers and text is text.

    Raises
    ------
    ValueError
        If values cannot be turned into features: lists, dicts, bytes, complex numbers, infinity and
        other objects. The message names column, row and remedy.
    """
    import pandas as pd
    from pandas.api import types

    values = values.reset_index(drop=True)
    dtype = values.dtype
    if isinstance(dtype, pd.SparseDtype):
        values = values.sparse.to_dense()
        dtype = values.dtype
    if not (isinstance(dtype, np.dtype) and dtype.kind == "O") and values.isna().all():
        return Column(EMPTY, values)
    # Arrow's categories, if pandas keeps its types.
    if isinstance(dtype, pd.CategoricalDtype) or str(dtype).startswith("dictionary<"):
        texts = _as_texts(values.astype(object))
        return Column(CATEGORY, texts.astype("category"))
    if isinstance(dtype, pd.PeriodDtype):
        return Column(TIME, values.dt.to_timestamp())
    if isinstance(dtype, pd.DatetimeTZDtype) or (dtype.kind == "M" and isinstance(dtype, np.dtype)):
        return Column(TIME, values)
    if dtype.kind == "m" and isinstance(dtype, np.dtype):
        return Column(NUMBER, values.dt.total_seconds(), is_clock=True)
    if types.is_complex_dtype(dtype):
        raise ValueError(_refused(owner, name, 0, values[0], *_COMPLEX))
    if types.is_bool_dtype(dtype) or types.is_numeric_dtype(dtype):
        return number_column(values.to_numpy(dtype=np.float64, na_value=np.nan), name, owner)
    return _of_objects(np.asarray(values.array, dtype=object), name, owner)


def read_from_text(column: Column, name: str, owner: str) -> Column:
    """Return numbers for a column of texts that are times of day, durations or quantities.

    Codes of digits become categories, since the vectorizer would read them as numbers. A few words
    among numbers or dates become missing values. That is for the table of a fit only. In another
    one it would depend on the other rows what a text such as "12:30" or "1.234" is.
    """
    import pandas as pd

    if column.kind == CATEGORY:
        texts = in_one_spelling(column.values.astype(object))
        return replace(column, values=texts.astype("category"))
    if column.kind != TEXT:
        return column
    n_digits = code_length(column.values)
    if n_digits:
        codes = without_nulls(column.values).astype("category")
        return Column(CATEGORY, codes, n_digits=n_digits)
    if are_of_four_digits(column.values):
        return Column(NUMBER, pd.to_numeric(column.values, errors="coerce").astype(np.float64))
    seconds = seconds_of_all(column.values)
    if seconds is not None:
        in_minutes = are_minutes(column.values.dropna())
        return Column(NUMBER, seconds, is_clock=True, in_minutes=in_minutes)
    found = quantities_of(column.values)
    is_whole = found is not None and not found[2]
    clocks = None if is_whole else clocks_among_words(column.values)
    # Among seconds such as 59.83, 1:02.71 is no word.
    if found is not None and (clocks is None or len(found[2]) <= len(clocks[1])):
        writing, numbers, words = found
        numeric = number_column(numbers.to_numpy(), name, owner)
        return replace(numeric, writing=writing, words=words)
    if clocks is not None:
        in_minutes = are_minutes(column.values.dropna())
        return Column(NUMBER, clocks[0], is_clock=True, words=clocks[1], in_minutes=in_minutes)
    dates = dates_in_text(column.values)
    if dates is not None:
        return Column(
            TIME,
            dates.values,
            words=dates.words,
            text_format=dates.text_format,
            first_year=dates.first_year,
        )
    among_words = dates_among_words(column.values)
    if among_words is not None:
        return Column(TEXT, among_words[0], words=among_words[1])
    return replace(column, values=in_one_spelling(column.values))


def as_text(value: Any) -> str:
    """Return a value as text, the same whatever column it comes in.

    A whole number is written alike whether it is stored as 3 or as 3.0, and a truth value as 0 or
    1: in a table of one row, a column of numbers and words is one of numbers.
    """
    import pandas as pd

    if isinstance(value, str):
        return value
    if isinstance(value, (Real, Decimal, np.bool_)):
        number = _as_number(value)
        return str(int(number)) if number.is_integer() else repr(number)
    if isinstance(value, (datetime.date, np.datetime64)):
        return str(pd.Timestamp(value))
    return str(value)


def _of_objects(values: np.ndarray, name: str, owner: str) -> Column:
    """Return a column of Python objects, by the types of the objects."""
    import pandas as pd

    if pd.api.types.infer_dtype(values, skipna=True) == "string":
        texts = _as_texts(pd.Series(values, dtype=object))
        return Column(EMPTY if texts.isna().all() else TEXT, texts)
    missing = np.fromiter(map(is_missing, values), dtype=bool, count=len(values))
    if missing.all():
        return Column(EMPTY, pd.Series(values, dtype=object))
    kinds = set(map(type, values[~missing]))

    def all_are(*types: type) -> bool:
        return all(issubclass(kind, types) for kind in kinds)

    if all_are(Real, Decimal, np.bool_):
        numbers = np.full(len(values), np.nan)
        numbers[~missing] = [_as_number(value) for value in values[~missing]]
        return number_column(numbers, name, owner)
    if all_are(datetime.date, np.datetime64):  # a datetime is a date to Python
        return _times(values, missing, name, owner)
    if all_are(datetime.timedelta, np.timedelta64):
        spans = pd.to_timedelta(_with_gaps(values, missing))
        return Column(NUMBER, spans.dt.total_seconds(), is_clock=True)
    if all_are(datetime.time):
        seconds = np.full(len(values), np.nan)
        seconds[~missing] = [_seconds_of_day(value) for value in values[~missing]]
        return Column(NUMBER, pd.Series(seconds), is_clock=True)
    if all_are(str, Real, Decimal, np.bool_, datetime.date, np.datetime64):
        texts = _as_texts(_with_gaps(values, missing))
        return Column(EMPTY if texts.isna().all() else TEXT, texts)
    row, value = next(
        (row, value)
        for row, value in enumerate(values)
        if not missing[row] and not isinstance(value, (str, Real, Decimal, np.bool_))
    )
    raise ValueError(_refused(owner, name, row, value, *_why_not(value)))


def _with_gaps(values: np.ndarray, missing: np.ndarray) -> pd.Series:
    """Return objects, with None for whatever stands for a missing value."""
    import pandas as pd

    objects = pd.Series(values, dtype=object)
    objects[missing] = None
    return objects


def _as_texts(values: pd.Series) -> pd.Series:
    """Return text, with None where a value is missing or white space only."""
    import pandas as pd

    def text(value: Any) -> str | None:
        if is_missing(value):
            return None
        plain = without_space_around_nulls(in_iso_form(unguarded(as_text(value))))
        return plain if plain.strip() else None

    if pd.api.types.infer_dtype(values, skipna=True) != "string":
        return pd.Series([text(value) for value in values], dtype=object)
    # Each text once: most columns of many rows have few different ones. The number of a missing
    # value is -1, so that it takes the None that stands last.
    numbers, different = pd.factorize(values)
    texts = np.array([*map(text, different), None], dtype=object)
    return pd.Series(texts[numbers], dtype=object)


def _as_number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond every float
        return np.inf


def number_column(numbers: np.ndarray, name: str, owner: str) -> Column:
    """Return a column of numbers, or raise ValueError if one is infinite."""
    import pandas as pd

    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        row = int(infinite[0])
        what, remedy = "infinity", "Replace it by NaN if it stands for a missing value."
        raise ValueError(_refused(owner, name, row, float(numbers[row]), what, remedy))
    return Column(NUMBER, pd.Series(numbers))


def _times(values: np.ndarray, missing: np.ndarray, name: str, owner: str) -> Column:
    import pandas as pd

    # By their names, since not all zones can be hashed.
    named = {repr(zone): zone for zone in (getattr(v, "tzinfo", None) for v in values[~missing])}
    zones = list(named.values())
    if None in zones and len(zones) > 1:
        row = next(i for i, v in enumerate(values) if not missing[i] and v.tzinfo is not None)
        what = "times with and without a time zone"
        remedy = "Give all of them a zone, or none."
        raise ValueError(_refused(owner, name, row, values[row], what, remedy))
    try:
        times = pd.to_datetime(_with_gaps(values, missing), utc=None not in zones)
    except (ValueError, OverflowError) as error:
        row = int(np.flatnonzero(~missing)[0])
        what, remedy = "dates beyond what pandas can hold", "Replace these by missing values."
        raise ValueError(_refused(owner, name, row, values[row], what, remedy)) from error
    if None in zones or len(zones) > 1:
        return Column(TIME, times)
    return Column(TIME, times.dt.tz_convert(zones.pop()))


def _seconds_of_day(value: datetime.time) -> float:
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return seconds + value.microsecond / 1e6


_COMPLEX = "complex numbers", "Pass real and imaginary part as columns of their own."


def _why_not(value: Any) -> tuple[str, str]:
    """Describe a value that cannot become a feature, and the remedy."""
    if isinstance(value, (bytes, bytearray)):
        return "bytes", "Turn them into text, with .str.decode('utf-8'), or drop the column."
    if isinstance(value, Complex):
        return _COMPLEX
    if isinstance(value, dict):
        return "dicts", "Make a column of each key, or drop the column."
    if isinstance(value, Iterable):
        remedy = "Make a column of each entry, or of a summary such as their number"
        return "lists", f"{remedy}, or drop the column."
    what = f"values of the type {type(value).__name__}"
    return what, "Turn them into text, with .astype(str), or into numbers, or drop the column."


def _refused(owner: str, name: str, row: int, value: Any, what: str, remedy: str) -> str:
    shown = repr(value)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    return (
        f"{owner}: column {name!r} must hold numbers, text, dates, categories or truth values; it "
        f"holds {what} ({shown} in row {row}). {remedy}"
    )
