"""The classical detectors whose evidence LOE takes: their scores, by hand and on awkward rows."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.covariance import MinCovDet
from sklearn.ensemble import IsolationForest

from lofe_sklearn._loe._by_name import CLASSICAL, FIRST
from lofe_sklearn._loe._classical import (
    Forest,
    NearNeighbors,
    Neighbors,
    RobustCovariance,
    Unfit,
    fitted,
)
from lofe_sklearn._loe._distances import has_few_stored
from lofe_sklearn._loe._trees_as_bits import trees_as_bits

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)) * [1.0, 20.0, 0.1, 5.0] + [0, 100, 0, -3]
FAR = X.mean(axis=0) + 30 * X.std(axis=0)
KINDS = sorted({*CLASSICAL.values(), *FIRST.values()}, key=lambda kind: kind.__name__)
EACH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def standardised(rows):
    return (rows - X.mean(axis=0)) / X.std(axis=0)


def found_normal(rows, judges=(Forest, RobustCovariance)):
    """Which rows may be neighbours: mean standardised log scores up to 1.9 deviations high."""
    means = []
    for kind in judges:
        scores = kind().fit(rows).outlier_scores(rows)
        logs = np.log(1 + (scores - scores.min()) / scores.std())
        means.append((logs - logs.mean()) / logs.std())
    mean = np.mean(means, axis=0)
    return mean <= mean.mean() + 1.9 * mean.std()


class TestRightValues:
    @pytest.mark.all_trees
    def test_the_forest_is_scikit_learns(self):
        expected = -IsolationForest(random_state=7).fit(X).score_samples(X)
        np.testing.assert_array_equal(Forest(7).fit(X).outlier_scores(X), expected)

    def test_the_trees_are_those_of_the_last_fit(self):
        forest = IsolationForest(n_estimators=5, random_state=0).fit(X)
        assert trees_as_bits(forest) is trees_as_bits(forest)
        forest.fit(X[:60])
        scores = trees_as_bits(forest).outlier_scores(X)
        np.testing.assert_array_equal(scores, -forest.score_samples(X))

    @pytest.mark.parametrize(("kind", "k"), [(Neighbors, 20), (NearNeighbors, 5)])
    def test_the_distance_to_the_kth_neighbour(self, kind, k):
        """A training row is its own nearest; a new one is not."""
        new = X[:5] + 0.3
        kept = standardised(X)[found_normal(X)]
        assert 100 < len(kept) < 120
        for rows in (X, new):
            distances = np.linalg.norm(standardised(rows)[:, None] - kept[None], axis=2)
            expected = np.sort(distances, axis=1)[:, k - 1]
            np.testing.assert_allclose(kind().fit(X).outlier_scores(rows), expected)

    @pytest.mark.parametrize("n", [2, 3, 19])
    def test_of_few_rows_the_furthest(self, n):
        detector = Neighbors().fit(X[:n], others=[])
        scale = X[:n].std(axis=0)
        distances = np.linalg.norm((X[:n, None] - X[None, :n]) / scale, axis=2)
        np.testing.assert_allclose(detector.outlier_scores(X[:n]), distances.max(axis=1))

    @pytest.mark.parametrize("kind", [Neighbors, NearNeighbors])
    @pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
    def test_a_group_of_anomalies_has_no_neighbours_in_itself(self, kind, container):
        """As 25 equal orders among 400."""
        rng = np.random.default_rng(0)
        rows = np.concatenate([rng.normal(size=(375, 6)), rng.normal(2.5, 0.1, size=(25, 6))])
        detector = kind().fit(container(rows))
        scores = detector.outlier_scores(container(rows))
        assert scores[-25:].min() > np.quantile(scores[:-25], 0.95)
        assert len(kind().fit(rows, others=[]).rows_) == 400

    @pytest.mark.parametrize("kind", [Neighbors, NearNeighbors])
    def test_sparse_rows_of_many_features_are_as_far_as_dense_ones(self, kind):
        """With far values, equal rows, rows without any value, and one that cannot be squared."""
        words = sparse.random(300, 700, density=0.02, format="csr", random_state=0)
        words.data[::50] = 1e9
        rows = sparse.vstack([words, words[:3], sparse.csr_matrix((2, 700))], format="csr")
        detector = kind().fit(rows)
        new = rows[:4].copy()
        new.data[0] = 1e300
        for some in (rows, rows[5:6], new):
            assert has_few_stored(some)
            np.testing.assert_allclose(
                detector.outlier_scores(some), detector.outlier_scores(some.toarray()), rtol=1e-7
            )
        np.testing.assert_array_equal(
            detector.outlier_scores(rows)[5:6], detector.outlier_scores(rows[5:6])
        )
        of_dense = kind().fit(rows.toarray())
        np.testing.assert_allclose(
            detector.outlier_scores(new), of_dense.outlier_scores(new), rtol=1e-7
        )
        np.testing.assert_allclose(detector.standardised_rows(), of_dense.rows_, atol=1e-12)
        assert detector.rows_.nnz <= rows.nnz

    def test_where_no_covariance_can_be_fitted_the_forest_alone_says_who_may_be_neighbour(self):
        twice = np.column_stack([X, X])
        with pytest.raises(Unfit):
            RobustCovariance().fit(twice)
        kept = Neighbors().fit(twice).rows_
        scale = (twice - twice.mean(axis=0)) / twice.std(axis=0)
        np.testing.assert_allclose(kept, scale[found_normal(twice, [Forest])])

    def test_rows_that_are_all_alike_are_all_neighbours(self):
        assert len(Neighbors().fit(np.ones((30, 3))).rows_) == 30

    @pytest.mark.all_trees
    def test_the_robust_covariance_is_scikit_learns(self):
        estimate = MinCovDet(random_state=3).fit(standardised(X))
        expected = np.sqrt(estimate.mahalanobis(standardised(X)))
        np.testing.assert_allclose(RobustCovariance(3).fit(X).outlier_scores(X), expected)

    def test_the_robust_covariance_leaves_constant_features_out(self):
        wider = np.insert(X, 2, 5.0, axis=1)
        np.testing.assert_allclose(
            RobustCovariance().fit(wider).outlier_scores(wider),
            RobustCovariance().fit(X).outlier_scores(X),
        )


@EACH
class TestEach:
    def test_ranks_a_far_row_on_top(self, kind):
        detector = kind().fit(X)
        assert detector.outlier_scores(FAR[None])[0] > detector.outlier_scores(X).max()

    def test_a_row_alone_scores_as_among_others(self, kind):
        rows = np.concatenate([X, X[:7] + 1, [FAR]])
        detector = kind().fit(X)
        alone = np.concatenate([detector.outlier_scores(row[None]) for row in rows])
        np.testing.assert_allclose(detector.outlier_scores(rows), alone, rtol=1e-9)

    def test_does_not_depend_on_units(self, kind):
        # Powers of two, so that nothing is rounded.
        units = np.array([2.0**-900, 1.0, 2.0**900, 2.0**10])
        expected = kind().fit(X).outlier_scores(X)
        scores = kind().fit(X * units).outlier_scores(X * units)
        assert np.isfinite(scores).all()
        # The forest rounds to single precision, and so splits a few rows otherwise.
        np.testing.assert_allclose(scores, expected, rtol=1e-2 if kind is Forest else 1e-6)

    @pytest.mark.parametrize("power", [-20, -27, -40, -90])
    def test_small_units_do_not_matter(self, kind, power):
        """Below 1e-7 scikit-learn's trees take all values of a feature for equal."""
        expected = kind().fit(X).outlier_scores(X)
        scores = kind().fit(X * 2.0**power).outlier_scores(X * 2.0**power)
        np.testing.assert_allclose(scores, expected, rtol=1e-2 if kind is Forest else 1e-6)

    # 7.1e9 is halfway between two numbers of single precision.
    @pytest.mark.parametrize("value", [0.3, -1e-5, 7.1e9, 1e200])
    @pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
    def test_a_feature_that_differs_by_rounding_is_constant(self, kind, value, container):
        """As a sum of other features that is the same in every row."""
        constant = np.insert(X, 2, value, axis=1)
        rounded = constant.copy()
        rounded[-4:, 2] = np.nextafter(value, np.inf)
        rounded[:4, 2] = np.nextafter(value, -np.inf)
        expected = kind().fit(container(constant)).outlier_scores(container(constant))
        detector = kind().fit(container(rounded))
        constant, rounded = container(constant), container(rounded)
        np.testing.assert_allclose(detector.outlier_scores(rounded), expected, rtol=1e-6)
        np.testing.assert_allclose(detector.outlier_scores(constant), expected, rtol=1e-6)

    @pytest.mark.parametrize("start", [1e6, 1e9, 1e12])
    def test_where_values_start_does_not_matter(self, kind, start):
        """Times in milliseconds since 1970 differ by little of their size."""
        expected = kind().fit(X).outlier_scores(np.vstack([X, FAR]))
        scores = kind().fit(X + start).outlier_scores(np.vstack([X, FAR]) + start)
        assert np.corrcoef(scores, expected)[0, 1] > 0.99
        assert scores[-1] == scores.max()

    def test_new_rows_of_any_size_have_finite_scores(self, kind):
        detector = kind().fit(X)
        new = np.array([[1e300] * 4, [-1e300] * 4, [1e300, 0, -1e-300, 0]])
        assert np.isfinite(detector.outlier_scores(new)).all()
        small = kind().fit(X * 1e-300)
        assert np.isfinite(small.outlier_scores(new)).all()

    def test_sparse_rows_score_as_dense_ones(self, kind):
        rows = np.where(np.abs(standardised(X)) > 0.3, standardised(X), 0.0)
        packed = sparse.csr_matrix(rows)
        dense = kind().fit(rows)
        in_csr = kind().fit(packed)
        assert np.isfinite(in_csr.outlier_scores(packed)).all()
        np.testing.assert_allclose(
            in_csr.outlier_scores(packed), in_csr.outlier_scores(rows), rtol=1e-9
        )
        ranks = np.corrcoef(in_csr.outlier_scores(packed), dense.outlier_scores(rows))
        assert ranks[0, 1] > 0.95

    def test_single_precision(self, kind):
        detector = kind().fit(X.astype(np.float32))
        scores = detector.outlier_scores(X.astype(np.float32))
        assert scores.dtype == np.float64
        expected = kind().fit(X).outlier_scores(X)
        assert np.corrcoef(scores, expected)[0, 1] > 0.99

    def test_rows_are_left_as_they_are(self, kind):
        rows = X.copy()
        rows.flags.writeable = False
        kind().fit(rows).outlier_scores(rows)

    def test_is_an_estimator(self, kind):
        assert clone(kind(random_state=5)).random_state == 5
        fits = [kind(random_state=5).fit(X).outlier_scores(X) for _ in range(2)]
        np.testing.assert_array_equal(*fits)


