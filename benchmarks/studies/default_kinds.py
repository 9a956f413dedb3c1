"""What LOE trains by default: an autoencoder or a flow beside Deep SVDD, and its first labels.

    python -m benchmarks study default-kinds
    python -m benchmarks study default-kinds --protocols paper --seeds 3

Two protocols, at most 1,000 rows. `paper`: the LOE paper's, 10 % of the training rows are
anomalies, scored on other rows. `all`: all rows are fitted and the same rows scored. The ratio is
given, with 2 members, as many as there are by default, or 12; or not given, with 12. "A" is Deep
SVDD and an autoencoder, which were the default before, "R" Deep SVDD and RealNVP. "Forest" are
first labels by an isolation forest, "evidence" those by the mean of the evidence. Evidence counts
as it does by default.

A flow beside the autoencoder, TCCM in its place, first labels by the evidence where no ratio is
given, and LOF and histograms as further evidence were tried on 1,000 and 2,000 rows, one seed. What
they gained in one situation they lost in another. Halves are those of the study nothing-chosen, and
what was chosen was ahead on both of them, on the same rows and seed as here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import short, table
from benchmarks.means import grouped, over_sets
from benchmarks.sets import ODDS, load_table
from benchmarks.studies.kinds import brisk, half_of
from benchmarks.studies.nothing_chosen import HALVES
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, fit_many
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.metrics import average_precision, f1_at_true_ratio, roc_auc

MAX_ROWS, RATIO = 1_000, 0.1
SETS = tuple(f"odds:{name}" for name in ODDS if name != "mulcross")
FIGURES = ("roc_auc", "average_precision", "f1")
# kinds, first labels, members where the ratio is given; None where it is not.
WAYS: dict[tuple[str, str, int | None], dict[str, Any]] = {
    ("A", "forest", 2): {"init": "iforest"},
    ("R", "forest", 2): {"init": "iforest"},
    ("R", "evidence", 2): {},
    ("A", "forest", 12): {"n_estimators": 12, "init": "iforest"},
    ("R", "forest", 12): {"n_estimators": 12, "init": "iforest"},
    ("R", "evidence", 12): {"n_estimators": 12},
    ("A", "forest", None): {},
    ("R", "forest", None): {},
}


def run(cell: Row) -> Iterator[Row]:
    """Fit LOE in each way, in few stacks."""
    X, y = load_table(cell["dataset"], MAX_ROWS)
    X_test, y_test, ratio = X, y, min(0.5, float(y.mean()))
    if cell["protocol"] == "paper":
        X, X_test, _, y_test = loe_tabular_split(
            X, y, contamination=RATIO, random_state=cell["seed"]
        )
        ratio = RATIO
    detectors = []
    for (kinds, _, n_members), parameters in WAYS.items():
        pair = brisk([DeepSVDD(), AutoEncoder()], X) if kinds == "A" else None
        given = {} if n_members is None else {"contamination": ratio}
        detectors.append(LOE(pair, **given, **parameters, random_state=cell["seed"]))
    fitted: list[LOE] = []
    seconds = cpu_seconds(lambda: fitted.extend(fit_many(detectors, X)))
    for (kinds, first, n_members), detector in zip(WAYS, fitted, strict=True):
        scores = detector.score_samples(X_test)
        yield {
            "kinds": kinds,
            "first": first,
            "members": n_members,
            "n_rows": len(X),
            "roc_auc": round(float(roc_auc(y_test, scores)), 4),
            "average_precision": round(float(average_precision(y_test, scores)), 4),
            "f1": round(float(f1_at_true_ratio(y_test, scores)), 4),
            "cpu_seconds_of_all": round(seconds, 2),
        }


def tables(rows: list[Row]) -> str:
    """Return the means over all sets and over each half of their names."""
    lines = []
    groups = grouped(rows, "protocol", "members", "kinds", "first")
    for (protocol, members, kinds, first), own in groups.items():
        parts = [own, *([r for r in own if half_of(r["dataset"]) == half] for half in HALVES)]
        means = [" / ".join(map(short, over_sets(part, FIGURES))) for part in parts]
        told = "ratio not given" if members is None else f"ratio given, {members} members"
        lines.append([protocol, told, kinds, first, *means])
    header = ["protocol", "", "kinds", "first labels", "ROC AUC / AP / F1", *HALVES]
    return table(header, lines)


STUDY = Study(
    "default-kinds",
    "an autoencoder or a flow beside Deep SVDD in LOE's default, and first labels; 28 sets",
    axes={
        "protocol": Axis(("paper", "all"), choices=("paper", "all")),
        "dataset": Axis(SETS),
        "seed": Axis((0,)),
    },
    run=run,
    tables=tables,
)
