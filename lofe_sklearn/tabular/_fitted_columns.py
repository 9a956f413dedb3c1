"""The fitted kind of each column, and the conversion of other tables to it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn.tabular._clock_texts import read_seconds
from lofe_sklearn.tabular._code_texts import without_nulls
from lofe_sklearn.tabular._date_formats import in_format, read_format
from lofe_sklearn.tabular._iso_dates import ISO
from lofe_sklearn.tabular._plain_columns import (
    CATEGORY,
    EMPTY,
    NUMBER,
    TEXT,
    TIME,
    Column,
    as_text,
    number_column,
)
from lofe_sklearn.tabular._quantity_texts import Writing
from lofe_sklearn.tabular._rounding import rounding_of
from lofe_sklearn.tabular._spellings import respelled, spellings

if TYPE_CHECKING:
    import pandas as pd

# A time in the form of ISO 8601 that ends in Z or an offset from UTC.
_WITH_ZONE = re.compile(r".*[T ]\d\d(:?\d\d.*)?(Z|[+-]\d\d(:?\d\d)?)\s*", re.ASCII | re.IGNORECASE)

# No quantity in any unit is larger; sentinels for missing values are. Numbers of less than this
# share of most values are lost in double precision, and of less than that share of the largest
# value in single precision: it leaves three digits of them.
_HUGE, _BESIDE_MOST = 1e30, 1e-30
_BESIDE_ONE = 1000 * float(np.finfo(np.float32).smallest_subnormal)


@dataclass(frozen=True, eq=False)
class FittedColumn:
    """How the values of a column are passed to the vectorizer.

    Numbers are given as distances to their median, in a unit that is a power of two, since the
    vectorizer computes in single precision: large numbers that differ little would all be equal
    there, and very large ones infinite.

    Parameters
    ----------
    kind : {"number", "time", "category", "text"}
    zone : str, optional
        The name of the zone of times that have one.
    centre, unit : float
        Of numbers.
    rounding : float
        Numbers that are as close to the centre count as the centre: by how much those of the fit
        differ, if it is by rounding.
    time_format : str, optional
        The format of times, if they are read from text.
    spellings : dict of str to str
        Of categories and text: how the fit spells truth values, numbers and days.
    is_clock : bool
        Whether numbers are seconds, of durations or times of day.
    in_minutes : bool
        Whether 4:07 is in minutes among them, not in hours.
    dates : tuple of (float, float), optional
        First and last time, in seconds since 1970, if the features do not tell the year.
    writing : Writing, optional
        How numbers are written in text with units or grouped digits.
    words : tuple of str
        Texts of the fit that count as missing, since most others are numbers or dates.
    n_digits : int
        Of categories that are codes of equally many digits; 0 of all others.
    text_format : str, optional
        The format of times that this package has read from text, and not the vectorizer.
    first_year : int, optional
        The first of the hundred that years of two digits are of. Default: as Python reads them.
    """

    kind: str
    zone: str | None = None
    centre: float = 0.0
    unit: float = 1.0
    rounding: float = 0.0
    time_format: str | None = None
    spellings: dict[str, str] = field(default_factory=dict)
    is_clock: bool = False
    dates: tuple[float, float] | None = None
    writing: Writing | None = None
    words: tuple[str, ...] = ()
    n_digits: int = 0
    text_format: str | None = None
    in_minutes: bool = False
    first_year: int | None = None

    @classmethod
    def of(cls, column: Column, name: str, owner: str) -> FittedColumn:
        """Look at the training rows.

        Parameters
        ----------
        column : Column
        name, owner : str
            What messages call the column and the estimator.

        Raises
        ------
        ValueError
            If a number is so large that others of the column would vanish beside it.
        """
        if column.kind in (TEXT, CATEGORY):
            known = spellings(column.values.dropna().unique())
            return cls(column.kind, spellings=known, words=column.words, n_digits=column.n_digits)
        if column.kind == TIME:
            zone = None if column.zone is None else _name_of(column.zone)
            return cls(
                TIME,
                zone,
                words=column.words,
                text_format=column.text_format,
                first_year=column.first_year,
            )
        read: dict[str, Any] = {
            "is_clock": column.is_clock,
            "in_minutes": column.in_minutes,
            "writing": column.writing,
            "words": column.words,
        }
        halves = column.values.dropna().to_numpy() / 2
        if not len(halves):
            return cls(NUMBER, **read)
        centre = float(np.median(halves))
        _check_that_nothing_vanishes(column.values, abs(centre), name, owner)
        rounding = rounding_of(2 * halves)
        spread = 0.0 if rounding else float(np.abs(halves - centre).max())
        unit = float(np.ldexp(1.0, int(np.frexp(spread)[1]))) if spread > 0 else 1.0
        return cls(NUMBER, None, centre, unit, rounding / 2, **read)

    def read_as(self, kind: str, time_format: str | None) -> FittedColumn:
        """Return this with what the vectorizer has read in text: its kind, and a time's format."""
        known = self.spellings if kind == self.kind else {}
        return replace(self, time_format=time_format, spellings=known)

    def given(self, column: Column) -> pd.Series:
        """Return the values for the vectorizer, of a column of this kind."""
        import pandas as pd

        if self.kind == NUMBER:
            with np.errstate(over="ignore"):
                away = column.values.to_numpy(dtype=np.float64, na_value=np.nan) / 2 - self.centre
                return pd.Series(np.where(np.abs(away) <= self.rounding, 0.0, away) / self.unit)
        if self.zone is not None:
            return column.values.dt.tz_convert(self.zone).dt.tz_localize(None)
        return column.values

    def like(self, column: Column, name: str, owner: str) -> Column:
        """Turn a column of another table into this kind.

        Parameters
        ----------
        column : Column
        name, owner : str
            What messages call the column and the estimator.

        Raises
        ------
        ValueError
            If it is of a kind that cannot be turned into this one.
        """
        if column.kind == EMPTY:
            return self.missing(len(column.values))
        if self.kind == TIME:
            return self._as_times(column, name, owner)
        if self.kind == NUMBER:
            if column.kind == TIME:
                raise ValueError(_other_kind(owner, name, "numbers", "dates"))
            if column.kind == NUMBER:
                if column.is_clock and not self.is_clock:  # numbers of an unknown unit
                    has = "durations or times of day"
                    raise ValueError(_other_kind(owner, name, "numbers", has))
                return column
            if self.writing is not None:
                numbers = self.writing.read(column.values.astype(object))
                return number_column(numbers.to_numpy(), name, owner)
            return self._read_numbers(column, name, owner)
        values = column.values
        if column.kind == TIME and self.time_format:
            self._check_zones({column.zone is not None}, "Set", name, owner)
            values = values.dt.strftime(self.time_format)
        if column.kind in (NUMBER, TIME):
            values = _each(values, lambda value: as_text(value).zfill(self.n_digits))
        values = values.astype(object)
        if self.time_format and column.kind in (TEXT, CATEGORY):
            values = in_format(values, self.time_format)
        if self.n_digits:
            values = without_nulls(values)
        if self.spellings:
            was_text = column.kind in (TEXT, CATEGORY)
            values = _each(values, lambda text: respelled(text, self.spellings, was_text=was_text))
        return Column(self.kind, values.astype("category") if self.kind == CATEGORY else values)

    def _read_numbers(self, column: Column, name: str, owner: str) -> Column:
        """Read numbers and truth values from text; other texts become missing values.

        If numbers are seconds, times of day and durations are read too. Infinity in text is
        refused, as it is among numbers: a missing value would be a typical one.
        """
        import pandas as pd

        texts = column.values.astype(object)
        words = texts.str.strip().str.lower().replace({"true": "1", "false": "0"})
        numbers = pd.to_numeric(words, errors="coerce").astype(np.float64)
        if self.is_clock:
            numbers = numbers.fillna(read_seconds(texts, in_minutes=self.in_minutes))
        return number_column(numbers.to_numpy(), name, owner)

    def _as_times(self, column: Column, name: str, owner: str) -> Column:
        import pandas as pd

        if column.kind == NUMBER:
            raise ValueError(_other_kind(owner, name, "dates", "numbers"))
        if column.kind in (TEXT, CATEGORY):
            texts = column.values.astype(object)
            times = pd.to_datetime(texts.str.strip(), errors="coerce", format=ISO, utc=True)
            has_zone = {bool(_WITH_ZONE.fullmatch(text)) for text in texts[times.notna()]}
            if self.zone is None:
                times = times.dt.tz_localize(None)
            if self.text_format not in (None, ISO):
                times = read_format(texts, self.text_format, self.first_year).fillna(times)
            column, remedy = Column(TIME, times), "Read them with pandas.to_datetime, and then set"
        else:
            has_zone, remedy = {column.zone is not None}, "Set"
        self._check_zones(has_zone, remedy, name, owner)
        return column

    def _check_zones(self, has_zone: set[bool], remedy: str, name: str, owner: str) -> None:
        """Raise ValueError if times have a zone and those of the fit had none, or vice versa."""
        had_zone = self.zone is not None or "%z" in (self.time_format or "")
        if has_zone <= {had_zone}:
            return
        have, had = ("no", "one") if had_zone else ("a", "none")
        raise ValueError(
            f"{owner}: the times in column {name!r} have {have} time zone, but those of the fit "
            f"had {had}. {remedy} or drop it with .dt.tz_localize(...)."
        )

    def missing(self, n_rows: int) -> Column:
        """Return a column of missing values."""
        import pandas as pd

        if self.kind == NUMBER:
            return Column(NUMBER, pd.Series(np.full(n_rows, np.nan)))
        if self.kind == TIME:
            times = pd.Series(np.full(n_rows, "NaT", dtype="datetime64[ns]"))
            return Column(TIME, times if self.zone is None else times.dt.tz_localize(self.zone))
        values = pd.Series([None] * n_rows, dtype=object)
        return Column(self.kind, values.astype("category") if self.kind == CATEGORY else values)


