"""The training engine: pure torch, knows nothing of scikit-learn.

A leading axis M runs through it: M models of one architecture, one stack, one loop.
"""

from lofe_sklearn.engine._batches import Rows
from lofe_sklearn.engine._device import resolve_device
from lofe_sklearn.engine._history import TrainingHistory
from lofe_sklearn.engine._loop import TrainingSettings, train
from lofe_sklearn.engine._rules import RULES, Rule, mark
from lofe_sklearn.engine._score import losses
from lofe_sklearn.engine._stack import build_modules

__all__ = [
    "RULES",
    "Rows",
    "Rule",
    "TrainingHistory",
    "TrainingSettings",
    "build_modules",
    "losses",
    "mark",
    "resolve_device",
    "train",
]
