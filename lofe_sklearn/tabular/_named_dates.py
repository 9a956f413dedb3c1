"""Dates in text with names of months in several languages, ordinals, weekdays or time zones.

Such as "1. März 2025", "3 févr. 2025 14:05", "January 1st, 2025", "5 Sept 2025", "Mi, 01.01.2025"
and "01-JAN-25 12.00.00.000000000 AM".
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lofe_sklearn.tabular._iso_dates import TextDates
from lofe_sklearn.tabular._short_years import first_year_of, from_year
from lofe_sklearn.tabular._stray_words import counted, kept, may_be_missing

if TYPE_CHECKING:
    import pandas as pd

# In place of a format.
NAMED = "names of months"
# Without accents; English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish,
# Norwegian, Polish and Russian.
_MONTHS = (
    "january januar jaenner janner janvier enero gennaio janeiro januari stycznia января",
    "february februar fevrier febrero febbraio fevereiro februari lutego февраля",
    "march marz maerz mrz mars marzo marco maart mrt marts marca марта",
    "april avril abril aprile kwietnia апреля",
    "may mai mayo maggio maio mei maj maja мая",
    "june juni juin junio giugno junho czerwca июня",
    "july juli juillet julio luglio julho lipca июля",
    "august aout agosto augustus augusti sierpnia августа",
    "september septembre septiembre setiembre settembre setembro wrzesnia сентября",
    "october oktober octobre octubre ottobre outubro pazdziernika октября",
    "november novembre noviembre novembro listopada ноября",
    "december dezember decembre diciembre dicembre dezembro desember grudnia декабря",
)
_SHORTEST = 3
_NAMES: dict[str, set[int]] = {}
for _month, _names in enumerate(_MONTHS, 1):
    for _name in _names.split():
        for _length in range(_SHORTEST, len(_name) + 1):
            _NAMES.setdefault(_name[:_length], set()).add(_month)
# The first two letters of weekdays in these languages.
_WEEKDAYS = frozenset(
    (
        *("mo", "tu", "we", "th", "fr", "sa", "su", "di", "mi", "do", "so", "lu", "ma", "me"),
        *("je", "ve", "ju", "vi", "gi", "wo", "vr", "za", "zo", "se", "te", "qu", "to", "on"),
        *("ti", "lo", "pn", "wt", "sr", "cz", "pi", "ni", "po"),
    )
)
_WORD = r"[^\W\d_]"
_CLOCK = (
    r"(?:,? (?:(?:at|um|kl\.|a las|à) )?(?P<hour>\d{1,2})[:.h](?P<minute>[0-5]\d)"
    r"(?:[:.](?P<second>[0-5]\d)(?:[.,](?P<fraction>\d{1,9}))?)?(?: ?(?P<half>[AaPp])\.? ?[Mm]\.?)?"
    r"(?: (?:Uhr|h))?)?"
)
_FORMS = [
    re.compile(rf"(?:(?P<weekday>{_WORD}{{2,10}})\.?,? )?{form}{_CLOCK}")
    for form in (
        rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|[.ºª])?(?: de | of |[ ./-]+)"
        rf"(?P<month>{_WORD}{{3,12}})"
        r"\.?(?:,? (?:del? )?|[./-])(?P<year>\d{4}|\d\d)",
        rf"(?P<month>{_WORD}{{3,12}})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})",
        rf"(?P<month>{_WORD}{{3,12}})\.?(?: de | |[./-])(?P<year>\d{{4}})",
        r"(?P<day>\d{1,2})\.(?P<number>\d{1,2})\.(?P<year>\d{4}|\d\d)",
        r"(?P<year>\d{4})-(?P<number>\d\d)-(?P<day>\d\d)",
    )
]
# Of standard and of summer time, in two columns of one place.
_ZONES = ("EST EDT", "CST CDT", "MST MDT", "PST PDT", "CET CEST MEZ MESZ", "EET EEST", "AEST AEDT")
_PLACES = {zone: place for place, zones in enumerate(_ZONES) for zone in zones.split()}
_ZONE = re.compile(rf"(?<=[\dMmr.]) \(?({'|'.join(_PLACES)})\)?$")
# Thu Jan 01 2026 08:30:00 GMT+0100 (Central European Standard Time)
_COMMENT = re.compile(r"(?<=[-+]\d{4}) \([^()]*\)$", re.ASCII)
_HALF = re.compile(r"(?<=\d) ?([AaPp])\. ?[Mm]\.?$")
# The formats of so many texts are tried.
_SAMPLE = 50


def in_plain_form(text: str) -> str:
    """Return a time without the name of its zone, and with am for a.m.; other texts as they are."""
    word = _ZONE.sub("", _COMMENT.sub("", " ".join(text.split())))
    return _HALF.sub(lambda half: f" {half[1]}m", word)


def are_of_several_places(texts: Iterable[str]) -> bool:
    """Whether the names of time zones are of places whose clocks differ, such as EST and PST."""
    zones = [_ZONE.search(_COMMENT.sub("", text.rstrip())) for text in texts]
    return len({_PLACES[zone[1]] for zone in zones if zone is not None}) > 1


def dates_with_names(texts: pd.Series) -> TextDates | None:
    """Return `NAMED`, the dates, and the words among them; None where the texts are no dates."""
    counts = counted(texts)
    sample = counts.index[:_SAMPLE]
    if 2 * sum(_date_in(text) is not None for text in sample) <= len(sample):
        return None
    read = read_named(counts.index.to_series())
    words = counts.index[read.isna()].tolist()
    if not may_be_missing(words, counts) or are_of_several_places(counts.index):
        return None
    are_short = all(_has_short_year(text) for text in counts.index[read.notna()])
    first_year = first_year_of(read) if are_short else None
    return TextDates(NAMED, from_year(read_named(texts), first_year), kept(words), first_year)


def read_named(texts: pd.Series) -> pd.Series:
    """Return the dates of texts that name them; missing for others."""
    import pandas as pd

    known = {text: _date_in(text) for text in texts.dropna().unique()}
    return pd.to_datetime(texts.map(known), errors="coerce")


def _date_in(text: str) -> datetime.datetime | None:
    parts = _parts_of(text)
    return None if parts is None else _date_of(parts)


def _has_short_year(text: str) -> bool:
    parts = _parts_of(text)
    return parts is not None and len(parts["year"] or "") == 2


def _parts_of(text: str) -> dict[str, str | None] | None:
    word = in_plain_form(text)
    for form in _FORMS:
        found = form.fullmatch(word)
        if found is not None:
            return found.groupdict()
    return None


def _date_of(parts: dict[str, str | None]) -> datetime.datetime | None:
    weekday, half = parts["weekday"], (parts["half"] or "").lower()
    if weekday and _plain(weekday)[:2] not in _WEEKDAYS:
        return None
    months = _NAMES.get(_plain(parts.get("month") or ""), set())
    month = int(parts.get("number") or (min(months) if len(months) == 1 else 0))
    year, hour = int(parts["year"] or 0), int(parts["hour"] or 0)
    if year < 100:  # as Python reads it
        year += 2000 if year < 69 else 1900
    if half:
        hour = hour % 12 + 12 * (half == "p") if 1 <= hour <= 12 else 99
    day, minute, second = (
        int(parts.get(name) or ("1" if name == "day" else "0"))
        for name in ("day", "minute", "second")
    )
    microsecond = int(f"{parts['fraction'] or 0:0<6}"[:6])
    try:
        return datetime.datetime(year, month, day, hour, minute, second, microsecond)
    except ValueError:  # no such day
        return None


def _plain(name: str) -> str:
    """Return a name in small letters without accents."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
