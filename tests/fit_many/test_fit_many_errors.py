"""fit_many: what it refuses, and that an error of one detector touches no other."""

import numpy as np
import pandas as pd
import pytest
from comparing import N_ROWS, assert_same, make_rows, small_loe
from joblib import parallel_config
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, MHRot, NeuTraL, fit_many
from lofe_sklearn._row_numbers import name_rows_of
from lofe_sklearn.exceptions import TrainingDivergedError

X = pytest.fixture(make_rows)


def raising(loss_n, loss_a, alpha, known):
    raise RuntimeError("a fault of the method's own")


class TestErrors:
    @pytest.fixture
    def estimators(self):
        def backbone(**parameters):
            return DeepSVDD(**{"max_epochs": 3, "batch_size": 32, **parameters})

        return {
            0: small_loe(backbone()),
            TrainingDivergedError: small_loe(backbone(lr=1e30)),
            1: small_loe(backbone(), method="soft", random_state=1),
            ValueError: small_loe(backbone(), contamination=0.7),
            2: backbone(random_state=2),
            RuntimeError: small_loe(backbone(), method=raising),
            TypeError: LOE(IsolationForest()),
            3: small_loe(AutoEncoder(max_epochs=2), random_state=3),
        }

    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_of_some_do_not_touch_the_others(self, X, estimators, n_jobs):
        rows = [train for train, _ in KFold(8).split(X)]
        with parallel_config(backend="threading"):
            results = fit_many(
                list(estimators.values()), X, rows=rows, return_errors=True, n_jobs=n_jobs
            )
        each = zip(estimators.items(), results, rows, strict=True)
        for (kind, estimator), result, own in each:
            if isinstance(kind, type):
                assert type(result) is kind
                with pytest.raises(kind) as alone:
                    clone(estimator).fit(X[own])
                if kind is not TrainingDivergedError:  # which counts the models of its stack
                    assert str(result) == str(alone.value)
            else:
                assert_same(result, clone(estimator).fit(X[own]), X)

    def test_are_raised_unless_asked_for(self, X, estimators):
        for kind in (TrainingDivergedError, ValueError, RuntimeError, TypeError):
            with pytest.raises(kind):
                fit_many([estimators[0], estimators[kind]], X)

    def test_bad_backbones_among_good_ones(self, X):
        images = np.random.default_rng(0).normal(size=(20, 6, 6))
        good = MHRot(depth=10, width=1, n_views=1, max_epochs=1, random_state=0)
        bad = [
            clone(good).set_params(image_shape=(1, 9, 9)),
            clone(good).set_params(image_shape="nonsense"),
            clone(good).set_params(depth=11),
        ]
        results = fit_many([*bad, good, LOE(bad[0])], images, return_errors=True)
        assert all(isinstance(results[i], ValueError) for i in (0, 1, 2, 4))
        assert_same(results[3], clone(good).fit(images), images)
        results = fit_many(
            [DeepSVDD(scaling="nonsense"), DeepSVDD(max_epochs=1, random_state=0), LOE([])],
            X,
            return_errors=True,
        )
        assert "scaling must be one of" in str(results[0])
        assert_same(results[1], DeepSVDD(max_epochs=1, random_state=0).fit(X), X)
        assert "at least one backbone" in str(results[2])

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_rows_that_cannot_be_used(self, X, bad):
        X[70, 2] = bad
        with pytest.raises(ValueError, match="contains"):
            fit_many([small_loe(), DeepSVDD()], X)

    def test_rows_that_a_detector_does_not_have_do_not_matter(self, X):
        """Each detector is that of its own rows alone, whatever the others are."""
        X[[70, 71], 2], X[0, 0] = np.nan, 1e300
        known = np.arange(N_ROWS) % 10 == 3
        rows = [np.arange(1, 60), np.arange(100, 40, -1), np.arange(20, 70), np.arange(72, 103)]
        detectors = [small_loe(), DeepSVDD(max_epochs=1), small_loe(random_state=1), small_loe()]
        results = fit_many(detectors, X, rows=rows, known_anomalies=known, return_errors=True)
        assert "column 2 (row 71)" in str(results[1])  # the first of its own, by its number in X
        for i in (0, 2, 3):
            alone = clone(detectors[i]).fit(X[rows[i]], known_anomalies=known[rows[i]])
            assert_same(results[i], alone, X[72:])
            np.testing.assert_array_equal(results[i].labels_, alone.labels_)
        assert len(fit_many(detectors[:1], X, rows=rows[:1])) == 1

    def test_known_labels_that_cannot_be_used(self, X):
        for known, message in ((np.zeros(5), "hold one"), ([7] * 103, "be .*got .*7")):
            message = f"fit_many: known_labels must {message}"
            with pytest.raises(ValueError, match=message):
                fit_many([small_loe()], X, known_labels=known)


