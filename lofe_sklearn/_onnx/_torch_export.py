"""A fitted detector as a model of ONNX, by torch's exporter."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from lofe_sklearn import engine
from lofe_sklearn._errors_of_others import first_line, is_of_memory
from lofe_sklearn._onnx._detector_graph import DetectorGraph
from lofe_sklearn._onnx._not_exportable import NotExportable
from lofe_sklearn._onnx._translations import translations
from lofe_sklearn._quiet import silenced

# The first torch whose exporter takes translations of single operations.
_OLDEST_TORCH = (2, 7)


def require_packages(*, with_steps: bool) -> None:
    """Raise an ImportError that names the extra if a package is missing or torch is too old."""
    needed = ["onnx", "onnxscript", "onnxruntime", *(["skl2onnx"] if with_steps else [])]
    for package in needed:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise ImportError(
                f"to_onnx needs the package {package}. Install it with: "
                "pip install 'lofe-sklearn[onnx]'"
            ) from error
    version = torch.__version__.split("+")[0].split(".")[:2]
    if tuple(map(int, version)) < _OLDEST_TORCH:
        raise ImportError(
            f"to_onnx needs torch {'.'.join(map(str, _OLDEST_TORCH))} or newer; torch "
            f"{torch.__version__} is installed. Install a newer one with: pip install -U torch"
        )


def exported(detector: Any, dtype: torch.dtype = torch.float64) -> Any:
    """Return the graph of a fitted detector.

    Parameters
    ----------
    detector : LOE or Backbone
    dtype : torch.dtype, default=torch.float64
        Of the rows, the input ``X`` of shape (n, d).

    Raises
    ------
    NotExportable
        If a part of it has no graph.
    """
    try:
        with _quietly(), engine.plain_torch(), torch.no_grad():
            graph = DetectorGraph(detector).eval()
            rows = torch.zeros(3, detector.n_features_in_, dtype=dtype)
            program = torch.onnx.export(
                graph,
                (rows,),
                dynamo=True,
                input_names=["X"],
                output_names=["score", "label"],
                dynamic_shapes={"x": {0: torch.export.Dim("n")}},
                custom_translation_table=translations(),
                verbose=False,
                # torch's optimizer treats 1e-30 as 0, and loses nodes of ensembles of GOAD. ONNX
                # Runtime optimizes graphs itself.
                optimize=False,
            )
    except torch.onnx.OnnxExporterError as error:
        cause = _root_cause(error)
        if is_of_memory(cause):
            raise cause from None
        modules = sorted({type(each).__name__ for each in _modules_of(detector)})
        raise NotExportable(
            f"torch's exporter cannot record the operations of {', '.join(modules)}: "
            f"{first_line(cause)}"
        ) from error
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    return program.model_proto


def _modules_of(detector: Any) -> list[Any]:
    return [each.module_ for each in getattr(detector, "estimators_", [detector])]


def _root_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@contextmanager
def _quietly() -> Iterator[None]:
    """Hide the exporter's messages about its own work from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with silenced("", Warning):
            yield
    finally:
        logger.setLevel(level)
