"""Checks of whole fits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from lofe_sklearn import engine
from lofe_sklearn._loe import LOE
from lofe_sklearn.backbones import Backbone

# The paper's setting: one ratio, a blind warm-up.
_FIXED: dict[str, Any] = {"contamination": 0.1, "init": None}


def _check_seeds(estimator: Backbone, X: np.ndarray) -> None:
    quick = clone(estimator).set_params(max_epochs=2, random_state=0)
    before = torch.get_rng_state()
    first = quick.fit(X).score_samples(X)
    if not torch.equal(before, torch.get_rng_state()):
        raise AssertionError(_RANDOM.format(type(estimator).__name__, "changed torch's own state"))
    torch.rand(1)
    try:
        again = clone(quick).fit(X).score_samples(X)
    finally:
        torch.set_rng_state(before)
    if not np.array_equal(first, again) or not np.array_equal(first, quick.score_samples(X)):
        raise AssertionError(
            _RANDOM.format(type(estimator).__name__, "with one random_state gave two models")
        )


_RANDOM = (
    "{}: fit {}. Draw random numbers by torch, not by NumPy or random, in the module's "
    "constructor, where they are seeded, or by nn.Dropout layers; not in forward."
)


def _check_stack(estimator: Backbone, X: np.ndarray) -> None:
    quick = clone(estimator).set_params(max_epochs=3)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*cannot be vmapped")
        try:
            with _exact_convolutions():
                together = LOE(quick, **_FIXED, n_estimators=2, random_state=0).fit(X)
        except UserWarning as warning:
            raise AssertionError(str(warning)) from warning
    if engine.has_dropout(together.estimator_.module_):
        return  # each model draws its own masks, different ones in a stack and alone
    for member in together.estimators_:
        with _exact_convolutions():
            alone = LOE(member, **_FIXED).fit(X).score_samples(X)
            difference = np.abs(member.score_samples(X) - alone).max() / (alone.std() or 1.0)
        if difference > 1e-3:
            raise AssertionError(
                f"{type(estimator).__name__}: a model trained in a stack differs from the same "
                f"one trained alone, by {difference:.2g} standard deviations of its scores. "
                "forward must not change the module: no state, running statistics or counters."
            )


@contextmanager
def _exact_convolutions() -> Iterator[None]:
    """Let a GPU compute convolutions in float32 instead of TF32, whose rounding is 1e-3."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _check_it_learns(estimator: Backbone, X: np.ndarray) -> None:
    loss_n = clone(estimator).set_params(random_state=0).fit(X).history_.loss_n[:, 0]
    # By more than rounding: the losses of a network that does not learn differ by rounding.
    if len(loss_n) < 3 or not loss_n[-1] < loss_n[0] - 1e-6 * abs(loss_n[0]):
        raise AssertionError(
            f"{type(estimator).__name__}: the normal loss must fall in training; in {len(loss_n)} "
            f"epochs it went from {loss_n[0]:.4g} to {loss_n[-1]:.4g}. Check its sign (low is "
            "normal), lower lr, or give more epochs (3 at least)."
        )


def _check_the_anomaly_loss(estimator: Backbone, X: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    n_anomalies = len(X) // 10
    away = 4 * X.std(axis=0) * rng.choice([-1, 1], size=(n_anomalies, X.shape[1]))
    anomalies = rng.permuted(X, axis=0)[:n_anomalies] + away
    rows = np.concatenate([X, anomalies])
    known = np.repeat([0, -1], [len(X), n_anomalies])
    gaps = []
    for labels in (known, None):
        fitted = clone(estimator).set_params(random_state=0).fit(rows, known_labels=labels)
        of_anomalies, of_normal = -fitted.score_samples(anomalies), -fitted.score_samples(X)
        gaps.append((of_anomalies.mean() - of_normal.mean()) / (of_normal.std() or 1.0))
    if not gaps[0] > gaps[1]:
        raise AssertionError(
            f"{type(estimator).__name__}: training rows as anomalies must raise their normal loss "
            f"above that of normal rows; it is {gaps[0]:.3g} standard deviations higher, and "
            f"{gaps[1]:.3g} where they are trained as normal. loss_a must be low where loss_n is "
            "high; or give more epochs."
        )


FIT_CHECKS: dict[str, Callable[[Backbone, np.ndarray], None]] = {
    "seeds": _check_seeds,
    "a stack equals single models": _check_stack,
    "the normal loss falls": _check_it_learns,
    "the anomaly loss raises the normal loss of anomalies": _check_the_anomaly_loss,
}
