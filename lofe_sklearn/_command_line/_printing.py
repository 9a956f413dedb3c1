"""The list of rows on stdout: a table for people, or lines with tabs for other programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lofe_sklearn._command_line._exits import one_line, writing_to_stdout
from lofe_sklearn._command_line._plain_values import name_text, probability_text, reason_text
from lofe_sklearn._command_line._ranking import RankedRow


def print_rows(rows: Sequence[RankedRow], id_column: str | None, with_reasons: bool) -> None:
    """Print the list of the most anomalous rows.

    To a terminal goes a table, to anything else a header and one line for each row, with tabs
    between the fields; the columns are always the same.

    Raises
    ------
    CannotWrite
        If stdout cannot be written to, for instance because a disk is full.
    """
    if not rows:
        return
    with writing_to_stdout():
        if sys.stdout.isatty():
            _print_table(rows, id_column, with_reasons)
        else:
            _print_lines(rows, id_column)


def _print_lines(rows: Sequence[RankedRow], id_column: str | None) -> None:
    names = ["rank", "row", *([id_column] if id_column else [])]
    lines = [[*names, "probability", "anomaly_score", "flagged", "reasons"]]
    for row in rows:
        own = [str(row.rank), str(row.row), *([_name(row)] if id_column else [])]
        numbers = [f"{row.probability:.6g}", f"{row.anomaly_score:.6g}", str(int(row.flagged))]
        lines.append([*own, *numbers, "; ".join(map(reason_text, row.reasons))])
    sys.stdout.write("".join("\t".join(map(one_line, line)) + "\n" for line in lines))


def _print_table(rows: Sequence[RankedRow], id_column: str | None, with_reasons: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column(
        Text(one_line(id_column)) if id_column else "row",
        justify="left" if id_column else "right",
        overflow="fold",
        max_width=24,
    )
    table.add_column("prob.", justify="right", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    if with_reasons:
        table.add_column("reasons", overflow="fold", ratio=1)
    for row in rows:
        style = "bold" if row.flagged else "dim"
        name = _name(row) if id_column else str(row.row)
        cells = [
            Text(str(row.rank)),
            Text(name),
            Text(probability_text(row.probability) + ("*" if row.flagged else " "), style=style),
            Text(f"{row.anomaly_score:.2f}"),
        ]
        if with_reasons:
            cells.append(Text("\n".join(map(reason_text, row.reasons)) or "-"))
        table.add_row(*cells)
    console = Console(file=sys.stdout, highlight=False)
    console.print(table)
    console.print("prob.: probability of being an anomaly; *: flagged", style="dim")


def _name(row: RankedRow) -> str:
    return one_line(name_text(row.name) or "missing")
