"""A table of numbers, text, dates and gaps as rows of finite numbers of one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._notebook import DocumentationMixin
from lofe_sklearn._types import Floats, MatrixLike, RandomState
from lofe_sklearn._validation import RANDOM_STATE, check_parameters
from lofe_sklearn.tabular._column_features import (
    ColumnFeatures,
    columns_of_numbers,
    features_of,
)
from lofe_sklearn.tabular._far_dates import (
    first_and_last,
    left_out_of,
    not_counted,
    warn_of_far_dates,
)
from lofe_sklearn.tabular._filled import Filling
from lofe_sklearn.tabular._fit_remarks import (
    warn_of_dropped,
    warn_of_shares,
    warn_of_values,
    warn_of_words,
)
from lofe_sklearn.tabular._fitted_columns import FittedColumn
from lofe_sklearn.tabular._other_tables import check_columns, warn_of_gaps
from lofe_sklearn.tabular._plain_columns import NUMBER, Column, plain_column, read_from_text
from lofe_sklearn.tabular._read_table import ColumnNames, check_are_columns, read_table
from lofe_sklearn.tabular._scaled import Scale
from lofe_sklearn.tabular._table_of_reasons import ReasonsMixin
from lofe_sklearn.tabular._typical_values import typical_values
from lofe_sklearn.tabular._uninformative import check_some_left, uninformative
from lofe_sklearn.tabular._vectorizing import Reading, different, new_vectorizer

if TYPE_CHECKING:
    import pandas as pd


class TableFeatures(ReasonsMixin, DocumentationMixin, TransformerMixin, BaseEstimator):
    r"""Turn a table of mixed columns into rows that any detector takes.

    It reads tables of pandas, polars and pyarrow, and is the first step of
    :func:`table_pipeline`. It needs ``pip install 'lofe-sklearn[table]'``: skrub's TableVectorizer
    [1]_ chooses the features of text and dates.

    ======================== =====================================================================
    column                   features
    ======================== =====================================================================
    numbers, truth values,   one, with long tails shortened: see Notes; the seconds of durations
    decimals, durations,     and times of day. They may be text such as 08:30, 12 %, 5 mg, <0.1 or
    times of day             1.234,50 €, if all values are, or nearly all of 40 different ones
    text of few values,      one for each value; a new value is in none of them. Texts of digits
    categories               of one length are categories if some begin with 0, as in 01234
    text of 40 values and    30 components of its character n-grams
    more
    dates and times          the time since 1970, if the rows of `fit` span more than a year, and
                             month, day, hour and weekday as points on a circle
    missing values           the median of the column; columns with missing values get one more
                             feature, 1 where the value is missing
    one value only, all      none: such columns are dropped, with a warning that names them
    missing, identifiers
    ======================== =====================================================================

    Parameters
    ----------
    vectorizer : skrub.TableVectorizer, optional
        Turns columns into features. Default: skrub's TableVectorizer, with features of times that
        do not grow with the date, and one feature for each value of text.
    keep : sequence of str, default=()
        Columns that are kept although they have one value only or look like identifiers.
    random_state : int, RandomState instance or None, default=0
        Seeds the decomposition of text, which is approximate. The default is an integer, since the
        seed hardly matters.

    Attributes
    ----------
    feature_origin_ : dict of str to str
        The input column of each output feature, in the order of the output. With it, values for
        features, such as contributions to a score, can be summed over columns.
    dropped_ : dict of str to str
        The columns that were dropped, and why.
    column_kinds_ : dict of str to str
        The kind of each column that was kept: ``"number"``, ``"time"``, ``"category"`` or
        ``"text"``, as it is after numbers and times have been read from text.
    typical_row_ : pandas.DataFrame of shape (1, `n_features_in_`)
        The median of numbers and times, and the most frequent of all other values, of each column.
        Durations and times of day are in seconds, numbers with a unit are without it.
        :func:`lofe_sklearn.inspection.explain` compares rows with it.
    vectorizer_ : skrub.TableVectorizer
        The fitted vectorizer. It has seen columns of plain values. Columns of numbers are features
        as they are; one of the user's has seen these too, as distances to their median in a unit
        of their own.
    feature_names_in_ : ndarray of str, shape (`n_features_in_`,)
        The columns of the table.
    n_features_in_ : int
        How many columns the table had.

    Raises
    ------
    ImportError
        If skrub is not installed.
    TypeError
        If X is no table.
    ValueError
        If a parameter is not allowed; if X has no rows, no columns, two columns of one name, or no
        column that says anything of a row; if a column holds lists, dicts, bytes, complex numbers,
        infinity or other objects; if columns are missing when another table is transformed, or of
        a kind that cannot be converted. The message names the columns and the remedy.

    Warns
    -----
    UserWarning
        If columns are dropped; if words among numbers count as missing; if text seems to hold
        numbers in a form that is not read; if another table has columns that were not there in the
        fit, which are ignored, values that cannot be read, missing values if there were none, or
        dates that are more than a year outside those of the fit where no feature counts the years.

    Notes
    -----
    A number x becomes :math:`\operatorname{arsinh}((x - m) / s)` with the median m and the
    interquartile range over 1.349 as s, which is about the standard deviation of a normal
    distribution. It is linear in the middle and logarithmic in the tails: one amount of a million
    does not make all others equal, and still stands out. All features are then centred and divided
    by their standard deviation.

    An identifier is text without spaces that is different in each of at least 20 rows and no date
    or number, or integers that are all different although their range is too small for that to be
    chance, or integers in a column whose name says that they are identifiers.

    Dates get no feature that counts time from a fixed date if the rows of `fit` span a year or
    less, since all rows of tomorrow's table would lie outside their range, and look anomalous;
    unless `keep` names the column.

    See Also
    --------
    table_pipeline : A pipeline of this and a detector.

    References
    ----------
    .. [1] https://skrub-data.org/stable/reference/generated/skrub.TableVectorizer.html

    Examples
    --------
    >>> import pandas as pd
    >>> from lofe_sklearn.tabular import TableFeatures
    >>> table = pd.DataFrame({"amount": [9.5, None, 12.0], "shop": ["kiosk", "bakery", "kiosk"]})
    >>> features = TableFeatures().fit(table)
    >>> features.transform(table).columns.tolist()
    ['amount', 'shop_bakery', 'shop_kiosk', 'amount_missing']
    >>> features.feature_origin_["amount_missing"]
    'amount'
    """

    feature_origin_: dict[str, str]
    dropped_: dict[str, str]
    column_kinds_: dict[str, str]
    vectorizer_: Any
    feature_names_in_: np.ndarray
    n_features_in_: int
    _passed_on: tuple[str, ...] = ()

    def __init__(
        self,
        vectorizer: Any = None,
        *,
        keep: Sequence[str] = (),
        random_state: RandomState = 0,
    ) -> None:
        self.vectorizer = vectorizer
        self.keep = keep
        self.random_state = random_state

    def fit(self, X: MatrixLike, y: Any = None) -> TableFeatures:
        """Learn the features of each column.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns)
            A DataFrame of pandas or polars, a Table of pyarrow, a 2-D array or a list of rows.
        y : object, optional
            Ignored.

        Returns
        -------
        self : TableFeatures
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X: MatrixLike, y: Any = None) -> pd.DataFrame:
        """Learn the features of each column, and return the features of the same rows.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns)
            A DataFrame of pandas or polars, a Table of pyarrow, a 2-D array or a list of rows.
        y : object, optional
            Ignored.

        Returns
        -------
        features : pandas.DataFrame of shape (n_samples, n_features)
            Finite numbers, with the index of X if it has one.
        """
        with all_or_nothing(self) as fitted:
            return fitted._fit_transform(X)

    def transform(self, X: MatrixLike) -> pd.DataFrame:
        """Return the features of other rows.

        Columns are found by their names, in whatever order they come.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns)
            It may be of another kind than the table of the fit.

        Returns
        -------
        features : pandas.DataFrame of shape (n_samples, n_features)
            Finite numbers, with the index of X if it has one. They do not depend on the other rows.
        """
        check_is_fitted(self)
        owner = type(self).__name__
        table = read_table(X, owner)
        check_columns(table, self._first_features, self.feature_names_in_, owner)
        columns = {
            name: fitted.like(plain_column(table[name], name, owner), name, owner)
            if name in self._first_features
            else fitted.missing(len(table))
            for name, fitted in self._columns.items()
        }
        given, vectorizer = self._given(columns), self.vectorizer_
        made = features_of(given, vectorizer.transform, vectorizer, self._passed_on, owner)
        features = made.values
        warn_of_far_dates(columns, self._columns, self._reading, owner)
        learned = self._first_features, self._filling, self._reading, self._columns
        warn_of_gaps(features, *learned, table, owner)
        return self._finished(features, table.index)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features.

        Parameters
        ----------
        input_features : object, optional
            Ignored.

        Returns
        -------
        names : ndarray of str, shape (n_features,)
        """
        check_is_fitted(self)
        return np.array(list(self.feature_origin_), dtype=object)

    def _fit_transform(self, X: MatrixLike) -> pd.DataFrame:
        owner = type(self).__name__
        check_parameters(self, {"keep": ColumnNames(), "random_state": RANDOM_STATE})
        vectorizer = new_vectorizer(self.vectorizer, self.random_state, owner)
        table = read_table(X, owner)
        if len(table) < 2:
            raise ValueError(f"{owner}: X must have at least 2 rows to learn from; got 1 sample.")
        check_are_columns(self.keep, table, owner)
        plain = {name: plain_column(table[name], name, owner) for name in table.columns}
        every = {name: read_from_text(column, name, owner) for name, column in plain.items()}
        dropped = uninformative(every, table, self.keep)
        columns = {name: column for name, column in every.items() if name not in dropped}
        check_some_left(columns, dropped, owner)
        warn_of_words(columns, plain, owner)
        warn_of_shares(columns, plain, owner)
        self._columns = {n: FittedColumn.of(c, n, owner) for n, c in columns.items()}
        self._passed_on = columns_of_numbers(columns) if self.vectorizer is None else ()
        made = features_of(
            self._given(columns), vectorizer.fit_transform, vectorizer, self._passed_on, owner
        )
        features, self.vectorizer_ = made.values, vectorizer
        self._reading = Reading.of(vectorizer, {name: c.kind for name, c in columns.items()})
        self._typical = typical_values(every, table, self._reading)
        warn_of_values(every, self._reading, owner)
        self._columns = {
            name: fitted.read_as(self._reading.kinds[name], self._reading.time_formats.get(name))
            for name, fitted in self._columns.items()
        }
        dates = first_and_last(columns, self._reading)
        left_out = left_out_of(dates, self.keep) if self.vectorizer is None else set()
        self._name_features(made, left_out)
        dates = not_counted(dates, self.feature_origin_)
        self._columns = {n: replace(c, dates=dates.get(n)) for n, c in self._columns.items()}
        with_features = set(self.feature_origin_.values())
        for name, column in columns.items():
            if name not in with_features:
                made_of = self._first_features
                dropped[name] = self._reading.why_dropped(column.values, made_of, name)
                self._first_features.pop(name, None)
        check_some_left(self.feature_origin_, dropped, owner)
        filled, _ = self._filling.apply(features)
        origin = list(self.feature_origin_.values())[: filled.shape[1]]
        self._scale = Scale.of(filled, np.array([self._reading.kinds[c] == NUMBER for c in origin]))
        self.column_kinds_ = {
            name: kind for name, kind in self._reading.kinds.items() if name not in dropped
        }
        self.dropped_ = dropped
        self.feature_names_in_ = np.array(table.columns, dtype=object)
        self.n_features_in_ = len(table.columns)
        warn_of_dropped(dropped, owner)
        return self._finished(features, table.index)

    def _name_features(self, made: ColumnFeatures, left_out: set[tuple[str, str]]) -> None:
        """Set which features are kept and flagged, their names, and the column of each."""
        origin = made.origin
        usable = [each not in left_out for each in zip(origin, made.names, strict=True)]
        self._filling = Filling.of(made.values, origin, self.keep, np.array(usable))
        kept, flagged = np.flatnonzero(self._filling.kept), self._filling.flagged
        names = [made.names[i] for i in kept] + [f"{origin[i]}_missing" for i in flagged]
        columns = [origin[i] for i in [*kept, *flagged]]
        self.feature_origin_ = dict(zip(different(names), columns, strict=True))
        self._first_features = {}
        for i, name in enumerate(origin):
            self._first_features.setdefault(name, i)

    def _given(self, columns: Mapping[str, Column]) -> dict[str, pd.Series]:
        """Return the values of each column for the vectorizer."""
        return {name: self._columns[name].given(column) for name, column in columns.items()}

    def _finished(self, features: Floats, index: Any) -> pd.DataFrame:
        """Return the features filled in, on one scale, and with flags."""
        import pandas as pd

        filled, flags = self._filling.apply(features)
        rows = np.hstack([self._scale.apply(filled), flags])
        return pd.DataFrame(rows, columns=list(self.feature_origin_), index=index)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
