"""`OneHotEncoder` with new categories as scikit-learn has them.

The graph of skl2onnx alone fails where they count as infrequent ones, and rounds new numbers, such
as 1.5, to known ones.
"""

from __future__ import annotations

from copy import copy
from numbers import Real
from typing import Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder

from lofe_sklearn._onnx._nodes import Nodes

# Values of `handle_unknown` by which new categories count as infrequent ones. A feature without
# infrequent categories has zeros for them.
_AS_INFREQUENT = ("infrequent_if_exist", "warn")
# Beyond it not all whole numbers are doubles.
_MOST_WHOLE = 2.0**53
_ALIAS = "SklearnOneHotEncoder"


class _Plain(OneHotEncoder):
    """A type that is converted by skl2onnx alone."""


def set_type_of_output(operator: Any) -> None:
    """Say which rows come out, as skl2onnx does."""
    from skl2onnx.common._registration import get_shape_calculator

    get_shape_calculator(_ALIAS)(operator)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the graph of skl2onnx, and mark new categories as infrequent behind it."""
    from skl2onnx.common.data_types import DoubleTensorType

    encoder = operator.raw_operator
    ignoring = copy(encoder)
    ignoring.__class__ = _Plain
    if encoder.handle_unknown in _AS_INFREQUENT:
        ignoring.handle_unknown = "ignore"
    inner = scope.declare_local_operator(_ALIAS, ignoring)
    for each in operator.inputs:
        are_numbers = isinstance(each.type, DoubleTensorType)
        inner.inputs.append(_whole(scope, container, encoder, each) if are_numbers else each)
    encoded = scope.declare_local_variable("encoded", operator.outputs[0].type)
    inner.outputs.append(encoded)
    if encoder.handle_unknown in _AS_INFREQUENT:
        _mark_infrequent(scope, container, encoder, encoded, operator.outputs[0])
    else:
        container.add_node("Identity", [encoded.full_name], operator.outputs[0].full_name)


def _whole(scope: Any, container: Any, encoder: Any, given: Any) -> Any:
    """Return numbers with a whole one that is no category in the place of all that are not whole.

    skl2onnx converts no encoder with categories that are not whole.
    """
    import onnx

    values = np.concatenate([each.astype(object) for each in encoder.categories_])
    known = {float(value) for value in values if isinstance(value, Real)}
    other = next(float(number) for number in range(len(known) + 1) if float(number) not in known)
    nodes, double = Nodes(scope, container), onnx.TensorProto.DOUBLE
    stand_in = nodes.constant("other", [other], double)
    numbers = given.full_name
    is_whole = nodes.computed("Equal", nodes.computed("Floor", numbers), numbers)
    limit = nodes.constant("most", [_MOST_WHOLE], double)
    is_small = nodes.computed("Less", nodes.computed("Abs", numbers), limit)
    whole = scope.declare_local_variable("whole", given.type)
    chosen = nodes.computed("And", is_whole, is_small)
    container.add_node("Where", [chosen, numbers, stand_in], whole.full_name)
    return whole


def _mark_infrequent(scope: Any, container: Any, encoder: Any, encoded: Any, output: Any) -> None:
    """Add 1 to the column of infrequent categories where no other of a feature has it.

    It is the last of the feature. The columns of a feature that are all 0 stand for a new category,
    since skl2onnx converts no encoder that drops categories and has infrequent ones.
    """
    import onnx
    from skl2onnx.common.data_types import guess_proto_type

    sizes = list(encoder._n_features_outs)
    matrix, shift, last = np.eye(sum(sizes)), np.zeros(sum(sizes)), -1
    for size, infrequent in zip(sizes, _infrequent(encoder), strict=True):
        last += size
        if infrequent is not None:
            matrix[last - size + 1 : last + 1, last] -= 1.0
            shift[last] = 1.0
    kind = guess_proto_type(encoded.type)
    names = []
    for name, values in (("others", matrix), ("one", shift)):
        names.append(scope.get_unique_variable_name(name))
        container.add_initializer(names[-1], onnx.TensorProto.FLOAT, values.shape, values.ravel())
    given, marked, added = (scope.get_unique_variable_name(each) for each in ("z", "zm", "zb"))
    container.add_node("Cast", [encoded.full_name], given, to=onnx.TensorProto.FLOAT)
    container.add_node("MatMul", [given, names[0]], marked)
    container.add_node("Add", [marked, names[1]], added)
    container.add_node("Cast", [added], output.full_name, to=kind)


def _infrequent(encoder: Any) -> list[Any]:
    """Return the infrequent categories of each feature; None if it has none."""
    found = getattr(encoder, "infrequent_categories_", None)
    return [None] * len(encoder.categories_) if found is None else list(found)
