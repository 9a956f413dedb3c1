"""The local outlier factor as evidence: its formula, equal rows, and what it is good for."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor

from lofe_sklearn import LOE, DeepSVDD, load, save
from lofe_sklearn._loe._classical import Neighbors, Unfit
from lofe_sklearn._loe._local_density import LocalDensity

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3)) * [1.0, 20.0, 0.1]
NEW = np.r_[RNG.normal(size=(40, 3)) * [2.0, 40.0, 0.2], X[:5]]


def standardised(rows):
    return (rows - X.mean(axis=0)) / X.std(axis=0)


def of_scikit_learn(kept, rows):
    """Novelty scores of scikit-learn, whose densities leave a row itself out, as ours do."""
    reference = LocalOutlierFactor(n_neighbors=10, novelty=True).fit(kept)
    return -reference.score_samples(rows)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_the_formula(container):
    detector = LocalDensity().fit(container(X), others=[])
    np.testing.assert_allclose(
        detector.outlier_scores(container(NEW)),
        of_scikit_learn(standardised(X), standardised(NEW)),
        rtol=1e-6,
    )


def test_equal_rows_count_once():
    once = LocalDensity().fit(X, others=[])
    # The first 20 rows have nothing but their equals as 10 nearest; the scaling is the same.
    often = LocalDensity().of(_with_rows(Neighbors().fit(X, others=[]), np.repeat(X, 12, axis=0)))
    assert often.rows_.shape == X.shape
    np.testing.assert_allclose(often.outlier_scores(NEW), once.outlier_scores(NEW), rtol=1e-6)


def _with_rows(neighbors, rows):
    neighbors.rows_ = standardised(rows)
    return neighbors


def test_rows_in_a_grid_are_all_tied():
    """Which of tied neighbours are taken must not depend on what is scored beside them."""
    grid = np.stack(np.meshgrid(range(12), range(12)), axis=-1).reshape(-1, 2).astype(float)
    detector = LocalDensity().fit(grid, others=[])
    together = detector.outlier_scores(grid)
    alone = [detector.outlier_scores(row[None])[0] for row in grid]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    # The grid is the same from all four sides.
    square = together.reshape(12, 12)
    np.testing.assert_allclose(square, square[::-1], rtol=1e-9)
    np.testing.assert_allclose(square, square.T, rtol=1e-9)


@pytest.mark.parametrize("rows", [X, np.r_[X, X[:30]], np.round(X), sparse.csr_matrix(X)])
def test_both_at_once_score_as_each_alone(rows):
    neighbors = Neighbors().fit(rows)
    density = LocalDensity().of(neighbors)
    of_neighbors, own = density.scores_of_both(neighbors, rows)
    np.testing.assert_array_equal(of_neighbors, neighbors.outlier_scores(rows))
    np.testing.assert_allclose(own, density.outlier_scores(rows), rtol=1e-12)


def test_a_row_very_far_away_has_the_highest_finite_score():
    detector = LocalDensity().fit(X)
    far = detector.outlier_scores(np.array([[1e300, 0, 0]]))
    assert np.isfinite(far).all()
    assert far > detector.outlier_scores(X).max()


def test_rows_that_hardly_differ_have_finite_scores():
    rows = np.r_[np.arange(15)[:, None] * [1e-25, 0, 0], standardised(X)]
    neighbors = Neighbors().fit(X, others=[])
    neighbors.rows_ = rows
    density = LocalDensity().of(neighbors)
    assert len(density.rows_) == len(rows)
    for scores in (*density.scores_of_both(neighbors, NEW), density.outlier_scores(X)):
        assert np.isfinite(scores).all()


def test_an_anomaly_beside_a_dense_group_is_found():
    """A distance takes it for more normal than the rows of a sparse group; a density does not."""
    rng = np.random.default_rng(1)
    dense, sparse_group = rng.normal(0, 0.05, (240, 2)), rng.normal(8, 2, (240, 2))
    rows = np.r_[dense, sparse_group, [[0.6, 0.6], [-0.6, 0.5], [0.5, -0.6]]]
    y = np.r_[np.zeros(480), np.ones(3)]
    neighbors = Neighbors().fit(rows)
    of_neighbors, own = LocalDensity().of(neighbors).scores_of_both(neighbors, rows)
    assert roc_auc_score(y, own) > 0.98 > 0.8 > roc_auc_score(y, of_neighbors)


def test_too_few_different_rows_are_refused():
    rows = np.repeat(np.eye(5), 40, axis=0)
    with pytest.raises(Unfit, match="only 5 of the 200 rows .* differ, and more than 10 must"):
        LocalDensity().fit(rows, others=[])
    with pytest.warns(UserWarning, match=r"evidence 'lof' \(the local outlier factor\) is left"):
        detector = LOE(DeepSVDD(max_epochs=1), evidence=["iforest", "lof"], n_estimators=2).fit(
            rows + 1e-9
        )
    assert list(detector.evidence_) == ["iforest"]


@pytest.mark.parametrize(
    ("contamination", "names"),
    [
        ("auto", ["iforest", "knn", "mcd", "lof"]),
        ((0.05, 0.2), ["iforest", "knn", "mcd", "lof"]),
        (0.1, ["iforest", "knn", "mcd"]),
    ],
)
def test_it_is_taken_where_no_single_ratio_is_given(contamination, names, tmp_path):
    detector = LOE(
        DeepSVDD(max_epochs=1), contamination=contamination, n_estimators=2, random_state=0
    ).fit(X)
    assert list(detector.evidence_) == names
    save(detector, tmp_path / "model.lofe")
    np.testing.assert_array_equal(
        load(tmp_path / "model.lofe").score_samples(NEW), detector.score_samples(NEW)
    )


def test_few_rows_have_no_local_density():
    detector = LOE(DeepSVDD(max_epochs=1), n_estimators=2, random_state=0).fit(X[:199])
    assert list(detector.evidence_) == ["iforest", "knn", "mcd"]
