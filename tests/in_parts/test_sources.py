"""Rows that are stored elsewhere: read whole where they are few, in checked blocks where not."""

import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from conftest import FEW_TREES, slow_but, small
from sklearn import clone, config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stored_rows import STORES, Counted, counted, fortran, hdf5, mapped, parquet, zarr

from lofe_sklearn import ICL, LOE, DeepSVDD, LOESearchCV, MHRot, fit_many
from lofe_sklearn._training._fit_in_parts import _labels_of_sample
from lofe_sklearn._training._session import mean_of_parts
from lofe_sklearn.inspection import explain
from lofe_sklearn.rules import PURisk
from lofe_sklearn.sources import ParquetRows
from lofe_sklearn.sources._blocks import Blocks
from lofe_sklearn.sources._find_source import source_of
from lofe_sklearn.tabular import TableFeatures

# Of a working memory of 1 MiB, rows of more than 64 KiB are not read whole.
LITTLE = {"working_memory": 1}


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5000, 4)).astype(np.float32)
    rows[::50] += 4
    return rows


def detector():
    return DeepSVDD(max_epochs=2, batch_size=256, random_state=0)


@pytest.mark.parametrize("store", STORES)
def test_few_rows_are_read_whole_and_train_as_an_array(store, X, tmp_path):
    rows = store(X, tmp_path)
    expected = detector().fit(X)
    fitted = detector().fit(rows)
    np.testing.assert_array_equal(fitted.score_samples(rows), expected.score_samples(X))
    assert fitted.offset_ == expected.offset_


# A whole array, chunks and a file of columns; the others are read whole by the test above.
@pytest.mark.parametrize("store", slow_but([mapped, zarr, parquet, counted], STORES))
def test_many_rows_are_read_in_blocks(store, X, tmp_path):
    rows = store(X, tmp_path)
    fitted = detector().fit(X)
    with config_context(**LITTLE):
        assert not source_of(rows, "").is_small
        streamed = detector().fit(rows)
        # Scoring in blocks gives what scoring at once gives.
        names = getattr(streamed, "feature_names_in_", None)
        scores = streamed.score_samples(rows)
    if names is not None:
        assert names.tolist() == ["x0", "x1", "x2", "x3"]
        del streamed.feature_names_in_
    np.testing.assert_allclose(scores, streamed.score_samples(X), rtol=1e-7)
    assert np.corrcoef(scores, fitted.score_samples(X))[0, 1] > 0.9
    assert np.mean(scores < streamed.offset_) == pytest.approx(0.1, abs=0.002)


def test_other_methods_read_blocks_too(X, tmp_path):
    fitted = LOE(
        detector(), init=FEW_TREES, contamination=0.02, evidence="knn", random_state=0
    ).fit(X)
    rows = hdf5(X, tmp_path)
    with config_context(**LITTLE):
        calls = {
            "decision_function": {},
            "predict": {},
            "anomaly_proba": {},
            "predict_proba": {},
            "severity": {},
            "embed": {},
            "p_values": {"calibration": rows},
        }
        for method, options in calls.items():
            got = getattr(fitted, method)(rows, **options)
            expected = getattr(fitted, method)(X, **dict.fromkeys(options, X))
            np.testing.assert_allclose(got, expected, rtol=1e-6, err_msg=method)


def test_methods_that_need_rows_in_memory_say_so(X):
    rows = Counted(X)
    fitted = detector().fit(X)
    with config_context(**LITTLE):
        for call in (
            lambda: fitted.explain(rows),
            lambda: LOESearchCV(LOE(detector()), {"contamination": [0.1]}).fit(rows, X[:, 0] > 3),
            lambda: fit_many([detector()], rows, rows=[np.arange(9)]),
        ):
            with pytest.raises(ValueError, match="must be in memory here; got a .*Counted"):
                call()
        with pytest.raises(ValueError, match="partial_fit takes rows that are in memory"):
            fitted.partial_fit(rows)


