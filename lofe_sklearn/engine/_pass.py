"""Losses of many rows by some models of a stack, in the middle of their training."""

from __future__ import annotations

import torch
from torch import Tensor

from lofe_sklearn.engine._rows import ALL, Models, Rows
from lofe_sklearn.engine._stack import ModuleStack

# Rows that are looked at together.
_PASS_ROWS = 512


def losses_in_training(
    stack: ModuleStack, rows: Rows, index: Tensor, models: Models
) -> tuple[Tensor, Tensor]:
    """Both losses, (m, n) each, of the rows at `index`, (m, n), by m models."""
    parts = [rows.losses_by(stack, part, models) for part in index.split(_PASS_ROWS, dim=1)]
    loss_n, loss_a = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
    return loss_n, loss_a


def selector(models: list[int], n_models: int) -> Models:
    """Index of `models`: a slice where they stand side by side, which copies nothing."""
    if len(models) == n_models:
        return ALL
    if models[-1] - models[0] == len(models) - 1:
        return slice(models[0], models[-1] + 1)
    return models
