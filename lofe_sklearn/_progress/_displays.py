"""The bar, as rich draws it: live in a terminal, as HTML in a notebook, as lines elsewhere."""

from __future__ import annotations

import io
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# Seconds that a job may take without a bar.
PATIENCE = 2.0
# Seconds before the first line of a log, and the most between two; each gap is twice the last.
FIRST_LINE, LONGEST_GAP = 10.0, 600.0
# Seconds between two updates of a notebook's output.
REFRESH = 0.5
# Columns of a bar in a notebook, and from which on there is room for details.
_WIDTH, _WIDE = 90, 110

# Two bars would draw over each other. A job that finds one on the screen shows none.
_on_screen = threading.Lock()


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
def opened(name: str, *, show: bool) -> Iterator[_Expendable | None]:
    """Open the display of a job, on standard error; None if nothing is to be shown.

    After an error the bar stays where it stood, and the terminal is as it was before.
    """
    if show:
        require_rich("verbose=1")
    if not show or not _on_screen.acquire(blocking=False):
        yield None
        return
    bar = _Expendable(name)
    try:
        yield bar
        bar.finish()
    finally:
        try:
            bar.close()
        finally:
            _on_screen.release()


def _bar_for(name: str) -> Bar:
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_jupyter:
        return NotebookBar(name, console)
    # Not `is_terminal`, which the environment can force for colours in pipes.
    # A stream of the user's may have nothing but `write`.
    if getattr(console.file, "isatty", bool)() and not console.is_dumb_terminal:
        return TerminalBar(name, console)
    return Lines(name, console)


class _Expendable:
    """The bar of a job, which is given up if it cannot be written: the job goes on.

    A terminal may be gone, a log file's disk full, and a stream closed.
    """

    def __init__(self, name: str) -> None:
        self._bar: Bar | None = None
        with self._giving_up():
            self._bar = _bar_for(name)

    def show(self, done: float, text: str, detail: str) -> None:
        """Show what is done."""
        if self._bar is not None:
            with self._giving_up():
                self._bar.show(done, text, detail)

    def finish(self) -> None:
        """Take in that the job is done."""
        if self._bar is not None:
            with self._giving_up():
                self._bar.finish()

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            with self._giving_up():
                self._bar.close()

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):  # the second is of closed streams, and of their encodings
            bar, self._bar = self._bar, None
            if bar is not None:
                with suppress(OSError, ValueError):
                    bar.close()


class Bar(ABC):
    """A bar, and how it is drawn; nothing is shown before `PATIENCE` is over.

    Parameters
    ----------
    name : str
        Of the job.
    console : rich.console.Console
    """

    def __init__(self, name: str, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        from lofe_sklearn._progress._time_left import TimeLeftColumn

        self.name, self.console = name, console
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(
                bar_width=40 if console.width >= _WIDE else 20,
                # Rich's own is for dark screens; pages are dark or light.
                style="grey62" if console.is_jupyter else "bar.back",
            ),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeLeftColumn(),
            TextColumn("{task.fields[what]}"),  # last, since its width changes
            console=console,
            speed_estimate_period=60.0,
        )
        self._id = self.progress.add_task(name, total=1.0, what="")
        self._start = time.monotonic()

    def show(self, done: float, text: str, detail: str) -> None:
        """Take in the share that is done and what is done now, and show it if it is time to."""
        if text:
            what = text.removeprefix(f"{self.name}, ")  # of a backbone that is trained alone
            if detail and self.console.width >= _WIDE:
                what += f", {detail}"
            self.progress.update(self._id, what=what)
        # Shares of shares are rounded.
        self.progress.update(self._id, completed=max(self.task.completed, min(done, 1.0)))
        self.draw(time.monotonic() - self._start)

    def finish(self) -> None:
        """Take in that the job is done."""
        self.progress.update(self._id, completed=1.0, what="")

    @abstractmethod
    def draw(self, elapsed: float) -> None:
        """Show the bar, `elapsed` seconds after the start, if it is time to."""

    @abstractmethod
    def close(self) -> None:
        """Leave the bar as it stands."""

    @property
    def task(self) -> Any:
        """What rich knows of the job."""
        return self.progress.tasks[0]


class TerminalBar(Bar):
    """A bar that rich redraws in its place; it stays when the job is over."""

    def draw(self, elapsed: float) -> None:
        """Start drawing when it is time to; rich goes on by itself."""
        if elapsed >= PATIENCE and not self.progress.live.is_started:
            self.progress.start()

    def close(self) -> None:
        """Draw it once more, and give the terminal back."""
        if self.progress.live.is_started:
            self.progress.stop()


class NotebookBar(Bar):
    """A bar in the output of a notebook's cell: HTML, which is saved with the notebook."""

    def __init__(self, name: str, console: Console) -> None:
        super().__init__(name, console)
        self._handle: Any = None
        self._next = PATIENCE

    def draw(self, elapsed: float) -> None:
        """Put the bar into the output, or replace it there."""
        if elapsed >= self._next:
            self._next = elapsed + REFRESH
            self._put()

    def close(self) -> None:
        """Leave the last state in the output."""
        if self._handle is not None:
            self._put()

    def _put(self) -> None:
        from IPython.display import HTML, display

        html = HTML(_as_html(self.progress))
        if self._handle is None:
            self._handle = display(html, display_id=True)
        else:
            self._handle.update(html)


class Lines(Bar):
    """A line now and then, for pipes and logs: no control characters."""

    def __init__(self, name: str, console: Console) -> None:
        super().__init__(name, console)
        self._next, self._gap = FIRST_LINE, FIRST_LINE
        self._n_lines = 0

    def draw(self, elapsed: float) -> None:
        """Write a line if the last one is long enough ago."""
        if elapsed >= self._next and not self.task.finished:
            self._gap = min(2 * self._gap, LONGEST_GAP)
            self._next = elapsed + self._gap
            self._write()

    def close(self) -> None:
        """Write how it ended, if anything was written before."""
        if self._n_lines:
            self._write()

    def _write(self) -> None:
        from lofe_sklearn._progress._time_left import in_words

        self._n_lines += 1
        file = self.console.file
        print(in_words(self.task), file=file, flush=hasattr(file, "flush"))


def _as_html(progress: Any) -> str:
    """Let rich draw the bar as HTML."""
    from rich.console import Console

    console = Console(
        record=True, file=io.StringIO(), width=_WIDTH, force_terminal=True, force_jupyter=False
    )
    console.print(progress.get_renderable())
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")
