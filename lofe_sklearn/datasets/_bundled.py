"""The data sets that come with the package, under the licences of their sources."""

from __future__ import annotations

from importlib import resources
from typing import Any, Literal, overload

from sklearn.utils import Bunch

from lofe_sklearn._types import RowsAndLabels
from lofe_sklearn.datasets._bunch import as_bunch, read_npz


@overload
def load_thyroid(
    *,
    return_X_y: Literal[True],
    as_frame: Literal[False] = False,
) -> RowsAndLabels: ...
@overload
def load_thyroid(
    *,
    return_X_y: Literal[True],
    as_frame: bool,
) -> tuple[Any, Any]: ...
@overload
def load_thyroid(
    *,
    return_X_y: Literal[False] = False,
    as_frame: bool = False,
) -> Bunch: ...
def load_thyroid(*, return_X_y: bool = False, as_frame: bool = False) -> Bunch | tuple[Any, Any]:
    """Load the thyroid set: 3772 patients, 6 measurements, 93 of them hyperfunctioning.

    =================   ==============
    Samples             3772
    Anomalies           93 (2.5 %)
    Features            6, real, in [0, 1]
    =================   ==============

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects; needs pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        ``data`` of shape (3772, 6); ``target`` of shape (3772,), 1 for anomalies and 0 for normal
        rows; ``feature_names``, ``target_names``, ``frame`` (with ``as_frame=True``), ``DESCR``
        with source, licence and citation, and ``filename``.
    (data, target) : tuple
        If `return_X_y` is true.

    References
    ----------
    .. [1] J. R. Quinlan (1987). Thyroid Disease. UCI Machine Learning Repository, CC BY 4.0.
       https://doi.org/10.24432/C5D010
    .. [2] S. Rayana (2016). ODDS Library. Stony Brook University.

    Examples
    --------
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> X.shape, int(y.sum())
    ((3772, 6), 93)
    """
    return _load("thyroid", return_X_y=return_X_y, as_frame=as_frame)


@overload
def load_arrhythmia(
    *,
    return_X_y: Literal[True],
    as_frame: Literal[False] = False,
) -> RowsAndLabels: ...
@overload
def load_arrhythmia(
    *,
    return_X_y: Literal[True],
    as_frame: bool,
) -> tuple[Any, Any]: ...
@overload
def load_arrhythmia(
    *,
    return_X_y: Literal[False] = False,
    as_frame: bool = False,
) -> Bunch: ...
def load_arrhythmia(*, return_X_y: bool = False, as_frame: bool = False) -> Bunch | tuple[Any, Any]:
    """Load the arrhythmia set: 452 electrocardiograms, 274 features, 66 of rare classes.

    =================   ==============
    Samples             452
    Anomalies           66 (14.6 %)
    Features            274, real, of very different scales; 17 are constant
    =================   ==============

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects; needs pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        ``data`` of shape (452, 274); ``target`` of shape (452,), 1 for anomalies and 0 for normal
        rows; ``feature_names``, ``target_names``, ``frame`` (with ``as_frame=True``), ``DESCR``
        with source, licence and citation, and ``filename``.
    (data, target) : tuple
        If `return_X_y` is true.

    References
    ----------
    .. [1] H. A. Guvenir, B. Acar, H. Muderrisoglu, R. Quinlan (1998). Arrhythmia. UCI Machine
       Learning Repository, CC BY 4.0. https://doi.org/10.24432/C5BS32
    .. [2] S. Rayana (2016). ODDS Library. Stony Brook University.

    Examples
    --------
    >>> from lofe_sklearn.datasets import load_arrhythmia
    >>> X, y = load_arrhythmia(return_X_y=True)
    >>> X.shape, int(y.sum())
    ((452, 274), 66)
    """
    return _load("arrhythmia", return_X_y=return_X_y, as_frame=as_frame)


def _load(name: str, *, return_X_y: bool, as_frame: bool) -> Bunch | tuple[Any, Any]:
    folder = resources.files("lofe_sklearn.datasets")
    content = (folder / "data" / f"{name}.npz").read_bytes()
    data, target = read_npz(content, f"{name}.npz")
    return as_bunch(
        data,
        target,
        caller=f"load_{name}",
        return_X_y=return_X_y,
        as_frame=as_frame,
        DESCR=(folder / "descr" / f"{name}.rst").read_text(encoding="utf-8"),
        filename=f"{name}.npz",
    )
