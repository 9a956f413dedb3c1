"""Tensors of torch that NumPy cannot read, and how they are converted."""

from __future__ import annotations

from typing import Any

COMPLEX = (
    "must hold real numbers; got complex ones{where}. Complex data not supported: pass real and "
    "imaginary part, or absolute value and angle, as columns of their own."
)


def tensor_as_array(data: Any) -> Any:
    """Return a tensor of torch as an array of NumPy, and anything else as it is.

    scikit-learn takes tensors as they are where its ``array_api_dispatch`` is set, but not all
    that is asked of arrays here. A tensor that NumPy cannot read stays one: `check_tensors` names
    it.
    """
    try:
        return data.numpy() if _is_tensor(data) else data
    except (RuntimeError, TypeError):
        return data


def check_tensors(data: Any, name: str, prefix: str) -> None:
    """Raise ValueError for a tensor that NumPy cannot read as it is, or a list with one.

    Parameters
    ----------
    data : object
        Whatever the user has given.
    name, prefix : str
        What messages call `data`, and what they begin with.
    """
    if _is_tensor(data):
        _check(data, name.split()[-1], prefix)
    elif isinstance(data, (list, tuple)) and len(data) and _is_tensor(data[0]):
        for part in data:
            if _is_tensor(part):
                _check(part, f"torch.stack({name.split()[-1]})", prefix)


def _is_tensor(data: Any) -> bool:
    return hasattr(data, "detach") and hasattr(data, "numpy") and hasattr(data, "is_complex")


def _check(tensor: Any, name: str, prefix: str) -> None:
    if tensor.is_complex():
        raise ValueError(f"{prefix} {COMPLEX.format(where='')}")
    try:
        tensor.numpy()
    except (RuntimeError, TypeError) as error:  # NotImplementedError is a RuntimeError
        reason = str(error).rstrip(". ") + "."
        raise ValueError(
            f"{prefix} must be readable by NumPy; {_described(tensor)} is not: {reason} "
            f"{_remedy(tensor, name)}"
        ) from error


def _described(tensor: Any) -> str:
    is_plain = str(tensor.layout) == "torch.strided"
    layout = "" if is_plain else f" with the layout {tensor.layout}"
    return f"a tensor of {tensor.dtype} on {tensor.device}{layout}"


def _remedy(tensor: Any, name: str) -> str:
    """Return what NumPy can read, as a sentence."""
    if tensor.is_meta:
        return "It holds no values. Pass a tensor that does."
    if tensor.is_nested:
        return f"If its parts have one length, torch.stack({name}.unbind()) is."
    calls = [
        *([".dequantize()"] if tensor.is_quantized else []),
        ".detach().cpu()",
        *([".to_dense()"] if str(tensor.layout) != "torch.strided" else []),
        ".double()",
    ]
    return f"{name}{''.join(calls)} is."
