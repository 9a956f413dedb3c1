"""Rich's times in words; imported only where there is a bar."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

from rich.progress import ProgressColumn, Task
from rich.text import Text


class TimeLeftColumn(ProgressColumn):
    """The time that a job has still to go, as rich estimates it; in the end the time it took."""

    max_refresh = 0.5  # it would flicker

    def render(self, task: Task) -> Text:
        """Render a time of fixed width, so that what follows does not move."""
        words = _clock(task.finished_time) if task.finished else _time_left(task)
        return Text(f"{words:<12}", style="progress.remaining")


def in_words(task: Task) -> str:
    """Say in a line of plain text how far a job is."""
    name, what = task.description, task.fields["what"]
    if task.finished:
        return f"{name}: done in {_clock(task.finished_time)}"
    left = _time_left(task)
    about = f", about {left}" if left else ""
    doing = f", {what}" if what else ""
    return f"{name}: {task.percentage:.0f}% in {_clock(task.elapsed)}{about}{doing}"


def _time_left(task: Task) -> str:
    left = task.time_remaining
    return "" if left is None else f"{_clock(left)} left"


def _clock(seconds: float | None) -> str:
    return str(timedelta(seconds=ceil(seconds or 0.0)))
