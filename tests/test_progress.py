"""Progress: silent unless asked, one bar over a whole job, lines in pipes."""

import io
import os
import re
import sys
import threading
import types
from functools import cache

import numpy as np
import pytest
from conftest import slow_but
from joblib import parallel_config

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn._progress import _displays, job, part

pytest.importorskip("rich")

X = np.random.default_rng(0).normal(size=(120, 4))
Y = np.repeat([0, 1], [110, 10])


def small(**parameters):
    backbones = [DeepSVDD(max_epochs=4), AutoEncoder(max_epochs=3)]
    shared = {"n_estimators": 4, "init": None, "evidence": ["knn", "iforest"], "random_state": 0}
    return LOE(backbones, contamination=0.1, **{**shared, **parameters})


def with_jobs(backend, how):
    with parallel_config(backend=backend):
        fit_many([small(), AutoEncoder(max_epochs=3)], X, n_jobs=2, **how)


JOBS = {
    "LOE": lambda **how: small(**how).fit(X),
    "LOE, folds": lambda **how: small(held_out_folds=2, **how).fit(X),
    "LOE, partial": lambda **how: small(keep="partial", **how).fit(X),
    "backbone": lambda **how: AutoEncoder(max_epochs=3, random_state=0, **how).fit(X),
    "fit_many": lambda **how: fit_many([small(), AutoEncoder(max_epochs=3)], X, **how),
    "fit_many, threads": lambda **how: with_jobs("threading", how),
    "fit_many, processes": lambda **how: with_jobs("loky", how),
    "search": lambda **how: LOESearchCV(
        small(verbose=1), {"contamination": [0.05, 0.1]}, cv=2, **how
    ).fit(X, Y),
    "search, no refit": lambda **how: LOESearchCV(
        small(verbose=1), {"contamination": [0.05, 0.1]}, cv=2, refit=False, **how
    ).fit(X, Y),
}


pytestmark = pytest.mark.usefixtures("processes_for_little")

# To start processes takes ten seconds, and the bar is that of threads.
each_job = pytest.mark.parametrize(
    "name", slow_but([name for name in JOBS if name != "fit_many, processes"], JOBS)
)


class Recorder(_displays.Lines):
    """A bar that keeps all that it is shown."""

    def __init__(self, name, console):
        super().__init__(name, console)
        self.shown, self.states = [], []
        BARS.append(self)

    def show(self, done, text, detail):
        super().show(done, text, detail)
        self.shown.append(done)

    def finish(self):
        super().finish()
        self.states.append("finished")

    def close(self):
        super().close()
        self.states.append("closed")


BARS = []


@pytest.fixture
def bars(monkeypatch):
    """Return the bars that are opened, whatever standard error is."""
    BARS.clear()
    monkeypatch.setattr(_displays, "Lines", Recorder)
    return BARS


@pytest.fixture
def impatient(monkeypatch):
    """Show everything at once."""
    for name in ("PATIENCE", "FIRST_LINE", "LONGEST_GAP", "REFRESH"):
        monkeypatch.setattr(_displays, name, 0.0)


@each_job
def test_nothing_is_shown_by_default(name, bars, impatient, capsys):
    JOBS[name]()
    assert capsys.readouterr() == ("", "")
    assert bars == []


@each_job
def test_one_bar_goes_from_0_to_100_percent_once(name, bars):
    JOBS[name](verbose=1)
    [bar] = bars
    assert bar.shown[0] == 0.0
    assert min(np.diff(bar.shown)) > -1e-9
    assert bar.shown[-1] == pytest.approx(1.0)
    assert bar.task.completed == 1.0
    assert bar.states == ["finished", "closed"]
    # It moves with the work: no single step is most of it.
    assert max(np.diff(bar.shown)) < 0.6


def test_a_short_job_shows_nothing(bars, capsys):
    small(verbose=1).fit(X)
    assert len(bars) == 1
    assert capsys.readouterr() == ("", "")


def test_a_bar_of_a_backbone_shows_for_loe_too(bars):
    LOE(AutoEncoder(max_epochs=3, verbose=1), contamination=0.1, init=None).fit(X)
    assert [bar.name for bar in bars] == ["LOE"]


