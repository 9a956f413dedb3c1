"""Progress displays, all of them optional."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np


def require_rich(purpose: str) -> None:
    """Raise an ImportError that names the extra if rich is not installed."""
    try:
        import rich  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the package rich. Install it with: "
            "pip install 'lofe-sklearn[progress]'"
        ) from error


@contextmanager
def epoch_progress(
    description: str, max_epochs: int, *, show: bool
) -> Iterator[Callable[[int, np.ndarray], None] | None]:
    """Show a bar over the epochs with the mean objective; yields the callback that moves it."""
    if not show:
        yield None
        return
    require_rich("verbose=1")
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("epoch {task.completed}/{task.total}  loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task(description, total=max_epochs, loss=float("nan"))
        yield lambda epoch, objectives: progress.update(
            task, completed=epoch, loss=float(np.mean(objectives))
        )


@contextmanager
def count_progress(description: str, total: int, *, show: bool) -> Iterator[Callable[[], None]]:
    """Show a bar over `total` steps; yields what to call after each."""
    if not show:
        yield lambda: None
        return
    require_rich("verbose=1")
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(description, total=total)
        yield lambda: progress.advance(task)
