"""Backbones beside each other, blind and with LOE, on both halves of ADBench's sets.

    python -m benchmarks study backbones
    python -m benchmarks study backbones --backbones RealNVP NeuTraL --sets 6_cardio --seeds 3

Fitted here: the LOE paper's tabular protocol at 10 %, with the ratio given, one model of each
backbone and method, its first labels by the evidence, as is the default. At most 3,000 rows of each
of the 22 sets: twelve that the defaults of LOE() were chosen on, and ten others. The other tables
are made of the rows of the suite `adbench`: all rows fitted and scored, with an assumed ratio of
.1, and clean rows for training, where LOE and DTE were run, beside what the paper of DTE has:

    python -m benchmarks run adbench --methods blind hard soft --seeds 2
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.detectors import BACKBONES
from benchmarks.ledger import RESULTS, Row, read
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import short, table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.quality import quality
from benchmarks.reports import anchors
from benchmarks.sets import CHOSEN_ON, LOOKED_AT, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, fit_many
from lofe_sklearn.datasets import loe_tabular_split

RATIO, MAX_ROWS = 0.1, 3_000
METHODS = ("blind", "soft", "hard")
FIGURES = ("roc_auc", "average_precision")
SETS = (*CHOSEN_ON, *LOOKED_AT)
HALVES = {"chosen on": CHOSEN_ON, "others": LOOKED_AT}


def run(cell: Row) -> Iterator[Row]:
    """Fit one backbone by all methods, in one stack."""
    seed = cell["seed"]
    X, y = load_table(cell["dataset"], MAX_ROWS)
    X, X_test, _, y_test = loe_tabular_split(X, y, contamination=RATIO, random_state=seed)
    backbone = BACKBONES[cell["backbone"]]
    detectors = [
        LOE(backbone(), method=method, contamination=RATIO, random_state=seed) for method in METHODS
    ]
    fitted: list[LOE] = []
    seconds = cpu_seconds(lambda: fitted.extend(fit_many(detectors, X)))
    for method, detector in zip(METHODS, fitted, strict=True):
        scores = detector.score_samples(X_test)
        yield {
            "method": method,
            "n_rows": len(X),
            **quality(y_test, scores, "roc_auc", "f1"),
            "fit_cpu_seconds": round(seconds / len(METHODS), 3),
        }


def tables(rows: list[Row]) -> str:
    """Return the means over both halves of the sets in both protocols, and F1 of each set."""
    parts = [f"The paper's protocol, ROC AUC / F1\n\n{_means(rows, ('roc_auc', 'f1'))}"]
    of_suite = {
        "All rows": _of_suite("unsupervised"),
        "One class, trained on clean rows": _of_suite("one_class") + _published("one_class"),
    }
    for protocol, own in of_suite.items():
        if own:
            parts.append(f"{protocol}, ROC AUC / average precision\n\n{_means(own, FIGURES)}")
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    lines = []
    for (backbone, method), own in grouped(rows, "backbone", "method").items():
        f1 = of_each_set(own, ["f1"])
        lines.append([backbone, method, *(short(f1[name][0], 2) for name in sets if name in f1)])
    header = ["backbone", "method", *map(short_name, sets)]
    parts.append(f"The paper's protocol, F1 of each set\n\n{table(header, lines)}")
    return "\n\n".join(parts)


def _means(rows: list[Row], figures: tuple[str, ...]) -> str:
    lines = []
    for (backbone, method), own in grouped(rows, "backbone", "method").items():
        parts = [[row for row in own if row["dataset"] in half] for half in HALVES.values()]
        means = [" / ".join(map(short, over_sets(part, figures))) for part in (*parts, own)]
        seconds = float(np.mean([row["fit_cpu_seconds"] for row in own]))
        lines.append([backbone, method, *means, "" if np.isnan(seconds) else f"{seconds:.2f}"])
    header = ["backbone", "method", *HALVES, "all sets", "CPU seconds a fit"]
    return table(header, lines)


def _of_suite(protocol: str) -> list[Row]:
    """Return the rows of the suite `adbench` of the same sets and their sizes."""
    path = RESULTS / "adbench.jsonl"
    rows = [
        row | {"backbone": row["detector"]}
        for row in (read([path]) if path.exists() else [])
        if row["detector"] in ("LOE", *BACKBONES)
        and row["dataset"] in SETS
        and (row["protocol"], row["max_rows"]) == (protocol, MAX_ROWS)
        and not row["params"]
        and not row["error"]
    ]
    return sorted(rows, key=lambda row: (row["backbone"], row["method"]))


def _published(protocol: str) -> list[Row]:
    """Return what the paper of DTE has of its categorical form, on the same sets."""
    own = {metric: anchors.adbench(protocol, metric).get("DTE-C", {}) for metric in FIGURES}
    keys = {dataset: anchors.adbench_key(dataset) for dataset in SETS}
    return [
        {"backbone": "DTE-C, published", "method": "blind", "dataset": dataset}
        | {metric: of_sets[key] / 100 for metric, of_sets in own.items()}
        | {"fit_cpu_seconds": np.nan}
        for dataset, key in keys.items()
        if all(key in of_sets for of_sets in own.values())
    ]


STUDY = Study(
    "backbones",
    "backbones blind and with LOE, on the sets that defaults were chosen on and on others",
    axes={
        "seed": Axis((0,)),
        "dataset": Axis(SETS),
        "backbone": Axis(
            ("DeepSVDD", "AutoEncoder", "TCCM", "DTE", "RealNVP"), choices=tuple(BACKBONES)
        ),
    },
    run=run,
    tables=tables,
)
