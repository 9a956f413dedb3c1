"""`Binarizer` with values at the threshold as scikit-learn has them: skl2onnx turns them into 1."""

from __future__ import annotations

from typing import Any

from lofe_sklearn._onnx._nodes import Nodes


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a binarizer, in double precision."""
    import onnx

    nodes, double = Nodes(scope, container), onnx.TensorProto.DOUBLE
    X = nodes.computed("Cast", nodes.rows_given(operator), to=double)
    threshold = nodes.constant("threshold", [float(operator.raw_operator.threshold)], double)
    is_above = nodes.computed("Cast", nodes.computed("Greater", X, threshold), to=double)
    # 0, or NaN for values that cannot be scored, which scikit-learn refuses.
    nothing = nodes.computed("Sub", X, X)
    container.add_node("Add", [is_above, nothing], operator.outputs[0].full_name)
