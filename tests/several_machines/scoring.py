"""A model in a file, rows to score by it, and what one process says of these rows."""

import numpy as np
import pandas as pd

import lofe_sklearn
from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.datasets import make_transactions
from lofe_sklearn.distributed import BatchScorer
from lofe_sklearn.tabular import table_pipeline

OUTPUTS = ["score", "label", "probability", "percentile"]


def make_model(folder):
    """Fit a Pipeline on a table; return its path, the table, and what one process says of it."""
    table, _ = make_transactions(300, random_state=0)
    features = table.drop(columns=["transaction_id", "currency"])
    detector = LOE(DeepSVDD(max_epochs=3), contamination=0.02, random_state=0)
    pipeline = table_pipeline(detector).fit(features)
    path = folder / "model.lofe"
    lofe_sklearn.save(pipeline, path)
    rows, fitted = pipeline[:-1].transform(features), pipeline[-1]
    expected = pd.DataFrame(
        {
            "transaction_id": table["transaction_id"],
            "score": pipeline.score_samples(features),
            "label": pipeline.predict(features),
            "probability": fitted.anomaly_proba(rows),
            "percentile": fitted.severity(rows),
        }
    )
    return str(path), table, expected


def make_scorer(path):
    return BatchScorer(path, keep=["transaction_id"])


def assert_equal_to_one_process(scored, expected):
    """The same rows in any order, to 1e-12."""
    assert list(scored.columns) == list(expected.columns)
    scored = scored.sort_values("transaction_id")
    assert list(scored["transaction_id"]) == list(expected["transaction_id"])
    assert scored["label"].astype("int64").tolist() == expected["label"].tolist()
    for name in ("score", "probability", "percentile"):
        np.testing.assert_allclose(
            scored[name].to_numpy(dtype=float), expected[name], rtol=1e-12, atol=1e-12
        )
