"""Letters behind numbers that say on which side of zero they are, such as CR and DR, or N and S."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Credit and debit, in German Haben and Soll, and the hemispheres: what is positive comes first.
_PAIRS = ("CR", "DR"), ("C", "D"), ("H", "S"), ("N", "S"), ("E", "W")
# Statements mark only one of these where most amounts are on the other side.
_ALONE = ("CR", "DR")
_BEHIND = re.compile(r"( ?°|)( ?(CR|Cr|cr|DR|Dr|dr|[CDHSNEW])\.?)")
# A letter alone may as well name a seat or a wing of a house, unless a fraction is before it.
_PRECISE = re.compile(r"\d[.,]\d|[°E]", re.ASCII)
# Amounts of so many crores are rare, and "Cr" behind them is a credit.
_FOUR_DIGITS = 4


def split_side(after: str) -> tuple[str, str, str] | None:
    """Divide "° N" into "°", " N" and the side "N"; None for a text that names no side."""
    found = _BEHIND.fullmatch(after)
    return None if found is None else (found[1], found[2], found[3].upper())


def sides_of(numbers: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Return the texts of the positive and the negative side of a column; None for no sides.

    Parameters
    ----------
    numbers : iterable of (str, str)
        The digits of each number, and the text behind them.
    """
    texts: dict[str, str] = {}
    n_plain, n_others, is_precise, is_long = 0, 0, False, False
    for digits, after in numbers:
        divided = split_side(after)
        if divided is None:
            n_plain, n_others = n_plain + (not after), n_others + bool(after)
            continue
        unit, text, side = divided
        texts.setdefault(side, text)
        is_precise = is_precise or "°" in unit or _PRECISE.search(digits) is not None
        is_long = is_long or len(re.sub(r"[.,]\d{1,2}$|\D", "", digits)) >= _FOUR_DIGITS
    if n_others:
        return None
    for one, other in _PAIRS:
        if texts.keys() == {one, other} and (len(one) > 1 or (is_precise and not n_plain)):
            return texts[one], texts[other]
    alone = next(iter(texts), "")
    is_crore = texts.get(alone, "").strip(" .") == "Cr" and not is_long
    if len(texts) == 1 and alone in _ALONE and n_plain and not is_crore:
        return "", texts[alone]
    return None
