"""What `train` is told: of each model, and of the whole stack."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from lofe_sklearn.engine._course import Course
from lofe_sklearn.engine._exposure import Exposure
from lofe_sklearn.engine._labels import Labelling


@dataclass(frozen=True)
class TrainingSettings:
    """What all models of one stack share."""

    batch_size: int
    gradient_clip_value: float | None = None
    n_iter_no_change: int | None = None
    tol: float = 1e-4
    loss_threshold: float | None = None


@dataclass(frozen=True, eq=False)
class Job:
    """What one model of a stack is trained on, and how.

    Parameters
    ----------
    index : Tensor of int, shape (n,)
        The rows it is trained on.
    labelling : Labelling
        How these are labelled.
    seed : int
        Their order.
    max_epochs : int
    lr, weight_decay : float
    exposure : Exposure, optional
        Outliers beside the rows; of all models of a stack, or of none.
    course : Course
        Its `batch_growth` is that of all models of a stack.
    """

    index: Tensor
    labelling: Labelling
    seed: int
    max_epochs: int
    lr: float
    weight_decay: float = 0.0
    exposure: Exposure | None = None
    course: Course = field(default_factory=Course)
