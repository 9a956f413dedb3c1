"""The generator of transactions plants what it says."""

import sys

import numpy as np
import pandas as pd
import pytest

from lofe_sklearn.datasets import make_transactions
from lofe_sklearn.datasets._make_transactions import COUNTRIES, DISTANT, KINDS


def test_shapes_and_labels():
    X, y, kinds = make_transactions(1000, contamination=0.05, return_kinds=True, random_state=0)
    assert X.shape == (1000, 9)
    assert y.sum() == 50
    assert y.index.equals(X.index)
    assert ((kinds != "normal") == (y == 1)).all()
    assert kinds[y == 1].value_counts().to_dict() == dict.fromkeys(KINDS, 10)
    assert X["transaction_id"].is_unique
    assert (X["currency"] == "EUR").all()
    assert X["time"].dropna().is_monotonic_increasing
    for name in ("time", "category", "country", "items"):
        assert 0.01 < X[name].isna().mean() < 0.06
    assert X.drop(columns=["time", "category", "country", "items"]).notna().all(axis=None)


def test_seeds():
    same = [make_transactions(100, random_state=3)[0] for _ in range(2)]
    pd.testing.assert_frame_equal(*same)
    assert not same[0]["amount"].equals(make_transactions(100, random_state=4)[0]["amount"])


def test_anomalies_are_what_their_kind_says():
    X, _, kinds = make_transactions(
        3000, contamination=0.1, missing=0, return_kinds=True, random_state=0
    )
    normal = X[kinds == "normal"]
    assert set(normal["country"]) <= set(COUNTRIES)
    assert X.loc[kinds == "country", "country"].isin(DISTANT).all()
    assert normal["time"].dt.hour.min() >= 5
    assert X.loc[kinds == "hour", "time"].dt.hour.between(1, 3).all()
    typical = normal.groupby("category")["amount"].median()
    odd = X[kinds == "amount"]
    assert np.median(odd["amount"] / typical[odd["category"]].to_numpy()) > 8
    assert not normal["merchant"].str.contains("GIFTCARD").any()
    assert X.loc[kinds == "merchant", "merchant"].str.contains("GIFTCARD").all()


def test_bad_arguments():
    for name, value in (
        ("n_samples", 3),
        ("n_samples", 1.5),
        ("contamination", 1),
        ("contamination", -0.1),
        ("missing", 0.9),
        ("random_state", "a"),
    ):
        with pytest.raises(ValueError, match=f"make_transactions: {name} must be"):
            make_transactions(**{name: value})


def test_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="this needs pandas. Install it with: pip install"):
        make_transactions(100)