def test_what_is_in_memory_is_no_source(X):
    torch = pytest.importorskip("torch")
    for rows in (X, X.tolist(), torch.tensor(X), X[:, 0], None, np.ndarray):
        assert source_of(rows, "") is None


def test_memory_is_bounded_whatever_the_chunks_are(X):
    with config_context(**LITTLE):
        rows = Counted(X)
        detector().fit(rows)
        assert rows.largest < len(X) / 16
        # Two epochs, one pass before and one after.
        assert rows.n_read == 4 * len(X)


def test_blocks_end_where_chunks_do():
    class Chunked(Counted):
        chunks = (30, 4)

    source = source_of(Chunked(np.zeros((100, 4))), "")
    assert Blocks(source, 50, "").stops.tolist() == [60, 100]
    assert Blocks(source, 20, "").stops.tolist() == [30, 60, 90, 100]
    assert Blocks(source, 6, "").stops.tolist()[:6] == [6, 12, 18, 24, 30, 36]


def test_a_mapped_array_of_a_private_copy_keeps_what_was_written(X, tmp_path):
    np.save(tmp_path / "X.npy", X)
    rows = np.load(tmp_path / "X.npy", mmap_mode="c")
    rows[0] = 7.0
    with config_context(**LITTLE):
        detector().fit(rows)
    assert (rows[0] == 7.0).all()


def test_known_labels_and_outliers(X):
    known = np.zeros(len(X), int)
    known[::50] = -1
    detector = LOE(
        DeepSVDD(max_epochs=2), init=FEW_TREES, contamination=0.02, evidence=None, random_state=0
    )
    with config_context(**LITTLE):
        told = clone(detector).fit(Counted(X), known_labels=known, outliers=X[::100] + 5)
        untold = clone(detector).fit(Counted(X))
    scores = [each.score_samples(X) for each in (told, untold)]
    assert not np.allclose(*scores)
    assert np.mean(scores[0][::50] < told.offset_) > 0.9
    with (
        config_context(**LITTLE),
        pytest.raises(ValueError, match="known_labels"),
    ):
        clone(detector).fit(Counted(X), known_labels=known[:-1])


def test_known_labels_of_a_sample_are_no_more_than_their_share():
    """1 / 1506 times 1506 is a little less than 1."""
    known = -(np.arange(1506) < 4).astype(np.int8)
    every_row = np.arange(1506)
    assert [_labels_of_sample(known, every_row[:n]).sum() for n in (1506, 753, 9)] == [-4, -2, 0]
    assert _labels_of_sample(known // 4 * (every_row == 0), every_row).sum() == -1


@pytest.mark.parametrize("n_known", [1, 4])
def test_known_anomalies_that_a_sample_lacks_are_trained_with(X, n_known):
    """The sample is 4,096 of the 5,000 rows, and has no share of one of them."""
    by_risk = LOE(DeepSVDD(max_epochs=2), method=PURisk(), contamination=0.01, random_state=0)
    known = np.arange(len(X)) < n_known
    with config_context(working_memory=0.25):
        fitted = clone(by_risk).fit(Counted(X), known_anomalies=known)
        with pytest.raises(ValueError, match="1 known anomalies and 1 known normal rows"):
            by_risk.fit(Counted(X), known_labels=np.r_[-1, 1, np.zeros(len(X) - 2, int)])
    assert np.mean(fitted.predict(X) < 0) == pytest.approx(0.01, abs=0.002)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_samples": 0.5}, "max_samples=0.5 needs all rows in memory"),
        ({"held_out_folds": 3}, "held_out_folds=3 needs all rows in memory"),
        ({"keep": "partial"}, "keep='partial' needs all rows in memory"),
        ({"init": np.arange(5000.0)}, "init is an array of scores"),
        ({"method": "odim"}, "averages or chooses states"),
    ],
)
def test_what_needs_all_rows_is_refused(options, message, X):
    from lofe_sklearn.rules import ODIM

    if options.get("method") == "odim":
        options = {"method": ODIM()}
    detector = LOE(DeepSVDD(max_epochs=2), **{"contamination": 0.02, **options})
    with config_context(**LITTLE), pytest.raises(ValueError, match=message):
        detector.fit(Counted(X))
    with pytest.raises(ValueError, match=message):
        detector.partial_fit(X)
    assert not hasattr(detector, "offset_")


