"""What each change to the training of NeuTraL and ICL bought, in the LOE paper's protocol.

    python -m benchmarks study ablation
    python -m benchmarks study ablation --backbones ICL --methods soft --sets odds:pendigits

With 10 % anomalies, in the paper's setting: one member, a blind warm-up, labels in each batch. The
changes come one after another:

    before   a blind warm-up of two epochs; then hard labels are 1, soft ones 1/2
    warm-up  one of at least 50 steps
    now      NeuTraL: all labels are 1/2 in the first half of the epochs, and in the second hard
             ones are 1, soft ones 3/4. ICL: the soft label is one minus the chance of telling a
             window from the others

Sets are split into the halves of the study `nothing-chosen`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.detectors import SETTINGS
from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import short, table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.quality import quality
from benchmarks.sets import load_table
from benchmarks.studies.nothing_chosen import HALVES, base
from benchmarks.study import Axis, Study
from lofe_sklearn import ICL, LOE, NeuTraL
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.datasets import loe_tabular_split

RATIO = 0.1
SETS = tuple(f"odds:{name}" for name in ("wine", "ecoli", "lympho", "vowels"))
HALF_OF = {base(name): half for half, names in HALVES.items() for name in names}


class EarlierNeuTraL(NeuTraL):
    """NeuTraL with the labels of the LOE paper, from the first to the last epoch."""

    def choose_soft_label(self, n_features: int) -> float:
        """Return the label of the LOE paper."""
        return 0.5

    def choose_first_label(self, n_features: int) -> None:
        """Return none: the labels are the same in all epochs."""


class EarlierICL(ICL):
    """ICL with the soft labels of the LOE paper."""

    def choose_soft_label(self, n_features: int) -> float:
        """Return the label of the LOE paper."""
        return 0.5


EARLIER: dict[str, type[Backbone]] = {"NeuTraL": EarlierNeuTraL, "ICL": EarlierICL}
NOW: dict[str, type[Backbone]] = {"NeuTraL": NeuTraL, "ICL": ICL}
CHANGES: dict[str, tuple[dict[str, type[Backbone]], dict[str, Any]]] = {
    "before": (EARLIER, {"warmup_epochs": 2}),
    "warm-up": (EARLIER, {}),
    "now": (NOW, {}),
}


def run(cell: Row) -> Iterator[Row]:
    """Fit one set and score its test rows."""
    X, y = load_table(cell["dataset"], None)
    X, X_test, _, y_test = loe_tabular_split(X, y, contamination=RATIO, random_state=cell["seed"])
    backbones, options = CHANGES[cell["change"]]
    detector = LOE(
        backbones[cell["backbone"]](),
        method=cell["method"],
        contamination=RATIO,
        random_state=cell["seed"],
        **(SETTINGS["paper"] | options),
    )
    seconds = cpu_seconds(partial(detector.fit, X))
    scores = detector.score_samples(X_test)
    yield {
        **quality(y_test, scores, "f1", "roc_auc"),
        "cpu_seconds": round(seconds, 2),
    }


def tables(rows: list[Row]) -> str:
    """Return the mean F1 over all sets, over each half, and of each set."""
    sets = sorted({row["dataset"] for row in rows})
    header = ["backbone", "method", "change", "F1", "half A", "half B", *map(short_name, sets)]
    lines = []
    for key, own in grouped(rows, "backbone", "method", "change").items():
        halves = [[r for r in own if HALF_OF.get(base(r["dataset"])) == half] for half in HALVES]
        means = [short(over_sets(some, ["f1"])[0]) for some in (own, *halves)]
        each = of_each_set(own, ["f1"])
        lines.append(
            [*key, *means, *(short(each[name][0], 2) if name in each else "" for name in sets)]
        )
    return table([*header, "CPU s"], [[*line, _seconds(rows, line)] for line in lines])


def _seconds(rows: list[Row], line: list[Any]) -> str:
    own = [r for r in rows if [r["backbone"], r["method"], r["change"]] == line[:3]]
    return f"{over_sets(own, ['cpu_seconds'])[0]:.1f}"


STUDY = Study(
    "ablation",
    "what each change to the training of NeuTraL and ICL bought in the LOE paper's protocol",
    axes={
        "backbone": Axis(tuple(NOW), choices=tuple(NOW)),
        "method": Axis(("hard", "soft"), choices=("hard", "soft")),
        "change": Axis(tuple(CHANGES), choices=tuple(CHANGES)),
        "seed": Axis((0, 1)),
        "dataset": Axis(SETS),
    },
    run=run,
    tables=tables,
)
