"""Random numbers that a module trains with, drawn outside of it.

A module whose ``noise_per_row`` is k is given, in training steps only, rows with k more columns:
standard normal numbers, drawn anew for each row and step. Each model has its own generator, so a
model of a stack is given what it would be given alone, and `forward` itself is not random.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class NoNoise:
    """The steps of modules that train with the rows alone."""

    # Whether something is drawn at random in each step.
    draws = False

    def draw(self, sizes: Sequence[int], width: int) -> Tensor | None:
        """Return what stands beside the rows of a step: None."""
        return None


class NoiseStep(NoNoise):
    """Noise beside the rows of each step.

    Parameters
    ----------
    n_noise : int
        Numbers for each row.
    seeds : sequence of M ints
        The draws are made on the CPU, so that every device sees the same.
    """

    draws = True

    def __init__(self, n_noise: int, seeds: Sequence[int]) -> None:
        self._n_noise = n_noise
        # Other sequences than those of the rows' order and of outliers, which have the same seeds.
        self._generators = [torch.Generator().manual_seed(seed + 2) for seed in seeds]

    def draw(self, sizes: Sequence[int], width: int) -> Tensor:
        """Draw the noise of one step, (M, width, n_noise).

        Parameters
        ----------
        sizes : sequence of M ints
            Rows of each model in the batch. The next ones fill shorter batches up.
        width : int
            Rows of the step. Behind those of the batch there may be as many outliers, of which each
            model has as many as it has rows.
        """
        noise = torch.zeros(len(sizes), width, self._n_noise)
        first = max(sizes)
        for own, size, generator in zip(noise, sizes, self._generators, strict=True):
            own[:size] = self._numbers(size, generator)
            if width > first:
                own[first : first + size] = self._numbers(size, generator)
        return noise

    def _numbers(self, n_rows: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n_rows, self._n_noise, generator=generator)


def noise_step(modules: Sequence[nn.Module], seeds: Sequence[int]) -> NoNoise:
    """Return what draws the noise that modules of one kind ask for."""
    n_noise = noise_per_row(modules[0])
    return NoiseStep(n_noise, seeds) if n_noise else NoNoise()


def with_noise(rows: Tensor, noise: Tensor | None) -> Tensor:
    """Put columns of noise behind those of rows; None changes nothing."""
    return rows if noise is None else torch.cat([rows, noise.to(rows)], dim=-1)


def noise_per_row(module: nn.Module) -> int:
    """How many numbers a module asks for beside each row of a training step.

    Raises
    ------
    TypeError
        If it says anything but a whole number of at least 0.
    """
    asked = getattr(module, "noise_per_row", 0)
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 0:
        raise TypeError(
            f"{type(module).__name__}.noise_per_row must be an integer of at least 0, how many "
            f"random numbers stand behind each row in training; got {asked!r}."
        )
    return asked
