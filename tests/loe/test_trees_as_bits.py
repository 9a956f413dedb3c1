"""The isolation forest's scores, computed by words of bits: those of scikit-learn, bit by bit."""

from itertools import product

import numpy as np
import pytest
from conftest import slow_but
from sklearn.ensemble import IsolationForest

from lofe_sklearn._loe import _trees_as_bits
from lofe_sklearn._loe._classical import Forest
from lofe_sklearn._loe._trees_as_bits import TreesAsBits

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=(300, 5))
SETS = {
    "normal": NORMAL,
    "one feature": NORMAL[:, :1],
    "few values": np.round(NORMAL),  # rows that lie on thresholds, and leaves of many equal rows
    "yes or no": NORMAL > 0.5,
    "equal rows": np.ones((300, 3)),  # trees without a split
    "two rows": NORMAL[:2],
    "one row": NORMAL[:1],
    "far away": NORMAL * [1e-30, 1.0, 1e30, 1e5, 1.0],
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    slow_but(
        [*product(SETS, [np.float64]), ("normal", np.float32), ("far away", np.float32)],
        product(SETS, [np.float32, np.float64]),
    ),
)
def test_scores_are_scikit_learns(name, dtype):
    X = SETS[name].astype(dtype)
    forest = IsolationForest(random_state=1).fit(X)
    new = np.concatenate([X, 3 * X[::-1], X[:77] + 0.01])
    for rows in (new, np.asfortranarray(new), new[:64], new[:1], new[:0]):
        expected = -forest.score_samples(rows) if len(rows) else np.empty(0)
        np.testing.assert_array_equal(TreesAsBits(forest).outlier_scores(rows), expected)


def test_values_that_are_thresholds_go_to_the_left_as_they_do_in_the_trees():
    forest = IsolationForest(random_state=1).fit(NORMAL.astype(np.float32))
    thresholds = np.concatenate([tree.tree_.threshold for tree in forest.estimators_])
    below = thresholds.astype(np.float32)[:, np.newaxis]
    beside = np.nextafter(below, np.float32(np.inf))
    rows = np.tile(np.concatenate([below, beside]), NORMAL.shape[1])
    expected = -forest.score_samples(rows)
    np.testing.assert_array_equal(TreesAsBits(forest).outlier_scores(rows), expected)


def test_many_rows_are_scored_part_by_part(monkeypatch):
    forest = IsolationForest(random_state=1).fit(NORMAL)
    expected = -forest.score_samples(NORMAL)
    monkeypatch.setattr(_trees_as_bits, "_ROWS", 71)
    np.testing.assert_array_equal(TreesAsBits(forest).outlier_scores(NORMAL), expected)


def test_evidence_scores_dense_rows_so():
    detector = Forest(1).fit(NORMAL)
    expected = -detector.forest_.score_samples(NORMAL)
    np.testing.assert_array_equal(detector.outlier_scores(NORMAL), expected)
