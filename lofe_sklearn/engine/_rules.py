"""Label rules: which rows of a batch count as anomalous, and with what weight.

A rule is a pure function ``(loss_n, loss_a, alpha, known) -> (w_n, w_a)``. For fixed losses each
rule returns the exact minimiser, over the labels its method allows, of

    sum_i  w_n[i] * loss_n[i] + w_a[i] * loss_a[i]

which is linear in the labels, so that marking the top part by ``loss_n - loss_a`` is
not a heuristic but the optimum (Qiu et al., ICML 2022, equation 4).

Shapes: ``loss_n``, ``loss_a``, ``known`` and both weights are (M, b) for M models and b rows each;
``alpha`` is (M,), the contamination among the rows whose label is not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

Rule = Callable[[Tensor, Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]


def blind(
    loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Every row of unknown label is trained as normal: the usual training."""
    return with_known(torch.ones_like(loss_n), torch.zeros_like(loss_n), known)


def refine(
    loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Drop the most anomalous part: weights (0, 0)."""
    kept = (~mark(loss_n, alpha, known)).to(loss_n.dtype)
    return with_known(kept, torch.zeros_like(kept), known)


@dataclass(frozen=True)
class Marked:
    """Mark the most anomalous part: weights (1 - label, label).

    Of losses -log C and -log(1 - C) their sum is least at ``C = 1 - label``, which is as far as
    marked rows are pulled. Whatever the label, the same rows are marked: those of the largest
    ``loss_n - loss_a``.

    Parameters
    ----------
    label : float
        In (0, 1]: 1 trains the marked rows as anomalies (LOE_H), 1/2 as either (LOE_S).
    """

    label: float
    is_repeatable: ClassVar[bool] = True

    def __call__(
        self, loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return both weights."""
        if loss_n.device.type == "cpu":  # by numpy for the same reason as in `mark`
            score = loss_n.detach().numpy() - loss_a.detach().numpy()
            marked = _mark_on_cpu(score, alpha.numpy(), None if known is None else known.numpy())
            weight = np.multiply(marked, self.label, dtype=score.dtype)
            w_n, w_a = torch.from_numpy(1 - weight), torch.from_numpy(weight)
        else:
            w_a = (self.label * mark(loss_n - loss_a, alpha, known)).to(loss_n.dtype)
            w_n = 1.0 - w_a
        return with_known(w_n, w_a, known)


hard, soft = Marked(1.0), Marked(0.5)

_REPEATABLE = (blind, refine)


def is_repeatable(rule: Rule) -> bool:
    """Whether a GPU can repeat a rule by itself: the same operations whatever the losses are.

    A class says so itself: a subclass may label otherwise.
    """
    return any(rule is one for one in _REPEATABLE) or vars(type(rule)).get("is_repeatable", False)


RULES: dict[str, Rule] = {"soft": soft, "hard": hard, "refine": refine, "blind": blind}


def mark(score: Tensor, alpha: Tensor, known: Tensor | None = None) -> Tensor:
    """Mark the rows of highest `score` among those of unknown label.

    As many as ``alpha`` times their number, rounded, but at least one where `alpha` is not 0:
    rounding down would turn the method silently into blind training wherever ``alpha * n < 1``,
    which small batches and small ratios reach easily.

    Parameters
    ----------
    score : Tensor of shape (M, b)
        The higher, the more anomalous.
    alpha : Tensor of shape (M,)
        Share of the unknown rows to mark.
    known : Tensor of shape (M, b) or None
        -1 for a known anomaly, +1 for a known normal row, 0 for unknown.

    Returns
    -------
    Tensor of bool, shape (M, b)
        Exactly that many entries of each model are true, ties or not.
    """
    if score.device.type == "cpu":
        # A handful of small operations, each of which costs numpy a third of what it costs torch.
        labels = None if known is None else known.numpy()
        return torch.from_numpy(_mark_on_cpu(score.detach().numpy(), alpha.numpy(), labels))
    n_rows = score.shape[-1]
    if known is None:
        count = (alpha * n_rows + 0.5).floor_().clamp_(min=1, max=n_rows)
    else:
        score = score.masked_fill(known != 0, -math.inf)
        n_unknown = (known == 0).sum(-1).to(alpha)
        count = (alpha * n_unknown + 0.5).floor_().clamp_(min=1).minimum(n_unknown)
    count = (count * (alpha > 0)).unsqueeze(-1)
    ascending = score.sort(dim=-1).values
    lowest = ascending.gather(-1, (n_rows - count).clamp_(max=n_rows - 1).long())
    # Of the rows that tie with the last one marked, the first ones are: the count stays exact.
    above, tied = score > lowest, score == lowest
    missing = count - above.sum(-1, keepdim=True)
    return above | (tied & (tied.cumsum(-1) <= missing))


def _mark_on_cpu(score: np.ndarray, alpha: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """Mark rows as `mark` does; ties are looked at only in the models that have them."""
    n_rows = score.shape[-1]
    if known is None:
        count, lowest_at = _same_counts(tuple(alpha.tolist()), alpha.dtype, n_rows)
    else:
        score = np.where(known == 0, score, score.dtype.type(-math.inf))
        count, lowest_at = _counts(alpha, (known == 0).sum(-1), n_rows)
    # Values of so short lines are sorted in the time in which a part of them is selected.
    lowest = np.sort(score, axis=-1)[lowest_at][:, None]
    marked = score >= lowest
    unlike = marked.sum(-1) != count
    if unlike.any():
        score, lowest = score[unlike], lowest[unlike]
        above, tied = score > lowest, score == lowest
        missing = count[unlike, None] - above.sum(-1, keepdims=True)
        marked[unlike] = above | (tied & (tied.cumsum(-1) <= missing))
    return marked


def _counts(
    alpha: np.ndarray, n_unknown: np.ndarray, n_rows: int
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """How many rows to mark, (M,), and where the last of them stands if rows are sorted."""
    rounded = np.floor(alpha * n_unknown.astype(alpha.dtype) + 0.5).astype(int)
    count = np.minimum(np.maximum(rounded, alpha > 0), n_unknown)
    return count, (np.arange(len(count)), np.minimum(n_rows - count, n_rows - 1))


@lru_cache(maxsize=256)
def _same_counts(
    alpha: tuple[float, ...], dtype: np.dtype, n_rows: int
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return `_counts` if no label is known: the same in every step."""
    return _counts(np.array(alpha, dtype), np.full(len(alpha), n_rows), n_rows)


def with_known(w_n: Tensor, w_a: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
    """Give rows of known label the weights of their label, (1, 0) or (0, 1)."""
    if known is not None:
        w_n = torch.where(known == 0, w_n, (known > 0).to(w_n))
        w_a = torch.where(known == 0, w_a, (known < 0).to(w_a))
    return w_n, w_a
