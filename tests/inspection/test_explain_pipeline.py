"""Reasons through a Pipeline, by the columns of its input."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.inspection import explain
from lofe_sklearn.inspection._columns import column_values, with_columns_of
from lofe_sklearn.inspection._typical_row import row_of_typical_value, typical_row

N = 120


def numbers():
    X = np.random.default_rng(0).normal(size=(N, 4))
    X[0, 2] = 12.0
    return X


def frame():
    """Numbers, categories, dates and gaps; row 0 has a planted amount, row 1 a planted unit."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "amount": rng.normal(20, 2, N).round(1),
            "unit": pd.Categorical(rng.choice(["g", "kg"], N), categories=["g", "kg", "t"]),
            "when": pd.date_range("2024-01-01", periods=N),
            "paid": rng.random(N) < 0.7,
            "count": pd.array(rng.integers(0, 9, N), dtype="Int64"),
            "shop": rng.choice(["north", "south", "east"], N).astype(object),
        }
    )
    table.loc[3:6, "count"] = pd.NA
    table.loc[0, "amount"] = 90.0
    table.loc[1, "unit"] = "t"
    return table


def to_numbers():
    days = FunctionTransformer(lambda t: t.apply(lambda c: c.map(pd.Timestamp.toordinal)))
    return make_column_transformer(
        (StandardScaler(), ["amount"]),
        (OneHotEncoder(handle_unknown="ignore"), ["unit", "shop"]),
        (make_pipeline(days, StandardScaler()), ["when"]),
        (SimpleImputer(add_indicator=True), ["count", "paid"]),
    )


def detector():
    return LOE(DeepSVDD(max_epochs=30), contamination=0.05, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return make_pipeline(to_numbers(), detector()).fit(frame().astype({"count": float}))


def test_columns_of_the_input_are_blamed(fitted):
    table = frame().astype({"count": float})
    found = explain(fitted, table[:4], background=table)
    assert found.feature_names.tolist() == list(table)
    assert [own[0].feature for own in found.top(1)[:2]] == ["amount", "unit"]
    assert dict(zip(table, found.typical, strict=True)) == {
        "amount": np.sort(table["amount"])[59],
        "unit": table["unit"].mode()[0],
        "when": pd.Timestamp("2024-02-29"),
        "paid": True,
        "count": 4.0,
        "shop": table["shop"].mode()[0],
    }
    np.testing.assert_allclose(found.scores, fitted.score_samples(table[:4]), atol=1e-7)
    total = found.contributions.sum(axis=1) + found.remainder
    np.testing.assert_allclose(total, found.typical_score - found.scores)
    # A value that is missing has a contribution of its own.
    assert np.isnan(found.values[3, 4])
    assert found.contributions[3, 4] != 0


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "objects"])
def test_containers_of_mixed_columns(kind):
    pytest.importorskip("skrub", reason="skrub is not installed")
    from skrub import TableVectorizer

    table = frame().drop(columns="when").astype({"unit": object})
    make = {
        "pandas": lambda t: t,
        "polars": pl.from_pandas,
        "arrow": lambda t: pa.Table.from_pandas(t, preserve_index=False),
        "objects": lambda t: t[["unit", "shop"]].to_numpy(dtype=object),
    }[kind]
    if kind in ("pandas", "polars"):
        pipeline = make_pipeline(TableVectorizer(), SimpleImputer(), StandardScaler(), detector())
    elif kind == "arrow":
        pipeline = make_pipeline(
            FunctionTransformer(lambda t: t.to_pandas()),
            *(TableVectorizer(), SimpleImputer(), detector()),
        )
    else:
        pipeline = make_pipeline(OneHotEncoder(handle_unknown="ignore"), detector())
    data = make(table)
    pipeline.fit(data)
    found = explain(pipeline, make(table[:2]), background=data)
    assert found.top(1)[1][0].value == "t"
    assert found.values.dtype == object
    if kind != "objects":
        assert found.top(1)[0][0].feature == "amount"
    np.testing.assert_allclose(found.scores, pipeline.score_samples(data)[:2], atol=1e-7)


def test_a_background_of_other_types_and_order(fitted):
    table = frame().astype({"count": float})
    expected = explain(fitted, table[:2], background=table).contributions
    others = table.astype({"unit": object, "count": "Int64"})[list(table)[::-1]]
    found = explain(fitted, table[:2], background=others)
    np.testing.assert_allclose(found.contributions, expected)


def test_many_rows_of_background(fitted, monkeypatch):
    monkeypatch.setattr("lofe_sklearn.inspection._typical_row._ENOUGH_ROWS", 11)
    table = frame().astype({"count": float})
    assert explain(fitted, table[:2], background=table).top(1)[0][0].feature == "amount"


