"""The classical detectors whose evidence LOE takes: cheap, and wrong about other rows than it is.

Each scores rows high for anomalies, whatever the units of the features, and keeps little of a large
training set.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import suppress
from typing import Any, ClassVar, Self

import numpy as np
from scipy import linalg, sparse
from sklearn.base import BaseEstimator
from sklearn.covariance import MinCovDet
from sklearn.ensemble import IsolationForest

from lofe_sklearn._containers import Matrix, Subset
from lofe_sklearn._loe._distances import (
    Distances,
    has_few_stored,
    less_zeros,
    standardised,
)
from lofe_sklearn._loe._trees_as_bits import trees_as_bits
from lofe_sklearn._quiet import silenced
from lofe_sklearn._training import (
    FEW_BITS,
    Memo,
    differ,
    fit_scaling,
    in_units,
    range_of,
    shift_within,
    units_within,
)
from lofe_sklearn.engine import RowScaling

# Magnitudes that float32 holds, with room for differences. scikit-learn's trees take values for
# equal that differ by less than 1e-7, whatever their unit is: the largest must be far above.
_FLOAT32 = 1e-2, 1e30
_LARGEST = float(np.finfo(np.float32).max)
# Scores whose standard deviation is at most this share of them are alike.
_NO_SPREAD = 1e-12
# Singular values up to this make MinCovDet warn that the rows are not of full rank.
_SINGULAR = 1e-8
# Numbers of a block of rows, or of their distances, that are held at a time: what a cache holds.
_BLOCK = 2**18
# Rows that a product of matrices needs to be fast, as long as memory holds them.
_FEW_ROWS, _MOST_VALUES = 64, 2**22
# Numbers of the rows that neighbours are sought among.
_KEPT = 2**24
# Standard deviations above the mean from which others' scores make a row no neighbour.
_FAR_ABOVE = 1.9


class Unfit(Exception):
    """The rows are such that a detector cannot be fitted to them; the message says why."""


class Forest(BaseEstimator):
    """scikit-learn's isolation forest, in units that its float32 can hold."""

    label: ClassVar[str] = "the isolation forest"
    n_trees: ClassVar[int] = 100

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    @staticmethod
    def suits(n_samples: int, n_features: int) -> bool:
        """Whether rows of this shape are worth a try."""
        return True

    def fit(self, X: Matrix, y: Any = None) -> Self:
        """Grow the trees, each from at most 256 rows."""
        self.shift_ = shift_within(X, FEW_BITS)
        self.units_ = units_within(self._shifted(X), *_FLOAT32)
        # What a feature differs by from row to row is its size, unless it is rounding: in these
        # units its values are all 0. (The trees of some versions of scikit-learn split whatever
        # differs at all.)
        low, high = range_of(X)
        self.units_[(low < high) & ~differ(low, high, X.shape[0])] = np.finfo(np.float64).max
        self.forest_ = IsolationForest(n_estimators=self.n_trees, random_state=self.random_state)
        self.forest_.fit(self._read(X))
        return self

    def outlier_scores(self, X: Matrix) -> np.ndarray:
        """Score rows, high for anomalies."""
        with np.errstate(over="ignore"):  # what overflows is clipped
            rows = self._read(X)
        if sparse.issparse(rows):
            rows = sparse.csr_matrix(
                (np.clip(rows.data, -_LARGEST, _LARGEST), rows.indices, rows.indptr), rows.shape
            )
            return -self.forest_.score_samples(rows)
        if max(rows.max(), -rows.min()) > _LARGEST:
            rows = np.clip(rows, -_LARGEST, _LARGEST)
        return trees_as_bits(self.forest_).outlier_scores(rows)

    def _read(self, X: Matrix) -> Any:
        """Bring rows to numbers that float32 can hold."""
        return in_units(self._shifted(X), self.units_)

    def _shifted(self, X: Matrix) -> Matrix:
        if not self.shift_.any():
            return X
        # Sparse rows come here if the forest was fitted to others.
        dense: Any = X.toarray() if sparse.issparse(X) else X  # type: ignore[union-attr]
        return np.asarray(dense, dtype=np.float64) - self.shift_


