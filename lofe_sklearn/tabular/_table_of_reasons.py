"""Tables as the fit reads them, for reasons: rows can be mixed with the typical row, whatever
kinds of tables and columns both come from.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn.inspection._typical_row import is_missing, typical_row
from lofe_sklearn.tabular._clock_texts import seconds_in, written_like
from lofe_sklearn.tabular._date_texts import day_like
from lofe_sklearn.tabular._fitted_columns import FittedColumn
from lofe_sklearn.tabular._iso_dates import ISO
from lofe_sklearn.tabular._named_dates import NAMED
from lofe_sklearn.tabular._plain_columns import NUMBER, TEXT, plain_column
from lofe_sklearn.tabular._read_table import read_table
from lofe_sklearn.tabular._typical_values import as_one_row, as_truth_value
from lofe_sklearn.tabular._vectorizing import Reading

if TYPE_CHECKING:
    import pandas as pd


class ReasonsMixin:
    """What `lofe_sklearn.inspection.explain` asks of the first step of a Pipeline."""

    _columns: dict[str, FittedColumn]
    _first_features: dict[str, int]
    _reading: Reading
    _typical: dict[str, tuple[str, Any]]

    @property
    def typical_row_(self) -> pd.DataFrame:
        """The typical value of each column, in a table of one row."""
        check_is_fitted(self)
        return as_one_row(self._typical)

    def _reads_quantities(self, name: str) -> bool:
        """Whether numbers in a column are read from text with units or a decimal comma."""
        return name in self._columns and self._columns[name].writing is not None

    def _table_for_reasons(self, X: Any, owner: str, name: str) -> pd.DataFrame:
        """Return any table as a pandas frame."""
        return read_table(X, owner, name)

    def _plain_for_reasons(self, table: pd.DataFrame, owner: str) -> pd.DataFrame:
        """Return the columns as numbers, times or text, as they were in the fit.

        Columns that the fit dropped are empty, since their values change no score.
        """
        import pandas as pd

        columns = {}
        for name in table.columns:
            columns[name] = pd.Series([None] * len(table), dtype=object)
            if name in self._first_features:
                column = plain_column(table[name], name, owner)
                columns[name] = self._columns[name].like(column, name, owner).values
        return pd.DataFrame(columns)

    def _count_missing(self, values: pd.Series) -> int:
        """Return how many values of a column are missing, as the fit reads them.

        Values of columns that the fit dropped are those of the table.
        """
        name = str(values.name)
        if name not in self._first_features:
            return int(values.isna().sum())
        owner = type(self).__name__
        plain = self._columns[name].like(plain_column(values, name, owner), name, owner).values
        read = self._reading.as_read(name, plain)
        is_null = plain.astype(object).isin(self._reading.null_strings)
        return int((read.isna() | is_null).sum())

    def _typical_for_reasons(self, plain: pd.DataFrame) -> pd.DataFrame:
        """Return the typical row of what `_plain_for_reasons` returns."""
        import pandas as pd

        read = {name: self._reading.as_read(name, plain[name]) for name in plain.columns}
        return typical_row(plain, pd.DataFrame(read))

    def _shown_in_reasons(self, typical: pd.DataFrame, table: pd.DataFrame) -> list[Any]:
        """Return typical values, plain ones, in the types of the columns of a table."""
        shown = []
        for name in table.columns:
            kind, kept = self._typical[name]
            value = typical[name].iloc[0] if name in self._first_features else kept
            if is_missing(value):
                value = None
            elif isinstance(kept, bool):
                value = as_truth_value(value)
            elif kind == NUMBER:
                fitted = self._columns.get(name)
                value = _number_like(value, table[name], fitted)
            elif kind == TEXT and isinstance(sample := _first_present(table[name]), str):
                value = day_like(value, sample)
            elif hasattr(value, "to_period"):
                value = _time_like(value, table[name], self._columns.get(name))
            shown.append(value)
        return shown


# What pandas counts in nanoseconds ends after 292 years.
_MOST_OF_NANOSECONDS = 9.2e9


def _number_like(seconds: Any, values: pd.Series, fitted: FittedColumn | None) -> Any:
    """Return a number as text of the fit's writing, or seconds as a duration or a time of day, if
    values are such.
    """
    import pandas as pd

    sample = _first_present(values)
    if fitted is not None and fitted.writing is not None:
        return fitted.writing.written(seconds) if isinstance(sample, str) else seconds
    if values.dtype.kind == "m" or isinstance(sample, (datetime.timedelta, np.timedelta64)):
        if abs(seconds) > _MOST_OF_NANOSECONDS:
            return pd.Timedelta(np.timedelta64(round(seconds), "s"))
        return pd.Timedelta(seconds=seconds)
    if isinstance(sample, datetime.time):
        return (datetime.datetime.min + datetime.timedelta(seconds=seconds)).time()
    if isinstance(sample, str) and fitted is not None and fitted.in_minutes:
        return written_like(seconds, sample, in_minutes=True)
    if isinstance(sample, str) and seconds_in(sample) is not None:
        return written_like(seconds, sample)
    if isinstance(sample, str) and fitted is not None and fitted.is_clock:  # a word among times
        return written_like(seconds, "00:00")
    return seconds


def _time_like(time: pd.Timestamp, values: pd.Series, fitted: FittedColumn | None) -> Any:
    """Return a time as text of the fit's format, a period or a date, if values are such."""
    if hasattr(values.dtype, "freq"):
        return time.to_period(values.dtype.freq)
    sample = _first_present(values)
    if fitted is not None and fitted.text_format is not None and isinstance(sample, str):
        if fitted.text_format == NAMED:
            return time.isoformat(" ", "minutes").removesuffix(" 00:00")
        return time.isoformat() if fitted.text_format == ISO else time.strftime(fitted.text_format)
    return time.date() if type(sample) is datetime.date else time


def _first_present(values: pd.Series) -> Any:
    present = values.dropna()
    return present.iloc[0] if len(present) else None
