"""What every detector shares: rows in, scores out, high for normal rows, and a threshold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from lofe_sklearn._bad_rows import blaming_rows, explained, of_all_columns
from lofe_sklearn._containers import (
    Matrix,
    check_plain_values,
    readable_rows,
    tidy_csr,
)
from lofe_sklearn._missing_codes import warn_of_codes_in_rows
from lofe_sklearn._nested_parameters import NestedParameters
from lofe_sklearn._no_classes import NoClasses
from lofe_sklearn._notebook import NotebookMixin
from lofe_sklearn._prepared_rows import PreparedRows, RowReader
from lofe_sklearn._progress import CallbackSupportMixin
from lofe_sklearn._reasons import ExplainMixin
from lofe_sklearn._thresholds import ThresholdMixin
from lofe_sklearn._types import Floats, Ints, MatrixLike
from lofe_sklearn._validation import warn_user
from lofe_sklearn._versions import VersionedPickleMixin
from lofe_sklearn.sources._blocks import blocks_to_score
from lofe_sklearn.sources._find_source import in_memory, source_of


class OutlierDetector(
    VersionedPickleMixin,
    NotebookMixin,
    ExplainMixin,
    ThresholdMixin,
    NestedParameters,
    CallbackSupportMixin,
    OutlierMixin,
    BaseEstimator,
):
    """The base class of backbones and `LOE`.

    A subclass says which backbones its rows are for, scores them, and plans what is trained on
    them: see `lofe_sklearn._training.fit`.
    """

    offset_: float
    n_features_in_: int
    feature_names_in_: np.ndarray

    classes_ = NoClasses()

    @abstractmethod
    def score_samples(self, X: MatrixLike) -> Floats:
        """Score of each row: the higher, the more normal."""

    @abstractmethod
    def _scores_of(self, X: Matrix) -> Floats:
        """Scores of validated rows."""

    def decision_function(self, X: MatrixLike) -> Floats:
        """Signed distance of each row's score to the threshold: negative for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        decision : ndarray of float64, shape (n_samples,)
            ``score_samples(X) - offset_``.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: MatrixLike) -> Ints:
        """Tell outliers from inliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.

        Returns
        -------
        is_inlier : ndarray of int, shape (n_samples,)
            -1 for outliers, +1 for inliers.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _is_verbose(self) -> bool:
        """Whether `fit` shows a progress bar."""
        return getattr(self, "verbose", 0) > 0

    def _keeps_interrupted(self) -> bool:
        """Whether Ctrl-C keeps what is trained so far."""
        return False

    def _jobs(self) -> int | None:
        """Return joblib's `n_jobs`: how many stacks are trained at a time."""
        return None

    def _namesake(self) -> str:
        """Return the name for messages: of the backbone that the user chose, or of the detector."""
        return type(self).__name__

    def _check_given(self, X: Any) -> None:
        """Raise ValueError if a parameter with a value for each row is not in the order of X."""

    @abstractmethod
    def _readers(self, *, fitted: bool) -> Sequence[RowReader]:
        """Return the backbones that the rows are for: those to be trained, or the fitted ones."""

    def _prepare_rows(self, X: Any, *, again: bool = False, is_block: bool = False) -> PreparedRows:
        """Validate training rows; `n_features_in_` and the features' names are set.

        With `again` X must have the features of the rows that the detector was fitted to. With
        `is_block` X is the first of many blocks, which does not say what the values stand for.

        Raises
        ------
        ValueError, TypeError
            If they cannot be trained on.
        """
        layout = self._layout if again else None
        readers = self._readers(fitted=False)
        rows, layout = self._validated(X, readers, layout, ensure_min_samples=2, reset=not again)
        prepared = PreparedRows(rows, getattr(self, "feature_names_in_", None), layout)
        if not is_block:
            warn_of_codes_in_rows(type(self).__name__, rows, prepared.feature_names)
        self._typical_values = prepared.typical_values
        return prepared

    def _adopt_rows(self, rows: PreparedRows) -> None:
        """Set what `_prepare_rows` sets, for rows that another detector has prepared."""
        self.n_features_in_, self._typical_values = rows.X.shape[1], rows.typical_values
        if rows.feature_names is not None:
            self.feature_names_in_ = rows.feature_names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _rows_of_block(self, X: Any, layout: Any, first_row: int) -> Matrix:
        """Validate a later block of training rows; `first_row` is the number of its first row."""
        readers = self._readers(fitted=False)
        return self._validated(
            X, readers, layout, first_row=first_row, names_told=True, reset=False
        )[0]

    def _rows_like(self, X: Any, rows: PreparedRows, name: str) -> Matrix:
        """Validate other rows, the argument `name`, with the features of the training rows."""
        detector = self
        if rows.feature_names is not None and not hasattr(X, "columns"):
            warn_user(
                f"{type(self).__name__}: {name} has no feature names, but X has. Its columns are "
                f"taken in the order of those of X; pass a data frame with the columns of X."
            )
            detector = self._without_names()
        readers = self._readers(fitted=False)
        return detector._validated(X, readers, rows.layout, name=name, reset=False)[0]

    @contextmanager
    def _rows_to_score(self, X: Any, name: str = "X", first_row: int = 0) -> Iterator[Matrix]:
        """Validate rows to score, the argument `name`; explain errors of the scoring."""
        check_is_fitted(self)
        readers = self._readers(fitted=True)
        rows, _ = self._validated(
            *(X, readers, self._layout),
            name=name,
            first_row=first_row,
            names_told=first_row > 0,
            reset=False,
        )
        for reader in {type(each): each for each in readers}.values():
            reader.warn_of_other_rows(rows, type(self).__name__, name)
        names = getattr(self, "feature_names_in_", None)
        with blaming_rows(type(self).__name__, rows, names, name, first_row):
            yield rows

    def _of_each_row(
        self, X: Any, compute: Callable[[Matrix], np.ndarray], name: str = "X"
    ) -> np.ndarray:
        """Compute something of each row, independent of the others: of a source block by block."""
        check_is_fitted(self)
        owner = type(self).__name__
        source = source_of(X, owner, name)
        if source is None or source.is_small:
            with self._rows_to_score(X, name) as rows:
                return compute(rows)
        parts = []
        for start, block in blocks_to_score(source, owner, name):
            with self._rows_to_score(block, name, start) as rows:
                parts.append(compute(rows))
        return np.concatenate(parts)

    def _scores_of_calibration(self, rows: Any) -> Floats:
        return self._of_each_row(rows, self._scores_of, "calibration")

    def _validated(
        self,
        X: Any,
        readers: Sequence[RowReader],
        layout: Any = None,
        *,
        name: str = "X",
        first_row: int = 0,
        names_told: bool = False,
        **options: Any,
    ) -> tuple[Matrix, Any]:
        owner = type(self).__name__
        X = in_memory(X, owner, name)
        try:
            check_plain_values(X, name, owner, first_row)
        except ValueError as error:
            raise ValueError(of_all_columns(error, X, name, owner, first_row)) from error
        X = readable_rows(X, owner, name)
        for reader in readers:
            X, found = reader.to_rows(X, layout)
            layout = found if layout is None else layout
        first, *others = (reader.input_dtypes for reader in readers)
        try:
            is_new = options.get("reset", True)
            of_names = self if is_new else self._with_names_like(X, name, is_told=names_told)
            # In C order, so that sums over rows are the same for all containers.
            rows = validate_data(
                of_names,
                X,
                accept_sparse="csr",
                order="C",
                dtype=[kind for kind in first if all(kind in kinds for kinds in others)],
                **options,
            )
        except (ValueError, TypeError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            fitted = None if options.get("reset", True) else self
            message = explained(error, X, name, owner, fitted, self._namesake(), first_row)
            raise kind(message) from error
        if sparse.issparse(rows):
            # Checked again: the conversion has given index arrays to formats without them.
            rows = tidy_csr(readable_rows(rows, owner, name))
        for reader in readers:
            if rows.shape[1] < reader.min_features:
                raise ValueError(
                    f"{owner}: Found array with {rows.shape[1]} feature(s) (shape={rows.shape}) "
                    f"while a minimum of {reader.min_features} is required by "
                    f"{type(reader).__name__}."
                )
        return rows, layout

    def _with_names_like(self, X: Any, name: str, *, is_told: bool) -> Any:
        """Return the detector, or a copy with names if X has some, and without if X has none.

        scikit-learn would warn of either at a line of its own, where all calls look alike, and
        once for each block; with `is_told` this is a block after one that was warned of.
        """
        bare = BaseEstimator()
        if hasattr(X, "columns") or hasattr(X, "__dataframe__"):  # others have no names
            validate_data(bare, X, skip_check_array=True)
        names = getattr(bare, "feature_names_in_", None)
        fitted = getattr(self, "feature_names_in_", None)
        if (names is None) == (fitted is None):
            return self
        owner, detector = type(self).__name__, self._without_names()
        if names is not None:
            detector.feature_names_in_ = names
        if is_told:
            return detector
        if names is None:
            warn_user(
                f"{name} does not have valid feature names, but {owner} was fitted with feature "
                "names"
            )
        else:
            warn_user(f"{name} has feature names, but {owner} was fitted without feature names")
        return detector

    # What `to_rows` found in the training rows.
    _layout: Any = None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
