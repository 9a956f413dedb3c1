"""`Binarizer` with values at the threshold as scikit-learn has them: skl2onnx turns them into 1."""

from __future__ import annotations

from typing import Any


def set_type_of_output(operator: Any) -> None:
    """Say which rows come out."""
    n_columns = operator.raw_operator.n_features_in_
    operator.outputs[0].type = type(operator.inputs[0].type)([None, n_columns])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a binarizer, in double precision."""
    import onnx

    def computed(operation: str, *inputs: str, **attributes: Any) -> str:
        name = str(scope.get_unique_variable_name(operation.lower()))
        container.add_node(operation, list(inputs), name, **attributes)
        return name

    X = computed("Concat", *[each.full_name for each in operator.inputs], axis=1)
    X = computed("Cast", X, to=onnx.TensorProto.DOUBLE)
    threshold = scope.get_unique_variable_name("threshold")
    value = float(operator.raw_operator.threshold)
    container.add_initializer(threshold, onnx.TensorProto.DOUBLE, [1], [value])
    is_above = computed("Greater", X, threshold)
    is_above = computed("Cast", is_above, to=onnx.TensorProto.DOUBLE)
    # 0, or NaN for values that cannot be scored, which scikit-learn refuses.
    nothing = computed("Sub", X, X)
    container.add_node("Add", [is_above, nothing], operator.outputs[0].full_name)
