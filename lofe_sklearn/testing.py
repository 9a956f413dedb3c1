"""What a backbone of your own must satisfy, as one call to put into its tests.

>>> from lofe_sklearn import DeepSVDD
>>> from lofe_sklearn.testing import check_backbone
>>> check_backbone(DeepSVDD(max_epochs=20), scikit_learn=False)[:3]
['estimator', 'two losses for each row', 'rows do not affect each other']

A check that fails raises an AssertionError that says what was needed, what came, and how to mend
it. Two more checks only warn: their findings are no broken contract, but a reason to look again.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator
from torch import Tensor, nn

from lofe_sklearn import engine
from lofe_sklearn._loe import LOE
from lofe_sklearn._training import fit_scaling
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.metrics import f1_at_true_ratio

__all__ = ["check_backbone"]

# The paper's setting: one ratio, a blind warm-up.
_FIXED: dict[str, Any] = {"contamination": 0.1, "init": None}


def check_backbone(
    estimator: Backbone,
    X: np.ndarray | None = None,
    *,
    scikit_learn: bool = True,
) -> list[str]:
    """Check that a backbone keeps the contract that `LOE` and scikit-learn rely on.

    Parameters
    ----------
    estimator : Backbone
        An instance with few epochs, so that this takes seconds: some twenty, on 250 rows.
    X : ndarray of shape (n_samples, n_features), optional
        Normal rows to check it on, at least 100. Default: 200 rows of 6 correlated features.
        Anomalies are made of them by shuffling each feature and moving it away.
    scikit_learn : bool, default=True
        Whether to run scikit-learn's `check_estimator` too, which takes most of the time.

    Returns
    -------
    passed : list of str
        The checks that were passed, in order.

    Raises
    ------
    AssertionError
        If a check fails. A fault that shows as an error of its own is raised as it is.

    Warns
    -----
    UserWarning
        If the anomaly loss has no lower bound, or if `LOE` does not separate planted anomalies
        better than blind training does. Such a check is not among the passed ones.

    Examples
    --------
    >>> from lofe_sklearn import AutoEncoder
    >>> passed = check_backbone(AutoEncoder(max_epochs=20), scikit_learn=False)
    """
    _check_declaration(estimator)
    normal = _normal_rows() if X is None else np.asarray(X)
    resolved = estimator.resolved(normal)
    rows = torch.from_numpy(_scaled(resolved, normal))
    for check in MODULE_CHECKS.values():
        check(resolved, rows)
    for check_fit in FIT_CHECKS.values():
        check_fit(estimator, normal)
    passed = ["estimator", *MODULE_CHECKS, *FIT_CHECKS]
    findings = {
        "the anomaly loss has a lower bound": _find_no_lower_bound(resolved, rows),
        "LOE's labels beat blind training": _find_no_gain_from_labels(estimator, X),
    }
    for name, finding in findings.items():
        if finding is None:
            passed.append(name)
        else:
            warnings.warn(finding, UserWarning, stacklevel=2)
    if scikit_learn:
        quick = clone(estimator).set_params(max_epochs=2)
        check_estimator(quick, on_skip=None)
        passed.append("scikit-learn's check_estimator")
    return passed


def _check_declaration(estimator: Backbone) -> None:
    if not isinstance(estimator, Backbone):
        raise AssertionError(
            "check_backbone needs an instance of a subclass of lofe_sklearn.backbones.Backbone; "
            f"got {estimator!r}."
        )
    name = type(estimator).__name__
    stored = vars(estimator)
    constraints = estimator.parameter_constraints()
    # These two are checked where they are used, by torch's and scikit-learn's own rules.
    exempt = {"device", "random_state"}
    for parameter in inspect.signature(type(estimator).__init__).parameters:
        if parameter in {"self", *exempt}:
            continue
        if parameter not in stored:
            raise AssertionError(
                f"{name}.__init__ must store its parameter {parameter} as it came: add "
                f"`self.{parameter} = {parameter}`, or pass it on to super().__init__()."
            )
        if parameter not in constraints:
            raise AssertionError(
                f"{name}: parameter {parameter} is not declared, so bad values of it would reach "
                f'the module. Add "{parameter}" to {name}.own_constraints, as Number(low=0), say.'
            )


def _check_losses(estimator: Backbone, rows: Tensor) -> None:
    module = _build(estimator, rows)
    name = type(module).__name__
    for some in (rows[:1], rows[:7], torch.zeros_like(rows[:3]), rows[:5] * 1e6):
        with torch.no_grad():
            loss_n, loss_a = engine.check_losses(module, module(some), some.shape[:1])
        for what, loss in (("loss_n", loss_n), ("loss_a", loss_a)):
            if not loss.isfinite().all():
                raise AssertionError(
                    f"{name}: {what} must be finite for every row, also for rows of zeros and "
                    f"values of 1e6; got {loss.tolist()}. Compute log, exp and 1/x in a form that "
                    "does not overflow, as lofe_sklearn.backbones.energy_losses does."
                )


def _check_rows_are_independent(estimator: Backbone, rows: Tensor) -> None:
    module = _build(estimator, rows).double().eval()
    rows = rows[:20].double()
    with torch.no_grad():
        together = torch.stack(module(rows))
        apart = torch.cat([torch.stack(module(row.unsqueeze(0))) for row in rows], dim=1)
    if not torch.allclose(together, apart, rtol=1e-7, atol=1e-9):
        raise AssertionError(
            f"{type(module).__name__}: a row's losses must not depend on the other rows of its "
            f"batch; they differ by up to {(together - apart).abs().max().item():.2g}. Reduce over "
            "features, never over rows, and normalise by LayerNorm or GroupNorm, not BatchNorm."
        )


def _check_gradients(estimator: Backbone, rows: Tensor) -> None:
    module = _build(estimator, rows)
    name = type(module).__name__
    trained = {n: p for n, p in module.named_parameters() if p.requires_grad}
    reached: set[str] = set()
    for which, what in enumerate(("loss_n", "loss_a")):
        loss = module(rows)[which]
        if not loss.requires_grad:
            raise AssertionError(
                f"{name}: {what} has no gradient, so LOE could not train by it. Compute it from "
                "the parameters with torch operations, without .detach(), .item() or no_grad()."
            )
        gradients = torch.autograd.grad(loss.sum(), list(trained.values()), allow_unused=True)
        for parameter, gradient in zip(trained, gradients, strict=True):
            if gradient is not None and not gradient.isfinite().all():
                raise AssertionError(
                    f"{name}: the gradient of {what} with respect to {parameter} is not finite. "
                    "sqrt and norm have none at 0: add a small constant before."
                )
            if gradient is not None and gradient.any():
                reached.add(parameter)
    unused = sorted(set(trained) - reached)
    if unused:
        raise AssertionError(
            f"{name}: neither loss has a gradient with respect to {', '.join(unused)}. Use them in "
            "forward, or set requires_grad_(False) for what shall stay as it is."
        )


def _check_score_scale(estimator: Backbone, rows: Tensor) -> None:
    module = _build(estimator, rows)
    name = type(module).__name__
    scale = getattr(module, "score_scale", "log")
    if scale not in ("log", "linear"):
        raise AssertionError(
            f'{name}.score_scale must be "log", for normal losses of at least 0, or "linear", for '
            f"those of any sign; got {scale!r}."
        )
    # As far down as training on few rows brings it: before training many losses are positive.
    _, lowest = _minimise(module, rows[:_FEW_ROWS], which=0)
    if scale == "log" and lowest < -1e-4:
        raise AssertionError(
            f"{name}: the normal loss must not be negative, as the scores of several models are "
            f"averaged by its logarithm; training brought it to {lowest:.3g}. Set score_scale = "
            f'"linear" in {name} if a loss of any sign is meant, as that of density_losses is.'
        )


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
    "{}: fit {}. Draw random numbers in the module's constructor, where they are seeded, or by "
    "nn.Dropout layers; not in forward."
)


def _check_stack(estimator: Backbone, X: np.ndarray) -> None:
    quick = clone(estimator).set_params(max_epochs=3)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*cannot be vmapped")
        try:
            together = LOE(quick, **_FIXED, n_estimators=2, random_state=0).fit(X)
        except UserWarning as warning:
            raise AssertionError(str(warning)) from warning
    if engine.has_dropout(together.estimator_.module_):
        return  # each model draws masks of its own, in a stack others than alone
    for member in together.estimators_:
        alone = LOE(member, **_FIXED).fit(X).score_samples(X)
        difference = np.abs(member.score_samples(X) - alone).max() / (alone.std() or 1.0)
        if difference > 1e-3:
            raise AssertionError(
                f"{type(estimator).__name__}: a model trained in a stack differs from the same "
                f"one trained alone, by {difference:.2g} standard deviations of its scores. Keep "
                "what forward changes out of the module: state, running statistics, counters."
            )


def _check_it_learns(estimator: Backbone, X: np.ndarray) -> None:
    loss_n = clone(estimator).set_params(random_state=0).fit(X).history_.loss_n[:, 0]
    if len(loss_n) < 3 or not loss_n[-1] < loss_n[0]:
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


def _find_no_lower_bound(estimator: Backbone, rows: Tensor) -> str | None:
    """Train rows as anomalies; return what to warn of where their loss falls without end."""
    module = _build(estimator, rows)
    losses, _ = _minimise(module, rows[:_FEW_ROWS], which=1)
    late_part = losses[len(losses) // 2] - losses[-1]
    levels_off = late_part < 0.1 * (losses[0] - losses[-1])
    if losses[-1] >= 0 or levels_off:
        return None
    return (
        f"{type(module).__name__}: the anomaly loss has no lower bound. Training {_FEW_ROWS} rows "
        f"as anomalies brought it from {losses[0]:.3g} to {losses[-1]:.3g}, and it was still "
        "falling. Rows that are labelled as anomalies, rightly or not, can then come to outweigh "
        "all others. Set gradient_clip_value and few epochs, or take an anomaly loss that levels "
        "off at 0."
    )


def _find_no_gain_from_labels(estimator: Backbone, X: np.ndarray | None) -> str | None:
    """Train on contaminated rows, blind and by LOE; return what to warn of without a gain."""
    settings: list[dict[str, Any]] = [{"method": "blind"}, {"method": "hard"}]
    f1 = np.zeros((_N_SETS, len(settings)))
    for seed in range(_N_SETS):
        rows, y = _contaminated_rows(X, seed)
        for i, setting in enumerate(settings):
            loe = LOE(estimator, contamination=y.mean(), random_state=seed, **setting).fit(rows)
            f1[seed, i] = f1_at_true_ratio(y, loe.score_samples(rows))
    blind, hard = f1.mean(axis=0)
    if hard > blind or blind > 0.98:  # nothing is left to gain
        return None
    return (
        f"{type(estimator).__name__}: LOE's labels do not beat blind training. On {_N_SETS} sets "
        f"with planted anomalies the mean F1 is {hard:.2f} with hard labels and {blind:.2f} "
        "without. The anomaly loss must have a gradient where the normal loss is high: "
        "energy_losses has hardly any for energies above 10, so bring energies to about 1, and "
        "take density_losses for log-densities. Or give more epochs."
    )


def _contaminated_rows(X: np.ndarray | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return normal rows and a cluster of anomalies, a fifth of all, far from their mean.

    The normal rows made here have heavy tails: many of them are further out than the cluster, so
    that it has to be found by what its rows have in common. It is large enough to be learned by
    blind training.
    """
    rng = np.random.default_rng(seed)
    if X is None:
        normal = np.sinh(2 * rng.normal(size=(200, 6))) @ rng.normal(size=(6, 6))
    else:
        normal = np.asarray(X)
    n_anomalies, n_features = len(normal) // 4, normal.shape[1]
    away = 4 * rng.choice([-1, 1], size=n_features)
    cluster = away + 0.5 * rng.normal(size=(n_anomalies, n_features))
    anomalies = normal.mean(axis=0) + normal.std(axis=0) * cluster
    return np.concatenate([normal, anomalies]), np.repeat([0, 1], [len(normal), n_anomalies])


