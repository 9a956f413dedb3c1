"""Numbers that are written as text with a unit, a currency, groups of digits or a decimal comma.

Such as "12 %", "5 mg", "1.234,50 €", "$1,234.50", "$1.2M", "1'234", "<0.1" and "(1,200)".
How one of them is read, "1.234" for one, depends on the others of its column, so it is decided in
the fit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lofe_sklearn.tabular._clock_texts import seconds_in_parts
from lofe_sklearn.tabular._magnitudes import are_counts
from lofe_sklearn.tabular._number_parts import FEET, Parts, parts_of
from lofe_sklearn.tabular._sides import sides_of
from lofe_sklearn.tabular._stray_words import MANY_VALUES, counted, kept, may_be_missing
from lofe_sklearn.tabular._units import ratio_of_units

if TYPE_CHECKING:
    import pandas as pd


# A unit in fewer rows is an exception among plain numbers, and may be another one than theirs.
_FEW_UNITS = 0.1


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
    sides : (str, str), optional
        What is behind numbers above and below zero, such as (" CR", " DR").
    """

    decimal: str = "."
    grouping: str = ""
    before: str = ""
    after: str = ""
    n_decimals: int = 0
    times: dict[str, float] = field(default_factory=dict)
    are_counts: bool = False
    sides: tuple[str, str] | None = None

    def read(self, texts: pd.Series) -> pd.Series:
        """Return the number that each text says; missing for other texts and other quantities.

        Numbers in another unit of the same quantity, such as g among kg, are converted.
        """
        import pandas as pd

        known = {text: self._number(text) for text in texts.dropna().unique()}
        return pd.Series(texts.map(known).to_numpy(dtype=np.float64), index=texts.index)

    def _number(self, text: str) -> float | None:
        parts = parts_of(text)
        if parts is not None:
            parts = parts.as_count() if self.are_counts else parts
            parts = parts if self.sides is None else parts.on_side(self.sides[1])
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
        if self.sides is not None:
            return self.before + text + self.after + self.sides[int(number < 0)]
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
    if not len(counts) or not any(parts_of(text) for text in counts.index[:50]):
        return None
    parts = {text: found for text in counts.index if (found := parts_of(text)) is not None}
    sides = sides_of((found.digits, found.behind) for found in parts.values())
    if sides is not None:
        parts = {text: found.on_side(sides[1]) for text, found in parts.items()}
    counted_by_letters = are_counts({found.after for found in parts.values() if not found.before})
    if counted_by_letters:
        parts = {text: found.as_count() for text, found in parts.items()}
    units = Counter[str]()
    for text, found in parts.items():
        units[found.unit] += int(counts[text])
    if not units:
        return None
    unit = _main_unit(units)
    alike = {
        text: found
        for text, found in parts.items()
        if not found.unit or ratio_of_units(found.unit, unit) is not None
    }
    if _are_classes(alike.values()):
        return None
    writing = replace(_writing_of(alike, counts), are_counts=counted_by_letters, sides=sides)
    read = writing.read(counts.index.to_series())
    words = read.index[read.isna()].tolist()
    if not words and pd.to_numeric(counts.index.to_series(), errors="coerce").notna().all():
        return None
    if not may_be_missing(words, counts):
        return None
    return writing, texts.map(read).astype(np.float64), kept(words)


def _main_unit(units: Counter[str]) -> str:
    """Return the unit of a column; it need not be written in most rows."""
    (unit, _), *_ = units.most_common()
    written = Counter({other: number for other, number in units.items() if other})
    if unit or not written or written.total() <= _FEW_UNITS * units.total():
        return unit
    (main, _), *_ = written.most_common()
    if len(main) == 1 and main.isalpha():  # 12 and 12a are houses, and 5.6 H may have a flag
        return unit
    are_alike = all(ratio_of_units(other, main) is not None for other in written)
    return main if are_alike else unit


def _are_classes(numbers: Collection[Parts]) -> bool:
    """Whether numbers only name the classes of a column, such as "<=50K" and ">50K", or "50-".

    Without their signs, classes on both sides of a number would be one. Where most of a few values
    are ranges, such as "18-24 years", they are classes too.
    """
    limits = [number.limit for number in numbers if number.limit]
    are_of_both_sides = len(set(limits)) == 2 and 2 * len(limits) >= len(numbers)
    # Many are amounts below zero, as accounts have them.
    are_open = len(numbers) < MANY_VALUES and all(number.is_open for number in numbers)
    n_ranges = sum(number.upper is not None for number in numbers)
    are_ranges = len(numbers) < MANY_VALUES and 2 * n_ranges >= max(len(numbers), 1)
    return are_of_both_sides or are_open or are_ranges


def _plain_number(text: str) -> float | None:
    """Return what Python reads, infinity too, which is an error later; None for codes."""
    word = text.strip()
    if "_" in word or re.match(r"[-+]?0\d", word):
        return None
    try:
        return float(word)
    except ValueError:
        return None


def _writing_of(parts: dict[str, Parts], counts: pd.Series) -> Writing:
    """Return how most of the numbers are written."""
    both_ends = ((found, found.upper) for found in parts.values())
    decimal = _decimal_sign(end for ends in both_ends for end in ends if end is not None)
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


def _decimal_sign(numbers: Iterable[Parts]) -> str:
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
