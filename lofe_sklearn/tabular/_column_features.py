"""The features of all columns: numbers as they are, and what skrub makes of the others.

skrub would pass numbers on, but takes a dozen copies of each column for it, which is most of the
time where one row has many.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn._types import Floats
from lofe_sklearn.tabular._plain_columns import NUMBER, Column
from lofe_sklearn.tabular._vectorizing import (
    as_numbers_of,
    calling_skrub,
    check_none_is_infinite,
    own_name,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class ColumnFeatures:
    """Features of the rows of a table, before gaps are filled.

    Parameters
    ----------
    names : list of str
        Of two columns, two features may have one name.
    origin : list of str
        The input column of each feature.
    values : ndarray of float64, shape (n_samples, n_features)
        NaN where a value is missing.
    """

    names: list[str]
    origin: list[str]
    values: Floats


def columns_of_numbers(columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Return the columns that skrub would pass on as they are."""
    return tuple(
        name
        for name, column in columns.items()
        if column.kind == NUMBER and column.values.notna().any()
    )


def features_of(
    given: Mapping[str, pd.Series],
    vectorized: Callable[[pd.DataFrame], pd.DataFrame],
    vectorizer: Any,
    passed_on: Collection[str],
    owner: str,
) -> ColumnFeatures:
    """Return the features of columns, in the order of the columns.

    Parameters
    ----------
    given : dict of str to pandas.Series
        The values of each column for the vectorizer.
    vectorized : callable
        A method of the vectorizer, which makes features of the columns of a frame.
    vectorizer : skrub.TableVectorizer
        It is fitted at the latest by `vectorized`.
    passed_on : collection of str
        Columns that are features as they are.
    owner : str
        What messages call the estimator.

    Raises
    ------
    ValueError
        If a feature is not a number, or is infinite.
    """
    import pandas as pd

    n_rows = len(next(iter(given.values())))
    apart = set(passed_on)
    others = {name: values for name, values in given.items() if name not in apart}
    with calling_skrub():
        made = vectorized(pd.DataFrame(others, index=pd.RangeIndex(n_rows)))
        # In single precision, as skrub's are.
        numbers = [given[name].to_numpy(dtype=np.float32) for name in passed_on]
    names = [*map(own_name, made.columns), *passed_on]
    origin = [*(vectorizer.output_to_input_[name] for name in made.columns), *passed_on]
    values = np.column_stack([as_numbers_of(made, owner), *numbers])
    if passed_on:
        place = {name: i for i, name in enumerate(given)}
        order = sorted(range(len(origin)), key=lambda i: place[origin[i]])
        names, origin = [names[i] for i in order], [origin[i] for i in order]
        values = values[:, order]
    check_none_is_infinite(values, names, owner)
    return ColumnFeatures(names, origin, values)
