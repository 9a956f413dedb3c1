"""`SimpleImputer` in double precision, which ONNX Runtime's own operator does not have."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer

from lofe_sklearn._onnx._nodes import Nodes
from lofe_sklearn._onnx._not_exportable import NotExportable


def set_type_of_output(operator: Any) -> None:
    """Say which rows come out."""
    imputer, given = operator.raw_operator, operator.inputs[0].type
    n_columns = len(_kept(imputer)) + len(_indicated(imputer))
    operator.outputs[0].type = type(given)([None, n_columns])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a fitted imputer."""
    import onnx
    from skl2onnx.common.data_types import StringTensorType

    imputer = operator.raw_operator
    is_text = isinstance(operator.inputs[0].type, StringTensorType)
    of_values = onnx.TensorProto.STRING if is_text else onnx.TensorProto.DOUBLE

    nodes = Nodes(scope, container)

    def columns(of: str, indices: np.ndarray) -> str:
        index = nodes.constant("columns", indices.tolist(), onnx.TensorProto.INT64)
        return nodes.computed("Gather", of, index, axis=1)

    X = nodes.rows_given(operator)
    if _is_nan(imputer.missing_values):
        if is_text:
            raise NotExportable(
                "in a graph text has no NaN: mark missing text by a text, such as '', and pass it "
                "to SimpleImputer(missing_values='')"
            )
        missing = nodes.computed("IsNaN", X)
    else:
        gap = nodes.constant("missing", [imputer.missing_values], of_values)
        missing = nodes.computed("Equal", X, gap)
    kept = _kept(imputer)
    values = imputer.statistics_[kept]
    fill = nodes.constant("fill", values if is_text else values.astype(float), of_values)
    parts = [nodes.computed("Where", columns(missing, kept), fill, columns(X, kept))]
    if len(_indicated(imputer)):
        indicated = columns(missing, _indicated(imputer))
        parts.append(nodes.computed("Cast", indicated, to=of_values))
    container.add_node("Concat", parts, operator.outputs[0].full_name, axis=1)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and np.isnan(value)


def _kept(imputer: SimpleImputer) -> np.ndarray:
    """Return the columns that are not left out for having no value in the rows of the fit."""
    is_kept = [imputer.keep_empty_features or not _is_nan(each) for each in imputer.statistics_]
    return np.flatnonzero(is_kept)


def _indicated(imputer: SimpleImputer) -> np.ndarray:
    """Return the columns that get one more column, which says where they were missing."""
    return imputer.indicator_.features_ if imputer.add_indicator else np.arange(0)