class TestBadRows:
    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (np.arange(N_ROWS) % 2 == 0, r"1-d array of row numbers; got .*bool.*np.flatnonzero"),
            (np.arange(10.0), "1-d array of row numbers; got an array of float64"),
            (np.arange(10).reshape(5, 2), r"got an array of int64 with shape \(5, 2\)"),
            (3, r"1-d array of row numbers; got 3. For all rows, pass np.arange\(103\)"),
            (["a", "b"], "1-d array of row numbers"),
            ([], "row numbers; got .* at least two rows"),
            ([0, 1, 103], r"rows must be from 0 to 102.*got 103"),
            ([0, 1, -1], r"rows must be from 0 to 102.*got -1"),
        ],
        ids=["mask", "float", "2-d", "number", "strings", "empty", "too large", "negative"],
    )
    @pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, list])
    def test_of_an_estimator(self, X, rows, message, container):
        with pytest.raises(ValueError, match=message):
            fit_many([small_loe(), small_loe()], container(X), rows=[np.arange(50), rows])

    def test_of_another_number_than_estimators(self, X):
        with pytest.raises(ValueError, match=r"one array for each estimator; got 1 for 2"):
            fit_many([small_loe(), small_loe()], X, rows=[np.arange(50)])

    def test_too_few(self, X):
        results = fit_many(
            [small_loe(), small_loe()], X, rows=[[4], np.arange(50)], return_errors=True
        )
        assert str(results[0]).startswith("LOE: Found array with 1 sample(s)")
        assert "minimum of 2" in str(results[0])
        assert_same(results[1], small_loe().fit(X[:50]), X)


@pytest.mark.parametrize(
    ("estimator", "got"),
    [
        (make_pipeline(StandardScaler(), NeuTraL()), "Pipeline"),
        (NeuTraL, "the class NeuTraL"),
        (LOE, "the class LOE"),
        (IsolationForest(), "IsolationForest"),
        ("NeuTraL", "str"),
        (None, "NoneType"),
    ],
    ids=str,
)
def test_what_is_no_detector(X, estimator, got):
    with pytest.raises(TypeError, match=f"instances of LOE or of a backbone; got {got}"):
        fit_many([small_loe(), estimator], X)


def test_no_estimators(X):
    assert fit_many([], X) == []


def test_a_failed_fit_leaves_no_half_fitted_detector(X):
    detector = small_loe(DeepSVDD(max_epochs=3, lr=1e30))
    [result] = fit_many([detector], X, return_errors=True)
    assert isinstance(result, TrainingDivergedError)
    with pytest.raises(NotFittedError):
        detector.score_samples(X)


def test_one_detector_is_no_sequence_of_them(X):
    with pytest.raises(TypeError, match="must be a sequence of detectors; got one LOE"):
        fit_many(LOE(), X)
    with pytest.raises(TypeError, match="must be a sequence of detectors; got None"):
        fit_many(None, X)
    with pytest.raises(ValueError, match="fit_many: n_jobs must be None or an integer"):
        fit_many([small_loe()], X, n_jobs=0)


@pytest.mark.parametrize("value", [np.nan, 1e200])
def test_rows_have_their_numbers_in_X(value):
    X = np.random.default_rng(0).normal(size=(40, 3))
    X[25, 1] = value
    rows = [np.arange(20), np.arange(20, 40), np.r_[0:10, 25]]
    fitted = fit_many([DeepSVDD(max_epochs=1)] * 3, X, rows=rows, return_errors=True)
    assert isinstance(fitted[0], DeepSVDD)
    assert all("row 25" in str(error) for error in fitted[1:])
    # Neither values and names that say "row 5" nor the rows of other arguments are renumbered.
    error = ValueError("LOE: X contains text in column 'row 5' ('row 6' in row 7).")
    others = ValueError("LOE: outliers contains missing values (NaN) in column 1 (row 3).")
    name_rows_of([error, others, error, None], np.arange(100, 110))
    assert str(error) == "LOE: X contains text in column 'row 5' ('row 6' in row 107)."
    assert str(others).endswith("(row 3).")
