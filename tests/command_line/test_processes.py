"""The program as a process of its own: pipes, signals, terminals, a missing package."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lofe_sklearn
from lofe_sklearn._command_line._exits import reported_errors
from lofe_sklearn._command_line._score_files import writing_scores

pytest_plugins = ["running_lofe"]

ROOT = Path(lofe_sklearn.__file__).parents[1]
WITHOUT_TYPER = (
    "import sys; sys.modules['typer'] = None; from lofe_sklearn._command_line import main; "
    "main(sys.argv[1:])"
)


def run(*arguments, code=None, **options):
    start = ["-m", "lofe_sklearn"] if code is None else ["-c", code]
    options = {"capture_output": True, "text": True, "cwd": ROOT, **options}
    return subprocess.run([sys.executable, *start, *map(str, arguments)], check=False, **options)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["fit", "--help"], ["score", "--help"]]
)
def test_help_and_version_load_nothing_slow(arguments):
    code = (
        "import sys, contextlib\n"
        "from lofe_sklearn._command_line import main\n"
        f"with contextlib.suppress(SystemExit): main({arguments!r})\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    result = run(code=code)
    assert result.stdout.strip()
    loaded = {name.partition(".")[0] for name in result.stderr.split()}
    assert loaded.isdisjoint(["torch", "numpy", "pandas", "sklearn", "rich", "matplotlib"])


@pytest.mark.slow
def test_the_reader_of_a_pipe_may_close_it(model, folder):
    command = [sys.executable, "-m", "lofe_sklearn", "score", folder / "tomorrow.csv"]
    command += ["--model", model, "--top", "120", "--reasons", "0", "-q"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        result = subprocess.run(
            command, cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 141
    assert result.stderr == ""


ENDS = [
    ("SIGINT", 130, "interrupted"),
    ("SIGTERM", 143, "ended by SIGTERM"),
    ("SIGHUP", 129, "ended by SIGHUP"),
]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals for one process")
@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code", "message"), ENDS)
def test_an_interruption_leaves_no_file(sign, code, message, folder, tmp_path):
    command = [sys.executable, "-m", "lofe_sklearn", "fit", str(folder / "today.csv")]
    command += ["--model", str(tmp_path / "m.lofe"), "--output", str(tmp_path / "s.csv")]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        first = process.stderr.readline()
        time.sleep(0.2)
        process.send_signal(getattr(signal, sign))
        rest = process.stderr.read()
    assert "training" in first
    assert process.returncode == code
    assert rest.splitlines()[-1] == f"lofe: {message}"
    assert "Traceback" not in rest
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals for one process")
@pytest.mark.parametrize("sign", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_the_program_leaves_no_half_file(sign, tmp_path):
    number = getattr(signal, sign)

    def write_half_of_the_scores():
        with reported_errors(), writing_scores(tmp_path / "s.csv") as file:
            file._path.write_text("half of the scores")
            os.kill(os.getpid(), number)
            time.sleep(5)

    before = signal.signal(number, signal.SIG_DFL)  # nohup lets programs ignore SIGHUP
    try:
        with pytest.raises(SystemExit) as stop:
            write_half_of_the_scores()
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert stop.value.code == 128 + number
    assert os.listdir(tmp_path) == []


def test_without_typer_the_demo_is_there_and_other_commands_name_the_extra():
    for arguments in (["fit", "t.csv"], ["score", "t.csv"]):
        result = run(*arguments, code=WITHOUT_TYPER)
        assert result.returncode == 6
        assert "pip install 'lofe-sklearn[cli]'" in result.stderr
    assert "lofe-sklearn[cli]" in run("--help", code=WITHOUT_TYPER).stdout
    assert lofe_sklearn.__version__ in run("--version", code=WITHOUT_TYPER).stdout
    assert "--contamination" in run("demo", "--help", code=WITHOUT_TYPER).stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.slow
def test_a_terminal_gets_a_table_that_fits(width, model, folder):
    import fcntl
    import pty
    import struct
    import termios

    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    command = [sys.executable, "-m", "lofe_sklearn", "score", str(folder / "tomorrow.csv")]
    command += ["--model", str(model), "--id", "transaction_id", "--top", "3"]
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(
        command, cwd=ROOT, stdout=end, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        os.close(end)
        shown = b""
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # the process has ended
                break
            if not part:
                break
            shown += part
    assert process.returncode == 0
    lines = shown.decode().replace("\r", "").splitlines()
    assert lines[0].split() == ["rank", "transaction_id", "prob.", "score", "reasons"]
    assert max(map(len, lines)) <= width
    assert any("typically" in line for line in lines)
