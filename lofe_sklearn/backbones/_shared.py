"""Types of the parameters that every backbone has, for the signatures of their constructors.

A constructor takes those that it does not name itself as ``**shared``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

import torch

from lofe_sklearn._types import RandomState
from lofe_sklearn._validation import Number

Scaling: TypeAlias = Literal["auto", "rms", "minmax", "standard"] | None

# Cosines over a larger temperature are equal, to the precision that scores have, and so are rows
# beside a larger margin.
TEMPERATURE = Number(low=0, high=1e6, exclude_low=True)
MARGIN = Number(low=0, high=1e6)


class Shared(TypedDict, total=False):
    """What no backbone has a default of its own for."""

    weight_decay: float
    gradient_clip_value: float | None
    n_iter_no_change: int | None
    tol: float
    contamination: float
    device: str | torch.device
    random_state: RandomState
    verbose: int


class SharedWithBatchSize(Shared, total=False):
    """What most backbones have no default of their own for."""

    batch_size: int


class SharedWithRate(SharedWithBatchSize, total=False):
    """What backbones that take the shared learning rate have no default of their own for."""

    lr: float
