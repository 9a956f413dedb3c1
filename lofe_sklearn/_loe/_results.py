"""What LOE makes of its trained members: fitted estimators, held-out scores, labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.base import clone

from lofe_sklearn import engine
from lofe_sklearn._detectors import PreparedRows
from lofe_sklearn._known_labels import unknown_share
from lofe_sklearn._loe._scale import CommonScale, mean_losses
from lofe_sklearn._training import Plan, Trained, losses_of
from lofe_sklearn.backbones import Backbone


def fitted_members(
    backbones: Sequence[Backbone], plan: Plan, trained: Sequence[Trained]
) -> list[Backbone]:
    """Return a fitted copy of a backbone for each of the plan's members."""
    members = []
    for i, (task, result) in enumerate(zip(plan.members, trained, strict=True)):
        planned = task.model.get_params(deep=False)
        member = clone(backbones[i % len(backbones)]).set_params(
            random_state=task.seed, contamination=planned["contamination"]
        )
        rows = plan.rows
        if task.features is not None:
            rows = PreparedRows(rows.X[:, task.features])
        member._adopt_rows(rows)
        member._set_trained(task, result, rows.layout)
        members.append(member)
    return members


def scale_of(trained: Sequence[Trained]) -> CommonScale:
    """Return the common scale of some trained members."""
    return CommonScale.of([each.losses[0] for each in trained], [each.module for each in trained])


def held_out_scores(plan: Plan, of_folds: Sequence[Sequence[Trained]]) -> np.ndarray | None:
    """Score each row by the models that have not seen it; None where there are none."""
    if not plan.folds:
        return None
    scores = np.empty(plan.rows.X.shape[0])
    for fold, trained in zip(plan.folds, of_folds, strict=True):
        held_out = plan.rows.X[fold.held_out]
        loss_n = [
            losses_of(
                each.module,
                held_out,
                each.scaling,
                task.model.device,
                type(task.model).__name__,
            )[0]
            for task, each in zip(fold.tasks, trained, strict=True)
        ]
        scores[fold.held_out] = scale_of(trained).combine(np.stack(loss_n))
    return scores


def infer_labels(
    rule: engine.Rule,
    loss_n: np.ndarray,
    loss_a: np.ndarray,
    contamination: float,
    known: np.ndarray | None,
) -> np.ndarray:
    """Do the label step over all training rows at once, with the members' mean ranking."""
    n_samples = loss_n.shape[1]
    loss_n, loss_a = mean_losses(loss_n, loss_a)
    w_n, w_a = rule(
        torch.from_numpy(loss_n),
        torch.from_numpy(loss_a),
        torch.tensor([unknown_share(contamination, known, n_samples)]),
        None if known is None else torch.from_numpy(known).unsqueeze(0),
    )
    return np.where((w_a >= w_n).numpy()[0], -1, 1)


def mean_history(members: Sequence[Backbone], n_iter: int) -> np.ndarray:
    """Mean objective of the members in each epoch, over those that were still trained."""
    histories = np.full((len(members), n_iter), np.nan)
    for row, member in zip(histories, members, strict=True):
        row[: member.n_iter_] = member.loss_history_
    return np.nanmean(histories, axis=0)
