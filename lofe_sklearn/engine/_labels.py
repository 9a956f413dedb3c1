"""The label step: what each model of a stack takes its rows for."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lofe_sklearn.engine._batches import Batch
from lofe_sklearn.engine._pass import losses_in_training, selector
from lofe_sklearn.engine._rows import ALL, Models, Rows
from lofe_sklearn.engine._rules import Rule, blind, is_repeatable
from lofe_sklearn.engine._stack import ModuleStack

# The relative rounding error of a score, with room for sums of many numbers.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Labelling:
    """How one model labels its n rows.

    Parameters
    ----------
    rule : callable
        The label rule, see `lofe_sklearn.engine._rules`.
    alpha : float
        The unknown share: that of anomalies among its rows of unknown label.
    warmup_epochs : int
        Epochs before labels are inferred: blind ones, or those of `first_scores`.
    first_scores : ndarray of shape (n,), optional
        The higher, the more anomalous: the rule's labels by them hold during the warm-up.
    known : ndarray of int, shape (n,), optional
        +1 known normal, -1 known anomaly, 0 unknown.
    per_epoch : bool
        Labels are inferred for all rows before each epoch, instead of in each batch.
    known_weight : float, optional
        How much the mean over the rows of known label counts beside that over the others.
        Default: every row counts the same.
    by_rank : bool
        The rule looks at the order of the losses only, so that first scores are ranks to it. Else
        it is given their distances from the median.
    first_rule : callable, optional
        The rule before the epoch `first_epochs`, counted from 0. Default: the same.
    first_epochs : int
    labels_rows : bool
        Whether the rule labels any rows. If not, one that it leaves out is no anomaly in the
        history.
    """

    rule: Rule
    alpha: float
    warmup_epochs: int = 0
    first_scores: np.ndarray | None = None
    known: np.ndarray | None = None
    per_epoch: bool = False
    known_weight: float | None = None
    by_rank: bool = True
    first_rule: Rule | None = None
    first_epochs: int = 0
    labels_rows: bool = True

    def rule_in(self, epoch: int) -> Rule:
        """Return the label rule of an epoch."""
        if self.first_rule is not None and epoch < self.first_epochs:
            return self.first_rule
        return self.rule

    @property
    def settled_epoch(self) -> int:
        """The first epoch, counted from 0, of `rule`."""
        return max(self.warmup_epochs, self.first_epochs if self.first_rule is not None else 0)


class LabelStep:
    """Weights of both losses for M models, whatever mix of rules and ratios they have.

    Models of one rule and one batch size are labelled together. A model whose batch is smaller
    than the widest has weights of zero in what is left over.

    Parameters
    ----------
    labellings : sequence of M Labelling
    n_rows : sequence of M ints
        How many rows each model has.
    index : Tensor of int, shape (M, width)
        Their rows of the data; model m uses the first ``n_rows[m]`` columns.
    """

    def __init__(
        self, labellings: Sequence[Labelling], n_rows: Sequence[int], index: Tensor
    ) -> None:
        self._labellings, self._n_rows, self._index = labellings, tuple(n_rows), index
        device, shape = index.device, index.shape
        self._alpha = torch.tensor(
            [labelling.alpha for labelling in labellings], device=device, dtype=torch.float32
        )
        # Empty where no model needs them: large sets and stacks make them large.
        some_known = any(labelling.known is not None for labelling in labellings)
        self._known = torch.zeros(shape if some_known else (0,), dtype=torch.int8, device=device)
        for m, labelling in enumerate(labellings):
            if labelling.known is not None:
                self._known[m, : n_rows[m]] = torch.tensor(labelling.known)
        # Both losses' weights of the models whose labels hold for a whole epoch.
        some_fixed = any(one.first_scores is not None or one.per_epoch for one in labellings)
        self._fixed = torch.zeros(2, *(shape if some_fixed else (0,)), device=device)
        self._set_first_labels()
        self._rules: list[Rule | None] = []
        # How often other rules have come to label the batches.
        self.n_changes = 0
        self._groups: dict[tuple[int, ...], list[_Group]] = {}

    @torch.no_grad()
    def start_epoch(self, epoch: int, stack: ModuleStack, rows: Rows) -> None:
        """Move on to `epoch`; infer all labels of the models that do so once an epoch."""
        rules = [_rule_in_batches(labelling, epoch) for labelling in self._labellings]
        if rules != self._rules:
            self._rules, self._groups = rules, {}
            self.n_changes += 1
        models = [
            m
            for m, labelling in enumerate(self._labellings)
            if labelling.per_epoch and epoch >= labelling.warmup_epochs
        ]
        if not models:
            return
        chosen = selector(models, len(self._labellings))
        loss_n, loss_a = losses_in_training(stack, rows, self._index[chosen], chosen)
        for m, row_n, row_a in zip(models, loss_n, loss_a, strict=True):
            self._fix(m, row_n, row_a, epoch)

    def weights(self, batch: Batch, loss_n: Tensor, loss_a: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of a batch's losses, (M, b) each: the rule's, times how much each row counts.

        The losses are given without their graph.
        """
        w_n, w_a = self._by_rule(batch, loss_n, loss_a)
        if batch.weight is None:
            return w_n, w_a
        return w_n * batch.weight, w_a * batch.weight

    def can_repeat(self, sizes: tuple[int, ...]) -> bool:
        """Whether batches of these sizes are labelled by the same operations on the device."""
        return all(
            isinstance(group.models, slice) and (group.rule is None or is_repeatable(group.rule))
            for group in self._groups_of(sizes)
        )

    def _groups_of(self, sizes: tuple[int, ...]) -> list[_Group]:
        if sizes not in self._groups:
            self._groups[sizes] = list(self._group(sizes))
        return self._groups[sizes]

    def _by_rule(self, batch: Batch, loss_n: Tensor, loss_a: Tensor) -> tuple[Tensor, Tensor]:
        position, groups = batch.position, self._groups_of(batch.sizes)
        if len(groups) == 1 and groups[0].models == ALL:
            return self._weights_of(groups[0], position, loss_n, loss_a)
        if all(isinstance(g.models, slice) and g.size == loss_n.shape[1] for g in groups):
            # Side by side, and no batch is smaller: what each is given fits together.
            parts = [
                self._weights_of(g, *(t[g.models] for t in (position, loss_n, loss_a)))
                for g in groups
            ]
            w_n, w_a = (torch.cat(own) for own in zip(*parts, strict=True))
            return w_n, w_a
        w_n, w_a = torch.zeros_like(loss_n), torch.zeros_like(loss_a)
        for group in groups:
            at = group.models, slice(group.size)
            w_n[at], w_a[at] = self._weights_of(group, position[at], loss_n[at], loss_a[at])
        return w_n, w_a

    def _weights_of(
        self, group: _Group, position: Tensor, loss_n: Tensor, loss_a: Tensor
    ) -> tuple[Tensor, Tensor]:
        if group.rule is None:
            w_n, w_a = (fixed[group.models].gather(1, position) for fixed in self._fixed)
            return w_n, w_a
        known = None
        if group.some_known:
            known = self._known[group.models].gather(1, position)
        return group.rule(loss_n, loss_a, self._alpha[group.models], known)

    def _group(self, sizes: tuple[int, ...]) -> Iterator[_Group]:
        members: dict[Hashable, list[int]] = {}
        each = zip(self._labellings, self._rules, sizes, strict=True)
        for m, (labelling, rule, size) in enumerate(each):
            some_known = labelling.known is not None and rule is not None
            members.setdefault((rule, size, some_known), []).append(m)
        for (rule, size, some_known), models in members.items():  # type: ignore[misc]
            yield _Group(selector(models, len(sizes)), size, rule, some_known)

    @torch.no_grad()
    def _set_first_labels(self) -> None:
        for m, labelling in enumerate(self._labellings):
            if labelling.first_scores is not None:
                to_losses = _ranks if labelling.by_rank else _distances
                scores = to_losses(labelling.first_scores).to(self._alpha)
                self._fix(m, scores, torch.zeros_like(scores), epoch=0)

    def _fix(self, model: int, loss_n: Tensor, loss_a: Tensor, epoch: int) -> None:
        """Keep the weights that the rule of an epoch gives all rows of a model."""
        n_rows, labelling = self._n_rows[model], self._labellings[model]
        one = slice(model, model + 1)
        known = None if labelling.known is None else self._known[one, :n_rows]
        rule = labelling.rule_in(epoch)
        weights = rule(loss_n[None, :n_rows], loss_a[None, :n_rows], self._alpha[one], known)
        for fixed, weight in zip(self._fixed, weights, strict=True):
            fixed[one, :n_rows] = weight


