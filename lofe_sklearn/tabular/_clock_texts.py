"""Times of day and durations that are written as text, as a CSV file has them, in seconds."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lofe_sklearn.tabular._stray_words import counted, kept, may_be_missing

if TYPE_CHECKING:
    import pandas as pd

_FLAGS = re.ASCII | re.IGNORECASE
# 08:30, and with am or pm.
_TIME_OF_DAY = re.compile(
    r"(\d{1,2}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?(?: ?([ap])\.?m\.?)?", _FLAGS
)
# 1:23.456, as lap times and clocks of games are written, in minutes.
_MINUTES = re.compile(r"(\d{1,3}):([0-5]\d)(\.\d{1,6})?", re.ASCII)
# 59.83, less than a minute beside times such as 1:02.71.
_SECONDS = re.compile(r"[0-5]?\d\.\d{1,6}", re.ASCII)
# 36:05:10.5, "1 day, 2:03:04" as Python writes it, "-1 days +23:59:50" as pandas does, and
# "2d 03:04:05" and 2-03:04:05 as schedulers of jobs do.
_SPAN = re.compile(
    r"([-+]?)(?:(\d+)(?: days?| ?d(?= )|-(?=\d\d:)))?"
    r"(?:(?:^|(?<=[-+])|,? )([-+]?)(\d+):([0-5]\d):([0-5]\d(?:\.\d+)?))?",
    _FLAGS,
)
# 167:15:00, where days are not counted apart.
_HOURS_ALONE = re.compile(r"[-+]?\d+:[0-5]\d:[0-5]\d(?:\.\d+)?", _FLAGS)
# PT1H30M of ISO 8601, as polars writes it.
_ISO = re.compile(r"([-+]?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", _FLAGS)
# 2 h 15 min, 2h 50m and 1 day 3 hours; also Std. and Min. of German tables; 6 years 3 months.
_PART = re.compile(
    r"(\d+(?:\.\d+)?) ?(?:(y|yrs?\.?|years?)|(mos?\.?|months?)|(w|wks?\.?|weeks?)|(d|days?)|"
    r"(h|hrs?\.?|hours?|std\.?)|(m|mins?\.?|minutes?)|(s|secs?\.?|seconds?))",
    _FLAGS,
)
_PARTS = re.compile(rf"{_PART.pattern}(?:,? ?{_PART.pattern})*", _FLAGS)
# 2h03, as French tables have it.
_HOURS_MINUTES = re.compile(r"(\d+) ?h ?([0-5]\d)", _FLAGS)
# 1430Z and 14:30Z, in UTC, as aviation and weather stations have it.
_ZULU = re.compile(r"([01]\d|2[0-3]):?([0-5]\d) ?Z", re.ASCII)
_DAY = 86_400.0
_UNITS = _DAY, 3_600.0, 60.0, 1.0
# The end of a day, as opening hours and energy meters have it.
_MIDNIGHT = "24:00"
# Of 365.25 days, and a twelfth of them.
_YEAR, _MONTH, _WEEK = 365.25 * _DAY, 365.25 * 7_200.0, 7 * _DAY
_PART_UNITS = (_YEAR, _MONTH, _WEEK, *_UNITS)
# Most columns of text show within so many values that they are none of times.
_SAMPLE = 50
# What pandas can hold: 292 years.
_MOST = 9e9
_HOURS = {None: range(24), "a": range(1, 13), "p": range(1, 13)}


def are_minutes(texts: Iterable[str]) -> bool:
    """Whether some texts are minutes with a fraction behind their seconds, such as 1:23.4.

    Others of the column, such as 4:07, are minutes and seconds then, not hours, and 59.83 is less
    than a minute.
    """
    return any((time := _MINUTES.fullmatch(text.strip())) and time[3] for text in texts)


def seconds_of_all(texts: pd.Series) -> pd.Series | None:
    """Return seconds for texts that are all times of day or durations, or missing; else None."""
    present = texts.dropna()
    # The first value tells of most columns that they are something else.
    if not len(present) or not _may_be_clock(present.iloc[0]):
        return None
    in_minutes = are_minutes(present)
    if seconds_in(present.iloc[0], in_minutes=in_minutes) is None:
        return None
    seconds = read_seconds(texts, in_minutes=in_minutes)
    if seconds.notna().sum() < len(present) or _are_quantities(present):
        return None
    return seconds


def clocks_among_words(texts: pd.Series) -> tuple[pd.Series, tuple[str, ...]] | None:
    """Return seconds and words for texts that are times of day or durations but for a few words.

    None where there are too many words, or plain numbers among them, which may be seconds.
    """
    import pandas as pd

    counts = counted(texts)
    if not any(map(_may_be_clock, counts.index[:_SAMPLE])):
        return None
    seconds = read_seconds(counts.index.to_series(), in_minutes=are_minutes(counts.index))
    words = counts.index[seconds.isna()].tolist()
    are_words = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").isna().all()
    if not are_words or not may_be_missing(words, counts):
        return None
    if _are_quantities(counts.index[seconds.notna()]):
        return None
    return texts.map(seconds).astype(np.float64), kept(words)


def read_seconds(texts: pd.Series, *, in_minutes: bool) -> pd.Series:
    """Return the seconds that each text says; missing for other texts."""
    import pandas as pd

    found = [
        seconds_in(text, in_minutes=in_minutes) if isinstance(text, str) else None for text in texts
    ]
    return pd.Series(np.array(found, dtype=np.float64), index=texts.index)


def _may_be_clock(text: str) -> bool:
    return any(seconds_in(text, in_minutes=way) is not None for way in (False, True))


def seconds_in(text: str, *, in_minutes: bool = False) -> float | None:
    """Return the seconds since midnight, or of a duration; None if the text says neither.

    Parameters
    ----------
    text : str
    in_minutes : bool
        Whether 4:07 is four minutes and seven seconds.
    """
    word = text.strip()
    time = _MINUTES.fullmatch(word) if in_minutes else None
    if in_minutes and _SECONDS.fullmatch(word):
        return float(word)
    if time is not None:
        return 60 * float(time[1]) + float(time[2] + (time[3] or ""))
    for read in (_of_time_of_day, _of_span, _of_iso, seconds_in_parts, _of_hours_minutes, _of_zulu):
        seconds = read(word)
        if seconds is not None:
            return seconds if abs(seconds) <= _MOST else None
    return None


def _of_time_of_day(word: str) -> float | None:
    time = _TIME_OF_DAY.fullmatch(word)
    if time is None:
        return None
    hour, minute, second, half = time.groups()
    half = half and half.lower()
    if word == _MIDNIGHT:
        return _DAY
    if int(hour) not in _HOURS[half]:
        return None
    hours = int(hour) if half is None else int(hour) % 12 + 12 * (half == "p")
    return _total((None, str(hours), minute, second))


def _of_span(word: str) -> float | None:
    span = _SPAN.fullmatch(word)
    if span is None or not word.strip("+-"):
        return None
    sign, days, sign_of_rest, *rest = span.groups()
    whole, clock = _total((days,)), _total((None, *rest))
    # Without days the first sign is that of the clock.
    is_minus = (sign_of_rest or (sign if days is None else "")) == "-"
    return (-whole if sign == "-" else whole) + (-clock if is_minus else clock)


def _of_iso(word: str) -> float | None:
    iso = _ISO.fullmatch(word)
    if iso is None or word[-1].upper() in "PT":
        return None
    return _total(iso.groups()[1:]) * (-1 if iso[1] == "-" else 1)


def seconds_in_parts(word: str) -> float | None:
    """Return the seconds of 2 h 15 min, with each unit once and the largest first."""
    word = word.removesuffix(" ago")
    if _PARTS.fullmatch(word) is None:
        return None
    seconds, last = 0.0, -1
    for number, *units in _PART.findall(word):
        place, unit = next((i, unit) for i, unit in enumerate(units) if unit)
        if last == 0 and unit in ("m", "M"):  # 2y 3m
            place = 1
        if place <= last:
            return None
        seconds, last = seconds + float(number) * _PART_UNITS[place], place
    return seconds


def _of_hours_minutes(word: str) -> float | None:
    found = _HOURS_MINUTES.fullmatch(word)
    return None if found is None else _total((None, *found.groups()))


def _of_zulu(word: str) -> float | None:
    found = _ZULU.fullmatch(word)
    return None if found is None else _total((None, *found.groups()))


def _are_quantities(texts: Iterable[str]) -> bool:
    """Whether all texts have one unit alone.

    5 m is a length where no other has hours or seconds.
    """
    units = set()
    for text in texts:
        word = text.strip()
        if _PART.fullmatch(word) is None or _of_span(word) is not None:
            return False
        units.add(word.lstrip("0123456789. "))
    return not ("m" in units and not units.isdisjoint(("h", "s")))


def _total(parts: Sequence[str | None]) -> float:
    """Return the seconds of days, hours, minutes and seconds; those left out count 0."""
    return sum(float(part or 0) * unit for part, unit in zip(parts, _UNITS, strict=False))


def written_like(seconds: float, sample: str, *, in_minutes: bool = False) -> str:
    """Write seconds as times of day, if a sample is one, or as pandas writes durations."""
    import pandas as pd

    if in_minutes:
        minutes, rest = divmod(round(seconds, 3), 60)
        if not minutes and _SECONDS.fullmatch(sample.strip()):
            return f"{rest:g}"
        return f"{minutes:.0f}:{rest:06.3f}".rstrip("0").removesuffix(".")
    time = _TIME_OF_DAY.fullmatch(sample.strip())
    if _PARTS.fullmatch(sample.strip()) and _of_span(sample.strip()) is None:
        return _in_parts(seconds, sample)
    if _HOURS_MINUTES.fullmatch(sample.strip()):
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours}h{minutes:02}"
    if _ZULU.fullmatch(sample.strip()):
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours:02}{':' if ':' in sample else ''}{minutes:02}Z"
    if time is not None and seconds == _DAY:
        return _MIDNIGHT
    if time is None or not 0 <= seconds < _DAY:
        if _HOURS_ALONE.fullmatch(sample.strip()):
            return _in_hours(seconds)
        span = pd.Timedelta(seconds=seconds)
        is_whole = ":" not in sample and span == pd.Timedelta(days=span.days)
        return f"{span.days} days" if is_whole else str(span)
    moment = datetime.datetime.min + datetime.timedelta(seconds=round(seconds, 6))
    if time[4]:
        return moment.strftime("%I:%M %p" if time[3] is None else "%I:%M:%S %p")
    if time[3] is None and moment.second == 0 and moment.microsecond == 0:
        return moment.strftime("%H:%M")
    return str(moment.time())


def _in_hours(seconds: float) -> str:
    """Write seconds as 49:43:00."""
    size = round(abs(seconds), 6)
    whole = int(size)
    fraction = f"{size - whole:.6f}".rstrip("0").rstrip(".")[1:]
    clock = f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{fraction}"
    return f"-{clock}" if seconds < 0 else clock


def _in_parts(seconds: float, sample: str) -> str:
    """Write seconds as 2 h 15 min, or as 6 y 3 mo if a sample has years or months."""
    parts, rest = [], round(seconds, 3)
    units, names = _UNITS, ("d", "h", "min", "s")
    if any(year or month for _, year, month, *_others in _PART.findall(sample)):
        units, names = (_YEAR, _MONTH, _UNITS[0], 1.0), ("y", "mo", "d", "s")
    for unit, name in zip(units, names, strict=True):
        number = rest if name == "s" else rest // unit
        rest -= number * unit
        if number:
            parts.append(f"{number:g} {name}")
    return " ".join(parts) or f"0 {names[1] if names[0] == 'y' else 'min'}"
