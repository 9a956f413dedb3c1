"""Which step a parameter of ``fit`` is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import _num_samples

from lofe_sklearn._any_detector import final_step
from lofe_sklearn._known_labels import Known
from lofe_sklearn._validation import did_you_mean

_OF_FIT = ("known_anomalies", "known_normal", "known_labels", "outliers")


@dataclass(frozen=True)
class FitParams:
    """Parameters of ``fit``: those of the transformers, and the detector's own."""

    head: dict[str, Any]
    known: np.ndarray | None
    outliers: Any = None


def is_routing_enabled() -> bool:
    """Whether scikit-learn routes metadata by request."""
    return bool(get_config()["enable_metadata_routing"])


def split_fit_params(template: BaseEstimator, params: Mapping[str, Any], X: Any) -> FitParams:
    """Split what ``template.fit(X, y, **params)`` takes into its steps' parts.

    Raises
    ------
    TypeError, ValueError
        If a parameter is for nobody, or the known labels cannot be used.
    """
    if not params:
        return FitParams({}, None)
    no_head: dict[str, Any] = {}
    if not isinstance(template, Pipeline):
        head, last = no_head, dict(params)
    elif is_routing_enabled():
        head, last = _routed(template, params)
    else:
        head, last = _by_prefix(template, params)
    detector = type(final_step(template)).__name__
    names = "known_labels", "known_anomalies", "known_normal"
    labels = Known(*(last.pop(name, None) for name in names))
    outliers = last.pop("outliers", None)
    if last:
        raise TypeError(
            f"LOESearchCV: {detector}.fit() got an unexpected keyword argument "
            f"{next(iter(last))!r}; it takes {', '.join(_OF_FIT[:-1])} and {_OF_FIT[-1]}."
            f"{did_you_mean(next(iter(last)), _OF_FIT)}"
        )
    if "outliers" in (getattr(template, "transform_input", None) or ()):
        raise ValueError(
            "LOESearchCV: outliers do not pass through a Pipeline's transformers "
            "(transform_input=['outliers']). Pass them as the detector sees its rows, or use "
            "sklearn.model_selection.GridSearchCV."
        )
    return FitParams(head, labels.read(_num_samples(X), detector, X), outliers)


def _routed(pipeline: Pipeline, params: Mapping[str, Any]) -> tuple[dict, dict]:
    last = dict(process_routing(pipeline, "fit", **params)[pipeline.steps[-1][0]]["fit"])
    if len(pipeline.steps) == 1:
        return {}, last
    wanted = pipeline[:-1].get_metadata_routing().consumes("fit_transform", params.keys())
    return {name: value for name, value in params.items() if name in wanted}, last


def _by_prefix(pipeline: Pipeline, params: Mapping[str, Any]) -> tuple[dict, dict]:
    names = [name for name, _ in pipeline.steps]
    head: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for key, value in params.items():
        step, delimiter, name = key.partition("__")
        if not delimiter or step not in names:
            raise ValueError(
                f"LOESearchCV: a Pipeline's fit parameters are named after its step, as in "
                f"{names[-1]}__known_labels; got {key!r}. Its steps are {', '.join(names)}."
            )
        if step == names[-1]:
            last[name] = value
        else:
            head[key] = value
    return head, last
