"""What LOE makes of its trained members: an ensemble that scores, held-out scores, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix
from lofe_sklearn._cut import untied
from lofe_sklearn._known_labels import shares_with_known, unknown_share
from lofe_sklearn._loe._evidence import Evidence
from lofe_sklearn._loe._find_ratio import Belief, believe
from lofe_sklearn._loe._members import EnsemblePlan
from lofe_sklearn._loe._row_blocks import in_blocks
from lofe_sklearn._loe._scale import CommonScale, mean_losses
from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn._progress import part
from lofe_sklearn._training import (
    Fold,
    Task,
    Trained,
    locating,
    losses_of,
    losses_of_stack,
    scored_together,
)
from lofe_sklearn.backbones import Backbone


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Fitted members, and the common scale of their scores.

    Parameters
    ----------
    members : list of Backbone
    samples, features : list of ndarray of int
        The rows and the features that each member was trained on.
    scale : CommonScale
    stacks : list of list of int
        Members that are scored as one: they differ in their weights only.
    evidence : Evidence or None
    feature_names : ndarray of str, or None
    in_turn : bool
        Whether they take the backbones in turn: an interrupted fit may have left every second one.
    """

    members: list[Backbone]
    samples: list[np.ndarray]
    features: list[np.ndarray]
    scale: CommonScale
    stacks: list[list[int]]
    evidence: Evidence | None = None
    feature_names: np.ndarray | None = None
    in_turn: bool = True

    @classmethod
    def of(cls, plan: EnsemblePlan, trained: Sequence[Trained]) -> Ensemble:
        """Make fitted copies of the plan's backbones, in turn, of its trained members."""
        members, n_features = [], plan.rows.X.shape[1]
        for task, result in zip(plan.members, trained, strict=True):
            member = clone(plan.backbones[task.kind])
            member.set_params(random_state=task.seed, contamination=_ratio_of(task))
            rows = plan.rows
            if task.features is not None:
                rows = PreparedRows(rows.X[:, task.features])
            member._adopt_rows(rows)
            member._set_trained(task, result, rows.layout)
            members.append(member)
        seen = [np.arange(n_features) if t.features is None else t.features for t in plan.members]
        samples = [task.rows for task in plan.members]
        stacks = scored_together(plan.members)
        scale = _scale_of(plan, plan.members, trained)
        names = plan.rows.feature_names
        n_kinds, kinds = len(plan.backbones), [task.kind for task in plan.members]
        in_turn = kinds == [i % n_kinds for i in range(len(kinds))]
        return cls(members, samples, seen, scale, stacks, plan.evidence, names, in_turn)

    def believe(
        self,
        loss_n: np.ndarray,
        kinds: Sequence[int],
        known: np.ndarray | None,
        *,
        is_one_feature: bool = False,
    ) -> Belief:
        """Say how likely each ratio is, by how far members and evidence agree.

        Without evidence it is the prior: members, whose training is of one kind, agree anyway.

        Parameters
        ----------
        loss_n : ndarray of shape (M, n_samples)
            Normal losses of the training rows.
        kinds : sequence of M int
            Which backbone each member is a copy of.
        known : ndarray of int8, shape (n_samples,), or None
            Known labels, which bound the ratio.
        is_one_feature : bool
            Whether the rows differ in one feature only, by which detectors of all kinds agree.
        """
        least, most = shares_with_known(known)
        if self.evidence is None:
            return believe([], loss_n.shape[1], least, most)
        units = self.scale.units(loss_n)
        of_kinds = [units[np.equal(kinds, kind)].mean(axis=0) for kind in sorted(set(kinds))]
        parties = [own for own in (*of_kinds, *self.evidence.training) if np.ptp(own) > 0]
        return believe(parties, loss_n.shape[1], least, most, is_one_feature=is_one_feature)

    def weighted(self, belief: Belief) -> Ensemble:
        """Let members count as much as the ratios that they assume are likely."""
        ratios = np.array([member.contamination for member in self.members])
        return replace(self, scale=self.scale.weighted(belief.weights(ratios)))

    def evidence_detectors(self) -> dict[str, Any] | None:
        """Return the fitted detectors of the evidence by name; None without evidence."""
        if self.evidence is None:
            return None
        return {source.name: source.detector for source in self.evidence.sources}

    @property
    def unit(self) -> float:
        """Size of what scores are computed from, where that is larger than they are."""
        return (
            self.scale.unit if self.evidence is None else max(self.scale.unit, self.evidence.unit)
        )

    def score_training(self, loss_n: np.ndarray) -> np.ndarray:
        """Score the training rows, given the members' normal losses, (M, n)."""
        evidence = self.evidence
        return self._fused(
            self.scale.combine(loss_n), None if evidence is None else evidence.of_training()
        )

    def score(self, X: Matrix, n_jobs: int | None = None) -> np.ndarray:
        """Score validated rows, high for normal, in so many threads."""
        scores = in_blocks(self._members_scores, X, n_jobs)
        evidence = None
        if self.evidence is not None:
            # scikit-learn, too, would wait in a forked process for threads that are not there.
            with engine.plain_torch():
                evidence = self.evidence.score(X, n_jobs)
        return self._fused(scores, evidence)

    def _members_scores(self, first_row: int, X: Matrix) -> np.ndarray:
        """Score a block of rows by the members alone."""
        loss_n = np.empty((len(self.members), X.shape[0]))
        for stack in self.stacks:
            loss_n[stack] = self._losses_of(stack, X, first_row)[0]
        return self.scale.combine(loss_n)

    def _fused(self, scores: np.ndarray, evidence: np.ndarray | None) -> np.ndarray:
        """Take the weighted mean of members' scores, high for normal, and evidence."""
        if self.evidence is None or evidence is None:
            return scores
        weight = self.evidence.weight
        return (scores - weight * evidence) / (1.0 + weight)

    def embed(self, X: Matrix) -> np.ndarray:
        """Put the members' embeddings of validated rows side by side."""
        embedded = []
        for member, features in zip(self.members, self.features, strict=True):
            with locating(features=features, names=self.feature_names):
                embedded.append(member._embed(_columns(X, features)))
        return np.hstack(embedded)

    def losses_of_all(self, X: Matrix, trained: Sequence[Trained]) -> np.ndarray:
        """Both losses of all training rows under each member, (2, M, n).

        Those of the rows that a member was trained on are known; it may have been given a part.
        """
        every = np.empty((2, len(trained), X.shape[0]))
        for stack in self.stacks:
            own = [trained[m].losses for m in stack]
            if own[0].shape[1] == X.shape[0]:
                every[:, stack] = np.stack(own, axis=1)
            else:
                every[:, stack] = self._losses_of(stack, X)
        return every

    def _losses_of(self, stack: list[int], X: Matrix, first_row: int = 0) -> np.ndarray:
        """Both losses of validated rows by the members of one stack, (2, M, n)."""
        rows = None if first_row == 0 else np.arange(first_row, first_row + X.shape[0])
        first, features = self.members[stack[0]], self.features[stack[0]]
        modules = [self.members[m].module_ for m in stack]
        with locating(rows=rows, features=features, names=self.feature_names):
            own = _columns(X, features)
            return losses_of_stack(modules, own, first._scaling, first.device, rows)


