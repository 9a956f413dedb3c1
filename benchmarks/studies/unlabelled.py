"""Detectors without any label: users choose nothing, or guess a ratio.

    python -m benchmarks study unlabelled
    python -m benchmarks study unlabelled --ratios 0.01 0.05 0.2 --detectors LOE --seeds 1

Two protocols. `all`: fit all rows, score the same rows (ADBench's unsupervised one); its ratio is
none. `paper`: the LOE paper's, on half of the normal rows and the share --ratios of anomalies,
scored on the rest. At most 5,000 rows of each set. The parameters are the same for all sets and
ratios. Of the sets that the defaults were not chosen on, one seed is run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.classical import CLASSICAL
from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import cell_of_means, grouped, of_each_set, short_name
from benchmarks.quality import quality
from benchmarks.sets import CHOSEN_ON, LOOKED_AT, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn.datasets import loe_tabular_split

MAX_ROWS = 5_000
OURS: dict[str, Callable[[int], Any]] = {
    "LOE": lambda seed: LOE(random_state=seed),
    "LOE soft": lambda seed: LOE(method="soft", random_state=seed),
    "LOE 0.1": lambda seed: LOE(contamination=0.1, n_estimators=16, random_state=seed),
    "LOE no init": lambda seed: LOE(init=None, random_state=seed),
    "LOE DeepSVDD": lambda seed: LOE(DeepSVDD(), random_state=seed),
    "LOE AutoEncoder": lambda seed: LOE(AutoEncoder(), random_state=seed),
    "DeepSVDD blind": lambda seed: DeepSVDD(random_state=seed),
    "AutoEncoder blind": lambda seed: AutoEncoder(random_state=seed),
}
DETECTORS = OURS | CLASSICAL
FIGURES = ("roc_auc", "average_precision", "f1")
BEHIND = 0.05


def applies(cell: Row) -> bool:
    """Whether the protocol goes with the ratio, and the seed with the set."""
    is_ratio_right = (cell["ratio"] is None) == (cell["protocol"] == "all")
    return is_ratio_right and (cell["seed"] == 0 or cell["dataset"] not in LOOKED_AT)


def run(cell: Row) -> Iterator[Row]:
    """Do one fit."""
    X, y = load_table(cell["dataset"], MAX_ROWS, in_proportion=False)
    X_test, y_test, y_train = X, y, y
    if cell["protocol"] == "paper":
        X, X_test, y_train, y_test = loe_tabular_split(
            X, y, contamination=cell["ratio"], random_state=cell["seed"]
        )
    detector = DETECTORS[cell["detector"]](cell["seed"])
    start = time.process_time()
    detector.fit(X)
    seconds = time.process_time() - start
    scores = detector.score_samples(X_test)
    found = getattr(detector, "contamination_", None)
    yield {
        "n_rows": len(X),
        "n_features": X.shape[1],
        "true_ratio": round(float(np.mean(y_train)), 4),
        "found_ratio": None if found is None else round(float(found), 4),
        **quality(y_test, scores),
        "fit_cpu_seconds": round(seconds, 2),
    }


def tables(rows: list[Row]) -> str:
    """Return means over both halves of the sets, and the sets that `LOE()` is behind on."""
    halves = {"chosen on": CHOSEN_ON, "looked at afterwards": LOOKED_AT}
    header = ["protocol", "ratio", "detector"]
    header += [f"{name}: ROC AUC / AP / F1 (sets)" for name in halves]
    lines = []
    in_order = sorted(rows, key=lambda row: (row["protocol"], row["ratio"] or 0))
    for (protocol, ratio, detector), own in grouped(
        in_order, "protocol", "ratio", "detector"
    ).items():
        parts = ([row for row in own if row["dataset"] in half] for half in halves.values())
        cells = [cell_of_means(part, FIGURES) for part in parts]
        lines.append([protocol, "" if ratio is None else ratio, detector, *cells])
    return table(header, lines) + "".join(_behind(rows))


def _behind(rows: list[Row]) -> Iterator[str]:
    for (protocol, ratio), own in grouped(rows, "protocol", "ratio").items():
        auc = {
            detector: {name: mean[0] for name, mean in of_each_set(of_one, ["roc_auc"]).items()}
            for (detector,), of_one in grouped(own, "detector").items()
            if detector == "LOE" or detector in CLASSICAL
        }
        if len(auc) < 2 or "LOE" not in auc:
            continue
        found = []
        for dataset, ours in auc.pop("LOE").items():
            best = max(auc, key=lambda name: auc[name].get(dataset, 0))
            if auc[best].get(dataset, 0) > ours + BEHIND:
                text = f"{short_name(dataset)} {short(ours)}, {best} {short(auc[best][dataset])}"
                found.append(text)
        yield f"\n\nLOE() behind by more than {BEHIND}, {protocol} {ratio or ''}: "
        yield "; ".join(found) or "on no set"


STUDY = Study(
    "unlabelled",
    "LOE() and detectors of scikit-learn without labels or a ratio, on 22 sets of ADBench",
    axes={
        "protocol": Axis(("all", "paper"), choices=("all", "paper")),
        "ratio": Axis((None, 0.1)),
        "dataset": Axis((*CHOSEN_ON, *LOOKED_AT)),
        "detector": Axis(("LOE", *CLASSICAL), choices=tuple(DETECTORS)),
        "seed": Axis((0, 1)),
    },
    run=run,
    tables=tables,
    applies=applies,
)
