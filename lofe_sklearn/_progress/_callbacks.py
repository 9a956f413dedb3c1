"""scikit-learn's callbacks: a fit as a hundred equal tasks, from scikit-learn 1.9 on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9 has none

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """No callbacks."""

    def with_callbacks(method: Callable) -> Callable:
        """Return the method as it is."""
        return method


N_TASKS = 100


class Tasks:
    """The display of a fit to the callbacks of its estimator.

    Parameters
    ----------
    estimator : estimator
        Within a call under `with_callbacks`.
    """

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self._context = estimator._init_callback_context(max_subtasks=N_TASKS)
        self._context.call_on_fit_task_begin(estimator=estimator)
        self._n_done = 0

    def show(self, done: float, text: str, detail: str) -> None:
        """End as many tasks as are done."""
        while self._n_done < int(done * N_TASKS + 1e-6):
            self._n_done += 1
            task = self._context.subcontext(task_name=f"{text or 'percent'}")
            task.call_on_fit_task_begin(estimator=self._estimator)
            task.call_on_fit_task_end(estimator=self._estimator)

    def finish(self) -> None:
        """End the fit."""
        self._context.call_on_fit_task_end(estimator=self._estimator)


def tasks_of(estimator: Any) -> Tasks | None:
    """Return the display to an estimator's callbacks, if it has any."""
    has_some = hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx")
    return Tasks(estimator) if has_some else None
