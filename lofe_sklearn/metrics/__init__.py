"""Metrics and scorers of outlier detectors, with the outlier's label and the sign made sure."""

from lofe_sklearn.metrics._is_anomaly import is_anomaly
from lofe_sklearn.metrics._label_free import ExcessMassScorer, consensus, excess_mass_scorer
from lofe_sklearn.metrics._scorers import (
    OutlierScorer,
    average_precision_scorer,
    f1_at_true_ratio_scorer,
    get_scorer,
    get_scorer_names,
    precision_at_n_scorer,
    roc_auc_scorer,
)
from lofe_sklearn.metrics._scores import (
    average_precision,
    f1_at_true_ratio,
    precision_at_n,
    roc_auc,
)

__all__ = [
    "ExcessMassScorer",
    "OutlierScorer",
    "average_precision",
    "average_precision_scorer",
    "consensus",
    "excess_mass_scorer",
    "f1_at_true_ratio",
    "f1_at_true_ratio_scorer",
    "get_scorer",
    "get_scorer_names",
    "is_anomaly",
    "precision_at_n",
    "precision_at_n_scorer",
    "roc_auc",
    "roc_auc_scorer",
]
