"""The picture of the study `growth`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.ledger import Row

FIGURES = {
    "fit_seconds": "fit, CPU s",
    "score_seconds": "score, CPU s",
    "file_kb": "file, kB",
    "memory_mb": "memory of the fit, MB",
    "score_memory_mb": "memory of scoring, MB",
}
# By width, as multiples of a forest's on the same rows: not all widths were measured on one day.
MULTIPLES = {
    "fit_multiple": "fit, times a forest's fit and score",
    "score_multiple": "score, times a forest's",
}
# Rows and features on which members grow.
MEMBERS_OF = 10_000, 30
# The width whose rows are drawn for all detectors, and the rows whose width is.
WIDTH, ROWS = 30, 100_000
COLORS = {
    "LOE()": "C0",
    "LOE(), float32": "C9",
    "DeepSVDD()": "C2",
    "IsolationForest()": "C1",
    "pyod.AutoEncoder": "C3",
    "deepod.DeepSVDD": "C4",
}
# Lower values are drawn here, as a logarithm has no zero.
LEAST = {"memory_mb": 1.0, "score_memory_mb": 1.0}


def draw(rows: list[Row], path: Path) -> None:
    """Draw each figure against the number of rows, and time against features and members."""
    from matplotlib.figure import Figure

    plain = [row for row in rows if not row["n_members"]]
    by_rows = [row for row in plain if row["n_features"] == WIDTH]
    by_width = _multiples([row for row in plain if row["n_rows"] == ROWS])
    by_members = [row for row in rows if row["n_members"]]
    figure = Figure(figsize=(12, 10), layout="constrained")
    axes = figure.subplots(3, 3)
    of_rows, of_width = f"rows (of {WIDTH} features)", f"features (of {ROWS:,} rows)"
    of_members = "members, or trees ({:,} rows of {} features)".format(*MEMBERS_OF)
    panels: list[tuple[str, list[Row], str, str]] = [
        *((name, by_rows, "n_rows", of_rows) for name in FIGURES),
        *((name, by_width, "n_features", of_width) for name in MULTIPLES),
        *((name, by_members, "n_members", of_members) for name in ("fit_seconds", "file_kb")),
    ]
    for axis, panel in zip(axes.flat, panels, strict=True):
        _lines(axis, *panel)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=100)


def _multiples(rows: list[Row]) -> list[Row]:
    """Return the rows of our detectors, with their times over those of a forest."""
    forests = {row["n_features"]: row for row in rows if row["detector"] == "IsolationForest()"}
    multiples = []
    for row in rows:
        forest = forests.get(row["n_features"])
        if forest is None or row["detector"] not in ("LOE()", "DeepSVDD()"):
            continue
        whole = forest["fit_seconds"] + forest["score_seconds"]
        own = {
            "fit_multiple": row["fit_seconds"] / whole,
            "score_multiple": row["score_seconds"] / forest["score_seconds"],
        }
        multiples.append({**row, **own})
    return multiples


def _lines(axis: Any, name: str, rows: list[Row], over: str, label: str) -> None:
    for detector, color in COLORS.items():
        points = sorted(
            (row[over], max(row[name], LEAST.get(name, 0.0)))
            for row in rows
            if row["detector"] == detector
            and row[name] is not None
            # The file of a detector that was fitted to fewer rows is no larger.
            and (name != "file_kb" or row["fit_seconds"] is not None)
        )
        if len(points) > 1:
            axis.plot(
                *zip(*points, strict=True), marker="o", markersize=4, label=detector, color=color
            )
    title, _, unit = (FIGURES | MULTIPLES)[name].partition(", ")
    axis.set(xscale="log", yscale="log", xlabel=label, ylabel=unit)
    axis.set_title(f"{title}, by {label.partition(' ')[0].rstrip(',')}", fontsize="medium")
    if over != "n_rows":
        ticks = sorted({row[over] for row in rows})
        axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axis.minorticks_off()
    axis.grid(alpha=0.3)
