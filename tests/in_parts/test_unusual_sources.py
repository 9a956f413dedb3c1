"""Sources that hold no rows, masked values, dates or an index, or that were cut off."""

import os
import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from conftest import slow_but
from sklearn import clone, config_context
from stored_rows import Counted, mapped

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn.active import query, refit
from lofe_sklearn.inspection import explain
from lofe_sklearn.metrics import roc_auc
from lofe_sklearn.plotting import ReasonsDisplay
from lofe_sklearn.sources import ParquetRows

# So little that all rows here are read in blocks, or so much that all are read whole. Less would
# only make the blocks more and the tests longer: Dask plans each of them anew.
LIMITS = pytest.mark.parametrize("working_memory", slow_but([1.0], [1.0, 1024]))


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(3000, 4))


@pytest.fixture(scope="module")
def detector(X):
    return DeepSVDD(max_epochs=1, random_state=0).fit(X)


def dask_array(X):
    dask = pytest.importorskip("dask.array", reason="needs dask")
    return dask.from_array(X, chunks=(300, 4))


@LIMITS
@pytest.mark.parametrize("store", [Counted, dask_array])
def test_masked_values(X, detector, store, working_memory):
    masked = np.ma.array(X, mask=False)
    masked[7, 2] = np.ma.masked
    message = "must hold no masked values.* The first is in row 7"
    with config_context(working_memory=working_memory):
        with pytest.raises(ValueError, match=message):
            detector.score_samples(store(masked))
        with pytest.raises(ValueError, match=message):
            DeepSVDD(max_epochs=1).fit(store(masked))
        whole = np.ma.array(np.arange(12000).reshape(3000, 4), mask=False)
        whole[3, 1] = np.ma.masked
        with pytest.raises(ValueError, match="must hold no masked values.* The first is in row 3"):
            DeepSVDD(max_epochs=1).fit(store(whole))


@LIMITS
def test_a_file_that_was_cut_off(X, detector, tmp_path, working_memory):
    """A process that reads beyond its end is killed."""
    rows = mapped(X, tmp_path)
    os.truncate(tmp_path / "rows.npy", 1000)
    with config_context(working_memory=working_memory):
        for use in (detector.score_samples, DeepSVDD(max_epochs=1).fit):
            with pytest.raises(ValueError, match=r"DeepSVDD: .*cannot be read .*has shrunk"):
                use(rows)


@pytest.mark.parametrize("store", [Counted, dask_array])
def test_fit_resample_needs_rows_in_memory(X, tmp_path, store):
    cleaner = LOE(DeepSVDD(max_epochs=1), contamination=0.1, random_state=0)
    expected, _ = cleaner.fit_resample(X)
    np.testing.assert_array_equal(cleaner.fit_resample(store(X))[0], expected)
    np.testing.assert_array_equal(cleaner.fit_resample(mapped(X, tmp_path))[0], expected)
    before = dict(vars(cleaner))
    with config_context(working_memory=0.25):
        for rows in (store(X), mapped(X, tmp_path)):
            with pytest.raises(ValueError, match="LOE: fit_resample takes rows that are in memory"):
                cleaner.fit_resample(rows)
    assert vars(cleaner) == before


@LIMITS
@pytest.mark.parametrize(
    ("scaling", "value"),
    slow_but(
        [("minmax", 1e50), ("winsorized", 1e160)],
        product(["minmax", "winsorized"], [1e50, -1e90, 1e160]),
    ),
)
def test_a_value_beside_which_others_vanish(X, scaling, value, working_memory):
    rows = X.copy()
    rows[2900, 3] = value
    with config_context(working_memory=working_memory):
        with pytest.raises(ValueError, match=r"beside which the other .* in row 2900, column 3"):
            DeepSVDD(max_epochs=1, scaling=scaling).fit(Counted(rows))
        rows[2900, 3] = 1e20
        DeepSVDD(max_epochs=1, scaling=scaling).fit(Counted(rows))


@pytest.mark.parametrize("make", [DeepSVDD, lambda **o: LOE(DeepSVDD(**o), contamination=0.1)])
def test_a_code_for_missing_values_is_told_wherever_it_is(X, make):
    rows = X.copy()
    rows[1500:1560, 1] = -999  # in none of the first blocks
    with config_context(working_memory=0.5):
        with pytest.warns(UserWarning, match=r"-999 in \d+ rows of a sample of 1,024\)") as told:
            make(max_epochs=1).fit(Counted(rows))
        assert len([w for w in told if "-999" in str(w.message)]) == 1
        first = X.copy()
        first[:6, 1] = 999  # it looks like a code in the first block, beside all rows it does not
        first[40:, 1] += 2000
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*looks like a code")
            make(max_epochs=1).fit(Counted(first))
    with pytest.warns(UserWarning, match=r"-999 in 60 rows\)"):
        make(max_epochs=1).fit(Counted(rows))


