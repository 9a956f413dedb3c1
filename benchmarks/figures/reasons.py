"""Ways to explain a row of `LOE()`: the planted features that they name, and their time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import colors, looks
from benchmarks.ledger import Row

OURS = "explain"
WAYS = {
    "explain": OURS,
    "shap": "SHAP",
    "fall": "a typical row with\nthe row's value",
    "rise": "the row with a\ntypical value",
}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the mean share of planted features that each way names, and the time of a row."""
    rows = [row for row in rows if row["detector"] == "LOE"]
    of_way = [[row for row in rows if row["way"] == way] for way in WAYS]
    named = [100 * float(np.mean([row["hits"] for row in own])) for own in of_way]
    times = [float(np.mean([row["cpu_ms_per_row"] for row in own])) for own in of_way]
    n_sets = len({row["dataset"] for row in rows})
    drawing = looks.canvas(
        3.3,
        f"explain names {named[0]:.0f} % of planted features and SHAP\n"
        f"{named[1]:.0f} %, which takes {times[1] / times[0]:.0f} times as long",
        f"LOE() on {n_sets} sets; one feature moved by 5 or 10 standard deviations, or three by\n"
        "10. The lower two are the halves that explain is the mean of.",
    )
    left, right = drawing.subplots(1, 2, sharey=True)
    for axis, values, digits, title in (
        (left, named, 0, "named, %"),
        (right, times, 1, "CPU milliseconds a row"),
    ):
        looks.bars(axis, list(WAYS.values()), values, OURS, digits=digits)
        axis.set_title(title, fontsize=9.5, loc="left", color=colors.WORDS)
    looks.save(drawing, path)
