"""The inferred labels as a product: fit_resample, by itself and as a step of imbalanced-learn's."""

from array import array
from collections import UserList, deque

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import FEW_TREES
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn import LOE, DeepSVDD, TrainingDivergedError


def loe(**parameters):
    shared = {"contamination": 0.1, "init": FEW_TREES, "random_state": 0}
    return LOE(DeepSVDD(max_epochs=4), **{**shared, **parameters})


@pytest.fixture
def kept(contaminated):
    """Which rows of the contaminated set the labels of a plain fit keep."""
    return loe().fit(contaminated[0]).labels_ == 1


class TestFitResample:
    def test_drops_what_is_labelled_anomalous(self, contaminated, kept):
        X, y = contaminated
        cleaner = loe()
        X_clean, y_clean = cleaner.fit_resample(X, y)
        assert len(X_clean) == 180
        np.testing.assert_array_equal(X_clean, X[kept])
        np.testing.assert_array_equal(y_clean, y[kept])
        np.testing.assert_array_equal(cleaner.sample_indices_, np.flatnonzero(kept))
        check_is_fitted(cleaner)
        assert y_clean.mean() < y.mean() / 2

    @pytest.mark.parametrize(
        ("method", "n_dropped"), [("hard", 20), ("soft", 20), ("refine", 20), ("blind", 0)]
    )
    def test_methods(self, contaminated, method, n_dropped):
        X_clean, _ = loe(method=method).fit_resample(contaminated[0])
        assert len(X_clean) == 200 - n_dropped

    def test_leaves_what_it_was_given_alone(self, contaminated):
        X, y = contaminated
        X_before, y_before = X.copy(), y.copy()
        X_clean, y_clean = loe().fit_resample(X, y)
        X_clean[:], y_clean[:] = 0, 0
        np.testing.assert_array_equal(X, X_before)
        np.testing.assert_array_equal(y, y_before)

    def test_y_has_no_say(self, contaminated, kept):
        X, y = contaminated
        rng = np.random.default_rng(0)
        for given in (y, 1 - y, rng.normal(size=200), np.array(["a", "b"] * 100), [None] * 200):
            X_clean, y_clean = loe().fit_resample(X, given)
            np.testing.assert_array_equal(X_clean, X[kept])
            np.testing.assert_array_equal(y_clean, np.asarray(given)[kept])

    def test_without_y(self, contaminated, kept):
        X_clean, y_clean = loe().fit_resample(contaminated[0])
        np.testing.assert_array_equal(X_clean, contaminated[0][kept])
        assert y_clean is None

    def test_several_targets(self, contaminated, kept):
        X, y = contaminated
        targets = np.column_stack([y, 1 - y])
        np.testing.assert_array_equal(loe().fit_resample(X, targets)[1], targets[kept])

    def test_known_labels(self, contaminated):
        X, y = contaminated
        plain = loe().fit(X).labels_
        known = np.zeros(200, dtype=int)
        known[np.flatnonzero(plain == 1)[:5]] = -1
        known[np.flatnonzero(plain == -1)[:5]] = 1
        for given in (known, (known == 1, known == -1)):
            cleaner = loe()
            X_clean, _ = cleaner.fit_resample(X, y, known_labels=given)
            rows = cleaner.sample_indices_
            assert set(np.flatnonzero(known == 1)) <= set(rows)
            assert not set(np.flatnonzero(known == -1)) & set(rows)
            np.testing.assert_array_equal(X_clean, X[rows])

    def test_what_else_fit_takes_is_handed_on(self, contaminated):
        class Told(LOE):
            def fit(self, X, y=None, *, known_labels=None, more=None):
                self.more_ = more
                return super().fit(X, y, known_labels=known_labels)

        told = Told(DeepSVDD(max_epochs=1), contamination=0.1)
        told.fit_resample(contaminated[0], more=3)
        assert told.more_ == 3
        with pytest.raises(TypeError, match="unexpected keyword argument 'less'"):
            loe().fit_resample(contaminated[0], less=3)

    def test_the_numbers_are_those_of_the_last_fit(self, contaminated):
        X, _ = contaminated
        cleaner = loe()
        assert not hasattr(cleaner, "sample_indices_")
        cleaner.fit_resample(X)
        cleaner.fit(X[:100])
        np.testing.assert_array_equal(cleaner.sample_indices_, np.flatnonzero(cleaner.labels_ == 1))


