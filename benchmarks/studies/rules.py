"""Label rules beside each other: which one serves where, and where it loses.

    python -m benchmarks study rules
    python -m benchmarks study rules --sets 6_cardio 45_wine --seeds 5

Two protocols. `all`: fit all rows, score the same rows; members assume ratios from .01 to .4, since
nobody knows the ratio. `paper`: the LOE paper's, on half of the normal rows and 10 % of anomalies,
scored on the rest, with the ratio .1 given. Two settings: two members of each of LOE's own
backbones from an isolation forest's first labels, and four of Deep SVDD from blind epochs, as in
the paper. At most 2,000 rows of six of the sets that LOE()'s defaults were chosen on, and of six
others. No parameter of a rule was tuned.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import colors
from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import short, table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.quality import quality
from benchmarks.sets import CHOSEN_ON, LOOKED_AT, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD, fit_many
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.rules import AAR, ALTBI, ODIM

MAX_ROWS = 2_000
INTERVAL, RATIO = (0.01, 0.4), 0.1
METHODS: dict[str, Any] = {
    "hard": "hard",
    "soft": "soft",
    "refine": "refine",
    "blind": "blind",
    "AAR, cut": AAR(),
    "AAR, posterior": AAR("posterior"),
    "ALTBI": ALTBI(),
    "ODIM": ODIM(),
}
BACKBONES: dict[str, dict[str, Any]] = {
    "default": {"estimator": None, "n_estimators": 4},
    "DeepSVDD": {"estimator": DeepSVDD(), "n_estimators": 4},
}
SETS = tuple(
    f"adbench:{name}"
    for name in (
        *("14_glass", "18_Ionosphere", "4_breastw", "29_Pima", "40_vowels", "6_cardio"),
        *("21_Lymphography", "31_satimage-2", "39_vertebral", "42_WBC", "45_wine", "10_cover"),
    )
)
FIGURES = ("roc_auc", "average_precision", "f1")


def applies(cell: Row) -> bool:
    """Whether it is one of the two settings: LOE's own, or close to that of the paper."""
    return (cell["backbone"], cell["init"]) in (("default", "iforest"), ("DeepSVDD", None))


def run(cell: Row) -> Iterator[Row]:
    """Fit all rules of one start in stacks."""
    X, y = load_table(cell["dataset"], MAX_ROWS)
    X_test, y_test, contamination = X, y, INTERVAL
    if cell["protocol"] == "paper":
        X, X_test, _, y_test = loe_tabular_split(
            X, y, contamination=RATIO, random_state=cell["seed"]
        )
        contamination = RATIO
    detectors = [
        LOE(
            method=METHODS[name],
            contamination=contamination,
            init=cell["init"],
            evidence=None,
            random_state=cell["seed"],
            **BACKBONES[cell["backbone"]],
        )
        for name in METHODS
    ]
    fitted: list[LOE] = []
    seconds = cpu_seconds(lambda: fitted.extend(fit_many(detectors, X)))
    for name, detector in zip(METHODS, fitted, strict=True):
        scores = detector.score_samples(X_test)
        yield {
            "method": name,
            "n_rows": len(X),
            **quality(y_test, scores),
            "labelled": round(float(np.mean(detector.labels_ == -1)), 4),
            "n_iter": detector.n_iter_,
            "all_rules_cpu_seconds": round(seconds, 2),
        }


def tables(rows: list[Row]) -> str:
    """Return the means over both halves of the sets, and the figure of each set."""
    parts = []
    in_order = sorted(
        rows, key=lambda row: (row["protocol"], list(BACKBONES).index(row["backbone"]))
    )
    for (protocol,), own in grouped(in_order, "protocol").items():
        second, name = ("average_precision", "AP") if protocol == "all" else ("f1", "F1")
        parts.append(f"{protocol}: ROC AUC / {name}\n\n{_means(own, ('roc_auc', second))}")
        for (backbone,), of_one in grouped(own, "backbone").items():
            parts.append(
                f"{protocol}: {name} of each set, {backbone}\n\n{_of_sets(of_one, second)}"
            )
    return "\n\n".join(parts)


def _means(rows: list[Row], figures: tuple[str, ...]) -> str:
    halves = {"chosen on": CHOSEN_ON, "others": LOOKED_AT}
    lines = []
    for (backbone, method), own in grouped(rows, "backbone", "method").items():
        parts = [[row for row in own if row["dataset"] in half] for half in halves.values()]
        means = [" / ".join(map(short, over_sets(part, figures))) for part in (*parts, own)]
        labelled = short(float(np.mean([row["labelled"] for row in own])), 2)
        lines.append([backbone, method, *means, labelled])
    return table(["backbones", "method", *halves, "all sets", "share labelled"], lines)


def _of_sets(rows: list[Row], figure: str) -> str:
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    lines = []
    for (method,), own in grouped(rows, "method").items():
        means = of_each_set(own, [figure])
        lines.append([method, *(short(means[name][0]) for name in sets)])
    return table(["method", *map(short_name, sets)], lines)


def draw(rows: list[Row], path: Path) -> None:
    """Draw the mean over all sets of each rule, with the ratio given and without."""
    from benchmarks import looks

    rows = [row for row in rows if row["backbone"] == "default"]
    panels = {
        "ratio given: F1": ("paper", "f1"),
        "no ratio: average precision": ("all", "average_precision"),
    }
    means = {
        title: {
            name: over_sets(of_one, [figure])[0]
            for (name,), of_one in grouped(
                [row for row in rows if row["protocol"] == protocol], "method"
            ).items()
        }
        for title, (protocol, figure) in panels.items()
    }
    names = sorted(METHODS, key=lambda name: -means["ratio given: F1"][name])
    best = [max(of, key=lambda name: of[name]) for of in means.values()]
    drawing = looks.canvas(
        3.7,
        f"With the ratio given, {best[0]} labels are the best;\nwithout it {best[1]}",
        f"Means over {len({row['dataset'] for row in rows})} sets, two members of each of LOE's "
        "own backbones.",
    )
    for axis, (title, of) in zip(drawing.subplots(1, 2, sharey=True), means.items(), strict=True):
        looks.bars(axis, names, [of[name] for name in names], "hard", digits=3)
        axis.set_title(title, fontsize=10, loc="left", color=colors.WORDS)
    looks.save(drawing, path)


STUDY = Study(
    "rules",
    "label rules: hard, soft, refine, blind, AAR, ALTBI and ODIM, in two protocols",
    axes={
        "seed": Axis((0,)),
        "backbone": Axis(tuple(BACKBONES), choices=tuple(BACKBONES)),
        "init": Axis(("iforest", None), choices=("iforest", None)),
        "protocol": Axis(("all", "paper"), choices=("all", "paper")),
        "dataset": Axis(SETS),
    },
    run=run,
    tables=tables,
    figure=draw,
    applies=applies,
)
