"""Errors and warnings about a table whose columns differ from the fitted ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lofe_sklearn._types import Floats
from lofe_sklearn._validation import did_you_mean, warn_user
from lofe_sklearn.tabular._filled import Filling
from lofe_sklearn.tabular._fitted_columns import FittedColumn
from lofe_sklearn.tabular._plain_columns import NUMBER, TIME
from lofe_sklearn.tabular._read_table import named
from lofe_sklearn.tabular._stray_words import NULLS
from lofe_sklearn.tabular._vectorizing import Reading

if TYPE_CHECKING:
    import pandas as pd


def check_columns(
    table: pd.DataFrame, needed: Iterable[str], fitted: Iterable[str], owner: str
) -> None:
    """Raise ValueError if needed columns are missing, and warn of those that were not fitted."""
    present, known = set(table.columns), set(fitted)
    missing = [name for name in needed if name not in present]
    extra = [name for name in table.columns if name not in known]
    if missing:
        raise ValueError(
            f"{owner}: X must have the columns of the table that was fitted; {named(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing.{did_you_mean(missing[0], extra)}"
        )
    if extra:
        warn_user(
            f"{owner}: X has columns that were not there in the fit, which are ignored: "
            f"{named(extra)}."
        )


def warn_of_gaps(
    features: Floats,
    first_features: Mapping[str, int],
    filling: Filling,
    reading: Reading,
    fitted: Mapping[str, FittedColumn],
    table: pd.DataFrame,
    owner: str,
) -> None:
    """Warn of values that became missing, and of missing values in columns that had none.

    The fit has told of texts that it took for missing ones.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        The vectorizer's features of the table.
    first_features : dict of str to int
        The first feature of each column that has some.
    filling : Filling
    reading : Reading
    fitted : dict of str to FittedColumn
    table : pandas.DataFrame
        As the user gave it.
    owner : str
    """
    unread, new = [], []
    for name, feature in first_features.items():
        gaps = np.isnan(features[:, feature])
        if not gaps.any():
            continue
        values = reading.unreadable(table[name].reset_index(drop=True), gaps)
        known = {*fitted[name].words, *NULLS} if fitted[name].words or fitted[name].writing else ()
        values = [value for value in values if str(value).strip() not in known]
        if values and reading.kinds[name] in (NUMBER, TIME):
            unread.append(f"{name!r} ({len(values)}, such as {values[0]!r})")
        if feature not in filling.flagged:
            new.append(name)
    if unread:
        warn_user(
            f"{owner}: values that are no numbers or dates, as the columns had in the fit, are "
            f"treated as missing: {', '.join(unread)}."
        )
    if new:
        warn_user(
            f"{owner}: there were no missing values in the fit in columns that have some now: "
            f"{named(new)}. The median stands for them."
        )
