"""Operations that ONNX Runtime has in single precision only, built from others that it has in
both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Up to here the series of log(1 + e) is exact, while 1 + e loses the digits of e.
_SMALL = 1e-5


def translations() -> dict[Any, Callable[..., Any]]:
    """Return the functions that torch's exporter is to use for some of torch's operations."""
    import torch
    from onnxscript import opset18 as op

    def leaky_relu(self: Any, negative_slope: float = 0.01) -> Any:
        slope = _constant(negative_slope, self)
        zero = _constant(0.0, self)
        return op.Where(op.GreaterOrEqual(self, zero), self, op.Mul(self, slope))

    def softplus(self: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
        scaled = self if beta == 1.0 else op.Mul(self, _constant(beta, self))
        e = op.Exp(op.Neg(op.Abs(scaled)))
        one, half = _constant(1.0, self), _constant(0.5, self)
        third = _constant(1.0 / 3.0, self)
        series = op.Mul(e, op.Sub(one, op.Mul(e, op.Sub(half, op.Mul(e, third)))))
        log1p = op.Where(op.Less(e, _constant(_SMALL, self)), series, op.Log(op.Add(one, e)))
        result = op.Add(op.Relu(scaled), log1p)
        return result if beta == 1.0 else op.Div(result, _constant(beta, self))

    aten = torch.ops.aten
    return {
        aten.leaky_relu.default: leaky_relu,
        aten.leaky_relu_.default: leaky_relu,
        aten.softplus.default: softplus,
    }


def _constant(value: float, like: Any) -> Any:
    """Return a constant in the precision of a tensor; attributes have single precision."""
    import onnx
    from onnxscript import opset18 as op

    return op.Constant(value=onnx.helper.make_tensor("value", int(like.dtype), [], [float(value)]))