class TestContainers:
    def test_frames_of_pandas(self, contaminated, kept):
        X, y = contaminated
        index = [f"row {i}" for i in range(200)]
        frame = pd.DataFrame(X, columns=list("abcde"), index=index)
        series = pd.Series(y, index=index, name="class")
        X_clean, y_clean = loe().fit_resample(frame, series)
        pd.testing.assert_frame_equal(X_clean, frame[kept])
        pd.testing.assert_series_equal(y_clean, series[kept])

    def test_frames_of_polars(self, contaminated, kept):
        X, y = contaminated
        frame = pl.DataFrame(dict(zip("abcde", X.T, strict=True)))
        X_clean, y_clean = loe().fit_resample(frame, pl.Series("class", y))
        assert X_clean.equals(frame.filter(kept))
        assert y_clean.equals(pl.Series("class", y[kept]))

    def test_lists(self, contaminated, kept):
        X, y = contaminated
        X_clean, y_clean = loe().fit_resample(X.tolist(), tuple(y.tolist()))
        assert X_clean == X[kept].tolist()
        assert y_clean == y[kept].tolist()

    @pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
    @pytest.mark.parametrize("form", ["csr", "csc", "lil", "coo", "bsr", "dia", "dok"])
    @pytest.mark.parametrize("kind", ["matrix", "array"])
    def test_sparse_rows(self, contaminated, form, kind):
        X, _ = contaminated
        X = np.where(np.abs(X) > 1, X, 0.0)
        cleaner = loe()
        X_clean, _ = cleaner.fit_resample(getattr(sparse, f"{form}_{kind}")(X))
        assert X_clean.format == (form if form in ("csr", "csc", "lil") else "csr")
        np.testing.assert_array_equal(X_clean.toarray(), X[cleaner.sample_indices_])

    @pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
    def test_the_type_stays(self, contaminated, dtype):
        X = (10 * np.abs(contaminated[0])).astype(dtype)
        cleaner = loe()
        X_clean, _ = cleaner.fit_resample(X)
        assert X_clean.dtype == dtype
        np.testing.assert_array_equal(X_clean, X[cleaner.sample_indices_])


