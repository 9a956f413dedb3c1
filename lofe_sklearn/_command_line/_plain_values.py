"""Values, reasons and shares as short text, the same on the terminal and in the report."""

from __future__ import annotations

from datetime import datetime
from numbers import Integral, Real
from typing import Any

from lofe_sklearn._command_line._exits import one_line
from lofe_sklearn.inspection import Reason
from lofe_sklearn.inspection._typical_row import is_missing

_MOST_LETTERS = 40


def value_text(value: Any) -> str:
    """Return a value of a table as one short line."""
    if is_missing(value):
        return "missing"
    if isinstance(value, Real) and not isinstance(value, (bool, Integral)):
        number = float(value)
        # A number such as 24999.9 should not be rounded to another one. Six digits of an amount of
        # millions would be 1.2e+07.
        is_long = number.is_integer() or abs(number) >= 1e6
        return f"{number:.0f}" if is_long and abs(number) < 1e15 else f"{number:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    text = one_line(str(value))
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 3] + "..."


def name_text(name: Any) -> str | None:
    """Return the name of a row as text, whole; None if it is missing.

    Whole numbers beside missing ones are floats in Parquet files; 17.0 names the row 17.
    """
    if is_missing(name):
        return None
    if isinstance(name, Real) and not isinstance(name, Integral):
        number = float(name)
        return str(int(number)) if number.is_integer() else str(number)
    return str(name)


def reason_text(reason: Reason) -> str:
    """Return a reason as text, such as ``+3.97 country = NG (typically DE)``."""
    name = one_line(reason.feature)
    value, typical = value_text(reason.value), value_text(reason.typical)
    return f"{reason.contribution:+.2f} {name} = {value} (typically {typical})"


def probability_text(probability: float) -> str:
    """Return a probability with three digits behind the point, and never as a bare 0 or 1."""
    if probability < 0.0005:
        return "<.001"
    return ">.999" if probability >= 0.9995 else f"{probability:.3f}"


def percent(share: float) -> str:
    """Return a share in percent, with two significant digits."""
    number = 100 * share
    return f"{number:.0f} %" if number >= 99.5 else f"{number:.2g} %"


def counted(number: int, noun: str) -> str:
    """Return a number and a noun, such as ``1,200 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
