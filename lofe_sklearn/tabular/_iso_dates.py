"""Days and times of ISO 8601 in several forms of it, in one column of text.

Programs leave out what is zero: Python writes the time 10:00:00.5 of a day with its fraction of a
second, and 10:00:00 without. One format reads only one of these forms.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lofe_sklearn.tabular._stray_words import counted, kept, may_be_missing

if TYPE_CHECKING:
    import pandas as pd

# pandas' name for all these forms, in place of a format.
ISO = "ISO8601"
_FORM = re.compile(
    r"\s*\d{4}-\d\d-\d\d(?:([T ])\d\d:\d\d(?:(:\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?\s*",
    re.ASCII,
)
# Texts by which a column is known: most of them are dates of ISO 8601.
_SAMPLE = 50


class TextDates(NamedTuple):
    """The dates of a column of text.

    Attributes
    ----------
    text_format : str
        How they are written.
    values : pandas.Series
        The dates, missing where the column has none.
    words : tuple of str
        The texts that are no dates.
    first_year : int, optional
        Years of two digits are of the hundred from this one on. Default: as Python reads them.
    """

    text_format: str
    values: pd.Series
    words: tuple[str, ...]
    first_year: int | None = None


def dates_in_iso_forms(texts: pd.Series) -> TextDates | None:
    """Return `ISO`, the dates, and the words among them, for dates in several forms.

    All of them have a zone, and are in UTC then, or none has. None for other columns.
    """
    import pandas as pd

    counts = counted(texts)
    sample = counts.index[:_SAMPLE]
    if 2 * sum(_form_of(text) is not None for text in sample) <= len(sample):
        return None
    forms = {form for form in map(_form_of, counts.index) if form is not None}
    zoned = {form[-1] for form in forms}
    if len(forms) < 2 or len(zoned) > 1:
        return None

    def read(some: pd.Series) -> pd.Series:
        plain = some.str.strip()
        return pd.to_datetime(plain, format=ISO, errors="coerce", utc=True in zoned)

    words = counts.index[read(counts.index.to_series()).isna()].tolist()
    if not may_be_missing(words, counts):
        return None
    return TextDates(ISO, read(texts), kept(words))


def has_zone(text: str) -> bool | None:
    """Whether a date in a form of ISO 8601 has a zone; None for another text."""
    form = _form_of(text)
    return None if form is None else form[-1]


def _form_of(text: str) -> tuple[str | None, bool, bool, bool] | None:
    """Return what is before the clock, and whether there are seconds, a fraction and a zone."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    between, seconds, fraction, zone = found.groups()
    return between, seconds is not None, fraction is not None, zone is not None
