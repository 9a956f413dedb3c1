"""The steps of a Pipeline before the detector, by skl2onnx, and the inputs of a graph."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import Binarizer, Normalizer, OneHotEncoder

from lofe_sklearn._containers import is_table_of_arrow
from lofe_sklearn._errors_of_others import first_line, is_of_memory
from lofe_sklearn._onnx import _binarizer, _imputer, _normalizer, _one_hot
from lofe_sklearn._onnx._nodes import set_type_of_as_many_columns
from lofe_sklearn._onnx._not_exportable import NotExportable
from lofe_sklearn._onnx._torch_export import exported
from lofe_sklearn._prepared_rows import count_given_rows
from lofe_sklearn._take_rows import take_rows
from lofe_sklearn.sources._find_source import source_of

# The outputs of a graph. An input of the same name would be the same value to ONNX.
_OUTPUTS = ("score", "label")


def first_rows(X: Any, n_rows: int) -> Any:
    """Return the first rows, in a container of the same kind; tables of Arrow become frames."""
    source, n_rows = source_of(X, "to_onnx"), min(n_rows, count_given_rows(X, "to_onnx"))
    rows = take_rows(X, np.arange(n_rows)) if source is None else source.read(0, n_rows)
    # Columns are taken by their names, which Arrow's tables and batches number instead.
    return rows.to_pandas() if is_table_of_arrow(rows) else rows


def inputs_of(rows: Any) -> dict[str, np.ndarray]:
    """Return rows as the inputs of a graph: one array, or one for each column of a frame."""
    if not hasattr(rows, "columns"):
        return {"X": np.asarray(rows, dtype=np.float64)}
    return {str(name): _column(rows[name]) for name in rows.columns}


def _column(values: Any) -> np.ndarray:
    column = values.to_numpy()[:, None]
    if column.dtype.kind in "fiub":
        return column.astype(np.float64)
    return column.astype(object)


def joined_to_steps(steps: Any, detector: Any, rows: Any) -> Any:
    """Return one graph of the steps and the detector.

    Parameters
    ----------
    steps : Pipeline
        Fitted steps that transform rows.
    detector : LOE or Backbone
    rows : array or data frame
        Some rows, as the first step takes them.

    Raises
    ------
    NotExportable
        If skl2onnx does not know a step.
    """
    import onnx
    import onnx.compose
    import onnx.version_converter
    import skl2onnx
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

    inputs = inputs_of(rows)
    _check_names(inputs)
    types = [
        (
            name,
            (DoubleTensorType if values.dtype.kind == "f" else StringTensorType)(
                [None, values.shape[1]]
            ),
        )
        for name, values in inputs.items()
    ]
    own = exported(detector)
    opset = {each.domain: each.version for each in own.opset_import}[""]
    try:
        before = skl2onnx.convert_sklearn(
            steps,
            initial_types=types,
            target_opset={"": opset, "ai.onnx.ml": 3},
            custom_shape_calculators={
                SimpleImputer: _imputer.set_type_of_output,
                Normalizer: set_type_of_as_many_columns,
                Binarizer: set_type_of_as_many_columns,
                OneHotEncoder: _one_hot.set_type_of_output,
            },
            custom_conversion_functions={
                SimpleImputer: _imputer.convert,
                Normalizer: _normalizer.convert,
                Binarizer: _binarizer.convert,
                OneHotEncoder: _one_hot.convert,
            },
        )
        _concatenate_in_double_precision(before)
        # The model states the oldest version that has all of its operations.
        before = onnx.version_converter.convert_version(before, opset)
    except Exception as error:
        if is_of_memory(error):
            raise
        names = ", ".join(type(step).__name__ for _, step in steps.steps)
        raise NotExportable(
            f"skl2onnx cannot translate one of the steps {names}: {first_line(error)}"
        ) from error
    _check_inputs([each.name for each in before.graph.input], inputs)
    [output] = before.graph.output
    if output.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
        own = exported(detector, torch.float32)
    # Columns may be named as values within the graphs are, such as "cat".
    before = onnx.compose.add_prefix(before, _unlike("steps_", inputs), rename_inputs=False)
    own = onnx.compose.add_prefix(
        own, _unlike("detector_", inputs), rename_inputs=False, rename_outputs=False
    )
    before.ir_version = own.ir_version
    versions = {each.domain: each for each in [*before.opset_import, *own.opset_import]}
    for model in (before, own):
        del model.opset_import[:]
        model.opset_import.extend(versions.values())
    return onnx.compose.merge_models(before, own, io_map=[(before.graph.output[0].name, "X")])


def _concatenate_in_double_precision(model: Any) -> None:
    """Let columns stand side by side as they are: skl2onnx's operator rounds them to floats."""
    import onnx

    for node in model.graph.node:
        if node.op_type == "FeatureVectorizer":
            node.op_type, node.domain = "Concat", ""
            del node.attribute[:]
            node.attribute.append(onnx.helper.make_attribute("axis", 1))


def _check_inputs(names: list[str], inputs: dict[str, np.ndarray]) -> None:
    """Refuse columns that skl2onnx has renamed, since it names values of its own so."""
    renamed = [name for name in inputs if name not in names]
    if renamed:
        raise NotExportable(
            f"skl2onnx needs the names {', '.join(map(repr, renamed))} itself: rename these "
            "columns before fitting"
        )


def _unlike(prefix: str, names: Iterable[str]) -> str:
    """Return a prefix that none of the names begins with."""
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    return prefix


def _check_names(inputs: dict[str, np.ndarray]) -> None:
    """Refuse columns that inputs of a graph cannot be named as: skl2onnx would rename them."""
    outputs = [name for name in inputs if name in _OUTPUTS]
    if outputs:
        raise NotExportable(
            "a column cannot have the name of an output of the graph: rename "
            f"{', '.join(map(repr, outputs))}"
        )
    others = [name for name in inputs if not re.fullmatch(r"[^\W\d][\w+]*", name)]
    if others:
        raise NotExportable(
            "inputs of a graph are named as columns are, by letters, digits and _, not first a "
            f"digit: rename {', '.join(map(repr, sorted(others)))} before fitting"
        )
