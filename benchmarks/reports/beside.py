"""Published figures beside ours, always over the same sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.detectors import ENSEMBLES
from benchmarks.reports import anchors
from benchmarks.reports.grid import METRICS, Column, Grid, Row, make_grid, name_columns, name_sets
from benchmarks.reports.tables import Sheet, Text, cell_text, figure

BELOW = 5.0  # points below the paper that are worth a line
# LOE's own choices of backbones are not in the paper; its best method on the mean is beside them.
BEST_OF_PAPER = "NeuTraL", "soft"

Published = Mapping[tuple[str, Column], float]


def with_paper(grid: Grid, columns: Sequence[Column], paper: Published, title: str) -> Sheet:
    """Print a grid with the paper's figure in brackets, and the mean over the sets that both have.

    Parameters
    ----------
    grid : Grid
    columns : sequence of Column
        Those of one detector.
    paper : mapping
        Per cent by (set, column).
    title : str

    Returns
    -------
    Sheet
    """
    places = [grid.columns.index(column) for column in columns]
    best = grid.means[:, places]
    best = best == np.nanmax(best, axis=1, keepdims=True, initial=-np.inf)
    rows = []
    for line, of_set in enumerate(grid.sets):
        row = [Text(of_set)]
        for place, column in enumerate(columns):
            ours, theirs = grid.cells.get((of_set, column)), paper.get((of_set, column))
            brackets = f" ({figure(theirs)})" if theirs is not None else ""
            row.append(Text(cell_text(ours) + brackets, bool(best[line, place])))
        rows.append(row)
    foot = [Text("mean, same sets")]
    for column in columns:
        both = _both(grid, column, paper)
        ours_theirs = np.mean(list(both.values()), axis=0) if both else (np.nan, np.nan)
        foot.append(Text(f"{figure(ours_theirs[0])} ({figure(ours_theirs[1])})"))
    names = [column.method or str(column) for column in columns]
    note = "In brackets: the paper. Its means are over the sets that have a figure of both."
    return Sheet(title, ["data set", *names], rows, [foot], [note])


def _both(grid: Grid, column: Column, paper: Published) -> dict[str, tuple[float, float]]:
    place = grid.columns.index(column)
    ours = dict(zip(grid.sets, grid.means[:, place], strict=True))
    return {
        of_set: (float(value), paper[of_set, column])
        for of_set, value in ours.items()
        if np.isfinite(value) and (of_set, column) in paper
    }


def paper_tabular(rows: Sequence[Row]) -> list[Sheet]:
    """Set our F1 beside the LOE paper's, for its backbones at its ratio of 10 %.

    Parameters
    ----------
    rows : list of dict

    Returns
    -------
    list of Sheet
        At first one over all methods, then one for each backbone; none where nothing compares.
    """
    rows = [
        row
        for row in rows
        if row.get("protocol") == "loe_tabular"
        and row.get("true_ratio") == 0.1
        and (row.get("assumed_ratio") == 0.1 or row.get("method") == "blind")
    ]
    columns, sets = name_columns(rows), name_sets(rows)
    grid = make_grid(rows, "f1")
    table = anchors.paper_tabular()
    paper: dict[tuple[str, Column], float] = {}
    for row, column, of_set in zip(rows, columns, sets, strict=True):
        own = row["detector"], column.method
        of_paper = BEST_OF_PAPER if row["detector"] in ENSEMBLES else own
        key = (anchors.paper_key(row["dataset"]), *of_paper)
        if key in table:
            paper[of_set, column] = table[key]
    families: dict[str, list[Column]] = {}
    for column in grid.columns:
        if any(column == there for _, there in paper):
            families.setdefault(column.family, []).append(column)
    if not families:
        return []
    sheets = [_glance(grid, [c for f in families.values() for c in f], paper)]
    for family, of_family in families.items():
        theirs = "'s " + ", ".join(BEST_OF_PAPER) if family in ENSEMBLES else "'s"
        title = f"F1, per cent: {family}, ours (the paper{theirs})"
        sheet = with_paper(grid, of_family, paper, title)
        low = [text for column in of_family if (text := _below(grid, column, paper))]
        sheet.notes.append(
            f"More than {BELOW:g} points below the paper: " + ("; ".join(low) or "none") + "."
        )
        sheets.append(sheet)
    return sheets


def _glance(grid: Grid, columns: Sequence[Column], paper: Published) -> Sheet:
    rows = []
    for column in columns:
        both = np.array(list(_both(grid, column, paper).values())).reshape(-1, 2)
        if not len(both):
            continue
        ours, theirs = both.mean(axis=0)
        low = int((both[:, 0] < both[:, 1] - BELOW).sum())
        high = int((both[:, 0] > both[:, 1] + BELOW).sum())
        texts = [str(len(both)), figure(ours), figure(theirs), figure(ours - theirs, sign=True),
                 str(low), str(high)]  # fmt: skip
        rows.append([Text(str(column)), *map(Text, texts)])
    header = ["detector", "sets", "ours", "the paper", "difference",
              f"sets {BELOW:g} points below", f"{BELOW:g} points above"]  # fmt: skip
    title = "Mean F1, per cent, over the sets that have a figure of both: ours and the LOE paper's"
    notes = []
    if any(column.detector in ENSEMBLES for column in columns):
        notes.append("Beside LOE's own choices of backbones: the paper's NeuTraL, soft.")
    return Sheet(title, header, rows, notes=notes)


def _below(grid: Grid, column: Column, paper: Published) -> str:
    low = {
        of_set: (ours, theirs)
        for of_set, (ours, theirs) in _both(grid, column, paper).items()
        if ours < theirs - BELOW
    }
    order = sorted(low, key=lambda of_set: low[of_set][0] - low[of_set][1])
    return f"{column}: " + ", ".join(
        f"{of_set} {figure(low[of_set][0])} ({figure(low[of_set][1])})" for of_set in order
    ) if low else ""  # fmt: skip


def published(
    grid: Grid,
    datasets: Mapping[str, str],
    theirs: Mapping[str, Mapping[str, float]],
    key: Callable[[str], str | None],
    source: str,
) -> list[Sheet]:
    """Put published detectors and ours into one order, over the sets that all of them have.

    Parameters
    ----------
    grid : Grid
    datasets : mapping
        Our data set by the name that it has in `grid`.
    theirs : mapping
        Per cent by detector and set.
    key : callable
        Our data set to the name that it has in `theirs`, None for no name.
    source : str
        Whose figures these are, for the title.

    Returns
    -------
    list of Sheet
        One of the detectors that have all of these sets, one of the others beside our best.
    """
    names = {line: key(datasets[grid.sets[line]]) for line in grid.common}
    every = {name for figures in theirs.values() for name in figures}
    lines = [line for line, name in names.items() if name in every]
    if not lines or not len(grid.counted):
        return []
    ours = {str(grid.columns[c]): grid.means[lines, c].mean() for c in grid.counted}
    first = max(ours, key=lambda name: ours[name])
    best_of_ours = grid.means[:, next(c for c in grid.counted if str(grid.columns[c]) == first)]
    everywhere, partly = [(name, "this run", mean) for name, mean in ours.items()], []
    for name, figures in theirs.items():
        there = [line for line in lines if np.isfinite(figures.get(names[line] or "", np.nan))]
        if not there:
            continue
        mean = float(np.mean([figures[names[line] or ""] for line in there]))
        if len(there) == len(lines):
            everywhere.append((name, source, mean))
        else:
            partly.append((name, len(there), mean, best_of_ours[there].mean()))
    metric = METRICS[grid.metric]
    sheets = []
    if len(everywhere) > len(ours):
        everywhere.sort(key=lambda each: -each[2])
        sheets.append(
            Sheet(
                f"Mean {metric}, per cent, over the same {len(lines)} sets: this run and {source}",
                ["detector", "measured by", "mean"],
                [[Text(n, w == "this run"), Text(w), Text(figure(m), w == "this run")]
                 for n, w, m in everywhere],
                notes=["Bold: this run. Not all have seen the same rows: caps, splits and seeds "
                       "are each source's own."],
            )
        )  # fmt: skip
    if partly:
        partly.sort(key=lambda each: each[3] - each[2])
        sheets.append(
            Sheet(
                f"Mean {metric}, per cent, of {source} on fewer sets, beside {first}",
                ["detector", "sets", "its mean", f"{first}, same sets", "difference"],
                [[Text(n), Text(str(k)), Text(figure(t)), Text(figure(o)),
                  Text(figure(o - t, sign=True))] for n, k, t, o in partly],
            )
        )  # fmt: skip
    return sheets
