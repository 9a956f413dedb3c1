"""The order in which each model of a stack sees its rows.

A batch is an index matrix (M, b) into the one copy of the data, one line for each model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Split `n_rows` into batches of at most `batch_size`, sizes differing by at most one.

    No row is dropped and no small rest is left over, in which a share of anomalies could not be
    ranked: a batch has at least two rows (so one of three when `batch_size` is 2 and `n_rows` odd).
    """
    return evenly(n_rows, max(1, min(-(-n_rows // int(batch_size)), n_rows // 2)))


def evenly(n_rows: int, n_batches: int) -> list[int]:
    """Split `n_rows` into `n_batches` whose sizes differ by at most one, the larger ones first."""
    size, larger = divmod(n_rows, n_batches)
    return [size + 1] * larger + [size] * (n_batches - larger)


def grown(batch_size: int, growth: float, epoch: int, n_rows: int) -> int:
    """Return the batch size of an epoch, counted from 0: all rows at most."""
    # By logarithms, since a power may be beyond every float.
    size = math.log(batch_size) + epoch * math.log(growth)
    return max(batch_size, min(n_rows, round(math.exp(min(size, math.log(n_rows))))))


class Batch(NamedTuple):
    """One batch of M models.

    Attributes
    ----------
    position, row : Tensor of int, shape (M, b)
        Where each row stands in the model's index, and which row of X it is.
    sizes : tuple of M ints
        How many of a model's b rows are its own; they come first.
    own : Tensor of bool, shape (M, b), or None
        Which rows these are; None where all are.
    n_rows : Tensor of float, shape (M, 1) or ()
        How many they are, to divide by; one number where it is that of all models.
    weight : Tensor of float, shape (M, b), or None
        How much each row counts; None where all count 1.
    """

    position: Tensor
    row: Tensor
    sizes: tuple[int, ...]
    own: Tensor | None
    n_rows: Tensor
    weight: Tensor | None


# A batch has at least this share of rows of known label, if there are any: all of them, where they
# are fewer. In their turn alone, a few would meet most steps never.
_KNOWN_SHARE = 1 / 8


class Batches:
    """Epochs over every model's rows, each model in an order of its own.

    Models may have different numbers of rows, as long as they make the same number of batches.
    Where a model's batch is a row smaller than the widest, it is filled up with a row whose weight
    is zero.

    Rows of known label are dealt evenly to the batches. Few ones come several times an epoch, and
    count less each time, so that what is minimised is the same; the batches are larger by them.

    Parameters
    ----------
    index : sequence of M Tensor of int, shapes (n_m,)
        The rows of each model.
    batch_size : int
    seeds : sequence of M ints
        The orders are drawn on the CPU, so that every device sees the same.
    known : sequence of M ndarray of int, shapes (n_m,), or None
        Not 0 where a label is known; None, or all 0, for a model that knows none.
    known_weights : sequence of M floats or None
        How much the mean over the known rows counts beside that over the others; None where each
        row counts the same.
    growth : float, default=1.0
        The batch size grows by this factor from epoch to epoch. If it does, all models have the
        same number of rows.

    Attributes
    ----------
    index : Tensor of int, shape (M, width)
        The rows of each model, filled up with its first; the last column is of none.
    n_rows, n_drawn : list of M ints
        Rows of each model, and how many it is shown in this epoch.
    """

    def __init__(
        self,
        index: Sequence[Tensor],
        batch_size: int,
        seeds: Sequence[int],
        known: Sequence[np.ndarray | None] | None = None,
        known_weights: Sequence[float | None] | None = None,
        growth: float = 1.0,
    ) -> None:
        self._batch_size, self._growth = batch_size, growth
        self.n_rows = [len(rows) for rows in index]
        largest = max(self.n_rows)
        self._filler = largest
        self.index = torch.stack(
            [torch.cat([rows, rows[:1].expand(largest + 1 - len(rows))]) for rows in index]
        )
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._known = [None] * len(index) if known is None else known
        self._known_weights = known_weights or [None] * len(index)
        self._n_batches: list[int] = []
        self._cut(batch_size)

    def _cut(self, batch_size: int) -> None:
        """Lay out batches of this size."""
        n_batches = [len(batch_sizes(n, batch_size)) for n in self.n_rows]
        if n_batches == self._n_batches:
            return
        if len(set(n_batches)) > 1:
            raise ValueError(
                "the models of one stack must have the same number of batches; got "
                f"{sorted(set(n_batches))}."
            )
        self._n_batches = n_batches
        self._dealers = [
            None if own is None or not own.any() else _Dealer(own, n, batch_size)
            for own, n in zip(self._known, n_batches, strict=True)
        ]
        self.n_drawn = [
            n if dealer is None else dealer.n_drawn
            for n, dealer in zip(self.n_rows, self._dealers, strict=True)
        ]
        self._weights = self._row_weights(self._known_weights)
        sizes = [evenly(n, b) for n, b in zip(self.n_drawn, n_batches, strict=True)]
        self._sizes = list(zip(*sizes, strict=True))
        self._widths = [max(of_batch) for of_batch in self._sizes]
        self._counts = {of_batch: self._count(of_batch) for of_batch in set(self._sizes)}
        self._slots = self._lay_out(sizes) if len(set(self.n_drawn)) > 1 else None

    def epoch(self, number: int = 0) -> Iterator[Batch]:
        """One epoch.

        Parameters
        ----------
        number : int, default=0
            Its number, from 0, by which batches grow.

        Yields
        ------
        Batch
        """
        if self._growth > 1:
            self._cut(grown(self._batch_size, self._growth, number, max(self.n_rows)))
        sizes_of_batches = iter(self._sizes)
        for positions in self._draw():
            rows = self.index.expand(len(positions), -1, -1).gather(2, positions)
            for position, row in zip(positions, rows, strict=True):
                sizes = next(sizes_of_batches)
                weight = None if self._weights is None else self._weights.gather(1, position)
                own = None if len(set(sizes)) == 1 else position != self._filler
                yield Batch(position, row, sizes, own, self._counts[sizes], weight)

    def _draw(self) -> list[Tensor]:
        """Draw the order of one epoch: positions of batches of equal widths, (n, M, width) each.

        So the rows of a batch are side by side in memory.
        """
        order = torch.full((len(self.n_rows), max(self.n_drawn) + 1), self._filler)
        for m, generator in enumerate(self._generators):
            n_rows, dealer = self.n_rows[m], self._dealers[m]
            order[m, : self.n_drawn[m]] = (
                torch.randperm(n_rows, generator=generator)
                if dealer is None
                else dealer.deal(generator)
            )
        order = order[:, :-1] if self._slots is None else order.gather(1, self._slots)
        runs = [(width, len(list(run))) for width, run in groupby(self._widths)]
        parts = order.split([width * n for width, n in runs], dim=1)
        return [
            part.unflatten(1, (n, width)).transpose(0, 1).contiguous().to(self.index.device)
            for part, (width, n) in zip(parts, runs, strict=True)
        ]

    def _count(self, sizes: tuple[int, ...]) -> Tensor:
        """How many rows of each model a batch has, or of all if they have as many."""
        count = torch.tensor(sizes, dtype=torch.float32, device=self.index.device)
        return count[0] if len(set(sizes)) == 1 else count.unsqueeze(1)

    def _row_weights(self, known_weights: Sequence[float | None]) -> Tensor | None:
        """How much each row counts whenever it is drawn, (M, width); None where all count 1."""
        if not any(self._dealers):
            return None
        weights = torch.ones(self.index.shape)
        for m, (dealer, factor) in enumerate(zip(self._dealers, known_weights, strict=True)):
            if dealer is not None:
                weights[m, dealer.known] = dealer.weight(factor)
        return weights.to(self.index.device) if bool((weights != 1).any()) else None

    def _lay_out(self, sizes: list[list[int]]) -> Tensor:
        """Column of a model's order that each place of its batches takes: (M, sum of widths)."""
        slots = torch.full((len(sizes), sum(self._widths)), max(self.n_drawn))
        for own, of_model in zip(slots, sizes, strict=True):
            start = taken = 0
            for size, width in zip(of_model, self._widths, strict=True):
                own[start : start + size] = torch.arange(taken, taken + size)
                start, taken = start + width, taken + size
        return slots


class _Dealer:
    """The order of one model's rows in which every batch has its share of the known ones.

    Attributes
    ----------
    known : Tensor of int
        The known rows' positions.
    n_drawn : int
        Rows shown in an epoch, those that come again counted again.
    """

    def __init__(self, known: np.ndarray, n_batches: int, batch_size: int) -> None:
        self.known = torch.from_numpy(np.flatnonzero(known))
        self._unknown = torch.from_numpy(np.flatnonzero(known == 0))
        n_known, n_unknown = len(self.known), len(self._unknown)
        # No repeats where there is nothing to balance.
        least = min(n_known, math.ceil(_KNOWN_SHARE * batch_size)) if n_unknown else 0
        self._repeats = max(1, math.ceil(n_batches * least / n_known))
        self.n_drawn = n_unknown + n_known * self._repeats
        dealt = evenly(n_known * self._repeats, n_batches)
        sizes = evenly(self.n_drawn, n_batches)
        # A batch's known rows, then its others: where each place takes its row from.
        start, start_unknown, places = 0, n_known * self._repeats, []
        for n_dealt, size in zip(dealt, sizes, strict=True):
            places += [torch.arange(start, start + n_dealt)]
            places += [torch.arange(start_unknown, start_unknown + size - n_dealt)]
            start, start_unknown = start + n_dealt, start_unknown + size - n_dealt
        self._places = torch.cat(places)

    def deal(self, generator: torch.Generator) -> Tensor:
        """Draw the order of one epoch: positions, batch after batch, (n_drawn,)."""
        n_known, n_unknown = len(self.known), len(self._unknown)
        turns = [
            self.known[torch.randperm(n_known, generator=generator)] for _ in range(self._repeats)
        ]
        rest = self._unknown[torch.randperm(n_unknown, generator=generator)]
        return torch.cat([*turns, rest])[self._places]

    def weight(self, known_weight: float | None) -> float:
        """How much a known row counts each time that it is drawn."""
        each = 1.0
        if known_weight is not None and len(self._unknown):
            each = known_weight * len(self._unknown) / len(self.known)
        return each / self._repeats
