"""`Normalizer` with rows of zeros as scikit-learn has them: skl2onnx's divides them by zero."""

from __future__ import annotations

from typing import Any

import numpy as np

# scikit-learn divides rows with a smaller norm by 1.
_ZERO = 10 * float(np.finfo(np.float64).eps)


def set_type_of_output(operator: Any) -> None:
    """Say which rows come out."""
    n_columns = operator.raw_operator.n_features_in_
    operator.outputs[0].type = type(operator.inputs[0].type)([None, n_columns])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a normalizer, in double precision."""
    import onnx

    def constant(name: str, value: float, kind: int) -> str:
        name = scope.get_unique_variable_name(name)
        container.add_initializer(name, kind, [1], [value])
        return name

    def computed(operation: str, *inputs: str, **attributes: Any) -> str:
        name = str(scope.get_unique_variable_name(operation.lower()))
        container.add_node(operation, list(inputs), name, **attributes)
        return name

    X = computed("Concat", *[each.full_name for each in operator.inputs], axis=1)
    X = computed("Cast", X, to=onnx.TensorProto.DOUBLE)
    axis = constant("axis", 1, onnx.TensorProto.INT64)
    # Not by operations for norms, which ONNX Runtime may lack in double precision.
    norm = operator.raw_operator.norm
    if norm == "l2":
        size = computed("Sqrt", computed("ReduceSum", computed("Mul", X, X), axis, keepdims=1))
    else:
        reduction = "ReduceSum" if norm == "l1" else "ReduceMax"
        size = computed(reduction, computed("Abs", X), axis, keepdims=1)
    is_zero = computed("Less", size, constant("zero", _ZERO, onnx.TensorProto.DOUBLE))
    divisor = computed("Where", is_zero, constant("one", 1.0, onnx.TensorProto.DOUBLE), size)
    container.add_node("Div", [X, divisor], operator.outputs[0].full_name)
