"""Columns of text that hold numbers in a form that is not read, such as 120/80."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from lofe_sklearn._validation import warn_user
from lofe_sklearn.tabular._plain_columns import TEXT, Column
from lofe_sklearn.tabular._stray_words import MANY_VALUES, counted
from lofe_sklearn.tabular._vectorizing import Reading

# With a sign only where it divides no two numbers.
_NUMBER = re.compile(r"(?:(?<![\w)])[-+])?\d+(?:[.,]\d+)*", re.ASCII)
# They begin with a number; codes and names begin with a letter. 1.2.3 alone is a version or an
# address of a computer.
_FORM = re.compile(
    r"[^\w\s]{0,2} ?0[^\w]*\w.*|[^\w\s]{0,2} ?0\s*[^\w\s].*|[^\w\s#'\"/.]{1,2} ?0", re.ASCII
)
# Unless these are words before numbers that most often have a fraction, as in "from $12.50" and
# "ab 48,27 EUR".
_WORDS_FIRST = re.compile(
    r"[^\W\d_]+[.:=]?[ $€£]{1,2}0(?: ?(?:[^\W\d_]{1,4}\.?|[^\w\s]))?|[^\W\d_]+[:=]0"
)
_FRACTION = re.compile(r"(?<![\d.,])\d+[.,]\d+(?![\d.,])", re.ASCII)
# Telephone numbers and the like.
_CODE = re.compile(r"[+(]?0(?:[-. ()]+0)*", re.ASCII)
# Unless they are ranges: the smaller number is first, and not all have as many digits.
_RANGE = re.compile(r"\s*([1-9]\d*|0) ?- ?([1-9]\d*)\s*", re.ASCII)
_MOST_OTHERS = 0.1
# Several units or currencies that are no multiples of each other, such as °C and °F, and flags such
# as H and L behind some numbers only. 12B is a seat.
_MOST_UNITS, _LONGEST, _MOST_LETTERS = 6, 7, 4
_SEAT = re.compile(r"0[A-Za-z]", re.ASCII)


def warn_of_unread_numbers(columns: Mapping[str, Column], reading: Reading, owner: str) -> None:
    """Tell of columns of text whose values are numbers between the same signs or words."""
    found = []
    for name, column in columns.items():
        if column.kind == TEXT and reading.kinds.get(name) == TEXT:
            counts = counted(column.values)
            if len(counts) >= MANY_VALUES and _hold_numbers(list(map(str, counts.index))):
                unread = [text for text in counts.index if not text.strip().isdecimal()]
                found.append(f"{name!r} (such as {unread[0][:40]!r})")
    if found:
        warn_user(
            f"{owner}: columns of text seem to hold numbers or dates in a form that is not read: "
            f"{', '.join(found)}. They are compared by their characters, so that a far value may "
            "not be found. Write all values of a column in one form, with one number or date each."
        )


def _hold_numbers(texts: list[str]) -> bool:
    forms = Counter(_NUMBER.sub("0", text.strip()) for text in texts[:1000])
    enough = (1 - _MOST_OTHERS) * sum(forms.values())
    (form, number), *others = forms.most_common(_MOST_UNITS)
    have_fractions = 2 * sum(_FRACTION.search(text) is not None for text in texts) > len(texts)
    if _are_ranges(texts):
        return True
    if number >= enough:
        return _is_of_numbers(form) or (have_fractions and bool(_WORDS_FIRST.fullmatch(form)))
    with_units = [n for other, n in [(form, number), *others] if _has_unit(other, have_fractions)]
    return len(with_units) > 1 and sum(with_units) >= enough


def _are_ranges(texts: list[str]) -> bool:
    """Whether texts are ranges such as 5-10, with plain numbers among them or not."""
    found = [ends for text in texts if (ends := _RANGE.fullmatch(text)) is not None]
    n_plain = sum(text.strip().isdecimal() for text in texts)
    n_digits = {len(ends[1]) for ends in found}, {len(ends[2]) for ends in found}
    return (
        len(found) >= _MOST_OTHERS * len(texts)
        and len(found) + n_plain >= (1 - _MOST_OTHERS) * len(texts)
        and min(map(len, n_digits)) > 1
        and all(int(ends[1]) <= int(ends[2]) for ends in found)
    )


def _is_of_numbers(form: str) -> bool:
    return _FORM.fullmatch(form) is not None and _CODE.fullmatch(form) is None


def _has_unit(form: str, have_fractions: bool) -> bool:
    """Whether a form is of numbers with a short unit, or, where most have fractions, without."""
    if have_fractions and form == "0":
        return True
    is_seat = not have_fractions and _SEAT.fullmatch(form) is not None
    is_short = len(form) <= _LONGEST or sum(map(str.isalpha, form)) <= _MOST_LETTERS
    return _is_of_numbers(form) and is_short and not is_seat
