"""The training engine: pure torch, knows nothing of scikit-learn.

A leading axis M runs through it: M models of one architecture, one stack, one loop.
"""

from lofe_sklearn.engine._batches import batch_sizes, grown
from lofe_sklearn.engine._course import Course, Peak
from lofe_sklearn.engine._device import resolve_device
from lofe_sklearn.engine._exposure import Exposure
from lofe_sklearn.engine._forks import ForkSafeLock
from lofe_sklearn.engine._history import TrainingHistory
from lofe_sklearn.engine._in_pickles import PickledByValue
from lofe_sklearn.engine._job import Job, TrainingSettings
from lofe_sklearn.engine._labels import Labelling
from lofe_sklearn.engine._loop import train
from lofe_sklearn.engine._noise import noise_per_row
from lofe_sklearn.engine._of_all_threads import OfAllThreads
from lofe_sklearn.engine._optimizer import AdamState, OptimizerStates
from lofe_sklearn.engine._plain_torch import plain_torch
from lofe_sklearn.engine._ranks import Ranks
from lofe_sklearn.engine._restore import load_values, restore_module, values_of
from lofe_sklearn.engine._rows import Rows, RowsOfModels, TooLargeError, largest_of
from lofe_sklearn.engine._rules import RULES, Marked, Rule, mark, with_known
from lofe_sklearn.engine._scaled_rows import (
    RowScaling,
    Scaling,
    n_inputs,
    parts_of,
    scaled,
    sums_of,
)
from lofe_sklearn.engine._score import embeddings, losses, losses_of_stack
from lofe_sklearn.engine._seeded import has_dropout, seeded_dropout
from lofe_sklearn.engine._shard import Shard
from lofe_sklearn.engine._sketch import draw_sums, n_sums
from lofe_sklearn.engine._stack import build_modules, check_losses, prepare_module
from lofe_sklearn.engine._states import is_average
from lofe_sklearn.engine._thread_limits import blas_on_one_thread, one_thread, within_cores

__all__ = [
    "RULES",
    "AdamState",
    "Course",
    "Exposure",
    "ForkSafeLock",
    "Job",
    "Labelling",
    "Marked",
    "OfAllThreads",
    "OptimizerStates",
    "Peak",
    "PickledByValue",
    "Ranks",
    "RowScaling",
    "Rows",
    "RowsOfModels",
    "Rule",
    "Scaling",
    "Shard",
    "TooLargeError",
    "TrainingHistory",
    "TrainingSettings",
    "batch_sizes",
    "blas_on_one_thread",
    "build_modules",
    "check_losses",
    "draw_sums",
    "embeddings",
    "grown",
    "has_dropout",
    "is_average",
    "largest_of",
    "load_values",
    "losses",
    "losses_of_stack",
    "mark",
    "n_inputs",
    "n_sums",
    "noise_per_row",
    "one_thread",
    "parts_of",
    "plain_torch",
    "prepare_module",
    "resolve_device",
    "restore_module",
    "scaled",
    "seeded_dropout",
    "sums_of",
    "train",
    "values_of",
    "with_known",
    "within_cores",
]