class Neighbors(BaseEstimator):
    """Distance to the 20th nearest normal row, features standardised, far values cut off.

    Anomalies in a group are close to each other. So rows are no neighbours that the isolation
    forest and the robust covariance find anomalous: those whose mean score, in logarithms that are
    standardised, is 1.9 standard deviations above the mean of all.

    A training row is its own nearest. Of many rows the neighbours are sought among 500. That did
    better than among more, as anomalies in groups then have fewer neighbours of their kind, and
    takes less time (study `large-sets` of the benchmarks).
    """

    label: ClassVar[str] = "the distance to the 20th neighbour"
    n_neighbors: ClassVar[int] = 20
    max_samples: ClassVar[int] = 500

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    @staticmethod
    def suits(n_samples: int, n_features: int) -> bool:
        """Whether rows of this shape are worth a try."""
        return True

    def fit(self, X: Matrix, y: Any = None, *, others: list[Any] | None = None) -> Self:
        """Keep the rows that are compared with.

        `others` are detectors fitted to X that say which rows may be neighbours; None fits them.
        """
        if others is None:
            others = judges(X, self.random_state, None, {})
        # One far value must not make all others of its feature look alike.
        self.scaling_ = fit_scaling(X, "winsorized")
        is_sparse, most = has_few_stored(X), self.max_samples
        if not is_sparse:
            most = min(most, max(2, _KEPT // X.shape[1]))
        some = _some_rows(X, most, self.random_state)
        normal = _found_normal([each.outlier_scores(some) for each in others], some.shape[0])
        scale = less_zeros if is_sparse else standardised
        self.rows_ = scale(some[normal], RowScaling(self.scaling_, X.shape[1]))
        return self

    def standardised_rows(self) -> np.ndarray:
        """Return the rows that are compared with, standardised, (n, d)."""
        rows: Any = self.rows_
        if not sparse.issparse(rows):
            return np.asarray(rows)
        return np.asarray(rows.toarray() + RowScaling(self.scaling_, rows.shape[1]).of_zeros)

    @property
    def k(self) -> int:
        """Which of the nearest rows counts: the furthest where there are few."""
        return min(self.n_neighbors, self.rows_.shape[0])

    def outlier_scores(self, X: Matrix) -> np.ndarray:
        """Score rows, high for anomalies."""
        scores, distances = np.empty(X.shape[0]), self.distances()
        for block, rows, near in self.blocks(X, distances):
            furthest = (near == kth_of(near, self.k)).argmax(axis=1)
            scores[block] = distances.exact(rows, furthest)
        return scores

    def distances(self) -> Distances:
        """Return the distances to the rows that are compared with."""
        return Distances(self.rows_, RowScaling(self.scaling_, self.rows_.shape[1]))

    def blocks(self, X: Matrix, distances: Distances) -> Iterator[tuple[slice, Any, np.ndarray]]:
        """Yield blocks of rows: where they are, as they are read, and half their squared distances.

        In single precision the k-th is found in half of the time, and neighbours that cannot be
        told apart are at the same distance to 1e-7.
        """
        n_kept, n_features = self.rows_.shape
        width = n_kept if sparse.issparse(self.rows_) else max(n_kept, n_features + 2)
        step = max(_FEW_ROWS, _BLOCK // width)
        step = max(1, min(step, _MOST_VALUES // width))
        for start in range(0, X.shape[0], step):
            block = slice(start, start + step)
            rows = distances.read(X[block])
            with np.errstate(over="ignore"):  # from rows that far away all are equally far
                near = distances.half_squared(rows).astype(np.float32)
            yield block, rows, near


class NearNeighbors(Neighbors):
    """Distance to the 5th nearest normal row, features standardised: for first labels."""

    label: ClassVar[str] = "the distance to the 5th neighbour"
    n_neighbors: ClassVar[int] = 5


class RobustCovariance(BaseEstimator):
    """Mahalanobis distance by the minimum covariance determinant, features standardised.

    Constant features are left out. Of many rows 500 are used: more cost much and are no better.
    """

    label: ClassVar[str] = "the robust covariance"
    max_samples: ClassVar[int] = 500
    max_features: ClassVar[int] = 100
    # Rows for each feature that a covariance needs to be worth anything.
    rows_per_feature: ClassVar[int] = 3

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    @classmethod
    def suits(cls, n_samples: int, n_features: int) -> bool:
        """Whether rows of this shape are worth a try."""
        enough = n_samples >= cls.rows_per_feature * (n_features + 1)
        return enough and 2 <= n_features <= cls.max_features

    def fit(self, X: Matrix, y: Any = None) -> Self:
        """Estimate the covariance of the rows that lie most densely.

        Raises
        ------
        Unfit
            If there are too few rows, or the covariance is singular.
        """
        self.scaling_ = fit_scaling(X, "standard")
        own = _some_rows(X, self.max_samples, self.random_state)
        self.varies_ = differ(*range_of(own), own.shape[0])
        some = standardised(own, RowScaling(self.scaling_, X.shape[1]))[:, self.varies_]
        n_samples, n_features = some.shape
        if n_features == 0:
            raise Unfit("all features are constant")
        if n_samples <= n_features + 1:
            raise Unfit(f"{n_samples} rows are too few for a covariance of {n_features} features")
        if np.linalg.matrix_rank(some - some.mean(axis=0)) < n_features:
            raise Unfit("its covariance is singular: some features are functions of others")
        if (linalg.svdvals(some.T @ some) <= _SINGULAR).any():
            raise Unfit("its covariance is singular up to rounding")
        with silenced("Determinant has increased", RuntimeWarning):  # by rounding; it goes on
            try:
                estimate = MinCovDet(random_state=self.random_state).fit(some)
            except ValueError as error:
                raise Unfit(str(error)) from error
        self.location_, self.precision_ = estimate.location_, estimate.get_precision()
        if not np.isfinite(self.precision_).all():
            raise Unfit("its covariance is singular")
        return self

    def outlier_scores(self, X: Matrix) -> np.ndarray:
        """Score rows, high for anomalies."""
        scores, step = np.empty(X.shape[0]), max(1, _BLOCK // X.shape[1])
        scaling = RowScaling(self.scaling_, X.shape[1])
        for start in range(0, X.shape[0], step):
            rows = standardised(X[start : start + step], scaling)[:, self.varies_]
            away = rows - self.location_
            squared = ((away @ self.precision_) * away).sum(axis=1)
            scores[start : start + step] = np.sqrt(np.maximum(squared, 0.0))
        return scores


def kth_of(near: np.ndarray, k: int) -> np.ndarray:
    """Return the k-th smallest value of each row, (n, 1)."""
    return np.partition(near, k - 1, axis=1)[:, k - 1 : k]


def fitted(
    kind: Any, X: Matrix, seed: int, rows: np.ndarray | None, memo: Memo
) -> tuple[Any, np.ndarray]:
    """Fit a classical detector to rows of X and score them, once for all that ask.

    Parameters
    ----------
    kind : class
        One of those above.
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    seed : int
    rows : ndarray of int or None
        The rows of X that count; None for all.
    memo : dict
        What was fitted for others on X.

    Returns
    -------
    detector : object
    scores : ndarray of shape (n,)
        High for anomalies.

    Raises
    ------
    Unfit
        If the rows are such that it cannot be fitted.
    """
    key = key_of_fit(kind, seed, rows)
    if key not in memo:
        own = X if rows is None else X[rows]
        detector = kind(random_state=seed)
        if isinstance(detector, Neighbors):
            detector.fit(own, others=judges(X, seed, rows, memo))
        else:
            detector.fit(own)
        memo[key] = detector, detector.outlier_scores(own)
    return memo[key]


def key_of_fit(kind: Any, seed: int, rows: np.ndarray | None) -> Hashable:
    """Return what a memo knows a detector by that is fitted to rows, and their scores."""
    return "classical", kind, seed, Subset(rows)


def judges(X: Matrix, seed: int, rows: np.ndarray | None, memo: Memo) -> list[Any]:
    """Return the detectors that say which rows may be neighbours: those that can be fitted."""
    n_rows = X.shape[0] if rows is None else len(rows)
    fitted_ones = []
    for kind in (Forest, RobustCovariance):
        if kind.suits(n_rows, X.shape[1]):
            # Without it more rows are neighbours. Who asked for it is told what is wrong.
            with suppress(Unfit, ValueError):
                fitted_ones.append(fitted(kind, X, seed, rows, memo)[0])
    return fitted_ones


def _found_normal(scores: list[np.ndarray], n_rows: int) -> np.ndarray:
    """Say of each row whether the mean of standardised scores is not far above that of all."""
    mean = np.zeros(n_rows)
    for own in scores:
        spread = own.std()
        if spread > _NO_SPREAD * np.abs(own).max():
            logs = np.log1p((own - own.min()) / spread)
            mean += (logs - logs.mean()) / logs.std()
    return mean - mean.mean() <= _FAR_ABOVE * mean.std()


def _some_rows(X: Matrix, most: int, seed: int) -> Matrix:
    """Draw rows of a large set, in their order."""
    if X.shape[0] <= most:
        return X
    return X[np.sort(np.random.default_rng(seed).choice(X.shape[0], most, replace=False))]