def _rule_in_batches(labelling: Labelling, epoch: int) -> Rule | None:
    """Return the rule that labels the batches of an epoch; None where labels are fixed."""
    if epoch < labelling.warmup_epochs:
        return None if labelling.first_scores is not None else blind
    return None if labelling.per_epoch else labelling.rule_in(epoch)


@dataclass(frozen=True)
class _Group:
    """Models that are labelled by one call; those of fixed labels have no rule."""

    models: Models
    size: int
    rule: Rule | None
    some_known: bool


def _ranks(scores: np.ndarray) -> Tensor:
    """Rank of each score, ties in the order of the rows.

    Only the order of the scores counts, which float32 would lose; ranks are exact in it up to
    2**24 rows.
    """
    ranks = np.empty(len(scores), dtype=np.float32)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores), 0, -1)
    return torch.from_numpy(ranks)


def _distances(scores: np.ndarray) -> Tensor:
    """Distance of each score from the median, in units in which float32 tells them apart.

    Of scores that equal the median but for rounding it is 0.
    """
    scores = scores.astype(np.float64)
    median = np.median(scores)
    distances = scores - median
    distances[np.abs(distances) <= _ROUNDING * np.abs(median)] = 0.0
    unit = np.median(np.abs(distances)) or np.abs(distances).max() or 1.0
    # Beyond this a rule that squares them would leave float32.
    return torch.from_numpy(np.clip(distances / unit, -1e15, 1e15).astype(np.float32))
