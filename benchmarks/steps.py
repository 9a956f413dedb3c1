"""The time of a training step of any detector: by fits of different numbers of epochs.

A detector is a black box behind `fit`. The difference between fits with one epoch and with more,
over the optimiser's steps between them, is the time of a step. What a fit does once (building,
scaling, scoring the training rows) falls out; what it does in each epoch (shuffling, loading
batches, recording losses) is in the figure. Steps are counted by a hook on torch's optimisers, so
that a detector which ignores its epochs or its batch size, or stops early, is found out.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook


class Timing(NamedTuple):
    """What one call of `fit` took, and how many weights the optimiser trained."""

    wall: float
    cpu: float
    steps: int
    weights: int


class StepCounter:
    """Counts the steps of all of torch's optimizers, and the weights of the last."""

    def __init__(self) -> None:
        self.steps = 0
        self.last: torch.optim.Optimizer | None = None
        self._hook = register_optimizer_step_post_hook(self)

    def __call__(self, optimizer: torch.optim.Optimizer, args: tuple, kwargs: dict) -> None:
        """Count one step."""
        self.steps += 1
        self.last = optimizer

    def remove(self) -> None:
        """Count no further steps."""
        self._hook.remove()

    def fit(self, make: Callable[[int], Any], X: np.ndarray, epochs: int) -> Timing:
        """Make a detector of so many epochs, and time its fit."""
        model = make(epochs)
        self.steps, self.last = 0, None
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        model.fit(X)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        groups = self.last.param_groups if self.last else []
        weights = sum(p.numel() for group in groups for p in group["params"])
        return Timing(wall, cpu, self.steps, weights)

    def lengthen(
        self, make: Callable[[int], Any], X: np.ndarray, short: Timing, seconds: float
    ) -> tuple[int, Timing]:
        """Fit with more epochs until they take `seconds` more than the `short` fit with one.

        Returns
        -------
        epochs : int
            1 + 2^k, the number of epochs that was enough.
        long : Timing
            What the fit with them took.
        """
        more = 1
        while True:
            long = self.fit(make, X, 1 + more)
            if long.steps != short.steps * (1 + more):
                raise RuntimeError(f"{long.steps} steps in {1 + more} epochs of {short.steps}")
            if long.wall - short.wall >= seconds:
                return 1 + more, long
            more *= 2
