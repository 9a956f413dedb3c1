"""Exit codes of the program, and how errors become one line on stderr and a code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lofe_sklearn._errors_of_others import is_of_memory

OK = 0
UNEXPECTED = 1
USAGE = 2
BAD_DATA = 3
BAD_MODEL = 4
CANNOT_WRITE = 5
MISSING_PACKAGE = 6
INTERRUPTED = 130
BROKEN_PIPE = 141

_DEBUG = "LOFE_DEBUG"
# What ends a program from outside: timeouts and shutdowns, and a terminal that is closed. Windows
# has no SIGHUP.
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class CommandError(Exception):
    """An error that the user can do something about; its message is all that is shown."""

    code = UNEXPECTED


class UsageMistake(CommandError):
    """Options that do not go together."""

    code = USAGE


class BadData(CommandError):
    """A file of rows that cannot be used."""

    code = BAD_DATA


class BadModel(CommandError):
    """A file of a model that cannot be used."""

    code = BAD_MODEL


class CannotWrite(CommandError):
    """A file that cannot be written."""

    code = CANNOT_WRITE


class Ended(KeyboardInterrupt):
    """A signal that ends the program was received: temporary files are removed, as by Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turn errors into a line on stderr and ``SystemExit`` with a code of this file."""
    with _streams_for_any_text(), _reported_errors(), _signals_as_errors():
        yield


@contextmanager
def _reported_errors() -> Iterator[None]:
    try:
        yield
        sys.stdout.flush()
    except CommandError as error:
        _stop(error.code, str(error))
    except ImportError as error:
        _stop(MISSING_PACKAGE, str(error))
    except Ended as error:
        _stop(128 + error.number, f"ended by {signal.Signals(error.number).name}")
    except KeyboardInterrupt:
        _stop(INTERRUPTED, "interrupted")
    except BrokenPipeError:
        _let_go_of_stdout()
        raise SystemExit(BROKEN_PIPE) from None
    except Exception as error:
        if is_of_memory(error):
            _stop(BAD_DATA, "there is not enough memory for these rows; fit a part of them")
        if os.environ.get(_DEBUG):
            raise
        _stop(
            UNEXPECTED,
            f"unexpected {type(error).__name__}: {error} (with {_DEBUG}=1 in the environment, "
            "the traceback is shown)",
        )


@contextmanager
def _signals_as_errors() -> Iterator[None]:
    """Raise `Ended` for signals that would end the process at once, and leave its files behind."""

    def end(number: int, frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
        raise Ended(number)

    # Others are ignored, as by nohup, or handled by the program that has called `main`.
    is_main = threading.current_thread() is threading.main_thread()
    own = [number for number in _ENDING if is_main and signal.getsignal(number) == signal.SIG_DFL]
    for number in own:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in own:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def writing_to_stdout() -> Iterator[None]:
    """Report that stdout cannot be written to, as on a full disk.

    Raises
    ------
    CannotWrite
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _let_go_of_stdout()
        raise CannotWrite(
            f"the list of rows cannot be written to stdout: {error.strerror or error}"
        ) from error


@contextmanager
def _streams_for_any_text() -> Iterator[None]:
    r"""Write signs that the encoding of stdout lacks as \u....; a closed stream takes all text."""
    closed = [name for name in ("stdout", "stderr") if getattr(sys, name) is None]
    for name in closed:
        # It gets the number of the closed one, which a file that is written must not get.
        setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    stdout, errors = sys.stdout, getattr(sys.stdout, "errors", None)
    is_strict = errors in ("strict", "surrogateescape") and hasattr(stdout, "reconfigure")
    if is_strict:
        stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        yield
    finally:
        if is_strict and not stdout.closed:
            with suppress(OSError):
                stdout.reconfigure(errors=errors)  # type: ignore[union-attr]
        for name in closed:
            getattr(sys, name).close()
            setattr(sys, name, None)


def one_line(text: str) -> str:
    """Return text without line breaks and without control characters of terminals."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(str(text).split()))


def say(text: str) -> None:
    """Write a line to stderr."""
    with suppress(OSError):  # the pipe or the terminal may be closed
        sys.stderr.write(f"lofe: {one_line(text)}\n")
        sys.stderr.flush()


def _stop(code: int, message: str) -> None:
    say(message)
    raise SystemExit(code) from None


def _let_go_of_stdout() -> None:
    """Keep Python from writing to a closed pipe once more when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