def test_groups_of_columns(fitted):
    table = frame().astype({"count": float})
    groups = ["amount", *["rest"] * 5]
    found = explain(fitted, table[:2], background=table, groups=groups).contributions
    assert (found[:, 1:] == found[:, 1:2]).all()
    assert found[0, 0] > found[0, 1]


# Without a background.


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, pd.DataFrame, pl.DataFrame])
def test_steps_that_can_be_undone(container):
    X = numbers()
    data = container(X)
    with_mean = not sparse.issparse(data)
    pipeline = make_pipeline(StandardScaler(with_mean=with_mean), detector()).fit(data)
    rows = data[:2]
    found = explain(pipeline, rows)
    middle = np.sort(X, axis=0)[59]
    np.testing.assert_allclose(np.asarray(found.typical, dtype=float), middle, atol=1e-9)
    expected = explain(pipeline, rows, background=data).contributions
    np.testing.assert_allclose(found.contributions, expected, atol=1e-6)
    assert found.contributions[0].argmax() == 2


def test_components_and_nested_pipelines():
    X = numbers()
    inner = make_pipeline(PCA(2, random_state=0), detector())
    pipeline = make_pipeline(StandardScaler(), inner).fit(X)
    assert explain(pipeline, X[:1]).contributions[0].argmax() == 2
    search = GridSearchCV(
        make_pipeline(StandardScaler(), detector()),
        {"loe__method": ["hard"]},
        cv=2,
        scoring=lambda fitted, X, y=None: 0.0,
    ).fit(X)
    assert explain(search, X[:1]).contributions[0].argmax() == 2
    alone = detector().fit(X)
    expected = alone.explain(X[:1]).contributions
    np.testing.assert_array_equal(explain(alone, X[:1]).contributions, expected)
    np.testing.assert_allclose(
        explain(make_pipeline("passthrough", alone), X[:1]).contributions, expected
    )


def test_steps_that_cannot_be_undone(fitted):
    with pytest.raises(ValueError, match=r"no inverse_transform\. Pass background=X_train"):
        explain(fitted, frame().astype({"count": float})[:1])
    X = np.abs(numbers()) + 1
    for step, why in (
        (FunctionTransformer(np.log), "these cannot be undone"),
        (SimpleImputer(), r"these fail: .*add_indicator.*instead\.(?= Pass)"),
    ):
        pipeline = make_pipeline(step, detector()).fit(X)
        with pytest.raises(ValueError, match=f"{why}.*Pass background=X_train"):
            explain(pipeline, X[:1])
        assert explain(pipeline, X[:1], background=X).contributions.shape == (1, 4)


class Keeper(FunctionTransformer):
    """A first step that keeps the typical row of what it is fitted to."""

    def fit(self, X, y=None):
        self.typical_row_ = typical_row(X)
        return super().fit(X, y)


def test_a_first_step_that_keeps_the_typical_row(fitted):
    table = frame().astype({"count": float})
    pipeline = make_pipeline(Keeper(), fitted[0], fitted[1])
    pipeline[0].fit(table)
    found = explain(make_pipeline(pipeline), table[:2])
    expected = explain(fitted, table[:2], background=table)
    np.testing.assert_array_equal(found.contributions, expected.contributions)
    with pytest.raises(ValueError, match="background lacks the column 'more' of X"):
        explain(pipeline, table[:2].assign(more=1))


def test_columns_that_are_dropped_contribute_nothing():
    X = numbers()
    select = SelectKBest(lambda X, y: X[0], k=2)
    pipeline = make_pipeline(select, detector())
    pipeline.fit(X, np.arange(N) % 2)
    found = explain(pipeline, X[:3], background=X).contributions
    dropped = ~pipeline[0].get_support()
    np.testing.assert_allclose(found[:, dropped], 0, atol=1e-12)


# Bad input.


def test_bad_input(fitted):
    table = frame().astype({"count": float})
    X = numbers()
    pipeline = make_pipeline(StandardScaler(), detector()).fit(X)
    for arguments, options, message in (
        ((fitted, table[:0]), {"background": table}, "explain: X must be a table with at least"),
        ((pipeline, X[0]), {}, r"got shape \(4,\). A single row is X\[:1\]"),
        ((pipeline, X[:, :3]), {}, "X has 3 features, but StandardScaler is expecting 4"),
        ((pipeline, X[:2]), {"background": X[:, :3]}, "background must have 4 columns"),
        ((pipeline, X[:2]), {"background": X[:0]}, "background must be a table with at least"),
        ((pipeline, X[:2]), {"background": pd.DataFrame(X)}, "same kind as X; got a table of pan"),
        ((fitted, table[:1]), {"background": table.drop(columns="paid")}, "lacks .* 'paid' of X"),
        ((fitted, table[:1]), {"background": pl.from_pandas(table)}, "a table of polars, and X"),
        ((fitted, table.drop(columns="unit")), {"background": table}, "columns are missing"),
        ((pipeline, np.where(X == X[1, 1], np.nan, X)), {}, "contains missing values|NaN"),
        ((pipeline, X[:1]), {"groups": [0, 1]}, "explain: groups must be an array of 4 integers"),
        ((pipeline, np.ma.masked_less(X, 0)), {}, "explain: X must hold no masked values"),
    ):
        with pytest.raises(ValueError, match=message):
            explain(*arguments, **options)
    with pytest.raises(NotFittedError):
        explain(make_pipeline(StandardScaler(), detector()), X)
    for other in (IsolationForest().fit(X), make_pipeline(StandardScaler(), IsolationForest())):
        with pytest.raises(TypeError, match="explain: fitted must be LOE.* got .*IsolationForest"):
            explain(other, X)


