"""The centuries of years of two digits.

Python reads 69 as 1969 and 68 as 2068, so that somebody born in 1968 would be the youngest of all.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Dates of both sides of Python's limit belong together if at most so many years lie between them.
_CLOSE = 5


def first_year_of(dates: pd.Series) -> int | None:
    """Return the first of the hundred years that the dates are of; None if as Python reads them.

    They begin behind the longest time without a date, if it is not the one at Python's limit.
    """
    years = dates.dropna().dt.year
    different = sorted(years.unique())
    gaps = [later - year for year, later in pairwise(different)]
    if not gaps or different[0] + 100 - different[-1] > _CLOSE or max(gaps) <= _CLOSE:
        return None
    first = int(different[gaps.index(max(gaps)) + 1])
    # Most dates are as Python reads them: a century more or less would change no feature much.
    return first if 2 * (years >= first).sum() > len(years) else first - 100


def from_year(dates: pd.Series, first_year: int | None) -> pd.Series:
    """Return the dates with years of the hundred that begin with the first year."""
    import pandas as pd

    if first_year is None:
        return dates
    years = dates.dt.year
    shift = (years < first_year).astype(int) - (years >= first_year + 100).astype(int)
    moved = dates.copy()
    for n_centuries in (-1, 1):
        where = shift == n_centuries
        moved[where] = dates[where] + pd.DateOffset(years=100 * n_centuries)
    return moved
