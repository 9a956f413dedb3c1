"""Dates in text in formats that the vectorizer does not know, such as 31.01.26 and 1/31/26 9:05 PM.

It knows no years of two digits, no hours of one digit, no short names of months beside May,
whose short name is a long one too, and no formats of e-mail, logs and SAS.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lofe_sklearn.tabular._iso_dates import ISO, TextDates, dates_in_iso_forms, has_zone
from lofe_sklearn.tabular._named_dates import (
    NAMED,
    are_of_several_places,
    dates_with_names,
    in_plain_form,
    read_named,
)
from lofe_sklearn.tabular._short_years import first_year_of, from_year
from lofe_sklearn.tabular._stray_words import NULLS, counted, kept, may_be_missing

if TYPE_CHECKING:
    import pandas as pd

_DAYS = (
    *("%d.%m.%y", "%d.%m.%Y", "%m/%d/%y", "%d/%m/%y", "%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d"),
    *("%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%m/%Y"),
    *("%d-%b-%y", "%d-%b-%Y", "%d %b %y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%a %b %d %Y"),
    *("%a, %d %b %Y", "%B %d, %Y", "%d %B %Y", "%b %Y", "%B %Y", "%b-%d-%Y", "%b-%Y", "%Y-%b"),
    # As spreadsheets write a month; a day of it would be 20-Feb.
    *("%b-%y", "%b '%y", "%b'%y"),
    *("%d-%B-%Y", "%d/%b/%Y", "%d%b%Y", "%Y年%m月%d日"),
)
_CLOCKS = (
    *("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S,%f", "%H.%M", "%H.%M.%S"),
    *("%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I:%M:%S%p"),
)
# Of e-mail, the web, Unix, Twitter and SAS, and with the time in front.
_OTHERS = (
    *("%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S GMT", "%a, %d %b %Y %H:%M:%S UTC"),
    *("%d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S GMT", "%d %b %Y %H:%M:%S UTC"),
    *("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S UTC %Y"),
    *(
        "%a %b %d %Y %H:%M:%S GMT%z",
        "%d%b%Y:%H:%M:%S",
        "%Y-%m-%d_%H:%M:%S",
        "%d.%m.%Y %H:%M Uhr",
        "%B %d, %Y at %I:%M %p",
    ),
    *(
        f"{clock} {day}"
        for clock in ("%H:%M", "%H:%M:%S")
        for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d", "%Y/%m/%d")
    ),
)
_FORMATS = [
    *_DAYS,
    *(day + space + clock for day in _DAYS for clock in _CLOCKS for space in (" ", ", ", "T")),
    *_OTHERS,
]


def _signs(text: str) -> str:
    """Return what is neither letter nor digit, which dates share with their format."""
    return re.sub(r"[%\w]", "", " ".join(text.split()))


# So that a text need not be tried by each format. Offsets from UTC begin with a sign.
_BY_SIGNS: dict[str, list[str]] = {}
for _format in _FORMATS:
    for _form in {_format.replace("%z", offset) for offset in ("+0", "-0")}:
        _BY_SIGNS.setdefault(_signs(_form), []).append(_format)


def dates_in_text(texts: pd.Series) -> TextDates | None:
    """Return the dates of a column, and how they are written.

    The format may be `ISO` or `NAMED`. None where the texts are no dates, and where the vectorizer
    reads them.
    """
    dates = dates_in_iso_forms(texts) or _dates_in_formats(texts)
    if dates is not None and not dates.words:
        return dates
    named = dates_with_names(texts)
    if named is None or (dates is not None and len(dates.words) <= len(named.words)):
        return dates
    are_read = dates is None and vectorizer_reads(texts.mask(named.values.isna(), None))
    return None if are_read else named


def _dates_in_formats(texts: pd.Series) -> TextDates | None:
    """Return the dates of a column in one of the formats.

    Where several formats read all dates, as 01/02/26 may be in January or February, it is the one
    by which they lie closest together. None where the texts are no dates, and where the vectorizer
    reads them.
    """
    counts = counted(texts)
    found = [_read(counts.index.to_series(), how) for how in _formats(counts.index[:50])]
    if not found:
        return None
    n_read = [int(counts[one.values.notna().to_numpy()].sum()) for one in found]
    alike = [one for one, number in zip(found, n_read, strict=True) if number == max(n_read)]
    best = min(alike, key=lambda one: one.values.max() - one.values.min())
    words = counts.index[best.values.isna()].tolist()
    if not may_be_missing(words, counts) or are_of_several_places(counts.index):
        return None
    known = texts.mask(texts.isin(words) | texts.str.strip().isin(NULLS), None)
    if vectorizer_reads(known):
        return None
    values = read_format(known, best.text_format, best.first_year)
    return best._replace(values=values, words=kept(words))


def _read(texts: pd.Series, how: str) -> TextDates:
    """Read the texts that have a format, with the centuries in which they lie together."""
    dates = read_format(texts, how)
    first_year = first_year_of(dates) if "%y" in how else None
    return TextDates(how, from_year(dates, first_year), (), first_year)


def read_format(texts: pd.Series, how: str, first_year: int | None = None) -> pd.Series:
    """Return the dates of texts that have the format; missing for others.

    Those with an offset are in UTC, since a column may have several offsets. Years of two digits
    are of the hundred from the first year on, by default as Python reads them.
    """
    import pandas as pd

    if how == NAMED:
        return from_year(read_named(texts), first_year)
    plain = texts.map(in_plain_form, na_action="ignore")
    dates = pd.to_datetime(plain, format=how, errors="coerce", utc="%z" in how)
    return from_year(dates, first_year)


def in_format(texts: pd.Series, how: str) -> pd.Series:
    """Return texts with days and times of ISO 8601 in a format that they do not have.

    Programs leave out what is zero in all rows of a table: pandas writes the times 00:00:00 of a
    day as the day alone. Other texts stay as they are. So do times with an offset from UTC where
    the format has none, and times without one where it has one.
    """
    import pandas as pd

    zoned = "%z" in how
    different = pd.Series(texts.dropna().unique(), dtype=object)
    odd = different[different.map(lambda text: has_zone(text) is zoned)].str.strip()
    if not len(odd):
        return texts
    odd = odd[read_format(odd, how).isna()]
    times = pd.to_datetime(odd, format=ISO, errors="coerce", utc=zoned).dropna()
    if not len(times):
        return texts
    written = dict(zip(different[times.index], times.dt.strftime(how), strict=True))
    return texts.map(lambda text: written.get(text, text))


def _formats(texts: Iterable[str]) -> list[str]:
    """Return the formats that most of the texts may have, of those with a format's signs."""
    plain = map(in_plain_form, texts)
    dated = [(text, _BY_SIGNS[_signs(text)]) for text in plain if _signs(text) in _BY_SIGNS]
    n_each = Counter(how for text, formats in dated for how in formats if _has_format(text, how))
    return [how for how in _FORMATS if 2 * n_each[how] > len(dated)]


def _has_format(text: str, how: str) -> bool:
    try:
        datetime.datetime.strptime(text.strip(), how)
    except ValueError:
        return False
    return True


def vectorizer_reads(texts: pd.Series) -> bool:
    """Whether the vectorizer reads dates in all texts that are there."""
    from skrub import to_datetime

    return bool(to_datetime(texts.dropna()).dtype.kind == "M")
