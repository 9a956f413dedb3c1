"""Tables as Markdown and as LaTeX (booktabs)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.reports.grid import (
    METRICS,
    Cell,
    Column,
    Grid,
)

WIDE = 8  # detectors that are still read side by side

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "†": r"\dag{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
}  # fmt: skip


@dataclass(frozen=True)
class Text:
    """What is in one cell of a printed table."""

    text: str
    bold: bool = False


@dataclass
class Sheet:
    """A printed table: `rows`, and below a line `foot`; `notes` stand under it."""

    title: str
    header: list[str]
    rows: list[list[Text]]
    foot: list[list[Text]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the table as Markdown, without its title."""
        lines = [_markdown_line([Text(name) for name in self.header])]
        lines.append("|---" + "|---:" * (len(self.header) - 1) + "|")
        lines += [_markdown_line(row) for row in self.rows]
        # Markdown has no line between rows: the names of the last ones are set apart.
        lines += [
            _markdown_line([Text(f"*{_markdown(row[0].text)}*", bold=False), *row[1:]], raw=True)
            for row in self.foot
        ]
        return "\n".join(lines) + "".join(f"\n\n{note}" for note in self.notes) + "\n"

    def latex(self, label: str, subject: str = "") -> str:
        """Return the table as a LaTeX float, `subject` in its caption; it needs booktabs."""
        title = f"{self.title} ({subject})." if subject else f"{self.title}."
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_escape(' '.join([title, *self.notes]))}}}",
            rf"\label{{{label}}}",
            r"\begin{tabular}{l" + "r" * (len(self.header) - 1) + "}",
            r"\toprule",
            _latex_line([Text(name) for name in self.header]),
            r"\midrule",
            *[_latex_line(row) for row in self.rows],
        ]
        if self.foot:
            lines += [r"\midrule", *[_latex_line(row) for row in self.foot]]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _markdown_line(row: Sequence[Text], raw: bool = False) -> str:
    cells = [
        f"**{_markdown(cell.text)}**" if cell.bold else (cell.text if raw else _markdown(cell.text))
        for cell in row
    ]
    # A mean and its deviation stay on one line.
    return ("| " + " | ".join(cells) + " |").replace(" ± ", "\u00a0±\u00a0")


def _markdown(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")


def _latex_line(row: Sequence[Text]) -> str:
    cells = [latex_escape(cell.text) for cell in row]
    cells = [
        rf"\textbf{{{text}}}" if cell.bold else text for cell, text in zip(row, cells, strict=True)
    ]
    return " & ".join(cells) + r" \\"


def latex_escape(text: str) -> str:
    r"""Return `text` so that LaTeX prints it.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> print(latex_escape("5_a & 10%"))
    5\_a \& 10\%
    """
    return "".join(_LATEX.get(letter, letter) for letter in text)


def figure(value: float, sign: bool = False) -> str:
    """Return a figure in per cent with one digit; a dash for nan."""
    if np.isnan(value):
        return "-"
    return f"{value:+.1f}" if sign else f"{value:.1f}"


def seconds(value: float) -> str:
    """Return seconds with two significant digits, whole ones from ten on."""
    if np.isnan(value):
        return "-"
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.2g}"


def cell_text(cell: Cell | None) -> str:
    """Return mean ± standard deviation of a cell, a dagger where fits of it failed."""
    if cell is None or (not cell.values and not cell.failed):
        return "-"
    if not cell.values:
        return "failed†"
    deviation = f" ± {cell.std:.1f}" if np.isfinite(cell.std) else ""
    return figure(cell.mean) + deviation + "†" * bool(cell.failed)


