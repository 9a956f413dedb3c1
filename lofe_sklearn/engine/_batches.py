"""The order in which each model of a stack sees its rows.

A batch is an index matrix (M, b) into the one copy of the data, one line for each model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Split `n_rows` into batches of at most `batch_size`, sizes differing by at most one.

    No row is dropped and no small rest is left over, in which a share of anomalies could not be
    ranked: a batch has at least two rows (so one of three when `batch_size` is 2 and `n_rows` odd).
    """
    n_batches = max(1, min(-(-n_rows // batch_size), n_rows // 2))
    size, larger = divmod(n_rows, n_batches)
    return [size + 1] * larger + [size] * (n_batches - larger)


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
    n_rows : Tensor of float, shape (M, 1), or int
        How many they are, to divide by.
    """

    position: Tensor
    row: Tensor
    sizes: tuple[int, ...]
    own: Tensor | None
    n_rows: Tensor | int


class Batches:
    """Epochs over every model's rows, each model in an order of its own.

    Models may have different numbers of rows, as long as they make the same number of batches.
    Where a model's batch is a row smaller than the widest, it is filled up with a row whose weight
    is zero.

    Parameters
    ----------
    index : sequence of M Tensor of int, shapes (n_m,)
        The rows of each model.
    batch_size : int
    seeds : sequence of M ints
        The orders are drawn on the CPU, so that every device sees the same.

    Attributes
    ----------
    index : Tensor of int, shape (M, width)
        The rows of each model, filled up with its first; the last column is of none.
    """

    def __init__(self, index: Sequence[Tensor], batch_size: int, seeds: Sequence[int]) -> None:
        self.n_rows = [len(rows) for rows in index]
        largest = max(self.n_rows)
        self._filler = largest
        self.index = torch.stack(
            [torch.cat([rows, rows[:1].expand(largest + 1 - len(rows))]) for rows in index]
        )
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        sizes = [batch_sizes(n, batch_size) for n in self.n_rows]
        if len({len(of_model) for of_model in sizes}) > 1:
            raise ValueError(
                "the models of one stack must have the same number of batches; got "
                f"{sorted({len(of_model) for of_model in sizes})}."
            )
        self._sizes = list(zip(*sizes, strict=True))
        self._widths = [max(of_batch) for of_batch in self._sizes]
        self._slots = self._lay_out(sizes) if len(set(self.n_rows)) > 1 else None

    def epoch(self) -> Iterator[Batch]:
        """One epoch.

        Yields
        ------
        Batch
        """
        order = torch.full((len(self.n_rows), self._filler + 1), self._filler)
        for own, n_rows, generator in zip(order, self.n_rows, self._generators, strict=True):
            own[:n_rows] = torch.randperm(n_rows, generator=generator)
        order = order[:, :-1] if self._slots is None else order.gather(1, self._slots)
        position = order.to(self.index.device)
        row = self.index.gather(1, position)
        parts = (t.split(self._widths, dim=1) for t in (position, row))
        for position, row, sizes in zip(*parts, self._sizes, strict=True):
            if len(set(sizes)) == 1:
                yield Batch(position, row, sizes, own=None, n_rows=sizes[0])
            else:
                counts = torch.tensor(sizes, dtype=torch.float32, device=row.device).unsqueeze(1)
                yield Batch(position, row, sizes, own=position != self._filler, n_rows=counts)

    def _lay_out(self, sizes: list[list[int]]) -> Tensor:
        """Column of a model's order that each place of its batches takes: (M, sum of widths)."""
        slots = torch.full((len(sizes), sum(self._widths)), self._filler)
        for own, of_model in zip(slots, sizes, strict=True):
            start = taken = 0
            for size, width in zip(of_model, self._widths, strict=True):
                own[start : start + size] = torch.arange(taken, taken + size)
                start, taken = start + width, taken + size
        return slots
