"""The part of every backbone's docstring that is the same, written once."""

from __future__ import annotations

import inspect
from typing import TypeVar

_TRAINING_PARAMETERS = """\
    batch_size : int, default=%(batch_size)s
        Rows a step, at most and at least 2; the batches of an epoch are of equal size, give or
        take one row, and none is dropped.
    weight_decay : float, default=1e-5
        L2 penalty on all weights.
    gradient_clip_value : float, optional
        Largest Euclidean norm of a gradient. Default: no clipping.
    n_iter_no_change : int, optional
        Stop once the objective has not fallen by `tol` for so many epochs. Default: never, as in
        the papers.
    tol : float, default=1e-4
        See `n_iter_no_change`.
    contamination : float, default=0.1
        Share of the training rows, in (0, 0.5], that `predict` shall call outliers. It only sets
        the threshold `offset_`. Inside `LOE` it is ignored, and LOE's `contamination` is used.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1" (any index), "mps", or "auto": CUDA if available, else the CPU.
    warm_start : bool, default=False
        Whether a second `fit` goes on from the fitted network, for `max_epochs` more, or starts
        anew. Inside `LOE` it is ignored, and LOE's `warm_start` is used.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights and the order of the rows. torch's and numpy's global random
        states are left alone.
    verbose : int, default=0
        1 shows a progress bar with the time left, once a fit takes more than two seconds (extra
        ``lofe-sklearn[progress]``)."""

_FITTED_ATTRIBUTES = """\
    module_ : torch.nn.Module
        The trained network, on the CPU.
    scaling_ : str or None
        The scaling used: what ``scaling="auto"`` stood for, else `scaling` itself.
    offset_ : float
        Threshold on `score_samples` below which a row is called an outlier. It splits no rows of
        equal scores.
    n_iter_ : int
        Epochs trained.
    loss_history_ : ndarray of shape (`n_iter_`,)
        The minimised objective in each epoch, a mean over the rows.
    history_ : TrainingHistory
        Both losses and the rows' labels, epoch by epoch.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names."""

T = TypeVar("T", bound=type)


def with_shared_docs(cls: T) -> T:
    """Fill ``%(training_parameters)s`` and ``%(fitted_attributes)s`` in a class's docstring."""
    shared = {
        "    %(training_parameters)s": _TRAINING_PARAMETERS,
        "    %(fitted_attributes)s": _FITTED_ATTRIBUTES,
    }
    doc = cls.__doc__ or ""  # None under python -OO
    for placeholder, text in shared.items():
        doc = doc.replace(placeholder, text)
    batch_size = inspect.signature(cls).parameters["batch_size"].default
    doc = doc.replace("%(batch_size)s", str(batch_size))
    cls.__doc__ = inspect.cleandoc(doc)
    return cls
