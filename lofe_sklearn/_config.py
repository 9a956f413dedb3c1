"""Settings for a block of code, like scikit-learn's `config_context`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, TypeAlias, TypedDict

Precision: TypeAlias = Literal["float64", "float32"]
_PRECISIONS = ("float64", "float32")
_scoring_dtype: ContextVar[Precision] = ContextVar("scoring_dtype", default="float64")
_device: ContextVar[str] = ContextVar("device", default="auto")


class Config(TypedDict):
    """Values of all settings."""

    device: str
    scoring_dtype: Precision


def get_config() -> Config:
    """Return the current settings.

    Returns
    -------
    config : dict
        Values by name; see `config_context`.

    Examples
    --------
    >>> import lofe_sklearn
    >>> lofe_sklearn.get_config()
    {'device': 'auto', 'scoring_dtype': 'float64'}
    """
    return {"device": _device.get(), "scoring_dtype": _scoring_dtype.get()}


@contextmanager
def config_context(
    *, device: str | None = None, scoring_dtype: Precision | None = None
) -> Iterator[None]:
    """Change settings within a ``with`` block, in the thread that runs it.

    Parameters
    ----------
    device : str, optional
        What ``device="auto"`` stands for: ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``. It
        reaches `LOE()` too, which makes its backbones itself. A fitted detector does not keep it.
        ``"auto"``, the default, is a GPU if torch finds one with CUDA, and else the CPU. None
        leaves the setting as it is.
    scoring_dtype : {"float64", "float32"}, optional
        The precision in which networks compute scores, thresholds and labels; they are trained in
        float32 in any case. In ``"float64"``, the default, the score of a row does not depend on
        the rows beside it, to 1e-7. ``"float32"`` takes about half of the networks' time. The
        scores of an ensemble, which are in units of a standard deviation, then have errors below
        1e-3, mostly of 1e-6: rows that are so close to the threshold may change sides. The score of
        a lone backbone has a relative error of about 1e-6. Evidence does not change, nor does a
        backbone with a precision of its own, such as `MHRot`. None leaves the setting as it is.

    Raises
    ------
    ValueError
        If `scoring_dtype` is anything else, or `device` is no string. A device that is not
        available is an error where it is used.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn import DeepSVDD, config_context
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> detector = DeepSVDD(max_epochs=2, random_state=0).fit(X)
    >>> precise = detector.score_samples(X)
    >>> with config_context(scoring_dtype="float32"):
    ...     fast = detector.score_samples(X)
    >>> bool(np.abs(fast / precise - 1).max() < 1e-4)
    True
    """
    if scoring_dtype is not None and scoring_dtype not in _PRECISIONS:
        raise ValueError(
            f"config_context: scoring_dtype must be 'float64' or 'float32'; got {scoring_dtype!r}."
        )
    if device is not None and not isinstance(device, str):
        raise ValueError(
            "config_context: device must be the name of a device, such as 'cpu' or 'cuda'; got "
            f"{device!r}."
        )
    of_dtype = _scoring_dtype.set(_scoring_dtype.get() if scoring_dtype is None else scoring_dtype)
    of_device = _device.set(_device.get() if device is None else device)
    try:
        yield
    finally:
        _device.reset(of_device)
        _scoring_dtype.reset(of_dtype)
