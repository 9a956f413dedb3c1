"""The time of a training step of any detector: by fits of different numbers of epochs.

A detector is a black box behind `fit`. The difference between fits with one epoch and with more,
over the optimiser's steps between them, is the time of a step. What a fit does once (building,
scaling, scoring the training rows) falls out; what it does in each epoch (shuffling, loading
batches, recording losses) is in the figure. Steps are counted by a hook on torch's optimisers and
on ours. So a detector which ignores its epochs or its batch size, or stops early, is found out.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from lofe_sklearn.engine._optimizer import StackOptimizer


class Timing(NamedTuple):
    """What one call of `fit` took, and how many weights the optimiser trained."""

    wall: float
    cpu: float
    steps: int
    weights: int


class StepCounter:
    """Counts the steps of all of torch's optimizers and of ours, and the weights of the last."""

    def __init__(self) -> None:
        self.steps = 0
        self.last: torch.optim.Optimizer | StackOptimizer | None = None
        self._hook = register_optimizer_step_post_hook(self)
        self._step = step = StackOptimizer.step

        def counted(optimizer: StackOptimizer, *args: Any) -> None:
            step(optimizer, *args)
            self(optimizer)

        StackOptimizer.step = counted  # type: ignore[method-assign]

    def __call__(self, optimizer: torch.optim.Optimizer | StackOptimizer, *_: Any) -> None:
        """Count one step."""
        self.steps += 1
        self.last = optimizer

    def remove(self) -> None:
        """Count no further steps."""
        self._hook.remove()
        StackOptimizer.step = self._step  # type: ignore[method-assign]

    def _n_weights(self) -> int:
        if isinstance(self.last, StackOptimizer):
            return sum(p.numel() for p in self.last.parameters)
        groups = self.last.param_groups if self.last else []
        return sum(p.numel() for group in groups for p in group["params"])

    def fit(self, make: Callable[[int], Any], X: np.ndarray, epochs: int) -> Timing:
        """Make a detector of so many epochs, and time its fit."""
        model = make(epochs)
        self.steps, self.last = 0, None
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        model.fit(X)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Timing(wall, cpu, self.steps, self._n_weights())

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
