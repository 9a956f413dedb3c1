"""Dates far outside those of the fit, where no feature counts the years."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lofe_sklearn._notebook import counted
from lofe_sklearn._validation import warn_user
from lofe_sklearn.tabular._plain_columns import Column
from lofe_sklearn.tabular._vectorizing import Reading

if TYPE_CHECKING:
    import pandas as pd

    from lofe_sklearn.tabular._fitted_columns import FittedColumn

# Tomorrow's rows, and those of the same season next year, are no surprise.
_YEAR = 366 * 86_400.0
# skrub's names for features that tell one year from another.
_CALENDAR_YEAR, _SINCE_1970 = "year", "total_seconds"


def first_and_last(
    columns: Mapping[str, Column], reading: Reading
) -> dict[str, tuple[float, float]]:
    """Return the first and last time of each column of times, in seconds since 1970."""
    found = {}
    for name, column in columns.items():
        seconds = _seconds(reading.as_read(name, column.values))
        if seconds is not None and seconds.notna().any():
            found[name] = (float(seconds.min()), float(seconds.max()))
    return found


def left_out_of(
    dates: Mapping[str, tuple[float, float]], keep: Collection[str]
) -> set[tuple[str, str]]:
    """Return features of times that tell more of the table than of a row, and their columns.

    The number of the year is one: the first rows of January would be far from all others. So is the
    time since 1970 where the table spans a year or less: tomorrow's rows would be far from all.
    """
    short = {name for name, (first, last) in dates.items() if last - first <= _YEAR}
    return {(name, f"{name}_{_CALENDAR_YEAR}") for name in dates} | {
        (name, f"{name}_{_SINCE_1970}") for name in short.difference(keep)
    }


def not_counted(
    dates: Mapping[str, tuple[float, float]], features: Mapping[str, str]
) -> dict[str, tuple[float, float]]:
    """Return the dates of the columns whose features do not tell one year from another.

    Parameters
    ----------
    dates : dict of str to tuple of (float, float)
        The first and last time of each column.
    features : dict of str to str
        The column of each feature, by the feature's name.
    """
    return {
        name: times
        for name, times in dates.items()
        if not any(features.get(f"{name}_{part}") == name for part in (_CALENDAR_YEAR, _SINCE_1970))
    }


def warn_of_far_dates(
    columns: Mapping[str, Column],
    fitted: Mapping[str, FittedColumn],
    reading: Reading,
    owner: str,
) -> None:
    """Warn of dates that the features cannot tell from those of the fit.

    They are more than a year outside of them, and by more than they span.
    """
    listed = []
    for name, column in columns.items():
        limits = fitted[name].dates
        seconds = None if limits is None else _seconds(reading.as_read(name, column.values))
        if limits is None or seconds is None:
            continue
        first, last = limits
        margin = max(_YEAR, last - first)
        far = seconds[(seconds < first - margin) | (seconds > last + margin)]
        if len(far):
            rows = counted(len(far), "row")
            listed.append(
                f"{name!r} ({rows}, such as {_day(far.iloc[0])}; in the fit {_day(first)} to "
                f"{_day(last)})"
            )
    if listed:
        warn_user(
            f"{owner}: dates are far outside those of the fit, and their year does not change the "
            f"features, since those of the fit span a year or less: {', '.join(listed)}. Correct "
            "these dates if they are wrong. To let the year count, fit again with rows of several "
            "years, or name the column in keep=[...]."
        )


def _seconds(values: pd.Series) -> pd.Series | None:
    """Return times as seconds since 1970; None for values that are no times."""
    import pandas as pd

    if values.dtype.kind != "M":
        return None
    if values.dt.tz is not None:  # by the clock of the zone, as the user reads them
        values = values.dt.tz_localize(None)
    # In NumPy, which keeps the unit: pandas goes to nanoseconds, and these end in 2262.
    times = values.to_numpy()
    since_1970 = times - np.zeros(1, dtype=times.dtype)
    return pd.Series(since_1970 / np.timedelta64(1, "s"), index=values.index)


def _day(seconds: float) -> str:
    return str(np.datetime64(int(np.floor(seconds)), "s").astype("datetime64[D]"))
