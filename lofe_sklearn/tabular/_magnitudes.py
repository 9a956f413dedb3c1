"""Letters and words that multiply a number, as in $1.2M, 3.4k and 10,4 Mio. €."""

from __future__ import annotations

import re
from collections.abc import Collection

_WORDS = {
    **{"thousand": 1e3, "Tsd": 1e3, "mn": 1e6, "Mn": 1e6, "mio": 1e6, "Mio": 1e6, "million": 1e6},
    **{"bn": 1e9, "Bn": 1e9, "mrd": 1e9, "Mrd": 1e9, "Md": 1e9, "billion": 1e9, "trillion": 1e12},
    **{"lakh": 1e5, "Lakh": 1e5, "Lac": 1e5, "crore": 1e7, "Crore": 1e7, "Cr": 1e7, "tn": 1e12},
}
_LETTERS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
# Of money only: "5 m" is a length, and "5 L" a volume; of rupees it is lakh.
_OF_MONEY = {"m": 1e6, "b": 1e9, "t": 1e12, "L": 1e5}
# Thousands of euros in German accounts.
_BEFORE_CURRENCY = {"T": 1e3}

PATTERN = "|".join(sorted(_WORDS | _LETTERS | _OF_MONEY, key=len, reverse=True))


def factor_of_money(text: str, *, has_unit: bool = False) -> float | None:
    """Return what a text beside a currency multiplies by; None for other texts.

    Parameters
    ----------
    text : str
    has_unit : bool
        Whether the currency follows the text.
    """
    word = text.strip().rstrip(".")
    own = _BEFORE_CURRENCY if has_unit else {}
    return (_WORDS | _LETTERS | _OF_MONEY | own).get(word)


def factor_of_count(text: str) -> float | None:
    """Return what a text behind a plain number multiplies by; None for other texts.

    A single letter must follow without a space: "300 K" is a temperature.
    """
    return _LETTERS.get(text) or _WORDS.get(text.strip().rstrip("."))


def are_counts(units: Collection[str]) -> bool:
    """Whether the texts behind the numbers of a column, empty ones too, all multiply them.

    "G" and "B" together, or one of them alone, may be gigabytes and bytes.
    """
    letters = {unit for unit in units if unit}
    if not letters or any(factor_of_count(unit) is None for unit in letters):
        return False
    return not letters <= {"G", "B", "T"} and not {"G", "B"} <= letters


def split_currency(text: str, currency: str) -> tuple[str, str] | None:
    """Divide " Mio. €" into " Mio." and " €"; None for other texts.

    Parameters
    ----------
    text : str
    currency : str
        A regular expression.
    """
    found = re.fullmatch(rf"(\s?(?:{PATTERN})\.?)(\s?(?:{currency}))", text)
    return None if found is None else (found[1], found[2])