@pytest.mark.parametrize("name", ["fit_many", "search"])
def test_the_outermost_job_decides(name, bars):
    noisy = small(verbose=1)
    if name == "fit_many":
        fit_many([noisy], X)
    else:
        LOESearchCV(noisy, {}, cv=2).fit(X, Y)
    assert bars == []


def test_scores_are_the_same(bars):
    expected = small().fit(X).score_samples(X)
    for how in ({"verbose": 1}, {"keep": "partial"}, {"keep": "partial", "verbose": 1}):
        np.testing.assert_array_equal(small(**how).fit(X).score_samples(X), expected)


@pytest.mark.parametrize("name", ["fit_many", "LOESearchCV", "LOE", "DeepSVDD"])
@pytest.mark.parametrize("value", [-1, "a", None])
def test_verbose_of_no_use(name, value):
    calls = {
        "fit_many": lambda: fit_many([small()], X, verbose=value),
        "LOESearchCV": lambda: LOESearchCV(small(), {}, verbose=value).fit(X, Y),
        "LOE": lambda: small(verbose=value).fit(X),
        "DeepSVDD": lambda: DeepSVDD(verbose=value).fit(X),
    }
    with pytest.raises(
        ValueError, match=rf"^{name}: verbose must be an integer of at least 0; got"
    ):
        calls[name]()


def test_without_rich(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    detector = small(verbose=1)
    with pytest.raises(ImportError, match=r"pip install 'lofe-sklearn\[progress\]'"):
        detector.fit(X)
    assert not hasattr(detector, "estimators_")
    small().fit(X)


def test_an_error_leaves_the_bar_where_it_stands(bars):
    def broken(loss_n, loss_a, alpha, known):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        small(method=broken, warmup_epochs=2, verbose=1).fit(X)
    [bar] = bars
    assert bar.states == ["closed"]
    assert 0 < bar.task.completed < 1
    small(verbose=1).fit(X)  # the screen is free again
    assert bars[1].states == ["finished", "closed"]


def test_detectors_that_fail_in_a_stack_do_not_set_the_bar_back(bars):
    def broken(loss_n, loss_a, alpha, known):
        raise RuntimeError("broken")

    found = fit_many(
        [small(), small(method=broken), AutoEncoder(max_epochs=3)],
        X,
        verbose=1,
        return_errors=True,
    )
    assert [isinstance(each, RuntimeError) for each in found] == [False, True, False]
    [bar] = bars
    assert min(np.diff(bar.shown)) > -1e-9
    assert bar.states == ["finished", "closed"]


def test_other_threads_have_no_share_in_a_bar(bars):
    with job("outer", show=True), part(1.0):
        thread = threading.Thread(target=lambda: small(verbose=1).fit(X))
        thread.start()
        thread.join()
    assert [bar.name for bar in bars] == ["outer"]  # one bar at a time is on the screen
    assert set(bars[0].shown) == {0.0, 1.0}


# What works, and what fails, in one process: to start one takes seconds.
SCRIPT = """
import numpy as np, sys
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn._progress import _displays
_displays.PATIENCE = 0.0
X = np.random.default_rng(0).normal(size=(120, 4))
def rule(loss_n, loss_a, alpha, known):
    raise RuntimeError("broken")
detector = LOE(DeepSVDD(max_epochs=3), contamination=0.1, init=None, verbose=1)
detector.fit(X)
print("And now an error.", flush=True)
detector.set_params(method=rule, warmup_epochs=1).fit(X)
"""


def test_a_pipe_gets_lines_without_control_characters(impatient, monkeypatch, capfd):
    reading, writing = os.pipe()
    monkeypatch.setenv("FORCE_COLOR", "1")
    with os.fdopen(reading, "rb") as lines_out:
        with os.fdopen(writing, "w") as pipe:  # what is written is less than a pipe holds
            monkeypatch.setattr(sys, "stderr", pipe)
            LOE(DeepSVDD(max_epochs=3), contamination=0.1, init=None, verbose=1).fit(X)
            monkeypatch.undo()
        text = lines_out.read().decode("ascii")
    assert capfd.readouterr() == ("", "")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    *lines, last = text.splitlines()
    assert len(lines) > 3
    for line in lines:
        assert re.fullmatch(
            r"LOE: \d+% in \d:\d\d:\d\d(, about \d+:\d\d:\d\d left)?(, .+)?", line
        ), line
    assert re.fullmatch(r"LOE: done in \d:\d\d:\d\d", last)


@cache
def in_terminal(columns):
    """Return what a fit and one that fails write to a terminal of so many columns."""
    fcntl, pty = pytest.importorskip("fcntl"), pytest.importorskip("pty")
    import struct
    import termios

    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-c", SCRIPT])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    written = b""
    while True:
        try:
            chunk = os.read(terminal, 2**16)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        written += chunk
    os.waitpid(pid, 0)
    os.close(terminal)
    fitted, failed = written.decode().split("And now an error.\r\n")
    return fitted, failed


@pytest.mark.parametrize("columns", [80, pytest.param(200, marks=pytest.mark.slow)])
def test_a_terminal_gets_a_bar_on_one_line(columns):
    written, _ = in_terminal(columns)
    frames = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame) for frame in re.split(r"\r|\n", written)]
    assert "100%" in [frame for frame in frames if frame.strip()][-1]
    assert max(map(len, frames)) <= columns
    assert written.count("\n") == 1  # after the last frame
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1


