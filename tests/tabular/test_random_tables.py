"""Whatever columns a table has: scores are finite, and those of a row do not depend on others."""

import warnings

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from lofe_sklearn import AutoEncoder
from lofe_sklearn.tabular import table_pipeline

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")
import pandas as pd

VALUES = {
    "numbers": st.floats(allow_nan=True, allow_infinity=False),
    "whole numbers": st.integers(-(10**30), 10**30),
    "truth values": st.booleans() | st.none(),
    "text": st.text(max_size=20) | st.none(),
    "few words": st.sampled_from(["u", "v", "N/A", " ", None]),
    "dates": st.datetimes(
        pd.Timestamp("1900").to_pydatetime(), pd.Timestamp("2200").to_pydatetime()
    )
    | st.none(),
    "mixed": st.integers(0, 9) | st.dates() | st.text(max_size=5) | st.none() | st.booleans(),
    "decimals": st.decimals(-(10**6), 10**6, allow_nan=False) | st.none(),
    "durations": st.timedeltas(
        pd.Timedelta(-9, "D").to_pytimedelta(), pd.Timedelta(9, "D").to_pytimedelta()
    ),
}


@st.composite
def tables(draw):
    n_rows = draw(st.integers(2, 25))
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
    columns = {
        f"{kind} {i}": pd.Series(
            draw(st.lists(VALUES[kind], min_size=n_rows, max_size=n_rows)), dtype=object
        )
        for i, kind in enumerate(kinds)
    }
    return pd.DataFrame(columns | {"size": np.linspace(0.1, 7.7, n_rows)})


@settings(max_examples=15, deadline=None)
@given(tables())
def test_scores_of_any_table(table):
    pipeline = table_pipeline(AutoEncoder(max_epochs=1, random_state=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pipeline.fit(table)
        except ValueError as error:  # as documented, of one number beside which others vanish
            if "vanish beside it" not in str(error):
                raise
            reject()
        scores = pipeline.score_samples(table)
        assert np.isfinite(scores).all()
        assert set(pipeline[0].feature_origin_.values()) <= set(table.columns)
        order = np.arange(len(table))[::-1]
        np.testing.assert_allclose(
            pipeline.score_samples(table.iloc[order]), scores[order], rtol=1e-6
        )
        alone = pipeline.score_samples(table.iloc[:1])
    np.testing.assert_allclose(alone, scores[:1], rtol=1e-4)
