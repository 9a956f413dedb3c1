"""What both adapters require of a detector: scores of a known sign, and parameters by name."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

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