class TestErrors:
    @pytest.mark.parametrize("y", [np.zeros(199), [0] * 201, pd.Series([0.0]), []])
    def test_y_of_another_length(self, contaminated, y):
        with pytest.raises(ValueError, match=rf"LOE: y must have .*got {len(y)} for 200 rows"):
            loe().fit_resample(contaminated[0], y)

    @pytest.mark.parametrize("form", [deque, memoryview, UserList, pa.Tensor.from_numpy])
    def test_rows_in_other_sequences_and_buffers(self, contaminated, kept, form):
        X, y = contaminated
        X_clean, y_clean = loe().fit_resample(form(X), form(y))
        np.testing.assert_array_equal(X_clean, X[kept])
        np.testing.assert_array_equal(y_clean, y[kept])

    @pytest.mark.parametrize("y", [range(200), array("d", np.arange(200.0))])
    def test_entries_in_other_sequences(self, contaminated, kept, y):
        assert loe().fit_resample(contaminated[0], y)[1] == np.flatnonzero(kept).tolist()

    @pytest.mark.parametrize("y", [dict.fromkeys(range(200)), set(range(200)), "a" * 200])
    def test_what_has_no_entries_to_take_is_refused_before_the_training(self, contaminated, y):
        cleaner = loe()
        with pytest.raises(ValueError, match=f"y must be a list, an.*got a {type(y).__name__}"):
            cleaner.fit_resample(contaminated[0], y)
        assert not hasattr(cleaner, "labels_")

    def test_a_frame_in_the_other_byte_order(self, contaminated, kept):
        X, y = contaminated
        frame = pd.DataFrame(X.astype(">f8"), columns=list("abcdefgh")[: X.shape[1]])
        X_clean, y_clean = loe().fit_resample(frame, pd.Series(y.astype(">i8")))
        np.testing.assert_array_equal(X_clean, X[kept])
        np.testing.assert_array_equal(y_clean, y[kept])
        assert frame.dtypes.iloc[0] == np.dtype(">f8")

    @pytest.mark.parametrize("y", [3, np.array(3), iter([1, 2])])
    def test_y_that_is_no_array(self, contaminated, y):
        with pytest.raises(ValueError, match="LOE: y must be an array.*got"):
            loe().fit_resample(contaminated[0], y)

    def test_x_that_is_no_array(self):
        with pytest.raises(ValueError, match="LOE: X must be an array.*got 3"):
            loe().fit_resample(3, [1])

    def test_a_length_that_is_wrong_costs_no_training(self, contaminated):
        cleaner = loe()
        with pytest.raises(ValueError, match="y must have one entry"):
            cleaner.fit_resample(contaminated[0], [1])
        assert not hasattr(cleaner, "labels_")

    def test_nothing_left(self, contaminated):
        def all_anomalous(loss_n, loss_a, alpha, known):
            return loss_n * 0, loss_n * 0 + 1

        X, _ = contaminated
        cleaner = loe().fit(X)
        scores = cleaner.score_samples(X)
        cleaner.set_params(method=all_anomalous)
        with pytest.raises(ValueError, match=r"LOE: fit_resample has no row left: all 200 were"):
            cleaner.fit_resample(X)
        np.testing.assert_array_equal(cleaner.score_samples(X), scores)

    @pytest.mark.filterwarnings("ignore:LOE. known_labels:UserWarning")
    def test_nothing_left_by_known_labels(self, contaminated):
        cleaner = loe()
        with pytest.raises(ValueError, match="no row left: all 200 were .* known labels"):
            cleaner.fit_resample(contaminated[0], known_labels=np.full(200, -1))
        assert not hasattr(cleaner, "labels_")

    def test_divergence_leaves_it_unfitted(self, contaminated):
        cleaner = loe().fit(contaminated[0]).set_params(estimator__lr=1e30)
        with pytest.raises(TrainingDivergedError):
            cleaner.fit_resample(contaminated[0])
        assert not hasattr(cleaner, "labels_")


