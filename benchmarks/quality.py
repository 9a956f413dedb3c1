"""How well scores rank labelled rows, as studies keep it: in four digits, by the measure's name."""

from __future__ import annotations

import numpy as np

from lofe_sklearn.metrics import average_precision, f1_at_true_ratio, roc_auc

_MEASURES = {"roc_auc": roc_auc, "average_precision": average_precision, "f1": f1_at_true_ratio}


def quality(y: np.ndarray, scores: np.ndarray, *measures: str) -> dict[str, float]:
    """Return some measures of scores that are high for normal rows; all of them by default."""
    names = measures or tuple(_MEASURES)
    return {name: round(float(_MEASURES[name](y, scores)), 4) for name in names}
