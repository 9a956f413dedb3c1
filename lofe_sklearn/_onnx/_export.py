"""`to_onnx`: a fitted detector, or a Pipeline with one, as a file of ONNX."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._any_detector import one_further_in, thawed
from lofe_sklearn._onnx._check import check_graph
from lofe_sklearn._onnx._not_exportable import NotExportable
from lofe_sklearn._onnx._steps_before import first_rows, inputs_of, joined_to_steps
from lofe_sklearn._onnx._torch_export import exported, require_packages
from lofe_sklearn._saving._atomic import check_path, write_whole
from lofe_sklearn._saving._model_file import check_estimator_given
from lofe_sklearn._types import FilePath
from lofe_sklearn._versions import current_version
from lofe_sklearn.exceptions import ModelFileError

# How many generated rows a file is tested on if no rows are given.
_N_PROBES = 16


def to_onnx(fitted: Any, path: FilePath, *, X: Any = None) -> None:
    """Write a fitted detector to an ONNX file, which scores rows without Python or torch.

    The graph takes rows and returns ``score``, what `score_samples` returns, and ``label``, what
    `predict` returns. Before it is written, ONNX Runtime runs it on a few rows, and scores and
    labels have to be those of the detector. It needs ``pip install 'lofe-sklearn[onnx]'``.

    Parameters
    ----------
    fitted : estimator
        A fitted `LOE`, backbone or `LOESearchCV`, or a Pipeline that ends in one of them.
    path : str or path
        The file to write; ``.onnx`` is the usual ending. A file that is there is replaced in one
        step.
    X : {array-like, data frame} of shape (n_samples, n_features), optional
        Some rows; the first sixteen are used. They are required for a Pipeline, since its graph has
        the same inputs as the Pipeline: one input ``X`` of double precision for an array, and one
        input of shape (n_samples, 1) for each column of a data frame, by its name. Without steps
        there is always one input ``X``.

    Raises
    ------
    ModelFileError
        If a part cannot be exported (the message names it), or if the graph's scores differ from
        the detector's by more than 1e-5. Nothing is written then. The error is a ``ValueError``.
    NotFittedError
        If the estimator is not fitted.
    ImportError
        If onnx, onnxscript, onnxruntime or, for a Pipeline, skl2onnx is not installed, or torch is
        older than 2.7.
    OSError
        If the file cannot be written.

    See Also
    --------
    save : A file for this package, with all that a detector can do.

    Notes
    -----
    Scores are computed in double precision. `MHRot` computes in single precision, in this package
    too, and its scores may differ by up to 1e-3. The graph does not check its rows: those with
    missing values, or with values that are too large, get a NaN as score and the label -1, but
    for infinite values that a step limits, as `QuantileTransformer` does. skl2onnx [1]_
    translates the steps of a Pipeline before the detector. Steps that it does not know, or that
    ONNX Runtime cannot compute in double precision, such as `PolynomialFeatures`, cannot be
    exported.

    References
    ----------
    .. [1] https://onnx.ai/sklearn-onnx/

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import lofe_sklearn
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = lofe_sklearn.DeepSVDD(max_epochs=2, random_state=0).fit(X)
    >>> path = Path(tempfile.mkdtemp()) / "thyroid.onnx"
    >>> lofe_sklearn.to_onnx(detector, path)
    >>> import onnxruntime
    >>> session = onnxruntime.InferenceSession(path)
    >>> score, label = session.run(["score", "label"], {"X": X})
    >>> bool(np.allclose(score, detector.score_samples(X), atol=1e-5))
    True
    """
    expected = "detector, such as LOE().fit(X), or a Pipeline that ends in one"
    check_estimator_given(fitted, expected, "to_onnx")
    check_path(path, "to_onnx")
    require_packages(with_steps=isinstance(fitted, Pipeline))
    check_is_fitted(fitted)
    name = type(fitted).__name__
    steps, detector = _taken_apart(fitted)
    if steps and X is None:
        raise ModelFileError(
            f"to_onnx: {name} has steps before the detector, so some rows are needed to find its "
            "inputs. Pass some, such as X=X_train[:16]."
        )
    rows = _probes(detector) if X is None else first_rows(X, _N_PROBES)
    if X is not None and hasattr(fitted, "score_samples"):
        _check_rows(fitted, rows)
    try:
        model = (
            exported(detector) if not steps else joined_to_steps(Pipeline(steps), detector, rows)
        )
        check_graph(model, fitted, rows, inputs_of(rows) if steps else {"X": _as_matrix(rows)})
    except NotExportable as reason:
        raise ModelFileError(
            f"to_onnx: {name} cannot be exported: {str(reason).rstrip('.')}. save() stores any "
            "model of this package."
        ) from reason
    for key, value in {"lofe_sklearn": current_version(), "detector": name}.items():
        model.metadata_props.add(key=key, value=value)
    write_whole(path, model.SerializeToString(), "to_onnx")


def _check_rows(fitted: Any, rows: Any) -> None:
    """Raise ValueError for rows that cannot be scored, before skl2onnx fails on them."""
    try:
        fitted.score_samples(rows)
    except ValueError as error:
        raise ValueError(f"to_onnx: X must be rows that can be scored: {error}") from error


def _taken_apart(fitted: Any) -> tuple[list[tuple[str, Any]], Any]:
    """Return the steps before the detector, also of nested Pipelines, and the detector."""
    steps: list[tuple[str, Any]] = []
    while True:
        if isinstance(fitted, Pipeline):
            own = [
                (name, _thawed_within(step))
                for name, step in fitted.steps[:-1]
                if step not in (None, "passthrough")
            ]
            steps += [(f"step{len(steps) + i}_{name}", step) for i, (name, step) in enumerate(own)]
        inner = one_further_in(fitted)
        if inner is None:
            return steps, fitted
        fitted = inner


def _thawed_within(step: Any) -> Any:
    """Return a fitted transformer without FrozenEstimator, which skl2onnx does not know."""
    step = thawed(step)
    for name in ("steps", "transformers_", "transformer_list"):
        if hasattr(step, name):
            parts = [(key, _thawed_within(part), *rest) for key, part, *rest in getattr(step, name)]
            step = copy(step)
            setattr(step, name, parts)
    return step


def _as_matrix(rows: Any) -> np.ndarray:
    """Return rows of a table or pictures as the one input of a graph without steps."""
    array = np.asarray(rows, dtype=np.float64)
    return array.reshape(len(array), -1)


def _probes(detector: Any) -> np.ndarray:
    """Make rows around the typical one, spread like the features."""
    if not hasattr(detector, "_typical_values"):
        return np.zeros((1, getattr(detector, "n_features_in_", 1)))
    typical = np.nan_to_num(np.asarray(detector._typical_values, dtype=np.float64))
    rng = np.random.default_rng(0)
    spread = np.maximum(np.abs(typical), 1.0)
    return typical + 0.1 * spread * rng.standard_normal((_N_PROBES, len(typical)))
