"""The demo's data: a bundled set, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the names are wanted before NumPy is
    import numpy as np

BUNDLED = ("thyroid", "arrhythmia")


def load_data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Load a bundled set by name, or an .npz file with X and y (1 = anomaly)."""
    import numpy as np

    from lofe_sklearn import datasets

    if name in BUNDLED:
        return getattr(datasets, f"load_{name}")(return_X_y=True)
    path = Path(name)
    if path.suffix != ".npz" or not path.exists():
        raise SystemExit(
            f"--data {name}: not a bundled set ({', '.join(BUNDLED)}) and not an existing .npz "
            "file with the arrays X and y."
        )
    with np.load(path, allow_pickle=False) as arrays:
        missing = {"X", "y"} - set(arrays.files)
        if missing:
            raise SystemExit(
                f"--data {name}: the file must hold the arrays X and y (1 = anomaly); "
                f"{' and '.join(sorted(missing))} missing, found {arrays.files}."
            )
        return arrays["X"].astype(np.float64), arrays["y"].ravel().astype(int)
