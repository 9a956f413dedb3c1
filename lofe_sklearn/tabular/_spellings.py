"""Values of categories and text that another table spells in another way, or has as other types.

A column of "True", "False" and "unknown" is one of truth values in a file without an unknown one,
and one of "01234" and "D-10115" is one of numbers in a file with the first kind only. What a row's
features are must not depend on that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Of more texts there is no feature for each one, and a model file should not list them.
_MOST = 1000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)([ t]00:00(:00(\.0+)?)?)?", re.ASCII)
_TRUTH = {"true": "1", "false": "0"}
# Of these a column has both. Letters may as well be codes, unless there are no others.
_PAIRS = (("true", "false"), ("yes", "no"), ("on", "off"), ("ja", "nein"), ("oui", "non"))
_LETTERS = (("y", "n"), ("t", "f"), ("j", "n"), ("o", "n"))
_TRUTH_WORDS = frozenset(word for pair in (*_PAIRS, *_LETTERS) for word in pair)


def in_one_spelling(texts: pd.Series) -> pd.Series:
    """Return texts with each truth value, such as "Yes" and "YES ", in its most common spelling."""
    counts = texts.value_counts()
    words = _truth_words(counts.index)
    known = [text for text in counts.index if _plain(text) in words]
    if len(known) == len(words):
        return texts
    spelled: dict[str, str] = {}
    for text in sorted(known, key=lambda text: (-int(counts[text]), text)):
        spelled.setdefault(_plain(text), text)
    another = {text: spelled[_plain(text)] for text in known}
    return texts.map(lambda text: another.get(text, text), na_action="ignore")


def _truth_words(texts: Iterable[str]) -> set[str]:
    """Return the words that are truth values among the texts of a column."""
    words = set(map(_plain, texts))
    alone = next((pair for pair in _LETTERS if words == set(pair)), ())
    return {word for pair in _PAIRS if words.issuperset(pair) for word in pair}.union(alone)


def _plain(text: str) -> str:
    return text.strip().lower()


def spellings(texts: Iterable[str]) -> dict[str, str]:
    """Return the text that stands for each truth value, number and day; {} for many texts.

    Where several texts stand for one, such as "1" and "1.0", they are values of their own.
    """
    found: dict[str, str] = {}
    several = set()
    different = dict.fromkeys(map(str, texts))
    codes = _TRUTH_WORDS - _truth_words(different)
    for text in different:
        meaning = _meaning(text, read_numbers=True)
        if meaning is None or meaning in codes:
            continue
        if meaning in found:
            several.add(meaning)
        found[meaning] = text
        if len(found) > _MOST:
            return {}
    return {meaning: text for meaning, text in found.items() if meaning not in several}


def respelled(text: str, known: Mapping[str, str], *, was_text: bool) -> str:
    """Return the text of the fit that means the same, or the text itself.

    Text in another table is exact: "1.10" is not "1.1" there, nor "01234" what "1234" is. Numbers
    that were read from text have lost that difference.

    Parameters
    ----------
    text : str
    known : dict of str to str
        What `spellings` returns for the texts of the fit.
    was_text : bool
        Whether the other table has text, not numbers or times.
    """
    meaning = _meaning(text, read_numbers=not was_text)
    return text if meaning is None else known.get(meaning, text)


def _meaning(text: str, *, read_numbers: bool) -> str | None:
    """Return true as 1, other truth values in small letters, a number and a day in one form.

    None for other texts.
    """
    word = _plain(text)
    if word in _TRUTH_WORDS:
        return _TRUTH.get(word, word)
    day = _DAY.fullmatch(word)
    if day:
        return day[1]
    if read_numbers and _NUMBER.fullmatch(word):
        try:
            return str(Decimal(word).normalize() + 0)
        except InvalidOperation:
            return None
    return None
