"""What both adapters ask of a detector: scores whose sign is sure, and its parameters by name."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from lofe_sklearn._loe import LOE


def checked_detector(detector: Any, owner: str) -> Any:
    """Return an unfitted clone of `detector`, or of `LOE()` for None.

    Raises
    ------
    TypeError
        If it is no instance of a detector with ``score_samples``.
    """
    if detector is None:
        return LOE()
    if isinstance(detector, type):
        raise TypeError(
            f"{owner}: the detector must be an instance; got the class {detector.__name__}. Write "
            f"{detector.__name__}()."
        )
    lacking = [name for name in ("fit", "score_samples") if not hasattr(detector, name)]
    if lacking:
        raise TypeError(
            f"{owner}: the detector must have fit(X) and score_samples(X), high for normal rows: "
            "LOE(), a backbone, scikit-learn's IsolationForest, or a Pipeline that ends in one of "
            f"them; {type(detector).__name__} has no {' and no '.join(lacking)}. "
            "(LocalOutlierFactor has it with novelty=True.)"
        )
    return clone(detector)


def prefix_of(detector: Any) -> str:
    """Return what goes before the name of a parameter of the detector, at the end of a pipeline."""
    if isinstance(detector, Pipeline):
        name, last = detector.steps[-1]
        return f"{name}__{prefix_of(last)}"
    return ""


def last_of(detector: Any) -> Any:
    """Return the detector itself, at the end of a pipeline."""
    return last_of(detector.steps[-1][1]) if isinstance(detector, Pipeline) else detector
