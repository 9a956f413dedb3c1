"""Codes of digits in text, such as the post code 01234, which are no numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lofe_sklearn.tabular._stray_words import NULLS, counted

if TYPE_CHECKING:
    import pandas as pd

# Two digits with a zero in front are mostly months, days or hours, which have an order.
_MIN_DIGITS = 3
# 0830 and 083000 have one too.
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3])[0-5]\d([0-5]\d)?", re.ASCII)
_FOUR_DIGITS = re.compile(r"\s*[1-9]\d{3}\s*", re.ASCII)


def without_nulls(texts: pd.Series) -> pd.Series:
    """Return texts with None for those that stand for a missing value.

    The vectorizer does so with text, but not with categories.
    """
    return texts.mask(texts.str.strip().isin(NULLS), None)


def code_length(texts: pd.Series) -> int:
    """Return the number of digits of codes, or 0 if the texts of a column are something else.

    Codes have equally many digits, and some have a zero in front, as no number is written.
    """
    words = [text.strip() for text in counted(texts).index]
    n_digits = len(words[0]) if words else 0
    if n_digits < _MIN_DIGITS or any(len(word) != n_digits for word in words):
        return 0
    if not all(word.isascii() and word.isdigit() for word in words):
        return 0
    is_padded = any(word.startswith("0") for word in words)
    return n_digits if is_padded and not all(map(_TIME_OF_DAY.fullmatch, words)) else 0


def are_of_four_digits(texts: pd.Series) -> bool:
    """Whether texts are numbers from 1000 to 9999, which the vectorizer takes for years.

    A number is read alike whether its column holds others of more digits or not.
    """
    words = counted(texts).index
    return len(words) > 0 and all(map(_FOUR_DIGITS.fullmatch, words))
