"""Numbers go around skrub, and mixed rows around all reading; both change no result."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from skrub import TableVectorizer

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.inspection import explain
from lofe_sklearn.tabular import TableFeatures
from lofe_sklearn.tabular._vectorizing import new_vectorizer

N = 60
RNG = np.random.default_rng(0)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "width": RNG.normal(size=N),
            "shop": RNG.choice(["kiosk", "bakery"], N),
            "shop_kiosk": RNG.integers(0, 9, N),  # the name of a feature of "shop", too
            "day": pd.date_range("2020-01-01", periods=N, freq="17D"),
            "price": np.where(np.arange(N) % 7 == 0, np.nan, RNG.lognormal(8, 2, N)),
            "note": [f"row {i} of {RNG.integers(1000)}" for i in range(N)],
            "took": pd.to_timedelta(RNG.integers(1, 9999, N), unit="s"),
        }
    )


def test_features_are_those_that_skrub_makes_of_all_columns(table):
    found = TableFeatures().fit(table[:40])
    # A vectorizer that is given gets the numbers, too, and keeps the years beside the time.
    expected = TableFeatures(new_vectorizer(None, 0, "test")).fit(table[:40])
    assert found.feature_origin_ | {"day_year": "day"} == expected.feature_origin_
    first = ["width", "shop_bakery", "shop_kiosk", "shop_kiosk_2"]
    assert list(found.feature_origin_)[:4] == first
    for rows in (table[:40], table[40:]):
        pd.testing.assert_frame_equal(
            found.transform(rows), expected.transform(rows).drop(columns="day_year")
        )


def test_only_a_vectorizer_that_is_given_sees_numbers(table):
    numbers = {"width", "shop_kiosk", "price", "took"}
    seen = set(TableFeatures().fit(table).vectorizer_.all_processing_steps_)
    assert seen == set(table) - numbers
    seen = set(TableFeatures(TableVectorizer()).fit(table).vectorizer_.all_processing_steps_)
    assert seen == set(table)


def test_a_table_of_numbers_alone(table):
    numbers = table[["width", "price", "shop_kiosk"]]
    features = TableFeatures().fit(numbers)
    assert features.transform(numbers[["price", "shop_kiosk", "width"]][:3]).equals(
        features.transform(numbers)[:3]
    )
    assert list(features.feature_origin_.values()) == ["width", "price", "shop_kiosk", "price"]
    assert features.vectorizer_.get_feature_names_out().tolist() == []


def test_a_number_of_another_table_that_is_too_large(table):
    features = TableFeatures().fit(table)
    with pytest.raises(ValueError, match="row 1 of the feature 'width' is too large"):
        features.transform(table[:3].assign(width=[1.0, 1e300, 2.0]))


def test_reasons_read_each_row_once(table, monkeypatch):
    detector = LOE(DeepSVDD(max_epochs=1), n_estimators=2, contamination=0.1, random_state=0)
    nested = make_pipeline("passthrough", make_pipeline(TableFeatures(), PCA(4)), detector)
    nested.fit(table)
    n_read = []
    transform = TableFeatures.transform
    monkeypatch.setattr(
        TableFeatures, "transform", lambda self, X: n_read.append(len(X)) or transform(self, X)
    )
    found = explain(nested, table[:3])
    assert n_read == [3, 4]  # to check the rows, and with the typical row below them
    typical = nested[1][0].typical_row_
    row, without_note = table[1:2], table[1:2].assign(note=typical["note"].to_numpy())
    alone = typical.assign(note=row["note"].to_numpy())
    rise = nested.score_samples(without_note) - nested.score_samples(row)
    fall = found.typical_score - nested.score_samples(alone)
    j = list(found.feature_names).index("note")
    np.testing.assert_allclose(found.contributions[1, j], (rise + fall)[0] / 2, rtol=1e-9)