class TestManyRows:
    """Of many rows some are kept; which does not show in the score of a row."""

    rows = np.random.default_rng(1).normal(size=(6_000, 3))
    rows[4_000:5_000] = rows[:1_000]  # the same rows at other places

    @pytest.mark.parametrize("kind", [Neighbors, RobustCovariance])
    def test_equal_rows_score_alike_wherever_they_stand(self, kind):
        detector = kind().fit(self.rows)
        scores = detector.outlier_scores(self.rows)
        np.testing.assert_allclose(scores[4_000:5_000], scores[:1_000], rtol=1e-9)
        order = np.random.default_rng(2).permutation(len(self.rows))
        np.testing.assert_allclose(
            detector.outlier_scores(self.rows[order]), scores[order], rtol=1e-9
        )

    @pytest.mark.slow
    def test_little_of_them_is_kept(self):
        assert Neighbors().fit(self.rows, others=[]).rows_.shape == (500, 3)
        assert 400 < len(Neighbors().fit(self.rows).rows_) < 500
        wide = sparse.random(400, 200_000, density=1e-4, format="csr", random_state=0)
        kept = Neighbors().fit(wide)
        assert kept.rows_.shape[0] > 300
        assert kept.rows_.nnz <= wide.nnz
        assert np.isfinite(kept.outlier_scores(wide[:3])).all()

    def test_the_part_ranks_as_all_of_them_do(self):
        scores = Neighbors().fit(self.rows).outlier_scores(self.rows)
        distances = np.linalg.norm(self.rows, axis=1)
        assert np.corrcoef(scores, distances)[0, 1] > 0.8


