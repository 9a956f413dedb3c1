"""The parameters that every backbone has: their types and constraints.

A constructor takes those that it does not name itself as ``**shared``.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Literal, TypeAlias, TypedDict

import torch

from lofe_sklearn._training import SCALINGS
from lofe_sklearn._types import RandomState
from lofe_sklearn._validation import CONTAMINATION, RANDOM_STATE, Constraint, Number, OneOf

Scaling: TypeAlias = Literal["auto", "rms", "minmax", "standard", "winsorized", "sketched"] | None

# Cosines over a larger temperature are equal, to the precision that scores have, and so are rows
# beside a larger margin.
TEMPERATURE = Number(low=0, high=1e6, exclude_low=True)
MARGIN = Number(low=0, high=1e6)


# From this number of features on, a network takes fewer steps, down to a share of them.
_WIDE, _FEWEST = 256, 1 / 4


def steps_for_width(steps: int, n_features: int) -> int:
    """Return fewer steps for wide rows, in proportion: a step costs more, and they learn sooner."""
    return round(steps * max(_FEWEST, min(1.0, _WIDE / n_features)))


class Shared(TypedDict, total=False):
    """Parameters whose default is the same for all backbones."""

    weight_decay: float
    gradient_clip_value: float | None
    n_iter_no_change: int | None
    tol: float
    contamination: float
    device: str | torch.device
    warm_start: bool
    random_state: RandomState
    verbose: int


class SharedWithBatchSize(Shared, total=False):
    """Parameters whose default is the same for most backbones."""

    batch_size: int


class SharedWithRate(SharedWithBatchSize, total=False):
    """Shared parameters of the backbones that use the shared learning rate."""

    lr: float


SHARED_CONSTRAINTS: Mapping[str, Constraint] = {
    "scaling": OneOf(SCALINGS),
    "max_epochs": Number(Integral, low=1),
    "batch_size": Number(Integral, low=2),
    "lr": Number(low=0, exclude_low=True),
    "weight_decay": Number(low=0),
    "gradient_clip_value": Number(low=0, exclude_low=True, optional=True),
    "n_iter_no_change": Number(Integral, low=1, optional=True),
    "tol": Number(low=0),
    "contamination": CONTAMINATION,
    "warm_start": OneOf((False, True)),
    "random_state": RANDOM_STATE,
    "verbose": Number(Integral, low=0),
}