def test_a_fit_from_a_source_keeps_nothing_of_single_rows(X):
    loe = LOE(DeepSVDD(max_epochs=2), init=FEW_TREES, contamination=0.02, random_state=0)
    with config_context(**LITTLE):
        loe.fit(Counted(X))
        flagged = loe.set_threshold(n_flagged=200).predict(Counted(X))
    assert loe.estimators_samples_ is None
    assert loe.held_out_scores_ is None
    assert np.sum(flagged < 0) == pytest.approx(200, abs=10)
    with pytest.raises(AttributeError, match="labels_ are not kept"):
        _ = loe.labels_
    loe.fit(X)
    assert len(loe.labels_) == len(loe.estimators_samples_[0]) == len(X)


def test_two_fits_from_a_source_are_equal(X, tmp_path):
    loe = LOE(DeepSVDD(max_epochs=2), init=FEW_TREES, contamination=0.02, random_state=0)
    with config_context(**LITTLE):
        first, second = (clone(loe).fit(mapped(X, tmp_path)) for _ in range(2))
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))
    assert first.offset_ == second.offset_


def test_many_detectors_from_one_source(X):
    with config_context(**LITTLE):
        alone = detector().fit(Counted(X))
        [together, failed] = fit_many(
            [detector(), LOE(held_out_folds=2)], Counted(X), return_errors=True
        )
    np.testing.assert_array_equal(together.score_samples(X), alone.score_samples(X))
    assert "held_out_folds=2" in str(failed)


@pytest.mark.slow
def test_the_number_of_all_rows_says_how_long_first_labels_hold(X):
    backbone = DeepSVDD(batch_size=64)
    # The sample has fewer rows, each of which would be seen more often.
    assert backbone.choose_max_epochs(len(X), 4) == 11
    assert backbone.choose_max_epochs(2048, 4) == 25
    options = {"contamination": 0.05, "evidence": None, "random_state": 0}
    with config_context(**LITTLE):
        by_default, quarter = (
            LOE(backbone, warmup_epochs=n, **options).fit(Counted(X)) for n in (None, 2)
        )
        too_long = LOE(backbone, warmup_epochs=20, **options)
        with pytest.raises(ValueError, match="warmup_epochs=20 must be below .* max_epochs=11"):
            too_long.fit(Counted(X))
    np.testing.assert_array_equal(by_default.loss_history_, quarter.loss_history_)


@pytest.mark.slow
def test_the_number_of_all_rows_decides_about_the_default_backbones(X):
    options = {"contamination": 0.05, "n_estimators": 2, "method": "hard", "random_state": 0}
    in_memory = LOE(evidence=None, **options).fit(X)
    with config_context(**LITTLE):
        streamed = LOE(evidence="iforest", **options).fit(Counted(X))
    for own, other in zip(in_memory.estimators_, streamed.estimators_, strict=True):
        assert own.n_iter_ == other.n_iter_
        assert own.get_params(deep=False) == other.get_params(deep=False)
    assert streamed._ensemble.evidence.weight == 25 / len(X)


def test_a_training_from_a_source_stops_early():
    X = np.random.default_rng(0).normal(size=(5000, 4)).astype(np.float32)
    with config_context(**LITTLE):
        patient = DeepSVDD(
            max_epochs=30, batch_size=512, n_iter_no_change=2, tol=10.0, random_state=0
        )
        assert patient.fit(Counted(X)).n_iter_ == 3
        icl = ICL(max_epochs=5, batch_size=512, loss_threshold=1e6, random_state=0)
        assert icl.fit(Counted(X)).n_iter_ == 1
        loe = LOE(
            patient,
            init=FEW_TREES,
            warmup_epochs=2,
            contamination=0.1,
            evidence=None,
            random_state=0,
        )
        assert loe.fit(Counted(X)).n_iter_ == 5


