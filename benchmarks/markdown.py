"""Tables in Markdown, of texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a table with a line for each of `lines`."""
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


def short(value: float, digits: int = 3) -> str:
    """Return a figure below 1 without its zero: .905."""
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
