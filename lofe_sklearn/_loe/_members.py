"""What LOE trains: its members, and those that judge a cut by rows they have not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from pickle import PicklingError
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from scipy import sparse
from sklearn.base import clone

from lofe_sklearn import engine
from lofe_sklearn._known_labels import ratio_with_known
from lofe_sklearn._loe._first_labels import first_scores
from lofe_sklearn._loe._parameters import is_interval
from lofe_sklearn._loe._ratio import folds, spread_ratios
from lofe_sklearn.backbones import AutoEncoder, DeepSVDD
from lofe_sklearn.backbones._outliers import check_outliers
from lofe_sklearn.backbones._training import Memo, Task, draw_seeds, unknown_ratio

if TYPE_CHECKING:
    from lofe_sklearn._loe._estimator import LOE
    from lofe_sklearn.backbones._base import Backbone

# Below so many marked rows a batch, labels are inferred once an epoch: the ratio of so small a
# batch is far from that of all rows.
_FEW_MARKED = 2


def plan(
    loe: LOE,
    prototypes: Sequence[Backbone],
    rule: engine.Rule,
    X: np.ndarray | sparse.csr_matrix,
    known: np.ndarray | None,
    outliers: Any,
    memo: Memo,
) -> list[Task]:
    """List the models to train on X: the members first, then those of the folds.

    Parameters
    ----------
    loe : LOE
        With valid parameters.
    prototypes : sequence of Backbone
        What members are copies of, in turn; they have checked X.
    rule : callable
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    known : ndarray of int8, shape (n_samples,), or None
    outliers : array-like, str or None
        As `fit` gets them.
    memo : dict
        First labels' scores that were found for other fits on X.
    """
    n_samples, n_features = X.shape
    ratios = member_ratios(loe, len(prototypes))
    is_auto = isinstance(loe.contamination, str)
    held_out = folds(n_samples, seed=0) if is_auto else []
    n_judges = min(len(ratios), _N_JUDGES) if held_out else 0
    # Of the estimator that was given: a generator goes on from fit to fit, a clone's would not.
    given = backbones_of(loe)[0].random_state
    source = given if loe.random_state is None else loe.random_state
    seeds = draw_seeds(source, len(ratios) + len(held_out) * n_judges)

    # Once for all members: a synthetic one is the same to each of them.
    exposed = {"outliers": check_outliers(outliers, prototypes[0], X, seeds[0], type(loe).__name__)}
    n_rows = _amount("max_samples", loe.max_samples, n_samples, 2)
    least = max(prototype.min_features for prototype in prototypes)
    n_seen = _amount("max_features", loe.max_features, n_features, least)
    everything = np.arange(n_samples)
    tasks = []
    for i, (ratio, seed) in enumerate(zip(ratios, seeds, strict=False)):
        rng = np.random.default_rng(seed)
        rows, features, first_seed = everything, None, seeds[0]
        if n_rows < n_samples:
            rows, first_seed = np.sort(rng.choice(n_samples, n_rows, replace=False)), seed
        if n_seen < n_features:
            features = np.sort(rng.choice(n_features, n_seen, replace=False))
        prototype = prototypes[i % len(prototypes)]
        labelling = _labelling(loe, prototype, X, rows, known, first_seed, memo) | exposed
        tasks.append(_task(loe, prototype, X, rule, ratio, seed, rows, features, **labelling))

    rest = iter(seeds[len(ratios) :])
    for part in held_out:
        rows = np.setdiff1d(everything, part)
        for i, ratio in enumerate(_ratios_in_turn(n_judges, len(prototypes))):
            prototype = prototypes[i % len(prototypes)]
            labelling = _labelling(loe, prototype, X, rows, known, seeds[0], memo) | exposed
            tasks.append(_task(loe, prototype, X, rule, ratio, next(rest), rows, **labelling))
    return tasks


def backbones_of(loe: LOE) -> list[Any]:
    """Return the backbones that members are copies of, in turn.

    Where none is given: two kinds whose mistakes differ. Together they are, on the mean over
    benchmarks, about as good as the better of them, which is now the one and now the other.
    """
    if loe.estimator is None:
        return [DeepSVDD(), AutoEncoder()]
    return list(loe.estimator) if isinstance(loe.estimator, (list, tuple)) else [loe.estimator]


# Two members for each ratio where it is not known: one is not enough for a steady ranking.
_N_SPREAD_MEMBERS = 16
# Models of a fold, which only judge cuts of the members' ranking.
_N_JUDGES = 8


def member_ratios(loe: LOE, n_prototypes: int) -> list[float]:
    """Return the ratio that each member assumes."""
    if isinstance(loe.contamination, (int, float, np.number)):
        return [float(loe.contamination)] * (loe.n_estimators or n_prototypes)
    n_members = loe.n_estimators or _N_SPREAD_MEMBERS
    if is_interval(loe.contamination):
        low, high = loe.contamination
        return _ratios_in_turn(
            n_members, n_prototypes, lambda n: np.geomspace(low, high, n).tolist()
        )
    return _ratios_in_turn(n_members, n_prototypes)


def _ratios_in_turn(
    n_members: int,
    n_prototypes: int,
    spread: Callable[[int], list[float]] = spread_ratios,
) -> list[float]:
    """Spread the ratios over the members of each prototype."""
    ratios = [0.0] * n_members
    for k in range(n_prototypes):
        own = len(ratios[k::n_prototypes])
        ratios[k::n_prototypes] = spread(own)
    return ratios


def _labelling(
    loe: LOE,
    prototype: Backbone,
    X: np.ndarray | sparse.csr_matrix,
    rows: np.ndarray,
    known: np.ndarray | None,
    seed: int,
    memo: Memo,
) -> dict[str, Any]:
    """Return what members trained on the same rows share."""
    init = prototype.default_init if isinstance(loe.init, str) and loe.init == "auto" else loe.init
    whole = len(rows) == X.shape[0]
    n_epochs = prototype.choose_max_epochs(len(rows))
    warmup = loe.warmup_epochs
    if warmup is None:
        warmup = min(n_epochs - 1, 2 if init is None else max(1, n_epochs // 4))
    scores = None
    if init is not None and loe.method != "blind" and warmup > 0:
        key = _key(init), seed, rows.tobytes()
        if key not in memo:
            memo[key] = first_scores(init, X, seed, None if whole else rows)
        scores = memo[key]
    return {
        "known": known if known is None or whole else known[rows],
        "first_scores": scores,
        "warmup_epochs": warmup,
    }


def _key(init: Any) -> Any:
    """Return what equal detectors have in common, for as long as they are."""
    try:
        return joblib.hash(init)
    except (PicklingError, AttributeError, TypeError):  # of what it holds, a lambda say
        return id(init)


def _task(
    loe: LOE,
    prototype: Backbone,
    X: np.ndarray | sparse.csr_matrix,
    rule: engine.Rule,
    ratio: float,
    seed: int,
    rows: np.ndarray,
    features: np.ndarray | None = None,
    *,
    known: np.ndarray | None,
    **labelling: Any,
) -> Task:
    ratio = ratio_with_known(ratio, known)
    member = clone(prototype)
    if features is None:
        found = {name: value for name, value in vars(prototype).items() if name.endswith("_")}
        vars(member).update(found)
    else:
        member._check_training_rows(X[:, features])
    if len(rows) < X.shape[0]:
        member.scaling_ = prototype.choose_scaling(X[rows])
    member.set_params(random_state=seed, contamination=ratio)
    n_batches = len(engine.batch_sizes(len(rows), member.batch_size))
    marked = unknown_ratio(ratio, known, len(rows)) * len(rows) / n_batches
    per_epoch = loe.label_update == "epoch" or (
        loe.label_update == "auto" and marked < _FEW_MARKED and n_batches > 1
    )
    return Task(
        member,
        rows=rows,
        seed=seed,
        rule=rule,
        contamination=ratio,
        known=known,
        features=features,
        per_epoch=per_epoch and loe.method != "blind",
        known_weight=loe.known_weight,
        outlier_weight=loe.outlier_weight,
        **labelling,
    )


def _amount(name: str, value: Any, available: int, least: int) -> int:
    """How many rows or features a share or a number of them is."""
    amount = int(value) if isinstance(value, Integral) else round(value * available)
    if amount > available:
        raise ValueError(
            f"LOE: {name}={value} is more than X has ({available}). Lower it, or give a share in "
            "(0, 1]."
        )
    if amount < least:
        raise ValueError(
            f"LOE: {name}={value} leaves {amount} of {available}; at least {least} are needed. "
            "Raise it."
        )
    return amount


def held_out_rows(tasks: Sequence[Task], n_samples: int) -> list[tuple[np.ndarray, list[Task]]]:
    """Group the folds' models by the rows that they have not seen."""
    groups: dict[bytes, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.rows.tobytes(), []).append(task)
    everything = np.arange(n_samples)
    return [(np.setdiff1d(everything, group[0].rows), group) for group in groups.values()]
