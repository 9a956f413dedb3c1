"""What it costs to infer labels once an epoch instead of in each batch.

    python -m benchmarks study label-update

CPU seconds of a fit of eight members, both ways in turn and twice. The very first fit of the
process is one that does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.detectors import BACKBONES
from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.means import grouped, short_name
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE


def run(cell: Row) -> Iterator[Row]:
    """Time both ways, twice each."""
    X, _ = load_table(cell["dataset"])

    def fit(update: str) -> None:
        LOE(
            BACKBONES[cell["backbone"]](),
            contamination=0.1,
            n_estimators=8,
            init=None,
            evidence=None,
            label_update=update,
            random_state=0,
        ).fit(X)

    fit("batch")
    for update in ("batch", "epoch", "batch", "epoch"):
        seconds = cpu_seconds(lambda update=update: fit(update))
        yield {"label_update": update, "cpu_seconds": round(seconds, 2)}


def tables(rows: list[Row]) -> str:
    """Return the CPU seconds of all fits."""
    lines = [
        [short_name(dataset), *kind, ", ".join(str(row["cpu_seconds"]) for row in own)]
        for (dataset, *kind), own in grouped(rows, "dataset", "backbone", "label_update").items()
    ]
    return table(["set", "backbone", "labels for each", "CPU seconds"], lines)


STUDY = Study(
    "label-update",
    "CPU time of labels once an epoch instead of in each batch",
    axes={
        "dataset": Axis(("odds:thyroid",)),
        "backbone": Axis(("DeepSVDD", "AutoEncoder"), choices=tuple(BACKBONES)),
    },
    run=run,
    tables=tables,
)
