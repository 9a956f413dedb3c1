"""Numbers that are written as text with a unit, a currency, groups of digits or a decimal comma.

Such as "12 %", "5 mg", "1.234,50 €", "$1,234.50", "$1.2M", "1'234", "<0.1" and "(1,200)".
How one of them is read, "1.234" for one, depends on the others of its column, so it is decided in
the fit.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lofe_sklearn.tabular._clock_texts import seconds_in_parts
from lofe_sklearn.tabular._magnitudes import (
    are_counts,
    factor_of_count,
    factor_of_money,
    split_currency,
)
from lofe_sklearn.tabular._stray_words import MANY_VALUES, counted, kept, may_be_missing
from lofe_sklearn.tabular._units import ratio_of_units

if TYPE_CHECKING:
    import pandas as pd

_SIGNS = "$€£¥₹₽₩₺₴₫₪฿"
_CODES = (
    "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|BRL|MXN|ZAR|KRW|SGD|"
    r"HKD|ILS|RUB|UAH|US\$|C\$|A\$|R\$|Rs\.?|Fr\.?|kr\.?"
)
_CURRENCY = rf"[{_SIGNS}]|{_CODES}"
_UNIT = rf"(?:[^\W\d_]|[%‰°µ/·\"″{_SIGNS}]){{1,10}}\.?"
# 450 m2 and 3 ft^3; 4.6/5 is a rating.
_WITH_DIGITS = r"(?:[mckd]?m|ft|in|yd|mi)\^?[23]|/ ?(?:5|10|20|100)"
_QUANTITY = re.compile(
    r"(?:(?P<limit>[<>≤≥])=?|[~≈]|(?:ca|approx)\.|(?:ca|circa|about) )?\s*(?P<open>\()?"
    rf"(?P<sign>[-+])?\s?(?P<before>{_CURRENCY})?\s?"
    r"(?P<minus>-)?(?P<digits>[.,]?\d(?:[\d.,' ]*\d)?)(?P<power>[eE][-+]?\d{1,3})?"
    rf"\s?(?P<after>{_WITH_DIGITS}|{_UNIT}(?: {_UNIT})?)?(?:(?P<late>-)|(?P<plus>\+))?"
    r"(?P<close>\))?"
)
# Minus signs, apostrophes, Arabic separators and full-width signs, by their plain forms.
_ALIKE = str.maketrans("\u2212\u2013\u2019\u02bc\u066b\u066c\uff05\uff0e\uff0c\u066a", "--''.,%.,%")
# 638,- and 3'254.– are prices without cents.
_NO_CENTS = re.compile(r"(?<=\d)[.,]--?(?!\d)")
# 5'11", 5' 11 and 6', in inches.
_FEET = re.compile(r"([1-9]) ?['\u2032](?: ?(\d|1[01])(\.\d+)?(?: ?(?:[\"\u2033\u201d]|''))?)?")
FEET = "'\""
_STRICT = str.maketrans("≤≥", "<>")


@dataclass(frozen=True)
class Writing:
    """How the numbers of a column are written.

    Parameters
    ----------
    decimal : {".", ","}
    grouping : str
        What divides thousands; empty for nothing.
    before, after : str
        Currency and unit, with the space next to the number.
    n_decimals : int
        How many digits most numbers have behind the decimal sign.
    times : dict of str to float
        What multiplies numbers, such as {"": 1.0, "k": 1000.0}.
    are_counts : bool
        Whether letters behind a number are no units but multiply it, as in 3.4k.
    """

    decimal: str = "."
    grouping: str = ""
    before: str = ""
    after: str = ""
    n_decimals: int = 0
    times: dict[str, float] = field(default_factory=dict)
    are_counts: bool = False

    def read(self, texts: pd.Series) -> pd.Series:
        """Return the number that each text says; missing for other texts and other quantities.

        Numbers in another unit of the same quantity, such as g among kg, are converted.
        """
        import pandas as pd

        known = {text: self._number(text) for text in texts.dropna().unique()}
        return pd.Series(texts.map(known).to_numpy(dtype=np.float64), index=texts.index)

    def _number(self, text: str) -> float | None:
        parts = _parts_of(text)
        parts = parts.as_count() if parts is not None and self.are_counts else parts
        number = None if parts is None else parts.number(self.decimal)
        if parts is None or number is None:
            plain = _plain_number(text)
            return self._of_duration(text) if plain is None else plain
        if not parts.unit:
            return number
        ratio = ratio_of_units(parts.unit, self._unit)
        return None if ratio is None else number * ratio

    def _of_duration(self, text: str) -> float | None:
        """Return what a text of several units says, such as 1m 30s among ms."""
        ratio = ratio_of_units("s", self._unit)
        seconds = None if ratio is None else seconds_in_parts(text)
        return None if ratio is None or seconds is None else seconds * ratio

    @property
    def _unit(self) -> str:
        return self.before.strip() + self.after.strip()

    def written(self, number: float) -> str:
        """Write a number as the texts are written."""
        if self.after == FEET:
            feet, inches = divmod(round(number, self.n_decimals), 12)
            return f"{feet:.0f}'{inches:g}\""
        times = [text for text, factor in self.times.items() if factor <= abs(number)]
        after = max(times or self.times or [""], key=lambda text: self.times.get(text, 1.0))
        number /= self.times.get(after, 1.0)
        digits = self.n_decimals
        while digits < self.n_decimals + 3 and not _is_near(round(number, digits), number, 1e-9):
            digits += 1
        # 1.2e-5 has one decimal, and is not 0.0000.
        is_plain = abs(number) < 1e15 and _is_near(round(number, digits), number, 1e-3)
        signs = {",": self.grouping, ".": self.decimal}
        plain = f"{abs(number):,.{digits}f}" if is_plain else f"{abs(number):.4g}"
        text = "".join(signs.get(sign, sign) for sign in plain)
        return ("-" if number < 0 else "") + self.before + text + after + self.after


def _is_near(rounded: float, number: float, share: float) -> bool:
    return abs(rounded - number) <= share * abs(number)


def quantities_of(texts: pd.Series) -> tuple[Writing, pd.Series, tuple[str, ...]] | None:
    """Return how the numbers of a column of text are written, the numbers, and other words.

    That is where all texts, or nearly all of many, are numbers in units of one quantity. None where
    they are not, and where they are plain numbers, which need no such reading.
    """
    import pandas as pd

    counts = counted(texts)
    # Most columns of text show within a few values that they are none of numbers.
    if not len(counts) or not any(_parts_of(text) for text in counts.index[:50]):
        return None
    parts = {text: found for text in counts.index if (found := _parts_of(text)) is not None}
    counted_by_letters = are_counts({found.after for found in parts.values() if not found.before})
    if counted_by_letters:
        parts = {text: found.as_count() for text, found in parts.items()}
    units = Counter[str]()
    for text, found in parts.items():
        units[found.unit] += int(counts[text])
    if not units:
        return None
    unit = units.most_common(1)[0][0]
    alike = {
        text: found
        for text, found in parts.items()
        if not found.unit or ratio_of_units(found.unit, unit) is not None
    }
    if _are_classes(alike.values()):
        return None
    writing = replace(_writing_of(alike, counts), are_counts=counted_by_letters)
    read = writing.read(counts.index.to_series())
    words = read.index[read.isna()].tolist()
    if not words and pd.to_numeric(counts.index.to_series(), errors="coerce").notna().all():
        return None
    if not may_be_missing(words, counts):
        return None
    return writing, texts.map(read).astype(np.float64), kept(words)


def _are_classes(numbers: Collection[_Parts]) -> bool:
    """Whether numbers only name the classes of a column, such as "<=50K" and ">50K", or "50-".

    Without their signs, classes on both sides of a number would be one.
    """
    limits = [number.limit for number in numbers if number.limit]
    are_of_both_sides = len(set(limits)) == 2 and 2 * len(limits) >= len(numbers)
    # Many are amounts below zero, as accounts have them.
    are_open = len(numbers) < MANY_VALUES and all(number.is_open for number in numbers)
    return are_of_both_sides or are_open


def _plain_number(text: str) -> float | None:
    """Return what Python reads, infinity too, which is an error later; None for codes."""
    word = text.strip()
    if "_" in word or re.match(r"[-+]?0\d", word):
        return None
    try:
        return float(word)
    except ValueError:
        return None


@dataclass(frozen=True)
class _Parts:
    """A number in text, taken apart.

    A limit is "<" or ">", as in "<0.1" and "3+". Open is a whole number with a dash behind it: it
    may be negative, or begin a class such as "50-".
    """

    digits: str
    power: str
    is_negative: bool
    before: str
    after: str
    times: str = ""
    factor: float = 1.0
    limit: str = ""
    is_open: bool = False

    def as_count(self) -> _Parts:
        """Return this with the text behind the number as what multiplies it, if it can be."""
        factor = factor_of_count(self.after)
        if factor is None or self.times:
            return self
        return replace(self, after="", times=self.after, factor=factor)

    @property
    def unit(self) -> str:
        return self.before.strip() + self.after.strip()

    def number(self, decimal: str) -> float | None:
        """Return the number; None if its digits are not grouped as numbers are."""
        whole, _, fraction = self.digits.partition(decimal)
        group = "," if decimal == "." else "."
        if fraction and not fraction.isdigit():
            return None
        if whole and not whole.isdigit():
            # India groups two digits but for the last three.
            grouped = rf"[1-9]\d{{0,2}}(?P<sign>[{group}' ])(?:\d{{2,3}}(?P=sign))*\d{{3}}"
            if re.fullmatch(grouped, whole) is None:
                return None
        size = float(re.sub(r"\D", "", whole) + "." + fraction + "0" + self.power)
        size *= self.factor
        return -size if self.is_negative else size


def _parts_of(text: str) -> _Parts | None:
    """Take a number apart; None for other texts, and for codes such as 00123."""
    word = text.strip()
    if len(word) > 60:  # no number is so long
        return None
    if not word.isascii():
        word = "".join(map(_plain_sign, word)).translate(_ALIKE)
    feet = _FEET.fullmatch(word)
    if feet is not None:
        inches = 12 * int(feet[1]) + int(feet[2] or 0)
        return _Parts(f"{inches}{feet[3] or ''}", "", False, "", FEET)
    found = _QUANTITY.fullmatch(_NO_CENTS.sub("", word))
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    digits = found["digits"]
    # A number with + and spaces is a telephone's.
    is_code = re.match(r"0\d", digits) or (found["sign"] == "+" and " " in digits)
    minus = [found["sign"] == "-", bool(found["minus"]), bool(found["late"]), bool(found["open"])]
    if is_code or sum(minus) > 1:
        return None
    before, after = (_with_space(found.string, found, name) for name in ("before", "after"))
    parts = _Parts(digits, found["power"] or "", any(minus), before, after)
    is_open = bool(found["late"]) and digits.isdigit() and not (before or after)
    limit = ">" if found["plus"] else "<" if is_open else (found["limit"] or "")
    parts = replace(parts, limit=limit.translate(_STRICT), is_open=is_open)
    if not after:
        return parts
    if before:
        factor = factor_of_money(after)
        return None if factor is None else replace(parts, after="", times=after, factor=factor)
    divided = split_currency(after, _CURRENCY)
    factor = None if divided is None else factor_of_money(divided[0], has_unit=True)
    if divided is None or factor is None:
        return parts
    return replace(parts, times=divided[0], after=divided[1], factor=factor)


def _with_space(word: str, found: re.Match[str], name: str) -> str:
    """Return a unit with the space between it and the number."""
    unit = found[name] or ""
    start, end = found.span(name)
    if unit and name == "before" and word[end : end + 1] == " ":
        return f"{unit} "
    return f" {unit}" if unit and name == "after" and word[start - 1] == " " else unit


def _plain_sign(sign: str) -> str:
    """Return the digit or space that a sign of another script or width is."""
    digit = unicodedata.decimal(sign, None)
    if digit is not None:
        return str(digit)
    return " " if unicodedata.category(sign) == "Zs" else sign


def _writing_of(parts: dict[str, _Parts], counts: pd.Series) -> Writing:
    """Return how most of the numbers are written."""
    decimal = _decimal_sign(parts.values())
    styles = Counter[tuple[str, str]]()
    groupings, decimals = Counter[str](), Counter[int]()
    times: dict[str, float] = {}
    for text, found in parts.items():
        n_rows = int(counts[text])
        if found.unit:
            styles[found.before, found.after] += n_rows
        times[found.times] = found.factor
        whole, _, fraction = found.digits.partition(decimal)
        decimals[len(fraction)] += n_rows
        groupings.update(re.sub(r"\d", "", whole)[:1])
    (before, after), _ = styles.most_common(1)[0] if styles else (("", ""), 0)
    grouping = groupings.most_common(1)[0][0] if groupings else ""
    times = times if any(times) else {}
    return Writing(decimal, grouping, before, after, decimals.most_common(1)[0][0], times)


def _decimal_sign(numbers: Iterable[_Parts]) -> str:
    """Return the decimal sign of the numbers of a column."""
    votes, undecided = Counter[str](), Counter[str]()
    for number in numbers:
        digits = number.digits
        signs = [sign for sign in digits if sign in ".,"]
        if len(set(signs)) == 2:
            votes[signs[-1]] += 1
        elif len(signs) > 1:  # it divides thousands
            votes["." if signs[0] == "," else ","] += 1
        elif signs and (number.power or not re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits)):
            votes[signs[0]] += 1
        else:
            undecided[signs[0] if signs else ""] += 1
    if votes["."] != votes[","]:
        return "." if votes["."] > votes[","] else ","
    # Numbers with three decimals have them all; 999 beside 1.234 has a point between thousands.
    return "," if undecided["."] and undecided[""] and not undecided[","] else "."