def test_names_that_are_missing_are_told_once(X, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    pd.DataFrame(X, columns=list("abcd")).to_parquet(tmp_path / "rows.parquet", row_group_size=99)
    named, bare = ParquetRows(tmp_path / "rows.parquet"), Counted(X)
    with config_context(working_memory=0.5):
        for rows, others, message in [
            (named, bare, "X does not have valid feature names, but DeepSVDD was"),
            (bare, named, "X has feature names, but DeepSVDD was fitted without"),
        ]:
            detector = DeepSVDD(max_epochs=2, warm_start=True).fit(rows)
            for use in (detector.score_samples, detector.predict, detector.fit):
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    use(others)
                assert [str(w.message).startswith(message) for w in told] == [True]
                detector = DeepSVDD(max_epochs=2, warm_start=True).fit(rows)


class TestParquet:
    @pytest.fixture
    def frame(self, X):
        pytest.importorskip("pyarrow", reason="needs pyarrow")
        return pd.DataFrame(X, columns=list("abcd"))

    def test_no_rows(self, frame, detector, tmp_path):
        frame[:0].to_parquet(tmp_path / "rows.parquet")
        rows = ParquetRows(tmp_path / "rows.parquet")
        for use in (detector.score_samples, DeepSVDD().fit):
            with pytest.raises(ValueError, match=r"DeepSVDD: Found array with 0 sample"):
                use(rows)

    def test_an_index_is_no_column(self, frame, tmp_path):
        path = tmp_path / "rows.parquet"
        frame.sample(frac=1, random_state=0).to_parquet(path)
        assert ParquetRows(path).columns == list("abcd")
        assert ParquetRows(path, columns=["a", "__index_level_0__"]).shape == (3000, 2)
        frame.set_index("b").to_parquet(path)
        assert ParquetRows(path).columns == list("acd")

    def test_dates_beside_numbers(self, frame, tmp_path):
        path = tmp_path / "rows.parquet"
        frame.assign(time=pd.date_range("2020", periods=len(frame))).to_parquet(path)
        rows = ParquetRows(path)
        assert rows.dtype == object
        with pytest.raises(
            ValueError, match="DeepSVDD: X contains dates or times in column 'time'"
        ):
            DeepSVDD().fit(rows)

    @LIMITS
    def test_files_that_differ_in_what_may_be_missing(self, X, tmp_path, working_memory):
        pa = pytest.importorskip("pyarrow", reason="needs pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
        for number, (rows, nullable) in enumerate([(X[:1000], True), (X[1000:], False)]):
            fields = [pa.field(name, pa.float64(), nullable) for name in "abcd"]
            table = pa.table(
                list(map(pa.array, rows.T)), schema=pa.schema(fields, {"by": f"{number}"})
            )
            parquet.write_table(table, tmp_path / f"{number}.parquet", row_group_size=300)
        rows = ParquetRows(tmp_path)
        np.testing.assert_array_equal(np.asarray(rows), X)
        assert rows[5:5].column_names == list("abcd")
        with config_context(working_memory=working_memory):
            fitted = DeepSVDD(max_epochs=1, random_state=0).fit(rows)
            np.testing.assert_allclose(fitted.score_samples(rows), fitted.score_samples(rows[:]))


class TestDask:
    @pytest.fixture
    def frame(self, X):
        dask = pytest.importorskip("dask.dataframe", reason="needs dask")
        return dask.from_pandas(pd.DataFrame(X, columns=list("abcd")), npartitions=3)

    def test_no_rows(self, frame, detector):
        for use in (detector.score_samples, DeepSVDD().fit):
            with pytest.raises(ValueError, match=r"DeepSVDD: Found array with 0 sample"):
                use(frame[frame.a > 100])

    def test_an_index_without_a_name_is_no_column(self, frame, tmp_path):
        frame.to_parquet(tmp_path)
        assert ParquetRows(tmp_path).columns == list("abcd")

    def test_dates_beside_numbers(self, frame):
        rows = frame.assign(time=pd.Timestamp("2020-01-01"))
        with pytest.raises(
            ValueError, match="DeepSVDD: X contains dates or times in column 'time'"
        ):
            DeepSVDD().fit(rows)

    def test_what_is_no_table(self, frame, X):
        import dask

        with pytest.raises(TypeError, match=r"a Dask Series. Pass X.to_frame\(\)"):
            DeepSVDD().fit(frame.a)
        with pytest.raises(TypeError, match=r"a Dask Delayed\w*. Pass X.compute\(\)"):
            DeepSVDD().fit(dask.delayed(X))

    @pytest.mark.parametrize("working_memory", [0.4, 1024])
    def test_the_last_partitions_are_empty(self, frame, working_memory):
        """As after a filter of rows that are in order of time."""
        dask = pytest.importorskip("dask.dataframe", reason="needs dask")
        ordered = frame.compute().sort_values("a", ignore_index=True)
        few = dask.from_pandas(ordered, npartitions=10)
        few = few[few.a < ordered.a[900]]  # the first three
        array = few.to_dask_array(lengths=True)
        assert array.chunks[0][:5] == (300, 300, 300, 0, 0)
        ordered = ordered[:900]
        for rows, own in ((array, ordered.to_numpy()), (few, ordered)):
            fitted = DeepSVDD(max_epochs=1, random_state=0).fit(own)
            with config_context(working_memory=working_memory):
                np.testing.assert_allclose(
                    fitted.score_samples(rows), fitted.score_samples(own), rtol=1e-7
                )
                assert np.sum(DeepSVDD(max_epochs=1).fit(rows).predict(own) < 0) > 50

    @LIMITS
    def test_labels_with_an_index(self, frame, working_memory):
        rows = frame.compute()
        told = rows.a > 1.5
        backbone = DeepSVDD(max_epochs=1, random_state=0)
        forms = [
            {"known_anomalies": told},
            {"known_anomalies": frame.a > 1.5},
            {"known_labels": -told.astype(int)},
            {"known_labels": (frame.a > 9, frame.a > 1.5)},
        ]
        with config_context(working_memory=working_memory):
            expected = clone(backbone).fit(frame, known_anomalies=told.to_numpy())
            for labels in forms:
                fitted = clone(backbone).fit(frame, **labels)
                np.testing.assert_array_equal(
                    fitted.score_samples(rows), expected.score_samples(rows)
                )
                [many] = fit_many([backbone], frame, **labels)
                np.testing.assert_array_equal(
                    many.score_samples(rows), expected.score_samples(rows)
                )
            message = "known_anomalies must have the index of X, in the same order"
            for call in (backbone.fit, lambda X, **k: fit_many([backbone], X, **k)):
                with pytest.raises(ValueError, match=message):
                    call(frame, known_anomalies=told[::-1])

    def test_rows_of_a_frame_are_counted(self, frame):
        rows = frame.compute()
        told = rows.a > 2
        loe = LOE(DeepSVDD(max_epochs=1), contamination=0.05, evidence=None, random_state=0)
        fitted = loe.fit(rows)
        np.testing.assert_array_equal(
            query(fitted, frame, 4, known_anomalies=told, random_state=0),
            query(fitted, rows, 4, known_anomalies=told, random_state=0),
        )
        again = [refit(fitted, each, known_anomalies=told) for each in (frame, rows)]
        np.testing.assert_array_equal(*(each.score_samples(rows) for each in again))
        exposed = [clone(loe).fit(rows, outliers=each + 5) for each in (frame, rows)]
        np.testing.assert_array_equal(*(each.score_samples(rows) for each in exposed))
        with pytest.raises(ValueError, match="outliers must be rows with the features of X"):
            loe.fit(rows, outliers=frame[["a", "b"]])

    def test_a_column_that_is_not_computed(self, frame):
        rows = frame.compute()
        search = LOESearchCV(LOE(DeepSVDD(max_epochs=1)), {"contamination": [0.1]}, cv=2)
        with pytest.raises(TypeError, match=r"LOESearchCV: y must be computed.* Pass y.compute"):
            search.fit(rows, (frame.a > 1).astype(int))
        with pytest.raises(TypeError, match=r"y_true must be computed .* Pass y_true.compute"):
            roc_auc(frame.a > 1, -rows.a)

    def test_the_reasons_of_a_row_are_drawn(self, frame):
        pytest.importorskip("matplotlib", reason="needs matplotlib")
        fitted = DeepSVDD(max_epochs=1, random_state=0).fit(frame)
        drawn = ReasonsDisplay.from_estimator(fitted, frame, row=7)
        expected = explain(fitted, frame.compute()[7:8], background=frame)
        assert sorted(drawn.contributions) == pytest.approx(sorted(expected.contributions[0]))
