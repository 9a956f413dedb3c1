"""Label rules beside each other: which one serves where, and where it loses.

    python -m benchmarks study rules
    python -m benchmarks study rules --backbones DeepSVDD --sets 6_cardio 45_wine --seeds 5

Two protocols. `all`: fit all rows, score the same rows; members assume ratios from .01 to .4, since
nobody knows the ratio. `paper`: the LOE paper's, on half of the normal rows and 10 % of anomalies,
scored on the rest, with the ratio .1 given. Ensembles of four members, two of each of LOE's own
backbones or all of Deep SVDD, start from an isolation forest's labels or blind. At most 2,000 rows
of six of the sets that LOE()'s defaults were chosen on, and of six others. No parameter of a rule
was tuned. What labels no row, blind and ODIM, is the same from both starts. The default backbones
from the forest's labels are run with two seeds, the others with one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import short, table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.sets import CHOSEN_ON, LOOKED_AT, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD, fit_many
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.metrics import average_precision, f1_at_true_ratio, roc_auc
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
WITHOUT_LABELS = ("blind", "ODIM")
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
    """Whether a cell is run: LOE's own backbones and start twice, the others once."""
    is_default = cell["backbone"] == "default" and cell["init"] == "iforest"
    return is_default or cell["seed"] == 0


def run(cell: Row) -> Iterator[Row]:
    """Fit all rules of one start in stacks."""
    X, y = load_table(cell["dataset"], MAX_ROWS)
    X_test, y_test, contamination = X, y, INTERVAL
    if cell["protocol"] == "paper":
        X, X_test, _, y_test = loe_tabular_split(
            X, y, contamination=RATIO, random_state=cell["seed"]
        )
        contamination = RATIO
    names = [n for n in METHODS if cell["init"] is not None or n not in WITHOUT_LABELS]
    detectors = [
        LOE(
            method=METHODS[name],
            contamination=contamination,
            init=cell["init"],
            random_state=cell["seed"],
            **BACKBONES[cell["backbone"]],
        )
        for name in names
    ]
    fitted: list[LOE] = []
    seconds = cpu_seconds(lambda: fitted.extend(fit_many(detectors, X)))
    for name, detector in zip(names, fitted, strict=True):
        scores = detector.score_samples(X_test)
        yield {
            "method": name,
            "n_rows": len(X),
            "roc_auc": round(float(roc_auc(y_test, scores)), 4),
            "average_precision": round(float(average_precision(y_test, scores)), 4),
            "f1": round(float(f1_at_true_ratio(y_test, scores)), 4),
            "labelled": round(float(np.mean(detector.labels_ == -1)), 4),
            "n_iter": detector.n_iter_,
            "all_rules_cpu_seconds": round(seconds, 2),
        }


def tables(rows: list[Row]) -> str:
    """Return the means over both halves of the sets, and the figure of each set."""
    halves = {"chosen on": CHOSEN_ON, "others": LOOKED_AT}
    parts = []
    in_order = sorted(rows, key=lambda row: (row["backbone"], row["init"] or ""))
    for (protocol,), of_protocol in sorted(grouped(in_order, "protocol").items()):
        figures = ("roc_auc", "average_precision") if protocol == "all" else ("roc_auc", "f1")
        named = "ROC AUC / " + ("AP" if protocol == "all" else "F1")
        lines, of_sets = [], []
        names = sorted({row["dataset"] for row in rows}, key=SETS.index)
        groups = grouped(of_protocol, "backbone", "init", "method")
        for (backbone, init, method), own in groups.items():
            start = "" if method in WITHOUT_LABELS else str(init)
            cells = [
                " / ".join(map(short, over_sets([r for r in own if r["dataset"] in half], figures)))
                for half in halves.values()
            ]
            everywhere = " / ".join(map(short, over_sets(own, figures)))
            labelled = short(float(np.mean([row["labelled"] for row in own])))
            lines.append([method, backbone, start, *cells, everywhere, labelled])
            if backbone == "default" and init is not None:
                means = of_each_set(own, figures)
                of_sets.append([method, *(short(means[name][1]) for name in names)])
        header = ["method", "backbones", "init", *halves, "all sets", "rows labelled"]
        parts.append(f"{protocol}: {named}\n\n{table(header, lines)}")
        shown = [short_name(name).partition("_")[2] for name in names]
        title = f"{protocol}: {named[10:]} of each set, default backbones, init='iforest'"
        parts.append(f"{title}\n\n{table(['method', *shown], of_sets)}")
    return "\n\n".join(parts)


STUDY = Study(
    "rules",
    "label rules: hard, soft, refine, blind, AAR, ALTBI and ODIM, in two protocols",
    axes={
        "seed": Axis((0, 1)),
        "backbone": Axis(tuple(BACKBONES), choices=tuple(BACKBONES)),
        "init": Axis(("iforest", None), choices=("iforest", None)),
        "protocol": Axis(("all", "paper"), choices=("all", "paper")),
        "dataset": Axis(SETS),
    },
    run=run,
    tables=tables,
    applies=applies,
)
