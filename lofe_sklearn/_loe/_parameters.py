"""What the parameters of LOE may be, and what those left open stand for."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from lofe_sklearn._validation import CONTAMINATION, Constraint, Number, OneOf

INITS = ("auto", "iforest")


@dataclass(frozen=True)
class Contamination:
    """A ratio, ``"auto"``, or what finds one in scores."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is one of these."""
        if isinstance(value, str):
            return value == "auto"
        return CONTAMINATION.accepts(value) or is_thresholder(value)

    def __str__(self) -> str:
        return (
            f"{CONTAMINATION}, 'auto', a thresholder with a method eval(scores), or a callable "
            "scores -> labels or ratio"
        )


@dataclass(frozen=True)
class Share:
    """A number of rows or features, or a share of them."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is a positive integer, or a float in (0, 1]."""
        if isinstance(value, Integral):
            return Number(Integral, low=1).accepts(value)
        return Number(Real, low=0, high=1, above=True).accepts(value)

    def __str__(self) -> str:
        return "an integer of at least 1, or a float in (0, 1]"


CONSTRAINTS: dict[str, Constraint] = {
    "contamination": Contamination(),
    "n_estimators": Number(Integral, low=1, optional=True),
    "max_samples": Share(),
    "max_features": Share(),
    "label_update": OneOf(("auto", "batch", "epoch")),
    "warmup_epochs": Number(Integral, low=0, optional=True),
    "known_weight": Number(low=0, above=True, optional=True),
    "outlier_weight": Number(low=0, above=True),
}


def is_thresholder(value: Any) -> bool:
    """Whether `value` turns outlier scores into labels: PyThresh's way, or as a function."""
    if isinstance(value, type):
        return False
    return callable(getattr(value, "eval", None)) or callable(value)
