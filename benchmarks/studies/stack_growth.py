"""What a model costs in a stack of more and more models, and on more and more rows.

    python -m benchmarks study stack-growth
    python -m benchmarks study stack-growth --show --figure docs/images/fit_many.png

CPU time of `fit_many`, five epochs each, the better of two runs. Rows beyond those of the set are
drawn from it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import colors
from benchmarks.detectors import BACKBONES
from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.means import grouped, short_name
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, fit_many

N_EPOCHS = 5
N_MODELS = (1, 2, 4, 8, 16, 32, 64, 128)
# 0 for those of the set as it is.
N_ROWS = (0, 250, 500, 1000, 2000, 4000, 8000)


def applies(cell: Row) -> bool:
    """Whether the cell is on one of both lines: the set as it is, or 16 models."""
    return cell["n_rows"] == 0 or cell["n_models"] == 16


def run(cell: Row) -> Iterator[Row]:
    """Time a stack."""
    X, _ = load_table(cell["dataset"])
    if cell["n_rows"]:
        X = X[np.random.default_rng(0).integers(0, len(X), cell["n_rows"])]
    detectors = [
        LOE(
            BACKBONES[cell["backbone"]](max_epochs=N_EPOCHS),
            contamination=0.1,
            init=None,
            random_state=seed,
        )
        for seed in range(cell["n_models"])
    ]
    seconds = min(cpu_seconds(partial(fit_many, detectors, X)) for _ in range(2))
    yield {
        "rows": len(X),
        "cpu_seconds": round(seconds, 3),
        "cpu_ms_a_model_and_epoch": round(1000 * seconds / cell["n_models"] / N_EPOCHS, 3),
    }


def tables(rows: list[Row]) -> str:
    """Return the CPU time of a model and epoch."""
    columns = ("backbone", "n_models", "rows", "cpu_ms_a_model_and_epoch")
    return table(
        ["set", "backbone", "models", "rows", "CPU ms per model and epoch"],
        ([short_name(row["dataset"]), *(row[name] for name in columns)] for row in rows),
    )


def draw(rows: list[Row], path: Path) -> None:
    """Draw the time against the number of models and of rows."""
    from benchmarks import looks

    of_backbones = grouped(rows, "backbone")
    alone, together = (
        next(
            row["cpu_ms_a_model_and_epoch"]
            for row in of_backbones["DeepSVDD",]
            if row["n_rows"] == 0 and row["n_models"] == n_models
        )
        for n_models in (1, 64)
    )
    figure = looks.canvas(
        5.8,
        f"In a stack of 64, a Deep SVDD takes 1/{alone / together:.0f}\n"
        "of the time that it takes alone",
        "CPU milliseconds per model and epoch; both scales are logarithmic.",
    )
    titles = {"n_models": "models trained together, on cardio", "rows": "rows, 16 models"}
    for axis, (name, title) in zip(figure.subplots(2, 1), titles.items(), strict=True):
        for (backbone,), own in of_backbones.items():
            color = {"DeepSVDD": colors.OURS, "AutoEncoder": colors.ALSO_OURS}.get(backbone, "0.4")
            some = [row for row in own if (row["n_rows"] == 0) == (name == "n_models")]
            points = [(row[name], row["cpu_ms_a_model_and_epoch"]) for row in some]
            axis.loglog(*zip(*points, strict=True), marker="o", ms=5, lw=2, color=color)
            axis.annotate(
                backbone,
                points[-1],
                xytext=(9, 0),
                textcoords="offset points",
                va="center",
                fontsize=10,
                weight="bold",
                color=color,
            )
        low, high = axis.get_xlim()
        axis.set_xlim(low, high * 2.6)  # room for the names
        axis.set_title(title, fontsize=10.5, loc="left")
        axis.minorticks_off()
        axis.set_xticks(N_MODELS if name == "n_models" else N_ROWS[1:])
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        looks.plain(axis)
    looks.save(figure, path)


STUDY = Study(
    "stack-growth",
    "CPU time of a model in stacks of 1 to 128 models, and on more rows",
    axes={
        "dataset": Axis(("adbench:6_cardio",)),
        "backbone": Axis(("DeepSVDD", "AutoEncoder", "NeuTraL"), choices=tuple(BACKBONES)),
        "n_rows": Axis(N_ROWS, option="rows"),
        "n_models": Axis(N_MODELS, option="models"),
    },
    run=run,
    tables=tables,
    figure=draw,
    applies=applies,
)
