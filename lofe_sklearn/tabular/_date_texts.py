"""Dates in text with a few words among them, such as "unknown", "0000-00-00" and "31.02.2026".

The vectorizer reads dates from text where all texts are dates of one format. It does not know the
one of web servers' logs, nor weeks and quarters.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

from lofe_sklearn._quiet import silenced
from lofe_sklearn.tabular._stray_words import counted, kept, may_be_missing

if TYPE_CHECKING:
    import pandas as pd

# The formats of so many texts are tried.
_SAMPLE = 50
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_OF_LOG = re.compile(
    rf"\[?(\d\d)/({'|'.join(_MONTHS)})/(\d{{4}}):(\d\d:\d\d:\d\d)(?: ([-+]\d\d):?(\d\d))?\]?",
    re.ASCII,
)
# 2026-W07, 2026-W7, or with a day 2026-W07-3, and KW 07/2026; 2026Q1, 2026-Q1, Q1 2026 and, of
# fiscal years, FY2026 Q1; 2026M01, as Eurostat writes months, and 2026m1, as Stata does. Codes of
# products may look like these, but hardly with a year of our time.
_FLAGS = re.ASCII | re.IGNORECASE
_YEAR = r"((?:19|20|21)\d\d)"
_WEEK = re.compile(
    rf"{_YEAR}-?K?W(\d{{1,2}})(?:-?([1-7]))?|[KC]W ?(\d{{1,2}})[ /.-]{{1,3}}{_YEAR}", _FLAGS
)
_QUARTER = re.compile(rf"(?:FY ?)?{_YEAR}[- ]?Q([1-4])|Q([1-4])[- /]?(?:FY ?)?{_YEAR}", _FLAGS)
_MONTH = re.compile(rf"{_YEAR}-?M(0?[1-9]|1[0-2])", _FLAGS)


def in_iso_form(text: str) -> str:
    """Return a time of a log, a week, month or quarter as a day of ISO 8601; others as they are.

    Weeks, months and quarters become their first day, as periods do.
    """
    word = text.strip()
    week = _WEEK.fullmatch(word)
    if week is not None:
        year, number, day = week[1] or week[5], week[2] or week[4], week[3] or 1
        try:
            return datetime.date.fromisocalendar(int(year), int(number), int(day)).isoformat()
        except ValueError:  # no year has a week 54
            return text
    quarter = _QUARTER.fullmatch(word)
    if quarter is not None:
        year, number = quarter[1] or quarter[4], quarter[2] or quarter[3]
        return f"{year}-{3 * int(number) - 2:02}-01"
    month = _MONTH.fullmatch(word)
    if month is not None:
        return f"{month[1]}-{int(month[2]):02}-01"
    return _time_of_log(word) or text


def day_like(day: str, sample: str) -> str:
    """Return a day of ISO 8601 as a week, month or quarter, if a sample is one; else as it is."""
    word = sample.strip()
    try:
        date = datetime.date.fromisoformat(day)
    except ValueError:  # it has a time, or is no day
        return day
    year, week, of_week = date.isocalendar()
    quarter = str((date.month + 2) // 3)
    width = 1 if re.search(r"(m|w[1-9]?$)", word) else 2  # Stata has no zero in front
    for pattern, values in (
        (_WEEK, (str(year), f"{week:0{width}}", str(of_week), f"{week:02}", str(year))),
        (_QUARTER, (str(date.year), quarter, quarter, str(date.year))),
        (_MONTH, (str(date.year), f"{date.month:0{width}}")),
    ):
        found = pattern.fullmatch(word)
        if found is not None:
            for group in range(pattern.groups, 0, -1):
                start, stop = found.span(group)
                if start >= 0:
                    word = word[:start] + values[group - 1] + word[stop:]
            return word
    return day


def _time_of_log(word: str) -> str | None:
    """Return a time such as [31/Jan/2026:08:30:00 +0100] in the form of ISO 8601."""
    found = _OF_LOG.fullmatch(word)
    if found is None:
        return None
    day, month, year, clock, hours, minutes = found.groups()
    offset = f"{hours}:{minutes}" if hours else ""
    return f"{year}-{_MONTHS.index(month) + 1:02}-{day}T{clock}{offset}"


def dates_among_words(texts: pd.Series) -> tuple[pd.Series, tuple[str, ...]] | None:
    """Return a column with its words made missing, and the words.

    None where nearly all texts of many are no dates, and where all of them are.
    """
    counts = counted(texts)
    found = [_read(counts, how) for how in _formats(counts.index[:_SAMPLE])]
    if not found:
        return None
    read = max(found, key=lambda dates: int(counts[dates.notna().to_numpy()].sum()))
    words = counts.index[read.isna()].tolist()
    if not words or not may_be_missing(words, counts):
        return None
    return texts.mask(texts.isin(words), None), kept(words)


def _formats(texts: Any) -> list[str]:
    """Return the formats of dates with a year that any of the texts has."""
    from pandas.tseries.api import guess_datetime_format

    formats: dict[str, None] = {}
    dated = [text for text in texts if len(text) <= 60 and any(map(str.isdigit, text))]
    with silenced("Parsing dates in", UserWarning):
        for text in dated:
            for day_first in (False, True):
                how = guess_datetime_format(text, dayfirst=day_first)
                if how is not None and ("%Y" in how or "%y" in how):
                    formats[how] = None
    return list(formats)


def _read(counts: pd.Series, how: str) -> pd.Series:
    import pandas as pd

    texts = counts.index.to_series()
    return pd.to_datetime(texts, format=how, errors="coerce", utc="%z" in how)
