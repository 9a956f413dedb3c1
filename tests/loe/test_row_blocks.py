"""Something of each row, block by block, in one thread or in several."""

import threading

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import IsolationForest

from lofe_sklearn import LOE, DeepSVDD, config_context, get_config
from lofe_sklearn._loe import _row_blocks
from lofe_sklearn._loe._row_blocks import in_blocks

X = np.random.default_rng(0).normal(size=(403, 3))
JOBS = pytest.mark.parametrize("n_jobs", [None, 1, 2, 3])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of at most 50 rows, and a thread for as few."""
    monkeypatch.setattr(_row_blocks, "_MOST", 50)
    monkeypatch.setattr(_row_blocks, "_WORTH_A_THREAD", 50)
    monkeypatch.setattr(_row_blocks, "cpu_count", lambda: 3)


@JOBS
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_each_row_once_and_in_order(n_jobs, kind):
    seen = []

    def compute(first_row, rows):
        assert 0 < rows.shape[0] <= 50
        seen.append((first_row, rows.shape[0]))
        return np.asarray(rows.sum(axis=1)).ravel() + first_row

    values = in_blocks(compute, kind(X), n_jobs)
    starts, sizes = zip(*sorted(seen), strict=True)
    assert list(starts) == np.cumsum([0, *sizes[:-1]]).tolist()
    assert sum(sizes) == len(X)
    np.testing.assert_allclose(values, X.sum(axis=1) + np.repeat(starts, sizes))


def test_few_rows_are_one_block():
    seen = in_blocks(lambda first_row, rows: np.array([first_row, len(rows)]), X[:7], 2)
    assert seen.tolist() == [0, 7]


def test_several_jobs_are_several_threads():
    met = threading.Barrier(2, timeout=20)

    def compute(first_row, rows):
        met.wait()  # for another block that is computed at the same time
        return rows[:, 0]

    np.testing.assert_array_equal(in_blocks(compute, X[:100], 2), X[:100, 0])


@JOBS
def test_each_block_has_the_settings_of_the_caller(n_jobs):
    def compute(first_row, rows):
        return np.full(len(rows), get_config()["scoring_dtype"] == "float32")

    rows = np.repeat(X, 5, axis=0)
    with config_context(scoring_dtype="float32"):
        assert in_blocks(compute, rows, n_jobs).all()
    assert not in_blocks(compute, rows, n_jobs).any()


@JOBS
def test_an_error_is_raised_as_it_is(n_jobs):
    def compute(first_row, rows):
        raise ValueError(f"the block of row {first_row}")

    with pytest.raises(ValueError, match="the block of row"):
        in_blocks(compute, X, n_jobs)


class TestLOE:
    detector = LOE(
        DeepSVDD(max_epochs=2),
        contamination=0.1,
        n_estimators=2,
        evidence=["iforest", "knn", "mcd"],
        random_state=0,
    ).fit(X[:300])

    @pytest.mark.parametrize("precision", ["float64", "float32"])
    def test_scores_do_not_depend_on_threads(self, precision):
        with config_context(scoring_dtype=precision):
            alone = self.detector.set_params(n_jobs=1).score_samples(X)
            shared = self.detector.set_params(n_jobs=2).score_samples(X)
        tolerance = 1e-12 if precision == "float64" else 1e-4
        np.testing.assert_allclose(shared, alone, rtol=0, atol=tolerance)

    @JOBS
    def test_a_row_that_is_too_large_is_named(self, n_jobs):
        rows = X.copy()
        rows[321, 1] = 1e200
        with pytest.raises(ValueError, match="in row 321, column 1"):
            self.detector.set_params(n_jobs=n_jobs).score_samples(rows)

    def test_a_detector_of_the_users_sees_all_rows_at_once(self):
        class Counting(IsolationForest):
            def score_samples(self, X):
                sizes.append(len(X))
                return super().score_samples(X)

        detector = LOE(
            DeepSVDD(max_epochs=1),
            contamination=0.1,
            n_estimators=2,
            evidence=Counting(n_estimators=2, random_state=0),
            random_state=0,
        )
        sizes = []
        detector.fit(X[:60])  # by one job: others would be processes, which take seconds to start
        sizes.clear()
        detector.set_params(n_jobs=2).score_samples(X)
        assert sizes == [len(X)]
