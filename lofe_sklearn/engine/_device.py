"""The device a fit runs on, from the name a user gives."""

from __future__ import annotations

import torch

from lofe_sklearn._config import get_config
from lofe_sklearn.exceptions import NoSuchDeviceError


def resolve_device(name: str | torch.device, owner: str = "") -> torch.device:
    """Turn ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"`` into a usable device.

    ``"auto"`` is the device of `config_context`. If that is ``"auto"`` too, it takes CUDA if
    available, and else the CPU. It never picks MPS: the small networks here run faster on the CPU
    of such machines, and MPS has no float64 to score with.

    Parameters
    ----------
    name : str or torch.device
    owner : str
        What the user called, where nobody else puts it before the message.

    Raises
    ------
    NoSuchDeviceError
        If the name is not a device's, or this machine or this build of torch does not have it.
    """
    caller = f"{owner}: " if owner else ""
    if name == "auto":
        name = get_config()["device"]
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise NoSuchDeviceError(
            f"{caller}device={name!r} is not a device's name. Use 'auto', 'cpu', 'cuda', 'cuda:1' "
            "(any index) or 'mps'."
        ) from error
    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    available = {
        "cpu": True,
        "cuda": (device.index or 0) < n_cuda,
        "mps": torch.backends.mps.is_available(),
    }
    if device.type not in available:
        raise NoSuchDeviceError(
            f"{caller}device={name!r} is not supported. Use 'auto', 'cpu', 'cuda', 'cuda:1' (any "
            "index) or 'mps'."
        )
    if not available[device.type]:
        present = ["cpu", *(f"cuda:{i}" for i in range(n_cuda))]
        present += ["mps"] if available["mps"] else []
        raise NoSuchDeviceError(
            f"{caller}device={name!r} is not available here (available: {', '.join(present)}). "
            "Use device='auto' to take what there is, or install a torch build with that device."
        )
    return device
