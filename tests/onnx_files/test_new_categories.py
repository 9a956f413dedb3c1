"""Categories that a fit has not seen, in the graph of a Pipeline."""

import warnings

import numpy as np
import pytest
from conftest import slow_but
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lofe_sklearn import AutoEncoder, to_onnx

onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
pytest.importorskip("skl2onnx", reason="needs skl2onnx")
pd = pytest.importorskip("pandas", reason="needs pandas")

RNG = np.random.default_rng(0)
N = 60
ROWS = pd.DataFrame(
    {
        "size": RNG.normal(size=N),
        "shop": RNG.choice(["a", "b", "c d"], N),
        "colour": RNG.choice(["red", "green", "rare", "rarer"], N, p=[0.5, 0.4, 0.06, 0.04]),
        "floor": RNG.integers(0, 4, N).astype(float),
    }
)


OPTIONS = [
    {"handle_unknown": "ignore"},
    {"handle_unknown": "infrequent_if_exist"},
    {"handle_unknown": "infrequent_if_exist", "min_frequency": 8},
    {"handle_unknown": "infrequent_if_exist", "max_categories": 2, "dtype": np.int64},
    {"handle_unknown": "warn", "min_frequency": 8},
    {"handle_unknown": "ignore", "drop": "first"},
]


# Encoders beside each other take one export; those alone say which of them is wrong.
@pytest.mark.parametrize("sparse_output", slow_but([True], [True, False]))
@pytest.mark.parametrize(
    "encoders",
    [OPTIONS, *(pytest.param([options], marks=pytest.mark.slow) for options in OPTIONS)],
    ids=lambda encoders: str(encoders[0]) if len(encoders) == 1 else "all",
)
def test_a_new_category_is_that_of_the_encoder(encoders, sparse_output, tmp_path):
    steps = make_column_transformer(
        (StandardScaler(), ["size"]),
        *(
            (OneHotEncoder(sparse_output=sparse_output, **options), ["shop", "colour", "floor"])
            for options in encoders
        ),
    )
    pipeline = make_pipeline(steps, AutoEncoder(max_epochs=2, random_state=0)).fit(ROWS)
    path = tmp_path / "m.onnx"
    to_onnx(pipeline, path, X=ROWS)
    session = onnxruntime.InferenceSession(path)
    others = {"shop": "new", "colour": "new", "floor": 9.0}
    for changed in (
        *({}, others, *({name: value} for name, value in others.items())),
        *({"floor": value} for value in (1.5, -0.5, 1e30, 2.0**63)),
    ):
        rows = ROWS.assign(**changed)
        inputs = {
            name: values.to_numpy(float if values.dtype.kind == "f" else object)[:, None]
            for name, values in rows.items()
        }
        [score] = session.run(["score"], inputs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # handle_unknown="warn" does
            expected = pipeline.score_samples(rows)
        np.testing.assert_allclose(score, expected, rtol=1e-6, atol=1e-6)
