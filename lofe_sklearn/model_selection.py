"""Folds for outlier detection: each with its share of the anomalies, however they are labelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.model_selection import check_cv as _sklearn_check_cv
from sklearn.utils import check_consistent_length

from lofe_sklearn._types import MatrixLike, RandomState, Splitter
from lofe_sklearn._validation import RANDOM_STATE, Described, Number, check_argument
from lofe_sklearn.metrics import is_anomaly

_FOLDS = Described(Number(Integral, low=2), "an integer of at least 2")
_CV = Described(
    Number(Integral, low=2),
    "an integer of at least 2 for k-fold splits, a splitter, or an iterable of rows (train, test)",
)


class OutlierStratifiedKFold(StratifiedKFold):
    """K folds that all have the same share of anomalies, up to one row.

    scikit-learn stratifies by default for classifiers only; plain folds of an outlier detector may
    hold no anomalies, and then have no ROC AUC. Without labels these are plain folds.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2 and at most the number of anomalies.
    shuffle : bool, default=True
        Shuffle the rows of each class before they are dealt out. Unlike in scikit-learn the default
        is True, since sets for outlier detection are often sorted by class or by kind of anomaly.
        Set it to False if neighbouring rows depend on each other, as in a time series.
    random_state : int, RandomState instance or None, default=None
        Seeds the shuffling, as in scikit-learn: with None every call of `split` has other folds.
        It must be None if `shuffle` is False.

    Raises
    ------
    ValueError
        If a parameter is out of range. From `split`: if there are fewer anomalies or fewer normal
        rows than folds, or `y` cannot be read (`lofe_sklearn.metrics.is_anomaly`).

    See Also
    --------
    check_cv : What an integer `cv` stands for.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.model_selection import OutlierStratifiedKFold
    >>> X, y = np.zeros((100, 2)), np.repeat([1, -1], [90, 10])
    >>> folds = OutlierStratifiedKFold(5, random_state=0)
    >>> [int((y[test] == -1).sum()) for _, test in folds.split(X, y)]
    [2, 2, 2, 2, 2]
    """

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = True, random_state: RandomState = None
    ) -> None:
        check_argument("OutlierStratifiedKFold", "n_splits", n_splits, _FOLDS)
        check_argument("OutlierStratifiedKFold", "random_state", random_state, RANDOM_STATE)
        super().__init__(n_splits, shuffle=shuffle, random_state=random_state)

    def split(
        self, X: MatrixLike, y: ArrayLike | None = None, groups: object = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield the rows to train on and the rows to test on, fold by fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows; only their number counts.
        y : array-like of shape (n_samples,), default=None
            Labels as `lofe_sklearn.metrics.is_anomaly` reads them. None stands for no labels, and
            for folds that are not stratified.
        groups : Ignored
            Present for API consistency.

        Yields
        ------
        train : ndarray of int
            Indices of the training rows.
        test : ndarray of int
            Indices of the test rows.

        Raises
        ------
        ValueError
            If there are fewer anomalies or fewer normal rows than folds, or `y` cannot be read.
        """
        if y is None:
            plain = KFold(self.n_splits, shuffle=self.shuffle, random_state=self.random_state)
            yield from plain.split(X)
            return
        anomalous = is_anomaly(y, name="OutlierStratifiedKFold: y")
        check_consistent_length(X, anomalous)
        for name, count in (
            ("anomalies", int(anomalous.sum())),
            ("normal rows", int((~anomalous).sum())),
        ):
            if count < self.n_splits:
                remedy = (
                    f"n_splits={count}" if count >= 2 else "y=None, and a scorer without labels"
                )
                raise ValueError(
                    f"OutlierStratifiedKFold: y holds fewer {name} ({count}) than there are folds "
                    f"(n_splits={self.n_splits}); a fold without {name} cannot be scored. Use "
                    f"{remedy}."
                )
        yield from super().split(X, anomalous)


def check_cv(
    cv: int | Splitter | Iterable[tuple[Any, Any]] | None = None, y: ArrayLike | None = None
) -> Splitter:
    """Return the splitter for outlier detection that the parameter `cv` stands for.

    Parameters
    ----------
    cv : int, splitter, iterable or None, default=None
        Number of folds; None stands for 5. A splitter is taken as it is, and so is an iterable of
        (train, test) indices, as in scikit-learn.
    y : array-like of shape (n_samples,), default=None
        Labels, if there are any: an integer `cv` then stands for `OutlierStratifiedKFold`, else for
        plain folds.

    Returns
    -------
    splitter : object with `split` and `get_n_splits`
        Of an integer `cv`, the folds are shuffled with a fixed seed, 0: the same at every call,
        so that candidates are compared on the same rows, and yet not the order of the file, which
        is often that of the classes. scikit-learn's are not shuffled; for rows that depend on
        their neighbours pass a splitter of your own.

    Raises
    ------
    ValueError
        If `cv` is none of these.

    Examples
    --------
    >>> from lofe_sklearn.model_selection import check_cv
    >>> check_cv(3, [0, 0, 0, 1, 1, 1])
    OutlierStratifiedKFold(n_splits=3, random_state=0, shuffle=True)
    >>> check_cv(3)
    KFold(n_splits=3, random_state=0, shuffle=True)
    """
    return folds_of(cv, y, owner="check_cv")


def _is_fold(fold: Any) -> bool:
    """Whether it is a pair of row numbers, in whatever sequences or arrays."""
    is_pair = isinstance(fold, (Sequence, np.ndarray)) and np.ndim(fold[:0]) > 0 and len(fold) == 2
    return is_pair and all(np.ndim(part) == 1 for part in fold)


def folds_of(cv: Any, y: ArrayLike | None, *, owner: str) -> Splitter:
    """Return what `check_cv` returns; errors name the `owner` of `cv`."""
    folds: Any = 5 if cv is None else cv
    is_splitter = hasattr(folds, "split") and not isinstance(folds, (str, type))
    if not is_splitter:
        if np.isscalar(folds) or isinstance(folds, type) or not isinstance(folds, Iterable):
            check_argument(owner, "cv", folds, _CV)
            kind = KFold if y is None else OutlierStratifiedKFold
            n_splits: Any = folds
            return kind(int(n_splits), shuffle=True, random_state=0)
        folds = list(folds)
        if not folds:
            raise ValueError(f"{owner}: cv must be {_CV}; got an empty {type(cv).__name__}.")
        for fold in folds:
            if not _is_fold(fold):
                raise ValueError(f"{owner}: cv must be {_CV}; got {fold!r} for a fold.")
    splitter: Splitter = _sklearn_check_cv(folds)
    return splitter
