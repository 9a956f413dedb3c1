"""Rows with missing values, which a step before the detector fills in."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lofe_sklearn import DeepSVDD, to_onnx

pytest.importorskip("skl2onnx", reason="needs skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")


def gaps(missing=np.nan):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4)) * [1, 10, 1e-6, 1e9]
    X[rng.random(X.shape) < 0.1] = missing
    X[:, 3] = np.where(np.arange(120) < 119, X[:, 3], 1.0)
    return X


def scores_of(pipeline, X, path):
    to_onnx(pipeline, path, X=X[:16])
    session = onnxruntime.InferenceSession(path)
    if not hasattr(X, "columns"):
        return session.run(None, {"X": X})[0]
    columns = {name: X[name].to_numpy()[:, None] for name in X}
    return session.run(None, columns)[0]


@pytest.mark.parametrize(
    ("imputer", "missing"),
    [
        pytest.param(SimpleImputer(), np.nan, marks=pytest.mark.slow),
        (SimpleImputer(strategy="median", add_indicator=True), np.nan),
        pytest.param(
            SimpleImputer(missing_values=-1, strategy="most_frequent"), -1, marks=pytest.mark.slow
        ),
        pytest.param(
            SimpleImputer(strategy="constant", fill_value=-7.1), np.nan, marks=pytest.mark.slow
        ),
    ],
    ids=str,
)
def test_gaps_are_filled_as_in_the_pipeline(imputer, missing, tmp_path):
    X = gaps(missing)
    pipeline = make_pipeline(imputer, StandardScaler(), DeepSVDD(max_epochs=2, random_state=0))
    scores = scores_of(pipeline.fit(X), X, tmp_path / "model.onnx")
    np.testing.assert_allclose(scores, pipeline.score_samples(X), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:Skipping features without:UserWarning")
@pytest.mark.parametrize("keep", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_column_without_any_value(keep, tmp_path):
    X = gaps()
    X[:, 1] = np.nan
    imputer = SimpleImputer(keep_empty_features=keep, add_indicator=True)
    pipeline = make_pipeline(imputer, DeepSVDD(max_epochs=2, random_state=0)).fit(X)
    scores = scores_of(pipeline, X, tmp_path / "model.onnx")
    np.testing.assert_allclose(scores, pipeline.score_samples(X), rtol=1e-9)


def test_columns_of_numbers_and_of_text(tmp_path):
    X = pd.DataFrame(gaps(), columns=list("abcd"))
    X["kind"] = np.where(np.arange(120) % 5 == 0, "", np.where(np.arange(120) % 2, "u", "v"))
    X["kind"] = X["kind"].astype(object)
    text = SimpleImputer(missing_values="", strategy="most_frequent")
    steps = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), list("abcd")),
        (make_pipeline(text, OneHotEncoder(sparse_output=False)), ["kind"]),
    )
    pipeline = make_pipeline(steps, DeepSVDD(max_epochs=2, random_state=0)).fit(X)
    scores = scores_of(pipeline, X, tmp_path / "model.onnx")
    np.testing.assert_allclose(scores, pipeline.score_samples(X), rtol=1e-9)


def test_text_with_nan_is_refused(tmp_path):
    X = pd.DataFrame({"kind": np.array(["u", "v", np.nan] * 20, dtype=object)})
    text = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False)
    )
    pipeline = make_pipeline(text, DeepSVDD(max_epochs=2)).fit(X)
    with pytest.raises(ValueError, match="text has no NaN"):
        to_onnx(pipeline, tmp_path / "model.onnx", X=X)