def grid_sheets(grid: Grid) -> list[Sheet]:
    """Print a grid: one table, or where it is wide a summary and then the sets in parts.

    Parameters
    ----------
    grid : Grid

    Returns
    -------
    list of Sheet
    """
    what = f"{METRICS[grid.metric]}, per cent"
    columns = list(grid.columns)
    if len(columns) <= WIDE:
        sheet = _sets(grid, columns, what)
        sheet.foot = _foot(grid, columns)
        sheet.notes = notes(grid)
        return [sheet]
    first = _summary(grid, what)
    summary = grid.summary()
    columns.sort(key=lambda c: summary[c]["rank"] if c in summary else np.inf)
    n_parts = -(-len(columns) // (WIDE - 1))
    size = -(-len(columns) // n_parts)
    parts = [columns[i : i + size] for i in range(0, len(columns), size)]
    sheets = [first]
    for number, part in enumerate(parts, start=1):
        sheets.append(_sets(grid, part, f"{what}, set by set, part {number} of {len(parts)}"))
        sheets[-1].notes = (
            ["Detectors in the order of their mean ranks; bold: the best of the set in all parts."]
            if number == 1
            else []
        )
    return sheets


def _sets(grid: Grid, columns: Sequence[Column], title: str) -> Sheet:
    places = [grid.columns.index(column) for column in columns]
    rows = [
        [
            Text(of_set),
            *[
                Text(cell_text(grid.cells.get((of_set, column))), bool(grid.best[line, place]))
                for place, column in zip(places, columns, strict=True)
            ],
        ]
        for line, of_set in enumerate(grid.sets)
    ]
    return Sheet(title, ["data set", *map(str, columns)], rows)


_LINES: dict[str, tuple[str, Callable[[Any], str], Callable[[Any], Any] | None]] = {
    "mean": ("mean", figure, max),
    "rank": ("mean rank", lambda value: f"{value:.2f}", min),
    "wins": ("wins", str, max),
    "wall": ("seconds a fit", seconds, None),
    "cpu": ("CPU seconds a fit", seconds, None),
}


def _foot(grid: Grid, columns: Sequence[Column]) -> list[list[Text]]:
    summary = grid.summary()
    if not summary:
        return []
    return [[Text(_LINES[key][0]), *[_figure_of(summary, c, key) for c in columns]]
            for key in _LINES]  # fmt: skip


def _figure_of(summary: dict[Column, dict[str, float]], column: Column, key: str) -> Text:
    _, form, best = _LINES[key]
    if column not in summary:
        return Text("-")
    shown = form(summary[column][key])
    if best is None or len(summary) < 2:
        return Text(shown)
    return Text(shown, shown == form(best(each[key] for each in summary.values())))


def _summary(grid: Grid, title: str) -> Sheet:
    summary = grid.summary()
    order = sorted(summary, key=lambda column: summary[column]["rank"])
    order += [column for column in grid.columns if column not in summary]
    there = np.isfinite(grid.means).sum(axis=0)
    rows = [
        [
            Text(str(column)),
            *[_figure_of(summary, column, key) for key in _LINES],
            Text(str(there[grid.columns.index(column)])),
        ]
        for column in order
    ]
    header = ["detector", *[line[0] for line in _LINES.values()], "sets"]
    return Sheet(f"{title}, in the order of the mean ranks", header, rows, notes=notes(grid))


def notes(grid: Grid) -> list[str]:
    """Say what the figures of a grid are over, and what is missing in it."""
    n_sets, n_common = len(grid.sets), len(grid.common)
    out = []
    if not n_common:
        out.append("No set has results of every detector, so there are no means and no ranks.")
    elif n_common < n_sets:
        out.append(
            f"Means, ranks, wins and seconds are over the {n_common} of {n_sets} sets on which "
            "every detector has a result."
        )
    else:
        out.append(f"Means, ranks, wins and seconds are over all {_count(n_sets, 'set')}.")
    left = [str(c) for i, c in enumerate(grid.columns) if i not in grid.counted]
    if left:
        out.append(f"On too few sets to be counted in them: {'; '.join(left)}.")
    missing = _missing(grid)
    if missing:
        out.append("Without a result: " + "; ".join(missing) + ".")
    uneven = _uneven(grid)
    if uneven:
        out.append("Means over fewer fits than the others: " + "; ".join(uneven) + ".")
    if any(cell.failed for cell in grid.cells.values()):
        out.append("† fits of it failed; they are listed below the tables.")
    return out


def _missing(grid: Grid) -> list[str]:
    out = []
    for place in grid.counted:
        sets = [
            s for s, mean in zip(grid.sets, grid.means[:, place], strict=True) if np.isnan(mean)
        ]
        if sets:
            out.append(f"{grid.columns[place]} on {', '.join(sets)}")
    return out


def _uneven(grid: Grid) -> list[str]:
    counts = {key: len(cell.values) for key, cell in grid.cells.items() if cell.values}
    usual = max(counts.values(), default=0)
    fewer = [(c, s, n) for (s, c), n in counts.items() if n < usual]
    if len(fewer) > 6:
        return [f"{len(fewer)} of the {len(counts)} cells, which have less than {usual}"]
    return [f"{column} on {of_set} ({n} of {usual})" for column, of_set, n in fewer]


def _count(number: int, name: str) -> str:
    return f"{number} {name}" + "s" * (number != 1)
