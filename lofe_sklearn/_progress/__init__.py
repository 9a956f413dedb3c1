"""Progress of long jobs: one bar over all of their phases, or nothing."""

from lofe_sklearn._progress._callbacks import CallbackSupportMixin, tasks_of, with_callbacks
from lofe_sklearn._progress._displays import require_rich
from lofe_sklearn._progress._parts import Part, job, part

__all__ = [
    "CallbackSupportMixin",
    "Part",
    "job",
    "part",
    "require_rich",
    "tasks_of",
    "with_callbacks",
]
