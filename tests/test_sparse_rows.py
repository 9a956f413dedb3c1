"""Sparse rows: indices of any width, in any order, and none that do not fit together."""

from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn.active import query, refit
from lofe_sklearn.metrics import ExcessMassScorer

N_ROWS, N_FEATURES = 90, 8
KNOWN = np.repeat([-1, 1, 0], [2, 5, N_ROWS - 7])


def rows(container=sparse.csr_array):
    X = sparse.random(N_ROWS, N_FEATURES, density=0.4, format="csr", random_state=0)
    return container(X)


def loe(**parameters):
    parameters = {"contamination": 0.1, "random_state": 0, **parameters}
    return LOE(DeepSVDD(max_epochs=2), **parameters)


def wide(X):
    """Equal rows with indices of 64 bits, as after joining large parts."""
    X = X.copy()
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def shuffled(X):
    """Equal rows, with each row's columns in reverse order and its first value in two parts."""
    data, indices, indptr = [], [], [0]
    for row in range(X.shape[0]):
        part = slice(X.indptr[row], X.indptr[row + 1])
        values, columns = X.data[part][::-1], X.indices[part][::-1]
        if len(values):
            # Halves and doubles of floats are exact.
            values = np.r_[values[0] / 2, values[1:], values[0] / 2]
            columns = np.r_[columns, columns[0]]
        data.append(values)
        indices.append(columns)
        indptr.append(indptr[-1] + len(values))
    return type(X)((np.concatenate(data), np.concatenate(indices), indptr), shape=X.shape)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("change", [wide, shuffled])
@pytest.mark.parametrize("scaling", ["rms", "minmax", "winsorized"])
def test_same_rows_in_another_form_are_the_same_fit(container, change, scaling):
    X = rows(container)
    other = change(X)
    before = [array.copy() for array in (other.data, other.indices, other.indptr)]
    for detector in (DeepSVDD(max_epochs=2, random_state=0, scaling=scaling), loe()):
        expected = detector.fit(X).score_samples(X)
        np.testing.assert_array_equal(detector.score_samples(other), expected)
        np.testing.assert_array_equal(detector.fit(other).score_samples(X), expected)
    for array, as_given in zip((other.data, other.indices, other.indptr), before, strict=True):
        np.testing.assert_array_equal(array, as_given)
        assert array.dtype == as_given.dtype


def test_indices_of_64_bits_work_wherever_rows_are_taken():
    X, y = wide(rows()), np.arange(N_ROWS) % 9 == 0
    detector = loe(init=IsolationForest()).fit(X, outliers=wide(rows()))
    assert detector.labels_.shape == detector.anomaly_proba(X).shape == (N_ROWS,)
    kept, _ = loe().fit_resample(X)
    assert kept.shape == (81, N_FEATURES)
    [fitted] = fit_many([loe()], X, known_labels=KNOWN)
    np.testing.assert_array_equal(fitted.labels_, loe().fit(X, known_labels=KNOWN).labels_)
    for estimator in (loe(), make_pipeline(MaxAbsScaler(), loe())):
        name = "contamination" if isinstance(estimator, LOE) else "loe__contamination"
        search = LOESearchCV(estimator, {name: [0.1, 0.2]}, cv=3).fit(X, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert query(detector, X, 3, known_labels=KNOWN, random_state=0).shape == (3,)
    assert refit(detector, X, KNOWN, contamination=0.1).labels_.shape == (N_ROWS,)


def fall(X):
    X.indptr[3] = X.indptr[5]
    return "indptr falls from"


def end_too_far(X):
    X.indptr[-1] += 50
    return "beyond the"


def start_late(X):
    X.indptr[0] = 1
    return "indptr starts with 1, not 0"


def too_few_rows(X):
    X.indptr = X.indptr[:-1]
    return "indptr has shape"


def column_too_large(X):
    X.indices[7] = N_FEATURES + 10_000_000
    return f"column numbers must be from 0 to {N_FEATURES - 1}, but one is 10000008"


def column_negative(X):
    X.indices[7] = -1
    return "one is -1"


def too_few_columns(X):
    X.indices = X.indices[:-3]
    return "indices have shape"


def columns_of_floats(X):
    X.indices = X.indices.astype(float)
    return "not signed integers"


FAULTS = [
    fall,
    end_too_far,
    start_late,
    too_few_rows,
    column_too_large,
    column_negative,
    too_few_columns,
    columns_of_floats,
]


@pytest.mark.parametrize("spoil", FAULTS)
@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix, sparse.bsr_matrix])
def test_matrix_whose_indices_do_not_fit_is_refused(container, spoil):
    X = rows(container)
    text = spoil(X)
    if container is sparse.csc_matrix:
        text = text.replace(f"from 0 to {N_FEATURES - 1}", f"from 0 to {N_ROWS - 1}")
        text = text.replace("column", "row")
    for call in every_entry(X):
        with pytest.raises(ValueError, match=r"must be a valid sparse matrix; got .*") as caught:
            call()
        if container is not sparse.bsr_matrix:
            assert text in str(caught.value)


@cache
def fitted_detector():
    return loe().fit(rows())


def every_entry(X):
    fitted, y = fitted_detector(), np.arange(N_ROWS) % 9 == 0
    grid = {"contamination": [0.1, 0.2]}
    yield lambda: AutoEncoder(max_epochs=2).fit(X)
    yield lambda: loe().fit(X)
    yield lambda: loe().fit(rows(), outliers=X)
    yield lambda: loe().fit_resample(X)
    yield lambda: fit_many([loe()], X)
    yield lambda: fit_many([loe()], X, rows=[np.arange(20)])
    yield lambda: LOESearchCV(loe(), grid, cv=3).fit(X, y)
    yield lambda: LOESearchCV(make_pipeline(loe()), {"loe__contamination": [0.1]}, cv=3).fit(X, y)
    yield lambda: refit(fitted, X, KNOWN)
    yield lambda: query(fitted, X, 2)
    for method in ("predict", "score_samples", "decision_function", "embed", "anomaly_proba"):
        yield lambda method=method: getattr(fitted, method)(X)
    yield lambda: ExcessMassScorer()(fitted, X)


def test_other_formats_are_checked_too():
    coo = rows(sparse.coo_array)
    coo.col[3] = 10_000_000
    with pytest.raises(ValueError, match="COO format whose column numbers must be from 0 to 7"):
        loe().fit(coo)
    lil = rows(sparse.lil_array)
    lil.rows[4] = [10_000_000] * len(lil.rows[4])
    with pytest.raises(ValueError, match="column numbers must be from 0 to 7"):
        loe().fit(lil)


def test_room_behind_the_last_value_is_no_fault():
    X = rows()
    expected = loe().fit(X).score_samples(X)
    X.data, X.indices = np.r_[X.data, np.zeros(9)], np.r_[X.indices, np.full(9, 77)]
    np.testing.assert_array_equal(loe().fit(X).score_samples(X), expected)
    assert len(X.data) == len(X.indices) == X.indptr[-1] + 9


def test_the_first_row_is_named_where_entries_are_in_any_order():
    detector = DeepSVDD(max_epochs=1).fit(np.eye(20, 2))
    values, places = np.array([np.nan, np.nan, 1.0]), (np.array([9, 4, 2]), np.array([1, 1, 0]))
    with pytest.raises(ValueError, match=r"NaN\) in column 1 \(row 4\)"):
        detector.predict(sparse.coo_matrix((values, places), shape=(20, 2)))