def _minimise(module: nn.Module, rows: Tensor, *, which: int) -> tuple[list[float], float]:
    """Minimise one of the two losses; return its means before each step, and its lowest value.

    Where it leaves the range of numbers, the means end with minus infinity.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=1e-2)
    means, lowest = [], math.inf
    with torch.random.fork_rng(devices=[]):  # dropout draws from the global generator
        for _ in range(_N_STEPS):
            loss = module(rows)[which]
            if not loss.isfinite().all():
                means.append(-math.inf)
                break
            means.append(loss.mean().item())
            lowest = min(lowest, loss.min().item())
            optimizer.zero_grad()
            loss.mean().backward()
            optimizer.step()
    return means, lowest


_FEW_ROWS = 8
_N_STEPS = 100
_N_SETS = 4

MODULE_CHECKS: dict[str, Callable[[Backbone, Tensor], None]] = {
    "two losses for each row": _check_losses,
    "rows do not affect each other": _check_rows_are_independent,
    "gradients reach every parameter": _check_gradients,
    "the scale of scores": _check_score_scale,
}
FIT_CHECKS: dict[str, Callable[[Backbone, np.ndarray], None]] = {
    "seeds": _check_seeds,
    "a stack equals single models": _check_stack,
    "the normal loss falls": _check_it_learns,
    "the anomaly loss raises the normal loss of anomalies": _check_the_anomaly_loss,
}


def _normal_rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + np.arange(6.0)


def _scaled(estimator: Backbone, X: np.ndarray) -> np.ndarray:
    scaling = fit_scaling(X, estimator.scaling)
    scaled = X if scaling is None else (X - scaling[0]) * scaling[1]
    return np.ascontiguousarray(scaled, dtype=np.float32)


def _build(estimator: Backbone, rows: Tensor) -> nn.Module:
    """Return the module as it is before training."""
    build = partial(estimator.build_module, rows.shape[1])
    [module] = engine.build_modules([build], [0], torch.device("cpu"))
    engine.prepare_module(module, rows)
    return module