def _check_that_nothing_vanishes(values: pd.Series, centre: float, name: str, owner: str) -> None:
    """Raise ValueError where a value stays that others would vanish beside.

    They do in single precision, in which the vectorizer computes, and, if most values are huge, in
    the distances to their median.
    """
    sizes = values.dropna().abs()
    row, positive = int(sizes.idxmax()), sizes[sizes > 0]
    beside = _BESIDE_MOST if centre > _HUGE else _BESIDE_ONE
    if sizes[row] > _HUGE and positive.min() < beside * sizes[row]:
        raise ValueError(
            f"{owner}: the value {values[row]:.6g} in row {row} of column {name!r} is so large "
            "that other values of the column vanish beside it. Correct it, or replace it by NaN if "
            "it stands for a missing value."
        )


def _name_of(zone: datetime.tzinfo) -> str:
    """Return a name that pandas finds a time zone by, in a model file too; UTC for want of one."""
    import pandas as pd

    offset = zone.utcoffset(None)
    if offset is not None:  # its own name need not say that it is one
        return str(datetime.timezone(offset))
    try:
        return str(pd.DatetimeTZDtype(tz=str(zone)).tz)
    except (TypeError, KeyError, ValueError):
        return "UTC"


def _each(values: pd.Series, function: Callable[[Any], str]) -> pd.Series:
    import pandas as pd

    texts = [
        None if gap else function(value) for value, gap in zip(values, values.isna(), strict=True)
    ]
    return pd.Series(texts, dtype=object)


def _other_kind(owner: str, name: str, had: str, has: str) -> str:
    return (
        f"{owner}: column {name!r} must hold {had}, as in the table that was fitted; it holds "
        f"{has}. Convert it, or fit again."
    )
