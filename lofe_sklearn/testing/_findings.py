"""Findings that break no contract, but deserve a look: each returns the text of a warning."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from lofe_sklearn._loe import LOE
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.metrics import f1_at_true_ratio
from lofe_sklearn.testing._untrained import FEW_ROWS, build, minimise

_N_SETS = 4


def find_no_lower_bound(estimator: Backbone, rows: Tensor) -> str | None:
    """Train rows as anomalies; return a warning if their loss falls without end."""
    module = build(estimator, rows)
    losses, _ = minimise(module, rows, which=1)
    late_part = losses[len(losses) // 2] - losses[-1]
    levels_off = late_part < 0.1 * (losses[0] - losses[-1])
    if losses[-1] >= 0 or levels_off:
        return None
    return (
        f"{type(module).__name__}: the anomaly loss has no lower bound. Training {FEW_ROWS} rows "
        f"as anomalies brought it from {losses[0]:.3g} to {losses[-1]:.3g}, and it was still "
        "falling. Rows that are labelled as anomalies, rightly or not, can then outweigh all "
        "others. Set gradient_clip_value and few epochs, or take an anomaly loss that levels off "
        "at 0."
    )


def find_no_gain_from_labels(estimator: Backbone, X: np.ndarray | None) -> str | None:
    """Train on contaminated rows, blind and by LOE; return a warning if LOE does not gain."""
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

    The generated normal rows have heavy tails: many of them are farther out than the cluster, so a
    detector must find it by what its rows have in common. It is large enough that blind training
    learns it.
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