def test_an_error_gives_the_terminal_back():
    _, written = in_terminal(80)
    assert "RuntimeError: broken" in written
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1
    assert written.index("\x1b[?25h") < written.index("RuntimeError: broken")


class TestNotebook:
    @pytest.fixture
    def outputs(self, monkeypatch, impatient):
        """Return what a notebook's cell has been given: IPython, as far as a bar knows it."""
        rich_console = pytest.importorskip("rich.console")
        outputs = []

        class Handle:
            def __init__(self, at):
                self.at = at

            def update(self, html):
                outputs[self.at].append(html)

        def display(html, display_id):
            assert display_id is True
            outputs.append([html])
            return Handle(len(outputs) - 1)

        module = types.ModuleType("IPython.display")
        module.HTML, module.display = str, display
        monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
        monkeypatch.setitem(sys.modules, "IPython.display", module)
        monkeypatch.setattr(rich_console, "_is_jupyter", lambda: True)
        return outputs

    def test_the_bar_is_one_output_that_is_replaced(self, outputs, recwarn, capsys):
        small(verbose=1).fit(X)
        [states] = outputs
        assert len(states) > 5
        assert all(state.startswith("<pre") for state in states)
        assert "100%" in states[-1]
        assert "\x1b" not in "".join(states)
        assert capsys.readouterr() == ("", "")
        assert not [w for w in recwarn if "ipywidgets" in str(w.message)]

    def test_a_short_job_has_no_output(self, outputs, monkeypatch):
        monkeypatch.setattr(_displays, "PATIENCE", 60.0)
        small(verbose=1).fit(X)
        assert outputs == []


class Stream:
    """A stream of the user's, which may have nothing but `write`."""

    def __init__(self):
        self.written = ""

    def write(self, text):
        self.written += text


class Broken(Stream):
    """The terminal is gone, or the disk full."""

    encoding = "utf-8"

    def __init__(self, is_terminal):
        super().__init__()
        self.isatty = lambda: is_terminal

    def write(self, text):
        raise OSError("No space left on device")

    def flush(self):
        raise OSError("No space left on device")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize(
    "stream",
    [Broken(False), Broken(True), closed(), Stream()],
    ids=["full disk", "terminal that is gone", "closed", "only write"],
)
def test_a_fit_goes_on_where_its_bar_cannot_be_written(stream, monkeypatch):
    monkeypatch.setattr(_displays, "PATIENCE", 0.0)
    monkeypatch.setattr(_displays, "FIRST_LINE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    detector = AutoEncoder(max_epochs=3, random_state=0)
    expected = detector.fit(X).score_samples(X)
    monkeypatch.setattr(sys, "stderr", stream)
    found = detector.set_params(verbose=1).fit(X).score_samples(X)
    monkeypatch.undo()
    np.testing.assert_array_equal(found, expected)
    assert not _displays._on_screen.locked()
    if type(stream) is Stream:
        assert "AutoEncoder: done in" in stream.written
