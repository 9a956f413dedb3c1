"""Words among the numbers or dates of a column of text, and when they count as missing values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# In text of fewer different values each is a feature, so that a word among them is seen as it is.
MANY_VALUES = 40
# Of many values so few may be no numbers, or half of them where they are a few placeholders.
_FEW_WORDS, _MOST_PLACEHOLDERS, _PLACEHOLDERS = 0.1, 0.5, 3
_MOST_KEPT = 1000
# Texts that stand for a missing value wherever they are: those of pandas, and others.
NULLS_OF_PANDAS = frozenset(
    (
        *("", "#N/A", "#N/A N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "NaN"),
        *("None", "n/a", "nan", "null"),
    )
)
NULLS = NULLS_OF_PANDAS | {"none", "?", "..."}
# What SAS and Stata, databases and spreadsheets write for a missing value or an error: among
# numbers or dates it can be nothing else, few as these may be. A dash may also be a zero.
_GAPS = frozenset((".", "\\N", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?", "#NULL!"))
# Of fewer different values it is not certain that they are numbers.
_FEW_VALUES = 3


# ="00123" and '00123: spreadsheets and shops write so what spreadsheets shall not change.
_GUARDED = re.compile(r"=\"([^\"]*)\"|'([-+]?\d[\d.,/ -]*)", re.ASCII)


# Marks of direction, spaces of no width and byte order marks: Windows puts some around dates.
_UNSEEN = str.maketrans("", "", "\u200b\u200e\u200f\u202a\u202b\u202c\u2066\u2069\u2060\ufeff")


def unguarded(text: str) -> str:
    """Return a text without signs that nobody sees, or that guard it from spreadsheets."""
    if not text.isascii():
        text = text.translate(_UNSEEN)
    found = _GUARDED.fullmatch(text.strip())
    return text if found is None else found[1] if found[2] is None else found[2]


def without_space_around_nulls(text: str) -> str:
    """Return a text that stands for a missing value as the vectorizer knows it.

    Files whose fields are separated by ", " have " ?" for "?". Other texts stay as they are.
    """
    word = text.strip()
    return word if word in NULLS else text


def counted(texts: pd.Series) -> pd.Series:
    """Return how often each text comes that does not stand for a missing value."""
    counts = texts.value_counts()
    return counts[~counts.index.str.strip().isin(NULLS)]


def may_be_missing(words: list[str], counts: pd.Series) -> bool:
    """Whether texts that are no numbers or dates may count as missing among the others.

    Parameters
    ----------
    words : list of str
    counts : pandas.Series
        What `counted` returns for the column.
    """
    if not words:
        return True
    share = float(counts[words].sum() / counts.sum())
    most = _MOST_PLACEHOLDERS if len(words) <= _PLACEHOLDERS else _FEW_WORDS
    fewest = _FEW_VALUES if _GAPS.issuperset(text.strip() for text in words) else MANY_VALUES
    return len(counts) - len(words) >= fewest and share <= most


def kept(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words that a fitted column keeps, so that it tells of them only once."""
    return tuple(sorted({text.strip() for text in words})[:_MOST_KEPT])
