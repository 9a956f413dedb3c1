"""What the parameters of LOE may be, and what those left open stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from lofe_sklearn import engine
from lofe_sklearn._validation import CONTAMINATION, Constraint, Number, OneOf, check_parameters
from lofe_sklearn.backbones import Backbone

INITS = ("auto", "iforest")


@dataclass(frozen=True)
class Contamination:
    """A ratio, an interval of ratios, ``"auto"``, or what finds one in scores."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is one of these."""
        if isinstance(value, str):
            return value == "auto"
        return CONTAMINATION.accepts(value) or is_interval(value) or is_thresholder(value)

    def __str__(self) -> str:
        return (
            f"{CONTAMINATION}, a pair (low, high) of such, 'auto', a thresholder with a method "
            "eval(scores), or a callable scores -> labels or ratio"
        )


@dataclass(frozen=True)
class Share:
    """A number of rows or features, or a share of them."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is a positive integer, or a float in (0, 1]."""
        if isinstance(value, Integral):
            return Number(Integral, low=1).accepts(value)
        return Number(Real, low=0, high=1, exclude_low=True).accepts(value)

    def __str__(self) -> str:
        return "an integer of at least 1, or a float in (0, 1]"


CONSTRAINTS: dict[str, Constraint] = {
    "contamination": Contamination(),
    "n_estimators": Number(Integral, low=1, optional=True),
    "max_samples": Share(),
    "max_features": Share(),
    "label_update": OneOf(("auto", "batch", "epoch")),
    "warmup_epochs": Number(Integral, low=0, optional=True),
    "known_weight": Number(low=0, exclude_low=True, optional=True),
    "outlier_weight": Number(low=0, exclude_low=True),
}


def is_interval(value: Any) -> bool:
    """Whether `value` is a pair of ratios, the smaller one first."""
    is_pair = isinstance(value, (tuple, list)) and len(value) == 2
    return is_pair and all(map(CONTAMINATION.accepts, value)) and value[0] <= value[1]


def is_thresholder(value: Any) -> bool:
    """Whether `value` turns outlier scores into labels: PyThresh's way, or as a function."""
    if isinstance(value, type):
        return False
    return callable(getattr(value, "eval", None)) or callable(value)


def check_backbones(templates: Sequence[Any]) -> None:
    """Raise TypeError or ValueError unless these are backbones with valid parameters."""
    for template in templates:
        if not isinstance(template, Backbone):
            got = template.__name__ if isinstance(template, type) else type(template).__name__
            raise TypeError(
                "LOE: estimator must be an instance of a backbone, such as NeuTraL(), "
                f"DeepSVDD() or AutoEncoder(), or a list of such; got {got}. A class needs "
                "parentheses; a Pipeline goes around LOE, as in "
                "make_pipeline(scaler, LOE(NeuTraL()))."
            )
        check_parameters(template, template.parameter_constraints())
    if not templates:
        raise ValueError("LOE: estimator must hold at least one backbone; got an empty list.")


def label_rule(method: Any) -> engine.Rule:
    """Return the label rule that `method` names, or the user's own with a check around it."""
    if callable(method):
        return _checked_rule(method)
    if isinstance(method, str) and method in engine.RULES:
        return engine.RULES[method]
    known_methods = ", ".join(map(repr, engine.RULES))
    raise ValueError(
        f"LOE: method must be one of {known_methods}, or a callable "
        f"(loss_n, loss_a, alpha, known) -> (w_n, w_a); got {method!r}."
    )


def _checked_rule(method: Callable) -> engine.Rule:
    """Wrap a user's label rule with a check of what it returns."""

    def rule(loss_n, loss_a, alpha, known=None):
        weights = method(loss_n.detach(), loss_a.detach(), alpha, known)
        is_pair = isinstance(weights, (tuple, list)) and len(weights) == 2
        shapes = [tuple(getattr(w, "shape", ())) for w in weights] if is_pair else None
        if shapes != [tuple(loss_n.shape)] * 2:
            raise ValueError(
                f"LOE: the callable method must return two weight tensors of shape "
                f"{tuple(loss_n.shape)}, (w_n, w_a); got "
                f"{type(weights).__name__ if shapes is None else f'shapes {shapes}'}."
            )
        return weights

    return rule
