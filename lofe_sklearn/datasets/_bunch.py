"""From an .npz file or arrays to what a fetch function returns."""

from __future__ import annotations

import io
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from sklearn.utils import Bunch

from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._types import FilePath, RowsAndLabels

TARGET_NAMES = ["normal", "anomaly"]


@overload
def load_npz(
    path: FilePath,
    *,
    return_X_y: Literal[True],
    as_frame: Literal[False] = False,
) -> RowsAndLabels: ...
@overload
def load_npz(
    path: FilePath,
    *,
    return_X_y: Literal[True],
    as_frame: bool,
) -> tuple[Any, Any]: ...
@overload
def load_npz(
    path: FilePath,
    *,
    return_X_y: Literal[False] = False,
    as_frame: bool = False,
) -> Bunch: ...
def load_npz(
    path: FilePath, *, return_X_y: bool = False, as_frame: bool = False
) -> Bunch | tuple[Any, Any]:
    """Load a file of your own in ADBench's format: arrays ``X`` and ``y`` in an ``.npz`` file.

    Use it for files without a known checksum: only the format is checked. Pickled objects, complex
    numbers and dates are refused.

    Parameters
    ----------
    path : str or path-like
        The file.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects; needs pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        ``data`` of shape (n_samples, n_features), float64; ``target`` of shape (n_samples,), 1 for
        anomalies and 0 for normal rows; ``feature_names``, ``target_names``, ``frame`` (with
        ``as_frame=True``), ``DESCR`` and ``filename``.
    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    OSError
        If the file does not exist, is cut off, or is no ``.npz`` file.
    ValueError
        If ``X`` or ``y`` is missing or pickled, their shapes do not fit each other, or ``y`` has
        values other than 0 and 1.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lofe_sklearn.datasets import load_npz
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "mine.npz")
    ...     np.savez(path, X=np.zeros((3, 2)), y=[0, 0, 1])
    ...     X, y = load_npz(path, return_X_y=True)
    >>> X.shape, int(y.sum())
    ((3, 2), 1)
    """
    file = Path(path)
    data, target = read_npz(file.read_bytes(), file)
    description = (
        f"{file.name}: {len(data)} rows, {int(target.sum())} of them anomalies; unverified."
    )
    return as_bunch(
        data,
        target,
        caller="load_npz",
        filename=str(file),
        DESCR=description,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def read_npz(content: bytes, path: str | PathLike[str]) -> RowsAndLabels:
    """Rows and labels of an .npz file's bytes; `path` is for messages only."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise OSError(
            f"{path}: an .npz file with the arrays X and y is needed; this is none, or it is cut "
            f"off ({len(content)} bytes). Copy or download it again."
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            missing = {"X", "y"} - set(arrays.files)
            if missing:
                raise ValueError(
                    f"{path}: the arrays X and y are needed; found {arrays.files}. Save them with "
                    "numpy.savez_compressed(path, X=X, y=y)."
                )
            X, y = arrays["X"], arrays["y"]
    except zipfile.BadZipFile as error:
        raise OSError(f"{path}: damaged ({error}). Copy or download it again.") from error
    except ValueError as error:
        if "pickle" not in str(error):
            raise
        raise ValueError(
            f"{path}: X and y must be numeric arrays; got pickled objects, which are not loaded, "
            "since they can run code. Save them with numpy.savez_compressed(path, X=X, y=y)."
        ) from error
    for name, array in (("X", X), ("y", y)):
        check_plain_values(array, name, str(path))
    y = y.ravel()
    if X.ndim != 2 or len(X) != len(y):
        raise ValueError(
            f"{path}: X must be of shape (n_samples, n_features) and y of shape (n_samples,); got "
            f"{X.shape} and {y.shape}."
        )
    if not np.isin(y, (0, 1)).all():
        raise ValueError(
            f"{path}: y must be 1 for anomalies and 0 for normal rows; got the values "
            f"{np.unique(y)[:5].tolist()}."
        )
    return X.astype(np.float64), y.astype(np.int64)


def as_bunch(
    data: np.ndarray,
    target: np.ndarray,
    *,
    caller: str,
    return_X_y: bool,
    as_frame: bool,
    feature_names: list[str] | None = None,
    target_names: list[str] | None = None,
    target_column: str = "anomaly",
    **more: object,
) -> Bunch | tuple[Any, Any]:
    """Return what scikit-learn's loaders do, for arrays of rows and labels."""
    feature_names = feature_names or [f"x{i}" for i in range(data.shape[1])]
    frame = None
    if as_frame:
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                f"{caller}: as_frame=True needs pandas. Install it with: pip install pandas"
            ) from error
        frame = pd.DataFrame(data, columns=feature_names)
        frame[target_column] = target
        data, target = frame[feature_names], frame[target_column]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names or TARGET_NAMES,
        **more,
    )
