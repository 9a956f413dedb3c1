"""Numbers of rows in errors: those in X, where a detector or a fold was given some of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# The number of a row, or a name or a value of the user's in quotes, which stays.
_ROW = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*")(?!\w)|(?<=\brow )\d+\b""")
# Of the argument `outliers`, which is not cut.
_OF_OTHERS = re.compile(r"\w+: outliers\b")


def name_rows_of(errors: Iterable[Any], numbers: np.ndarray | None) -> None:
    """Rewrite messages about rows that were taken, so that they have the numbers of these in X.

    Parameters
    ----------
    errors : iterable of Exception or of other things, which stay
        Each is rewritten once, though several detectors may have the same one.
    numbers : ndarray of int, optional
        The numbers in X of the rows that messages count. Default: all rows of X.
    """
    if numbers is None:
        return

    def number(found: re.Match[str]) -> str:
        text = found.group()
        return str(numbers[int(text)]) if text.isdigit() and int(text) < len(numbers) else text

    for error in {id(error): error for error in errors}.values():
        message = error.args[0] if isinstance(error, Exception) and len(error.args) == 1 else None
        if isinstance(message, str) and not _OF_OTHERS.match(message):
            error.args = (_ROW.sub(number, message),)


@contextmanager
def naming_rows_of(numbers: np.ndarray | None) -> Iterator[None]:
    """Do the same with an error that is raised within."""
    try:
        yield
    except Exception as error:
        name_rows_of([error], numbers)
        raise
