"""Nodes and constants of the graph of a step, each with a name of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Nodes:
    """What skl2onnx gives the converter of a step, to which it adds nodes.

    Parameters
    ----------
    scope, container : object
        Names that are taken, and the graph.
    """

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope, self._container = scope, container

    def constant(self, name: str, values: Sequence[Any], kind: int) -> str:
        """Add values of an ONNX type of number or text; return their name."""
        name = str(self._scope.get_unique_variable_name(name))
        self._container.add_initializer(name, kind, [len(values)], list(values))
        return name

    def computed(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation on what has these names; return the name of its result."""
        name = str(self._scope.get_unique_variable_name(operation.lower()))
        self._container.add_node(operation, list(inputs), name, **attributes)
        return name

    def rows_given(self, operator: Any) -> str:
        """Return the name of a step's rows, whose columns may come from several places."""
        return self.computed("Concat", *[each.full_name for each in operator.inputs], axis=1)


def set_type_of_as_many_columns(operator: Any) -> None:
    """Say which rows come out of a step that changes single values."""
    n_columns = operator.raw_operator.n_features_in_
    operator.outputs[0].type = type(operator.inputs[0].type)([None, n_columns])