# What is typical of a column.


@pytest.mark.parametrize(
    ("values", "typical"),
    [
        ([3, 1, 2, 9], 2),
        ([3.0, float("nan"), 1.0, 7.0], 3.0),
        ([None, None, None, 4], None),
        ([None, 4], 4),
        (["b", "a", "b", "c"], "b"),
        (["2024-03-01", "2024-01-31", "2024-02-02"], "2024-02-02"),
        ([True, False, True], True),
        ([0, True, True], True),
        ([datetime.date(2024, 1, d) for d in (5, 1, 3)], datetime.date(2024, 1, 3)),
        ([datetime.timedelta(d) for d in (5, 1, 3)], datetime.timedelta(3)),
        ([1, "a", "a"], "a"),
        ([["x"], ["y"], ["x"]], ["x"]),
        ([{"a": 1}, {"b": 2}, {"b": 2}], {"b": 2}),
        ([1, datetime.date(2024, 1, 1), 1], 1),
        ([pd.NA, 2, 2], 2),
        ([pd.NaT, pd.Timestamp("2024-01-01")], pd.Timestamp("2024-01-01")),
        ([np.datetime64("NaT"), np.datetime64("2024-01-01")], np.datetime64("2024-01-01")),
    ],
    ids=str,
)
def test_typical_values(values, typical):
    assert values[row_of_typical_value(values)] == typical or typical is None


def test_numbers_that_name_classes():
    values = [1, 9, 9, 5, 7]
    assert values[row_of_typical_value(values, are_names=True)] == 9
    assert values[row_of_typical_value(values)] == 7


@pytest.mark.parametrize("make", [lambda t: t, pl.from_pandas, pa.Table.from_pandas])
def test_values_of_columns(make):
    table = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    data = make(table)
    assert column_values(data, 0) == [1, 2]
    assert column_values(data, 1)[0] == "x"


@pytest.mark.parametrize("kind", ["Int64", "Float64", "Float32", "int64[pyarrow]"])
def test_missing_numbers_of_nullable_types_without_background(kind):
    table = frame()[["amount", "count"]].astype(float)
    fitted = make_pipeline(SimpleImputer(add_indicator=True), detector()).fit(table)
    expected = explain(fitted, table[:8])
    found = explain(fitted, table[:8].astype({"count": kind}))
    np.testing.assert_allclose(found.contributions, expected.contributions, atol=1e-9)


def test_names_that_are_missing_are_said_once():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
    detector = make_pipeline(StandardScaler(), DeepSVDD(max_epochs=2, random_state=0)).fit(frame)
    expected = explain(detector, frame[:2])
    with pytest.warns(UserWarning, match="does not have valid feature names") as caught:
        found = explain(detector, frame.to_numpy()[:2])
    assert len(caught) == 1
    np.testing.assert_allclose(found.contributions, expected.contributions)


def test_a_step_that_computes_in_place_changes_neither_rows_nor_reasons():
    X, found = numbers(), {}
    for copy in (True, False):
        detector = LOE(DeepSVDD(max_epochs=3), contamination=0.1, random_state=0)
        pipeline = make_pipeline(StandardScaler(copy=copy), detector).fit(X.copy())
        rows = X[:3].copy()
        found[copy] = explain(pipeline, rows)
        np.testing.assert_array_equal(rows, X[:3])
    np.testing.assert_allclose(found[False].contributions, found[True].contributions)


def test_columns_of_another_order_are_found_without_reading_all_names_for_each():
    n_read = 0

    class Name:
        def __init__(self, text):
            self.text = text

        def __str__(self):
            nonlocal n_read
            n_read += 1
            return self.text

    texts = [f"x{i}" for i in range(50)]
    names = pd.Index(map(Name, [*texts[:49], "x0"]), dtype=object)
    table = pd.DataFrame([range(50)], columns=names)
    ordered = with_columns_of(table, texts[48::-1])
    assert ordered.to_numpy().tolist() == [list(range(48, -1, -1))]  # the first of two x0
    assert n_read <= 50
