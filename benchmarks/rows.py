"""What every row of a result file says besides its figures."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime

from benchmarks.ledger import Row
from benchmarks.machine import describe


def facts(command: str) -> Row:
    """Return when and by which command a row was made, the machine and the versions."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"time": now, "command": command, **describe()}


def error_text(error: Exception) -> str:
    """Return what went wrong, and in which function."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({frame.name}, line {frame.lineno})" for frame in last)
    return f"{type(error).__name__}: {error}{where}"
