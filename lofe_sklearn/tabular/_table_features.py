"""A table of numbers, text, dates and gaps as rows of finite numbers of one size."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._types import Floats, MatrixLike, RandomState
from lofe_sklearn._validation import (
    RANDOM_STATE,
    all_or_nothing,
    check_parameters,
    did_you_mean,
    warn_user,
)
from lofe_sklearn.tabular._filled import Filling
from lofe_sklearn.tabular._fitted_columns import FittedColumn
from lofe_sklearn.tabular._plain_columns import EMPTY, NUMBER, TEXT, TIME, Column, plain_column
from lofe_sklearn.tabular._read_table import named, read_table
from lofe_sklearn.tabular._scaled import Scale
from lofe_sklearn.tabular._uninformative import (
    CONSTANT_REASON,
    EMPTY_REASON,
    why_uninformative,
)

if TYPE_CHECKING:
    import pandas as pd


class ColumnNames:
    """A sequence of names, such as a list of str."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is one; a single str is none."""
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            return False
        return all(isinstance(name, str) for name in value)

    def __str__(self) -> str:
        return "a list of column names"


class TableFeatures(TransformerMixin, BaseEstimator):
    """Turn a table of mixed columns into rows that any detector takes.

    It reads tables of pandas, polars and pyarrow, and is the first step of
    :func:`table_pipeline`. It needs ``pip install 'lofe-sklearn[table]'``: skrub's TableVectorizer
    [1]_ chooses the features of text and dates.

    ======================== =====================================================================
    column                   features
    ======================== =====================================================================
    numbers, truth values,   one, with long tails shortened: see Notes
    decimals, durations
    text of few values,      one for each value; a new value is in none of them
    categories
    text of 40 values and    30 components of its character n-grams
    more
    dates and times          the year, and month, day, hour and weekday as points on a circle
    missing values           the median of the column; columns with missing values get one more
                             feature, 1 where the value is missing
    one value only, all      none: such columns are dropped, with a warning that names them
    missing, identifiers
    ======================== =====================================================================

    Parameters
    ----------
    vectorizer : skrub.TableVectorizer, optional
        What turns columns into features. Default: skrub's TableVectorizer, with features of times
        that do not grow without end, and one feature for each value of text.
    keep : sequence of str, default=()
        Columns that are kept although they have one value only or look like identifiers.
    random_state : int, RandomState instance or None, default=0
        Seeds the decomposition of text, which is approximate. The default is an integer, since it
        is no more than a detail of the computation.

    Attributes
    ----------
    feature_origin_ : dict of str to str
        The input column of each output feature, in the order of the output. What is computed for
        features, such as how much each adds to a score, can be summed up over columns by it.
    dropped_ : dict of str to str
        The columns that were dropped, and why.
    column_kinds_ : dict of str to str
        The kind of each column that was kept: ``"number"``, ``"time"``, ``"category"`` or
        ``"text"``, as it is after numbers and times have been read from text.
    vectorizer_ : skrub.TableVectorizer
        The fitted vectorizer. It has seen columns of plain values: numbers as distances to their
        median in a unit of their own.
    feature_names_in_ : ndarray of str, shape (n_features_in_,)
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
        If columns are dropped; if another table has columns that were not there in the fit, which
        are ignored, values that cannot be read, or missing values where there were none.

    Notes
    -----
    A number x becomes :math:`\\operatorname{arsinh}((x - m) / s)` with the median m and the
    interquartile range over 1.349 as s, which is about the standard deviation of a normal
    distribution. It is linear in the middle and logarithmic in the tails: one amount of a million
    does not make all others equal, and still stands out. All features are then centred and divided
    by their standard deviation.

    An identifier is text without spaces that is different in each of at least 20 rows and no date
    or number, or whole numbers that are all different although they come from a range that is so
    small that this is no chance, or whose name says that they are identifiers.

    Dates get no feature that counts time from a fixed date: all rows of tomorrow's table would lie
    beyond the training rows, and stand out.

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
        """Learn what to make of each column.

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
        """Learn what to make of each column, and return the features of the same rows.

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
        with all_or_nothing(self):
            return self._fit_transform(X)

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
        table = self._known_columns(read_table(X, owner))
        columns = {
            name: fitted.like(
                plain_column(table[name], name, owner), name, owner, self._time_formats.get(name)
            )
            for name, fitted in self._columns.items()
        }
        with _without_remarks():
            features = self.vectorizer_.transform(self._given(columns))
        features = _numbers(features, owner)
        self._check_gaps(features, columns, table)
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
        vectorizer = self._new_vectorizer()
        table = read_table(X, owner)
        if len(table) < 2:
            raise ValueError(f"{owner}: X must have at least 2 rows to learn from; got 1 sample.")
        unknown = [name for name in self.keep if name not in table.columns]
        if unknown:
            raise ValueError(
                f"{owner}: keep must name columns of X; X has no {named(unknown)}."
                f"{did_you_mean(unknown[0], table.columns)}"
            )
        columns = {name: plain_column(table[name], name, owner) for name in table.columns}
        dropped = {
            name: reason
            for name, column in columns.items()
            if (reason := why_uninformative(column, name)) is not None
            and (name not in self.keep or column.kind == EMPTY)
        }
        columns = {name: column for name, column in columns.items() if name not in dropped}
        _check_left(columns, dropped, owner)
        self._columns = {name: FittedColumn.of(column) for name, column in columns.items()}
        with _without_remarks():
            features = vectorizer.fit_transform(self._given(columns))
        self.vectorizer_ = vectorizer
        origin = [vectorizer.output_to_input_[name] for name in features.columns]
        names = [_own_name(name) for name in features.columns]
        numbers = _numbers(features, owner)

        self._filling = Filling.of(numbers, origin, self.keep)
        kept = np.flatnonzero(self._filling.kept)
        flagged = [origin[i] for i in self._filling.flagged]
        left = {origin[i] for i in kept} | set(flagged)
        for name in columns:  # those of which the vectorizer made nothing, such as "N/A" only
            if name not in left:
                dropped[name] = CONSTANT_REASON if name in origin else EMPTY_REASON
        _check_left(left, dropped, owner)
        names = _different([names[i] for i in kept] + [f"{name}_missing" for name in flagged])
        self.feature_origin_ = dict(
            zip(names, [*(origin[i] for i in kept), *flagged], strict=True)
        )
        self._first_features = {name: origin.index(name) for name in dict.fromkeys(origin)}
        self._read_kinds(columns)
        filled, _ = self._filling.apply(numbers)
        is_number = [self.column_kinds_.get(origin[i]) == NUMBER for i in kept]
        self._scale = Scale.of(filled, np.array(is_number, dtype=bool))
        self.dropped_ = dropped
        self.feature_names_in_ = np.array(table.columns, dtype=object)
        self.n_features_in_ = len(table.columns)
        if dropped:
            listed = ", ".join(f"{name!r} ({reason})" for name, reason in dropped.items())
            warn_user(
                f"{owner}: dropped columns that say nothing of a row: {listed}. Leave them out of "
                "X to be rid of this warning, or keep them with keep=[...]."
            )
        return self._finished(numbers, table.index)

    def _new_vectorizer(self) -> Any:
        try:
            from skrub import DatetimeEncoder, StringEncoder, TableVectorizer
        except ImportError as error:
            raise ImportError(
                f"{type(self).__name__}: this needs skrub. Install it with: pip install "
                "'lofe-sklearn[table]'"
            ) from error
        if self.vectorizer is None:
            return TableVectorizer(
                low_cardinality=OneHotEncoder(
                    handle_unknown="ignore", sparse_output=False, dtype=np.float32
                ),
                high_cardinality=StringEncoder(random_state=self.random_state),
                datetime=DatetimeEncoder(
                    add_weekday=True, add_total_seconds=False, periodic_encoding="circular"
                ),
            )
        if not isinstance(self.vectorizer, TableVectorizer):
            raise TypeError(
                f"{type(self).__name__}: vectorizer must be skrub's TableVectorizer(...) or None; "
                f"got {self.vectorizer!r}."
            )
        return clone(self.vectorizer)

    def _given(self, columns: Mapping[str, Column]) -> pd.DataFrame:
        """Return the table for the vectorizer."""
        import pandas as pd

        return pd.DataFrame(
            {name: self._columns[name].given(column) for name, column in columns.items()}
        )

    def _read_kinds(self, columns: Mapping[str, Column]) -> None:
        """Note what the vectorizer has read from text, and how."""
        kinds = {name: column.kind for name, column in columns.items()}
        found = self.vectorizer_.kind_to_columns_
        read = {name: NUMBER for name in found["numeric"]}
        read |= {name: TIME for name in found["datetime"]}
        self.column_kinds_ = kinds | {
            name: kind for name, kind in read.items() if kinds[name] == TEXT
        }
        steps = self.vectorizer_.all_processing_steps_
        self._time_formats = {
            name: step.format_
            for name in read
            for step in steps[name]
            if getattr(step, "format_", None) and kinds[name] == TEXT
        }
        self._null_strings = {
            null for name in kinds for step in steps[name] for null in _null_strings(step)
        }

    def _known_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """Check that the columns of the fit are there; say which others are."""
        owner, present = type(self).__name__, set(table.columns)
        missing = [name for name in self._columns if name not in present]
        extra = [name for name in table.columns if name not in set(self.feature_names_in_)]
        if missing:
            hint = did_you_mean(missing[0], extra)
            raise ValueError(
                f"{owner}: X must have the columns of the table that was fitted; {named(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing.{hint}"
            )
        if extra:
            warn_user(
                f"{owner}: X has columns that were not there in the fit, which are ignored: "
                f"{named(extra)}."
            )
        return table

    def _check_gaps(
        self, features: Floats, columns: Mapping[str, Column], table: pd.DataFrame
    ) -> None:
        """Warn of values that became missing, and of gaps in columns that had none."""
        flagged = set(self._filling.flagged.tolist())
        unread, new = [], []
        for name, feature in self._first_features.items():
            gaps = np.isnan(features[:, feature])
            if not gaps.any():
                continue
            given = table[name].reset_index(drop=True)
            texts = given.astype(object)[gaps & ~given.isna().to_numpy()]
            unreadable = [text for text in texts if str(text).strip() not in self._null_strings]
            unreadable = [text for text in unreadable if str(text).strip()]
            if unreadable and self.column_kinds_.get(name) in (NUMBER, TIME):
                unread.append(f"{name!r} ({len(unreadable)}, such as {unreadable[0]!r})")
            if feature not in flagged:
                new.append(name)
        if unread:
            warn_user(
                f"{type(self).__name__}: values that are no numbers or dates, as the columns had "
                f"in the fit, are taken for missing: {', '.join(unread)}."
            )
        if new:
            warn_user(
                f"{type(self).__name__}: there were no missing values in the fit in columns that "
                f"have some now: {named(new)}. The median stands for them."
            )

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


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Leave out what skrub says of texts that are fewer than the features it makes of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The matrix shape is", UserWarning)
        yield


def _numbers(features: pd.DataFrame, owner: str) -> Floats:
    """Return what the vectorizer has made, as numbers."""
    try:
        numbers = features.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{owner}: vectorizer must turn all columns into numbers. {error}"
        ) from error
    infinite = np.isinf(numbers)
    if infinite.any():
        row, feature = np.argwhere(infinite)[0]
        raise ValueError(
            f"{owner}: the value in row {row} of the feature {features.columns[feature]!r} is too "
            "large to compute with. Replace it by a missing value, or leave the column out."
        )
    return numbers


def _null_strings(step: Any) -> Sequence[str]:
    return getattr(step, "null_strings_", ())


def _own_name(name: str) -> str:
    """Return a feature's name without the random part that skrub adds to names that come twice."""
    return re.sub(r"__skrub_[0-9a-f]+__$", "", str(name))


def _different(names: list[str]) -> list[str]:
    """Return the names with a number behind those that came before."""
    found: dict[str, None] = {}
    for name in names:
        free, number = name, 2
        while free in found:
            free, number = f"{name}_{number}", number + 1
        found[free] = None
    return list(found)


def _check_left(columns: Any, dropped: Mapping[str, str], owner: str) -> None:
    if not columns:
        listed = [f"{name!r} ({reason})" for name, reason in list(dropped.items())[:8]]
        more = f" and {len(dropped) - 8} more" if len(dropped) > 8 else ""
        raise ValueError(
            f"{owner}: X must have a column that tells rows apart; none is left: "
            f"{', '.join(listed)}{more}. Keep some with keep=[...], or add others."
        )