def test_images():
    X = np.random.default_rng(0).integers(0, 256, size=(80, 8, 8)).astype(np.uint8)
    detector = small(MHRot)(max_epochs=1, random_state=0)
    with config_context(working_memory=0.05):
        assert not source_of(Counted(X), "").is_small
        fitted = clone(detector).fit(Counted(X))
        scores = fitted.score_samples(Counted(X))
    assert fitted.image_shape_ == (1, 8, 8)
    np.testing.assert_allclose(scores, fitted.score_samples(X), rtol=1e-4)


def test_a_stored_index_is_no_feature(X, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    frame = pd.DataFrame(X, columns=["x0", "x1", "x2", "x3"])
    path = tmp_path / "rows.parquet"
    shuffled = pd.Index(np.random.default_rng(0).permutation(5000))
    indices = {
        "range": frame.index,
        "__index_level_0__": shuffled,
        "order": shuffled.rename("order"),
    }
    for name, index in indices.items():
        frame.set_index(index).to_parquet(path)
        assert ParquetRows(path).columns == ["x0", "x1", "x2", "x3"]
        if name != "range":
            asked = ParquetRows(path, columns=["x1", name])
            assert asked[:1].to_pydict() == {"x1": [X[0, 1]], name: [shuffled[0]]}


def test_the_index_of_dask_is_no_feature(X, tmp_path):
    dask = pytest.importorskip("dask.dataframe", reason="needs dask")
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    frame = pd.DataFrame(X, columns=["x0", "x1", "x2", "x3"])
    dask.from_pandas(frame, npartitions=3).to_parquet(tmp_path / "rows")
    rows = ParquetRows(tmp_path / "rows")
    assert rows.columns == ["x0", "x1", "x2", "x3"]
    fitted = detector().fit(rows)
    np.testing.assert_array_equal(fitted.score_samples(rows), detector().fit(X).score_samples(X))


@pytest.mark.parametrize(
    ("store", "first"),
    slow_but(
        [
            *((store, StandardScaler) for store in STORES),
            *((store, TableFeatures) for store in (hdf5, parquet)),
        ],
        product(STORES, [StandardScaler, TableFeatures]),
    ),
)
def test_few_rows_are_explained_through_a_pipeline(store, first, X, tmp_path):
    rows = store(X[:500], tmp_path)
    # Of frames and files the columns have names.
    frame = pd.DataFrame(X[:500], columns=[f"x{j}" for j in range(4)])
    pipeline = make_pipeline(first(), detector()).fit(
        frame if hasattr(rows, "columns") else X[:500]
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        warnings.filterwarnings("ignore", "X has feature names")
        found = explain(pipeline, rows, background=rows)
        expected = explain(pipeline, frame, background=frame)
        np.testing.assert_allclose(found.contributions, expected.contributions, atol=1e-6)
    with config_context(working_memory=0.01):
        in_memory = store in (mapped, fortran)  # as any other array
        for given in () if in_memory else ({"X": rows}, {"X": frame, "background": rows}):
            with pytest.raises(ValueError, match=f"explain: {list(given)[-1]} must be in memory"):
                explain(pipeline, **given)


@pytest.mark.parametrize("store", [store for store in STORES if store is not counted])
def test_a_pipeline_reads_all_rows(store, X, tmp_path):
    rows = store(X[:500], tmp_path)
    pipeline = make_pipeline(StandardScaler(), detector())
    scores = pipeline.fit(rows).score_samples(rows)
    np.testing.assert_allclose(scores, pipeline.fit(X[:500]).score_samples(X[:500]), rtol=1e-5)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [((2.0, 4.0), 3.5), ((2.0, np.nan), 2.0), ((np.nan, np.nan), np.nan)],
)
def test_parts_without_normal_rows_do_not_count_in_the_loss_of_these(losses, expected):
    parts = [(100, 1.0, 2.0, 3.0, losses[0]), (300, 3.0, 4.0, 5.0, losses[1])]
    np.testing.assert_allclose(mean_of_parts(parts), [2.5, 3.5, 4.5, expected])
