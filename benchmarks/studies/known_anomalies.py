"""What are a few known anomalies worth where no normal row is known, and by which objective?

    python -m benchmarks study known-anomalies
    python -m benchmarks study known-anomalies --sets 6_cardio --known 1 --seeds 5

The LOE paper's tabular protocol at 10 %, with the ratio given. Of the anomalies among the training
rows some are known, drawn at random: 5 or 20, but no more than half of them. One member of each of
LOE's own backbones, without evidence, so that nothing but the objective differs. `known_weight` is
how much the mean over the known anomalies counts beside that over all other rows; None lets each
row count the same. At most 3,000 rows of each of ADBench's 22 sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import short, table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.quality import quality
from benchmarks.sets import CHOSEN_ON, LOOKED_AT, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, fit_many
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.rules import PURisk

RATIO, MAX_ROWS = 0.1, 3_000
WAYS: dict[str, dict[str, Any]] = {
    "blind": {"method": "blind"},
    "blind, known_weight=0.1": {"method": "blind", "known_weight": 0.1},
    "PURisk": {"method": PURisk()},
    "soft": {"method": "soft"},
    "hard": {"method": "hard"},
    "hard, known_weight=0.1": {"method": "hard", "known_weight": 0.1},
    "hard, known_weight=1": {"method": "hard", "known_weight": 1.0},
}
UNTOLD = "hard, none known"
FIGURES = ("roc_auc", "f1")


def run(cell: Row) -> Iterator[Row]:
    """Fit all ways to one split and one choice of known anomalies, in stacks."""
    X, y = load_table(cell["dataset"], MAX_ROWS)
    seed = cell["seed"]
    X, X_test, y, y_test = loe_tabular_split(X, y, contamination=RATIO, random_state=seed)
    anomalies = np.random.default_rng(seed).permutation(np.flatnonzero(y == 1))
    known = np.zeros(len(X), dtype=bool)
    known[anomalies[: min(cell["n_known"], len(anomalies) // 2)]] = True
    detectors = {name: _detector(seed, **options) for name, options in WAYS.items()}
    fitted: list[LOE] = []
    seconds = cpu_seconds(
        lambda: fitted.extend(fit_many(list(detectors.values()), X, known_anomalies=known))
    )
    fitted.append(_detector(seed, method="hard").fit(X))
    for name, detector in zip((*detectors, UNTOLD), fitted, strict=True):
        scores = detector.score_samples(X_test)
        yield {
            "way": name,
            "n_rows": len(X),
            "n_known_anomalies": int(known.sum()),
            **quality(y_test, scores, "roc_auc", "f1"),
            "all_ways_cpu_seconds": round(seconds, 2),
        }


def _detector(seed: int, **options: Any) -> LOE:
    return LOE(
        [DeepSVDD(), AutoEncoder()],
        contamination=RATIO,
        evidence=None,
        random_state=seed,
        **options,
    )


def tables(rows: list[Row]) -> str:
    """Return the means over both halves of the sets by number of known rows, and F1 of each set."""
    halves = {"chosen on": CHOSEN_ON, "others": LOOKED_AT}
    numbers = sorted({row["n_known"] for row in rows})
    lines = []
    for (way,), own in grouped(rows, "way").items():
        line = [way]
        for n_known, half in ((n, half) for n in numbers for half in halves.values()):
            part = [r for r in own if r["n_known"] == n_known and r["dataset"] in half]
            line.append(" / ".join(map(short, over_sets(part, FIGURES))))
        lines.append(line)
    header = [f"{n} known: {name}" for n in numbers for name in halves]
    parts = [f"ROC AUC / F1\n\n{table(['objective', *header], lines)}"]
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    for n_known in numbers:
        of_number = [row for row in rows if row["n_known"] == n_known]
        lines = []
        for (way,), own in grouped(of_number, "way").items():
            means = of_each_set(own, ["f1"])
            lines.append([way, *(short(means[name][0], 2) for name in sets if name in means)])
        parts.append(
            f"F1, {n_known} known\n\n{table(['objective', *map(short_name, sets)], lines)}"
        )
    return "\n\n".join(parts)


STUDY = Study(
    "known-anomalies",
    "known anomalies without known normal rows: LOE's labels, blind training and the PU risk",
    axes={
        "seed": Axis((0,)),
        "n_known": Axis((5, 20), option="known"),
        "dataset": Axis((*CHOSEN_ON, *LOOKED_AT)),
    },
    run=run,
    tables=tables,
)
