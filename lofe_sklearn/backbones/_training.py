"""From validated rows to fitted backbones: what `Backbone.fit` and `LOE.fit` share."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import check_random_state

from lofe_sklearn import engine
from lofe_sklearn._progress import epoch_progress
from lofe_sklearn.backbones._scaling import fit_scaling

if TYPE_CHECKING:
    from lofe_sklearn.backbones._base import Backbone

# Rows a module sees in `prepare`: enough for a mean, few enough for one pass through the network.
_PREPARE_ROWS = 4096


def draw_seeds(random_state: int | np.random.RandomState | None, n_members: int) -> list[int]:
    """One seed for each member; those of fewer members are the first of those of more.

    An integer is itself the first seed, so that a member trained alone with its own
    ``random_state`` is the same model as in the ensemble.
    """
    rng = check_random_state(random_state)
    drawn = [int(seed) for seed in rng.randint(np.iinfo(np.int32).max, size=n_members)]
    first = [int(random_state)] if isinstance(random_state, Integral) else drawn[:1]
    return first + drawn[1:]


def train_members(
    members: Sequence[Backbone],
    X: np.ndarray | sparse.csr_matrix,
    *,
    seeds: Sequence[int],
    rule: engine.Rule,
    contamination: float,
    known: np.ndarray | None = None,
    warmup_epochs: int = 0,
) -> np.ndarray:
    """Train backbones of equal parameters on the same rows, in one stack, and fit them in place.

    Parameters
    ----------
    members : sequence of M Backbone
        With valid parameters; only their seeds differ.
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated rows.
    seeds : sequence of M ints
    rule : callable
        The label rule.
    contamination : float
        Share of anomalies among all rows; that among the rows of unknown label follows from it.
    known : ndarray of int8, shape (n_samples,), optional
        Known labels.
    warmup_epochs : int, default=0
        Epochs of blind training at the start.

    Returns
    -------
    loss_n, loss_a : ndarray of float64, shape (2, M, n_samples)
        The training rows' losses under the trained models.
    """
    first = members[0]
    n_samples, n_features = X.shape
    device = engine.resolve_device(first.device)
    scaling = fit_scaling(X, first.scaling_)
    rows = engine.Rows(X, scaling=scaling, device=device)

    modules = engine.build_modules(lambda: first._build_module(n_features), seeds, device)
    for module, seed in zip(modules, seeds, strict=True):
        generator = torch.Generator().manual_seed(seed)
        some = torch.randperm(n_samples, generator=generator)[:_PREPARE_ROWS]
        engine.prepare_module(module, rows.take(some.to(device)))

    n_members = len(members)
    everything = torch.arange(n_samples, device=device).expand(n_members, -1)
    n_epochs = first._n_epochs(n_samples)
    with epoch_progress(type(first).__name__, n_epochs, show=first.verbose > 0) as on_epoch:
        history = engine.train(
            modules,
            rows,
            everything,
            rule=rule,
            alpha=[unknown_ratio(contamination, known, n_samples)] * n_members,
            seeds=seeds,
            settings=engine.TrainingSettings(
                max_epochs=n_epochs,
                batch_size=first.batch_size,
                lr=first._learning_rate(n_features),
                weight_decay=first.weight_decay,
                warmup_epochs=warmup_epochs,
                gradient_clip_value=first.gradient_clip_value,
                n_iter_no_change=first.n_iter_no_change,
                tol=first.tol,
                loss_threshold=first._loss_threshold(n_features),
            ),
            known=(
                None if known is None else torch.from_numpy(known).to(device).expand(n_members, -1)
            ),
            on_epoch=on_epoch,
        )

    losses = np.empty((2, n_members, n_samples))
    for m, (member, module) in enumerate(zip(members, modules, strict=True)):
        # A pickle of it must load on a machine without the device it was trained on.
        member.module_ = module.cpu().eval()
        member._scaling = scaling
        member.history_ = history.of_model(m)
        member.n_iter_ = int(history.n_iter[m])
        member.loss_history_ = member.history_.objective[:, 0]
        losses[:, m] = member._losses(X)
        member.offset_ = threshold(-losses[0, m], contamination)
    return losses


def unknown_ratio(contamination: float, known: np.ndarray | None, n_samples: int) -> float:
    """Share of anomalies among the rows of unknown label, given the share among all."""
    if known is None:
        return contamination
    n_unknown = int((known == 0).sum())
    left = contamination * n_samples - int((known < 0).sum())
    return min(1.0, max(0.0, left / n_unknown)) if n_unknown else 0.0


def threshold(scores: np.ndarray, contamination: float) -> float:
    """Find the score below which a share `contamination` of `scores` lies."""
    return float(np.percentile(scores, 100.0 * contamination))
