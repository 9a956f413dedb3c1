"""`Normalizer` with rows of zeros as scikit-learn has them: skl2onnx's divides them by zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn._onnx._nodes import Nodes

# scikit-learn divides rows with a smaller norm by 1.
_ZERO = 10 * float(np.finfo(np.float64).eps)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a normalizer, in double precision."""
    import onnx

    nodes, double = Nodes(scope, container), onnx.TensorProto.DOUBLE
    X = nodes.computed("Cast", nodes.rows_given(operator), to=double)
    axis = nodes.constant("axis", [1], onnx.TensorProto.INT64)
    # Not by operations for norms, which ONNX Runtime may lack in double precision.
    norm = operator.raw_operator.norm
    if norm == "l2":
        squares = nodes.computed("ReduceSum", nodes.computed("Mul", X, X), axis, keepdims=1)
        size = nodes.computed("Sqrt", squares)
    else:
        reduction = "ReduceSum" if norm == "l1" else "ReduceMax"
        size = nodes.computed(reduction, nodes.computed("Abs", X), axis, keepdims=1)
    is_zero = nodes.computed("Less", size, nodes.constant("zero", [_ZERO], double))
    divisor = nodes.computed("Where", is_zero, nodes.constant("one", [1.0], double), size)
    container.add_node("Div", [X, divisor], operator.outputs[0].full_name)
