"""Random calls of the public surface: detectors with parameters, rows, labels, and what is asked.

Most values are good; in a call at most one of the parameters is not, so that an error has one thing
to name.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

from lofe_sklearn import GOAD, ICL, LOE, AutoEncoder, DeepSVDD, LOESearchCV, NeuTraL, fit_many
from lofe_sklearn.active import query, refit
from lofe_sklearn.metrics import roc_auc

QUICK: dict[type, dict[str, Any]] = {
    NeuTraL: {"n_transforms": 3},
    ICL: {},
    GOAD: {"n_transforms": 3},
    DeepSVDD: {},
    AutoEncoder: {},
}
# Values that hardly any parameter takes, and extreme ones that some do.
ODD = [None, True, -1, 0, 0.5, 1e-30, 1e30, np.nan, np.inf, "x", "auto", [], (), {}, 3 + 0j, b"a"]
# Checked where they are used, by torch and scikit-learn.
NO_CONSTRAINT = {"device", "random_state"}


@dataclass
class Call:
    """One call, and the parameter that may be wrong in it."""

    detector: Any
    odd: str | None
    X: Any
    fit_params: dict[str, Any]
    then: str
    labels: np.ndarray

    def run(self) -> np.ndarray | None:
        """Do it; return the scores, if it has any."""
        y = self.labels
        if self.then == "fit_many":
            fitted = fit_many([self.detector, clone(self.detector)], self.X, **self.fit_params)
            return fitted[1].score_samples(self.X)
        if self.then == "search":
            grid = {"contamination": [0.1, 0.2]}
            search = LOESearchCV(self.detector, grid, cv=2, error_score="raise")
            return search.fit(self.X, y, **self.fit_params).score_samples(self.X)
        if self.then == "fit_resample" and isinstance(self.detector, LOE):
            self.detector.fit_resample(self.X, y)
            return self.detector.score_samples(self.X)
        self.detector.fit(self.X, y, **self.fit_params)
        if self.then == "query":
            query(self.detector, self.X, 2, random_state=0)
        elif self.then == "refit":
            known = np.where(y == 1, -1, 0)
            return refit(self.detector, self.X, known).score_samples(self.X)
        elif self.then == "anomaly_proba" and isinstance(self.detector, LOE):
            return self.detector.anomaly_proba(self.X)
        elif self.then == "embed":
            return self.detector.embed(self.X)
        scores = self.detector.score_samples(self.X)
        assert set(np.unique(self.detector.predict(self.X))) <= {-1, 1}
        assert 0 <= roc_auc(y, scores) <= 1
        return scores


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Draw a call."""
    n_rows, n_features = draw(st.integers(6, 24)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = rng.normal(size=(n_rows, n_features))
    labels = np.zeros(n_rows, dtype=int)
    labels[: max(2, n_rows // 5)] = 1
    odd = draw(st.booleans())
    detector, name = draw(detectors(odd=odd))
    X = draw(rows(values, always_good=odd))
    then = draw(
        st.sampled_from(
            ["score", "anomaly_proba", "embed", "fit_many", "search", "fit_resample"]
            + ["query", "refit"]
        )
    )
    return Call(detector, name, X, draw(fit_params(labels)), then, labels)


@st.composite
def detectors(draw: st.DrawFn, *, odd: bool) -> tuple[Any, str | None]:
    """Draw a detector, one parameter of which may be odd; return its name too."""
    cls = draw(st.sampled_from(list(QUICK)))
    backbone = cls(max_epochs=2, batch_size=8, random_state=0, **QUICK[cls])
    detector: Any = backbone
    if draw(st.booleans()):
        detector = LOE(
            draw(st.sampled_from([backbone, [backbone, clone(backbone)]])),
            method=draw(st.sampled_from(["hard", "soft", "refine", "blind"])),
            contamination=draw(st.sampled_from([0.1, 0.5, (0.05, 0.2), "auto"])),
            init=draw(st.sampled_from([None, "auto"])),
            n_estimators=draw(st.sampled_from([None, 2])),
            warmup_epochs=draw(st.sampled_from([None, 0, 1])),
            random_state=0,
        )
    if not odd:
        return detector, None
    signature = inspect.signature(type(detector).__init__).parameters
    named = sorted(set(signature) - {"self", "estimator", *NO_CONSTRAINT})
    name = draw(st.sampled_from(named))
    return detector.set_params(**{name: draw(st.sampled_from(ODD))}), name


@st.composite
def rows(draw: st.DrawFn, values: np.ndarray, *, always_good: bool) -> Any:
    """Draw a container of rows, which may be wrong unless they are always good."""
    containers = [
        values,
        values.astype(np.float32),
        np.round(values * 10).astype(int),
        np.asfortranarray(values),
        values[::-1],
        values.tolist(),
        sparse.csr_array(np.where(np.abs(values) > 0.5, values, 0)),
        pd.DataFrame(values).rename(columns=str),
        pl.DataFrame(values, schema=[f"c{i}" for i in range(values.shape[1])]),
        np.where(np.arange(values.shape[1]) == 0, 14.62, values),
        values * 1e18,
        np.ones_like(values),
    ]
    if always_good or draw(st.booleans()):
        return draw(st.sampled_from(containers))
    broken = values.astype(object)
    broken[1, 0] = "a"
    strange = [
        np.where(np.arange(values.size).reshape(values.shape) == 1, np.nan, values),
        np.where(np.arange(values.size).reshape(values.shape) == 1, np.inf, values),
        np.where(np.arange(values.size).reshape(values.shape) == 1, 1e155, values),
        values * 1e-200,
        values[:1],
        values[:0],
        values[:, :0],
        values[0],
        values[None],
        values + 1j,
        broken,
        np.ma.masked_greater(values, 1.0),
        values.astype("datetime64[s]"),
        pd.DataFrame(values).astype(str),
        None,
        "rows",
        3,
    ]
    return draw(st.sampled_from(strange))


@st.composite
def fit_params(draw: st.DrawFn, labels: np.ndarray) -> dict[str, Any]:
    """Draw known labels and outliers, or none of them."""
    known = np.where(labels == 1, -1, 0)
    known[-1] = 1
    which = draw(st.sampled_from(["none", "none", "known", "masks", "uniform"]))
    return {
        "none": {},
        "known": {"known_labels": known},
        "masks": {"known_labels": (known == 1, known == -1)},
        "uniform": {"outliers": "uniform"},
    }[which]
