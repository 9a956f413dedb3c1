"""Defaults of a backbone that depend on the shape of its rows."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, ClassVar

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix
from lofe_sklearn._training import SCALINGS, n_inputs_of, resolve_scaling
from lofe_sklearn._validation import Number, OneOf, check_argument

_OF_SCALING = OneOf(SCALINGS)
_OF_EPOCHS = Number(Integral, low=1)
# What the hooks that are given the number of features may return, by name.
_OF_WIDTH = {
    "choose_lr": Number(low=0, exclude_low=True),
    "choose_loss_threshold": Number(optional=True),
    # 0, as of a window of all features, is refused with its reason by `build_module`.
    "choose_soft_label": Number(low=0, high=1),
    "choose_first_label": Number(low=0, high=1, optional=True),
}


def check_choices(model: Any, n_samples: int, n_features: int) -> None:
    """Raise ValueError if a hook of a backbone returns what it must not; its parameters are set."""
    owner, what = type(model).__name__, "the value that {} returns"
    check_argument(owner, what.format("choose_scaling(X)"), model.scaling, _OF_SCALING)
    n_features = n_inputs_of(model.scaling, n_features)
    epochs = model.choose_max_epochs(n_samples, n_features)
    name = "choose_max_epochs(n_samples, n_features)"
    check_argument(owner, what.format(name), epochs, _OF_EPOCHS)
    for hook, allowed in _OF_WIDTH.items():
        value = getattr(model, hook)(n_features)
        check_argument(owner, what.format(f"{hook}(n_features)"), value, allowed)


class ChoicesMixin:
    """Hooks of a backbone, each with a default that most backbones keep."""

    max_epochs: int | None
    batch_size: int
    lr: float | None
    scaling: str | None

    # The meaning of ``max_epochs=None`` in subclasses that allow it: as many epochs as make this
    # number of steps, within these bounds.
    default_steps: ClassVar[int] = 800
    default_epoch_range: ClassVar[tuple[int, int]] = (5, 800)

    def choose_scaling(self, X: Matrix) -> str | None:
        """Return what `scaling` stands for on validated rows: ``"auto"`` is decided by them."""
        return resolve_scaling(X, self.scaling)

    def choose_steps(self, n_features: int) -> int:
        """Return the training steps that ``max_epochs=None`` stands for."""
        return self.default_steps

    def choose_max_epochs(self, n_samples: int, n_features: int) -> int:
        """Return the passes over `n_samples` training rows of `n_features` features."""
        if self.max_epochs is not None:
            return self.max_epochs
        steps = len(engine.batch_sizes(n_samples, self.batch_size))
        low, high = self.default_epoch_range
        return min(max(math.ceil(self.choose_steps(n_features) / steps), low), high)

    def choose_lr(self, n_features: int) -> float:
        """Return the learning rate for rows of `n_features` features."""
        if self.lr is None:
            raise ValueError(
                f"{type(self).__name__}: lr=None needs a rule. Override choose_lr(n_features)."
            )
        return self.lr

    def choose_loss_threshold(self, n_features: int) -> float | None:
        """Return the normal loss below which training stops; None, the default, for never."""
        return None

    def choose_soft_label(self, n_features: int) -> float:
        """Return the label, in (0, 1], of the rows that ``LOE(method="soft")`` marks.

        With a label y and losses -log C and -log(1 - C) the rows are pulled to ``C = 1 - y``. As
        long as the network gives a smaller C, training as normal rows pulls in the same direction.
        """
        return 0.5

    def choose_first_label(self, n_features: int) -> float | None:
        """Return the label of marked rows in the first half of the epochs; None for the same.

        It is that of soft labels, and of hard ones after a blind warm-up.
        """
        return None
