"""Tables and arrays of Arrow's, wherever rows or labels are taken; pyarrow is no dependency."""

import warnings

import numpy as np
import pytest
from conftest import slow_but
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn.active import query, refit
from lofe_sklearn.metrics import ExcessMassScorer

pa = pytest.importorskip("pyarrow")

NAMES = list("abcd")
N_ROWS = 90


@pytest.fixture
def X():
    X = np.random.default_rng(0).normal(size=(N_ROWS, len(NAMES)))
    X[:9] += 5
    return X


Y = (np.arange(N_ROWS) < 9).astype(int)
KNOWN = np.repeat([-1, 0, 1], [2, N_ROWS - 7, 5])


def in_parts(values):
    return pa.chunked_array([values[:40], values[40:]])


CONTAINERS = {
    "table": lambda X: pa.table(dict(zip(NAMES, map(pa.array, X.T), strict=True))),
    "table in parts": lambda X: pa.table(dict(zip(NAMES, map(in_parts, X.T), strict=True))),
    "record batch": lambda X: pa.RecordBatch.from_arrays(list(map(pa.array, X.T)), names=NAMES),
}


@pytest.fixture(params=CONTAINERS, autouse=True)
def table(request, X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of rows without the names that were fitted, for one
        yield CONTAINERS[request.param](X)


def loe():
    return LOE(DeepSVDD(max_epochs=2), contamination=0.1, random_state=0)


def test_table_is_the_array_with_names(X, table):
    for make in (loe, lambda: DeepSVDD(max_epochs=2, random_state=0)):
        of_table, of_array = make().fit(table), make().fit(X)
        assert of_table.feature_names_in_.tolist() == NAMES
        for method in ("score_samples", "decision_function", "predict", "embed"):
            expected = getattr(of_array, method)(X)
            np.testing.assert_array_equal(getattr(of_table, method)(table), expected)
    expected = loe().fit(X, outliers=X + 9).score_samples(X)
    outliers = table.from_arrays(list((X + 9).T), names=NAMES)
    of_table = loe().fit(table, outliers=outliers)
    np.testing.assert_array_equal(of_table.score_samples(table), expected)


@pytest.mark.parametrize("array", [pa.array, in_parts])
def test_labels(X, table, array):
    expected = loe().fit(X, known_labels=KNOWN).score_samples(X)
    pair = array(KNOWN > 0), array(KNOWN < 0)
    for known in (array(KNOWN), pair):
        np.testing.assert_array_equal(
            loe().fit(table, known_labels=known).score_samples(table), expected
        )
    [fitted] = fit_many([loe()], table, rows=[pa.array(range(N_ROWS))], known_labels=array(KNOWN))
    np.testing.assert_allclose(fitted.score_samples(table), expected, rtol=1e-5)
    fitted = loe().fit(table)
    asked = query(fitted, table, 3, known_labels=array(KNOWN), random_state=0)
    assert set(asked) <= set(np.flatnonzero(KNOWN == 0))
    assert refit(fitted, table, array(KNOWN)).feature_names_in_.tolist() == NAMES


def test_clean_rows_are_a_table(table):
    cleaner = loe()
    clean, y = cleaner.fit_resample(table, pa.array(Y))
    assert type(clean) is type(table)
    assert clean.column_names == NAMES
    kept = cleaner.sample_indices_
    np.testing.assert_array_equal(clean["a"], np.asarray(table["a"])[kept])
    np.testing.assert_array_equal(y, Y[kept])


@pytest.mark.parametrize("array", [pa.array, in_parts])
@pytest.mark.parametrize("steps", slow_but([[]], [[], [StandardScaler()]]))
def test_search(X, table, array, steps):
    estimator = make_pipeline(*steps, loe())
    searches = [
        LOESearchCV(estimator, {"loe__contamination": [0.05, 0.2]}, cv=3).fit(rows, y)
        for rows, y in ((table, array(Y)), (X, Y))
    ]
    of_table, of_array = (search.cv_results_["mean_test_score"] for search in searches)
    np.testing.assert_array_equal(of_table, of_array)
    assert searches[0].feature_names_in_.tolist() == NAMES
    if steps and type(table) is pa.RecordBatch:
        return  # a scaler of scikit-learn's does not see its names
    assert searches[0].score(table, array(Y)) == searches[1].score(X, Y)


def test_excess_mass(X, table):
    expected = ExcessMassScorer(random_state=0)(loe().fit(X), X)
    assert ExcessMassScorer(random_state=0)(loe().fit(table), table) == expected