class TestPipelines:
    """As a step of imbalanced-learn's, which calls fit_resample in fit and skips it in predict."""

    @pytest.fixture
    def make_pipeline(self):
        return pytest.importorskip("imblearn.pipeline").make_pipeline

    def test_a_detector_afterwards(self, make_pipeline, contaminated):
        X, y = contaminated
        pipeline = make_pipeline(StandardScaler(), loe(), IsolationForest(random_state=0)).fit(X)
        scaler = StandardScaler().fit(X)
        cleaner = loe()
        X_clean, _ = cleaner.fit_resample(scaler.transform(X))
        forest = IsolationForest(random_state=0).fit(X_clean)
        # All rows are scored: none is dropped where it is to be judged.
        np.testing.assert_array_equal(
            pipeline.score_samples(X), forest.score_samples(scaler.transform(X))
        )
        np.testing.assert_array_equal(pipeline["loe"].labels_, cleaner.labels_)
        np.testing.assert_array_equal(
            pipeline.fit(X, y).predict(X), forest.predict(scaler.transform(X))
        )
        # imbalanced-learn's fit_predict is that of the rows that are left.
        assert pipeline.fit_predict(X).shape == X_clean.shape[:1]

    @pytest.mark.parametrize("frame", [False, True])
    def test_a_classifier_afterwards(self, make_pipeline, contaminated, frame):
        X, _ = contaminated
        classes = np.where(X[:, 0] > 2, "right", "left")
        rows = pd.DataFrame(X, columns=list("abcde")) if frame else X
        pipeline = make_pipeline(loe(), LogisticRegression()).fit(rows, classes)
        X_clean, y_clean = loe().fit_resample(rows, classes)
        expected = LogisticRegression().fit(X_clean, y_clean).predict_proba(rows)
        np.testing.assert_array_equal(pipeline.predict_proba(rows), expected)
        assert pipeline.classes_.tolist() == ["left", "right"]
        predicted = cross_val_predict(pipeline, rows, classes, cv=3)
        assert predicted.shape == (200,)
        assert (predicted == classes).mean() > 0.9

    def test_a_grid_around(self, make_pipeline, contaminated):
        X, _ = contaminated
        classes = (X[:, 0] > 2).astype(int)
        grid = {"loe__contamination": [0.05, 0.2], "logisticregression__C": [0.1, 1.0]}
        pipeline = make_pipeline(loe(), LogisticRegression())
        search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, classes)
        best = clone(pipeline).set_params(**search.best_params_).fit(X, classes)
        np.testing.assert_array_equal(search.predict_proba(X), best.predict_proba(X))

    def test_the_last_step_is_a_detector_like_any_other(self, make_pipeline, contaminated):
        X, _ = contaminated
        pipeline = make_pipeline(StandardScaler(), loe()).fit(X)
        assert set(pipeline.predict(X)) == {-1, 1}
        X_clean, y_clean = pipeline.fit_resample(X, None)
        assert X_clean.shape == (180, 5)
        assert y_clean is None

    def test_known_labels_are_routed(self, make_pipeline, contaminated):
        X, y = contaminated
        known = np.zeros(200, dtype=bool)
        known[np.flatnonzero(loe().fit(X).labels_ == -1)[:5]] = True
        expected = loe().fit(X, known_normal=known).labels_
        with config_context(enable_metadata_routing=True):
            cleaner = loe().set_fit_request(known_normal=True)
            cleaner.set_fit_resample_request(known_normal=True)
            pipeline = make_pipeline(cleaner, IsolationForest(random_state=0))
            pipeline.fit(X, y, known_normal=known)
            np.testing.assert_array_equal(pipeline["loe"].labels_, expected)
            search = GridSearchCV(
                clone(pipeline),
                {"loe__contamination": [0.1]},
                scoring=lambda fitted, X, y: fitted.score_samples(X).mean(),
                cv=KFold(2),
                error_score="raise",
            ).fit(X, y, known_normal=known)
        np.testing.assert_array_equal(search.best_estimator_["loe"].labels_, expected)

    def test_known_labels_by_another_name_or_not_at_all(self, make_pipeline, contaminated):
        X, _ = contaminated
        known = np.zeros(200, dtype=int)
        known[:3] = -1
        with config_context(enable_metadata_routing=True):
            cleaner = loe().set_fit_request(known_labels="looked_at")
            cleaner.set_fit_resample_request(known_labels="looked_at")
            pipeline = make_pipeline(cleaner, IsolationForest()).fit(X, looked_at=known)
            assert (pipeline["loe"].labels_[:3] == -1).all()
            unsaid = make_pipeline(loe(), IsolationForest())
            with pytest.raises(ValueError, match="known_labels.* not explicitly set"):
                unsaid.fit(X, known_labels=known)

    def test_without_routing_imbalanced_learn_hands_nothing_on(self, make_pipeline, contaminated):
        """What the user guide warns of. Once it does hand them on, the guide has to change."""
        X, _ = contaminated
        known = np.zeros(200, dtype=int)
        plain = loe().fit(X).labels_
        known[np.flatnonzero(plain == 1)[:3]] = -1
        pipeline = make_pipeline(loe(), IsolationForest()).fit(X, loe__known_labels=known)
        np.testing.assert_array_equal(pipeline["loe"].labels_, plain)


def test_a_request_before_imbalanced_learn_is_imported(monkeypatch):
    detector = LOE()

    class Requests:
        fit = None

    monkeypatch.setattr(type(detector), "get_metadata_routing", lambda self: Requests())
    with pytest.raises(RuntimeError, match="needs imbalanced-learn.*Import imblearn.pipeline"):
        super(LOE, detector).set_fit_resample_request(known_labels=True)
