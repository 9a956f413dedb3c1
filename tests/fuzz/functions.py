"""Random calls of the functions beside the detectors: metrics, data sets, labels, smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from calls import ODD
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, AutoEncoder, datasets, metrics
from lofe_sklearn.active import estimate_contamination
from lofe_sklearn.adapters.adbench import ADBenchDetector
from lofe_sklearn.features import smooth_scores
from lofe_sklearn.inspection import drift_report, explain
from lofe_sklearn.model_selection import OutlierStratifiedKFold, check_cv

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = np.repeat([0, 1], [24, 6])
SCORES = RNG.normal(size=30)
KNOWN = np.where(np.arange(30) < 3, 1, np.where(Y == 1, -1, 0))
FITTED = LOE(AutoEncoder(max_epochs=1), contamination=0.1, random_state=0).fit(X)
PIPELINE = make_pipeline(StandardScaler(), FITTED).fit(X)


def folds(**given):
    return list(OutlierStratifiedKFold(**given).split(X, Y))


def adbench(**given):
    return ADBenchDetector(**given).fit(X, Y).predict_score(X)


def by_share(*, contamination):
    return FITTED.set_threshold(contamination=contamination).offset_


def by_number(*, n_flagged):
    return FITTED.set_threshold(n_flagged=n_flagged).offset_


def by_rate(*, false_discovery_rate):
    return FITTED.set_threshold(false_discovery_rate=false_discovery_rate).offset_


def by_alarms(*, false_alarm_rate, calibration):
    return FITTED.set_threshold(false_alarm_rate=false_alarm_rate, calibration=calibration).offset_


# Each function with arguments that are good.
FUNCTIONS: dict[Any, dict[str, Any]] = {
    metrics.roc_auc: {"y_true": Y, "scores": SCORES},
    metrics.average_precision: {"y_true": Y, "scores": SCORES},
    metrics.f1_at_true_ratio: {"y_true": Y, "scores": SCORES},
    metrics.precision_at_n: {"y_true": Y, "scores": SCORES, "n": 5},
    metrics.is_anomaly: {"y": Y},
    metrics.consensus: {"scores": np.stack([SCORES, -SCORES])},
    metrics.get_scorer: {"scoring": "roc_auc"},
    estimate_contamination: {"scores": SCORES, "known_labels": KNOWN, "prior": 0.1},
    datasets.contaminate: {"X": X, "outliers": X + 9, "contamination": 0.1, "random_state": 0},
    datasets.make_outliers: {"X": X, "n_samples": 5, "kind": "uniform", "random_state": 0},
    datasets.make_mulcross: {"n_samples": 50, "n_features": 3, "n_clusters": 2, "random_state": 0},
    datasets.loe_tabular_split: {"X": X, "y": Y, "contamination": 0.1, "random_state": 0},
    datasets.one_class_split: {"X": X, "y": Y, "random_state": 0},
    datasets.contaminated_one_class_split: {
        "X": X,
        "y": Y,
        "contamination": 0.1,
        "max_contamination": 0.2,
        "random_state": 0,
    },
    datasets.adbench_split: {"X": X, "y": Y, "random_state": 0},
    smooth_scores: {"scores": SCORES, "groups": np.repeat([0, 1], 15), "sigma": 2.0},
    check_cv: {"cv": 3, "y": Y},
    folds: {"n_splits": 3, "shuffle": True, "random_state": 0},
    adbench: {"seed": 0},
    FITTED.anomaly_proba: {"X": X, "contamination": 0.2},
    FITTED.score_samples: {"X": X},
    FITTED.embed: {"X": X},
    FITTED.explain: {"X": X[:3], "background": X, "groups": [0, 1, 1]},
    explain: {"fitted": PIPELINE, "X": X[:3], "background": X, "groups": ["a", "b", "b"]},
    drift_report: {"fitted": PIPELINE, "X": X, "reference": X[:20]},
    FITTED.severity: {"X": X},
    FITTED.p_values: {"X": X, "calibration": X[:9]},
    by_share: {"contamination": 0.2},
    by_number: {"n_flagged": 3},
    by_rate: {"false_discovery_rate": 0.9},
    by_alarms: {"false_alarm_rate": 0.2, "calibration": X[:9]},
}


@dataclass
class FunctionCall:
    """A call of a function, and the argument that may be wrong in it."""

    function: Any
    arguments: dict[str, Any]
    odd: str | None

    def run(self) -> Any:
        return self.function(**self.arguments)


@st.composite
def function_calls(draw: st.DrawFn) -> FunctionCall:
    """Draw a function, with good arguments or with one that is odd."""
    function = draw(st.sampled_from(list(FUNCTIONS)))
    arguments = dict(FUNCTIONS[function])
    # Without a seed numpy's global state is drawn from, as scikit-learn's functions do.
    odd = draw(st.sampled_from([None, *sorted(set(arguments) - {"random_state", "seed"})]))
    if odd is not None:
        strange = [*ODD, X, SCORES, SCORES * np.nan, np.ma.masked_array(SCORES, SCORES > 0), Y[:3]]
        arguments[odd] = draw(st.sampled_from(strange))
    return FunctionCall(function, arguments, odd)