class TestRobustCovariance:
    @pytest.mark.parametrize(
        ("shape", "suits"),
        [
            *[((9, 2), True), ((8, 2), False), ((500, 1), False), ((500, 100), True)],
            *[((302, 100), False), ((303, 100), True), ((5_000, 101), False)],
        ],
    )
    def test_which_shapes_it_suits(self, shape, suits):
        assert RobustCovariance.suits(*shape) is suits
        assert Forest.suits(*shape)
        assert Neighbors.suits(*shape)

    @pytest.mark.parametrize(
        ("rows", "reason"),
        [
            (X[:5], "5 rows are too few for a covariance of 4 features"),
            (np.hstack([X, X[:, :1] - X[:, 1:2]]), "singular: some features are functions of"),
            (np.ones((50, 3)), "all features are constant"),
            (np.where(np.arange(60)[:, None] < 50, 0.0, X[:60]), "equal to 0"),
        ],
        ids=["few", "a sum of others", "constant", "most rows are equal"],
    )
    def test_rows_that_it_cannot_be_fitted_to(self, rows, reason):
        with pytest.raises(Unfit, match=reason):
            RobustCovariance().fit(rows)


def test_threads_leave_the_filters_of_warnings_as_they_are():
    before = list(warnings.filters)
    rows = [X, X**3] * 8

    def score(own):
        return RobustCovariance().fit(own).outlier_scores(own)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(score, rows))
    assert warnings.filters == before
    for own, scores in zip(rows[:2], found, strict=False):
        np.testing.assert_allclose(scores, score(own), rtol=1e-9)


def test_a_detector_is_fitted_once_for_all_that_ask(monkeypatch):
    fits, fit = [], Forest.fit

    def counted(self, X, y=None):
        fits.append(len(X))
        return fit(self, X, y)

    monkeypatch.setattr(Forest, "fit", counted)
    memo = {}
    some = np.arange(50)
    first = fitted(Forest, X, 0, None, memo)
    assert fitted(Forest, X, 0, None, memo) is first
    np.testing.assert_array_equal(first[1], first[0].outlier_scores(X))
    assert fitted(Forest, X, 0, some, memo)[1].shape == (50,)
    assert fitted(Forest, X, 0, some.copy(), memo) is fitted(Forest, X, 0, some, memo)
    assert fits == [120, 50]
    assert fitted(Forest, X, 1, None, memo) is not first