def held_out_scores(
    plan: EnsemblePlan,
    of_folds: Sequence[Sequence[Trained]],
    ensemble: Ensemble,
    belief: Belief | None,
) -> np.ndarray | None:
    """Score each row by the models that have not seen it; None without such models.

    The scores are on the scale of the members, so that they can be compared with theirs.
    """
    if not plan.folds:
        return None
    scores = np.empty(plan.rows.X.shape[0])
    for fold, trained in zip(plan.folds, of_folds, strict=True):
        with part(0.9 / len(plan.folds), "held-out scores"):
            scores[fold.held_out] = _scores_of_fold(plan, fold, trained, ensemble, belief)
    return scores


def _scores_of_fold(
    plan: EnsemblePlan,
    fold: Fold,
    trained: Sequence[Trained],
    ensemble: Ensemble,
    belief: Belief | None,
) -> np.ndarray:
    """Score the rows that a fold holds out."""
    held_out, loss_n = plan.rows.X[fold.held_out], []
    for task, each in zip(fold.tasks, trained, strict=True):
        device, features = task.model.device, task.features
        own = held_out if features is None else held_out[:, features]
        with locating(rows=fold.held_out, features=features):
            losses = losses_of(each.module, own, each.scaling, device, fold.held_out)
        loss_n.append(losses[0])
    own_scale = _scale_of(plan, fold.tasks, trained)
    if belief is not None:
        own_scale = own_scale.weighted(belief.weights(np.array(list(map(_ratio_of, fold.tasks)))))
    units = own_scale.standardised(own_scale.combine(np.stack(loss_n)))
    evidence = None
    if ensemble.evidence is not None:
        outside = np.setdiff1d(np.arange(plan.rows.X.shape[0]), fold.held_out)
        evidence = ensemble.evidence.held_out(plan.rows.X, outside, fold.held_out)
    return ensemble._fused(ensemble.scale.scores_of(units), evidence)


def infer_labels(
    rule: engine.Rule,
    losses: np.ndarray,
    contamination: float,
    known: np.ndarray | None,
) -> np.ndarray:
    """Do the label step over all training rows at once, with the members' mean ranking.

    Rows that tie get one label, as they do from `threshold`. Known labels stand, whatever a rule of
    the user's makes of them.
    """
    loss_n, loss_a = mean_losses(*losses)
    share = unknown_share(contamination, known, loss_n.shape[1])
    w_n, w_a = rule(
        torch.from_numpy(loss_n),
        torch.from_numpy(loss_a),
        torch.tensor([share]),
        None if known is None else torch.from_numpy(known).unsqueeze(0),
    )
    marked = (w_a >= w_n).numpy()[0]
    unknown = np.ones(len(marked), dtype=bool) if known is None else known == 0
    if unknown.any():
        # Rules rank by the difference of the losses, or by the normal loss.
        for values in (loss_n[0] - loss_a[0], loss_n[0]):
            own = values[unknown]
            marked[unknown] = untied(own, marked[unknown], share * len(own))
    labels = np.where(marked, -1, 1)
    return labels if known is None else np.where(known == 0, labels, known)


def mean_history(members: Sequence[Backbone], n_iter: int) -> np.ndarray:
    """Mean objective of the members in each epoch, over those that were still trained."""
    histories = np.full((len(members), n_iter), np.nan)
    for row, member in zip(histories, members, strict=True):
        row[: member.n_iter_] = member.loss_history_
    return np.nanmean(histories, axis=0)


def _scale_of(plan: EnsemblePlan, tasks: Sequence[Task], trained: Sequence[Trained]) -> CommonScale:
    losses, modules = [each.losses[0] for each in trained], [each.module for each in trained]
    shares = [_ratio_of(task) if plan.is_share_known else 0.0 for task in tasks]
    return CommonScale.of(losses, modules, shares, is_fused=plan.evidence is not None)


def _ratio_of(task: Task) -> float:
    """Return the ratio that a model assumes."""
    ratio: float = task.model.get_params(deep=False)["contamination"]
    return ratio


def _columns(X: Matrix, features: np.ndarray) -> Matrix:
    return X if len(features) == X.shape[1] else X[:, features]
