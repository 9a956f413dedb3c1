"""What a fit tells the user of the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping

from lofe_sklearn._missing_codes import code_in, warn_of_codes
from lofe_sklearn._validation import warn_user
from lofe_sklearn.tabular._plain_columns import Column
from lofe_sklearn.tabular._unread_numbers import warn_of_unread_numbers
from lofe_sklearn.tabular._vectorizing import Reading

# Shares are at most 1. Percentages of which half are not much larger may be written without a sign.
_PERCENT = 2


def warn_of_dropped(dropped: Mapping[str, str], owner: str) -> None:
    """Tell which columns were dropped, and why."""
    if dropped:
        listed = ", ".join(f"{name!r} ({reason})" for name, reason in dropped.items())
        warn_user(
            f"{owner}: dropped columns that tell nothing about a row: {listed}. Leave them out "
            "of X to silence this warning, or keep them with keep=[...]."
        )


def warn_of_values(columns: Mapping[str, Column], reading: Reading, owner: str) -> None:
    """Tell of values that are read in another way than the user may think."""
    _warn_of_codes_in_columns(columns, reading, owner)
    warn_of_unread_numbers(columns, reading, owner)


def _warn_of_codes_in_columns(columns: Mapping[str, Column], reading: Reading, owner: str) -> None:
    """Tell of numbers that look like codes for missing values."""
    read = {name: reading.as_read(name, column.values) for name, column in columns.items()}
    codes = {
        repr(name): code_in(values.dropna().to_numpy())
        for name, values in read.items()
        if values.dtype.kind in "fi"
    }
    remedy = "Replace it with NaN; a feature then says where a value is missing."
    warn_of_codes(owner, codes, remedy)


def warn_of_shares(columns: Mapping[str, Column], plain: Mapping[str, Column], owner: str) -> None:
    """Tell of texts such as 0.54 among percentages such as 54 %: they count as 0.54 %.

    Parameters
    ----------
    columns : dict of str to Column
        Those that are kept.
    plain : dict of str to Column
        The same, and others, before numbers are read from text.
    owner : str
    """
    found = []
    for name, column in columns.items():
        if column.writing is None or column.writing.after.strip() != "%":
            continue
        texts = plain[name].values
        bare = column.values.notna() & ~texts.str.contains("%", regex=False, na=True)
        sizes = column.values.abs()
        are_shares = bool((sizes[bare] % 1 > 0).any()) and sizes[bare].max() <= 1
        if are_shares and sizes[~bare].median() > _PERCENT:
            found.append(f"{name!r} ({bare.sum()}, such as {texts[bare].iloc[0][:40]!r})")
    if found:
        warn_user(
            f"{owner}: small numbers without a % among percentages are read as percentages too: "
            f"{', '.join(found)}. If they are shares, multiply them by 100."
        )


def warn_of_words(columns: Mapping[str, Column], plain: Mapping[str, Column], owner: str) -> None:
    """Tell of texts of a fit that count as missing values among numbers or dates.

    Parameters
    ----------
    columns : dict of str to Column
        Those that are kept.
    plain : dict of str to Column
        The same, and others, before numbers and dates are read from text.
    owner : str
    """
    found = []
    for name, column in columns.items():
        if not column.words:
            continue
        texts = plain[name].values.dropna().str.strip()
        words = texts[texts.isin(column.words)]
        found.append(f"{name!r} ({len(words)}, such as {words.iloc[0][:40]!r})")
    if found:
        warn_user(
            f"{owner}: values that are no numbers or dates, or in another unit, among the numbers "
            f"or dates of their column are treated as missing: {', '.join(found)}."
        )
