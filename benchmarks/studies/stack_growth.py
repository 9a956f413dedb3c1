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
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, ScalarFormatter

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    for (backbone,), own in grouped(rows, "backbone").items():
        by_models = [row for row in own if row["n_rows"] == 0]
        by_rows = [row for row in own if row["n_rows"] != 0]
        for axis, some, name in ((axes[0], by_models, "n_models"), (axes[1], by_rows, "rows")):
            axis.plot(
                [row[name] for row in some],
                [row["cpu_ms_a_model_and_epoch"] for row in some],
                marker="o",
                label=backbone,
            )
    axes[0].set(xlabel="models trained together", ylabel="CPU ms per model and epoch")
    axes[1].set(xlabel="rows, 16 models", ylabel="CPU ms per model and epoch")
    for axis in axes:
        axis.set(xscale="log", yscale="log")
        axis.grid(alpha=0.3)
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.minorticks_off()
    axes[0].set_xticks(N_MODELS)
    axes[1].set_xticks(N_ROWS[1:])
    axes[0].set_yticks([1, 2, 5, 10, 20, 50])
    axes[0].legend()
    figure.savefig(path, dpi=130)


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
