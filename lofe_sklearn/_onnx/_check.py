"""Whether a graph scores rows as the detector does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lofe_sklearn._any_detector import innermost_detector
from lofe_sklearn._errors_of_others import first_line, is_of_memory
from lofe_sklearn._onnx._not_exportable import NotExportable
from lofe_sklearn._quiet import silenced

# How far a score may be from the detector's, relative to it where it is larger than 1.
TOLERANCE = 1e-5
# The same for networks that are computed in single precision, as MHRot's is.
SINGLE_TOLERANCE = 1e-3


def check_graph(model: Any, fitted: Any, rows: Any, inputs: dict[str, np.ndarray]) -> None:
    """Run a model by ONNX Runtime, and compare scores and labels with those of the detector.

    `inputs` are the rows as the graph takes them.

    Raises
    ------
    NotExportable
        If ONNX Runtime lacks one of the operations, or a score or a label differs.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # it raises an exception for what it cannot do
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        score, label = session.run(["score", "label"], inputs)
    except Exception as error:
        if is_of_memory(error):
            raise
        raise NotExportable(f"ONNX Runtime cannot run its graph: {first_line(error)}") from error
    tolerance = SINGLE_TOLERANCE if _is_single(fitted) else TOLERANCE
    with silenced("X does not have valid feature names", UserWarning):  # generated rows have none
        expected, threshold = fitted.score_samples(rows), fitted.decision_function(rows)
        predicted = fitted.predict(rows)
    apart = np.abs(score - expected) / np.maximum(1.0, np.abs(expected))
    if not (apart <= tolerance).all():
        worst = np.argmax(apart)
        raise NotExportable(
            f"the graph scores a row with {score[worst]:.7g}, and the detector with "
            f"{expected[worst]:.7g}"
        )
    is_clear = np.abs(threshold) > tolerance * np.maximum(1.0, np.abs(expected))
    if (label[is_clear] != predicted[is_clear]).any():
        raise NotExportable("the graph labels a row differently from the detector")


def _is_single(fitted: Any) -> bool:
    detector = innermost_detector(fitted)
    modules = [each.module_ for each in getattr(detector, "estimators_", [detector])]
    return any(getattr(module, "scoring_dtype", None) == torch.float32 for module in modules)
