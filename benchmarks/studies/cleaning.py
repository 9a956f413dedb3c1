"""Does another detector get better when it is trained on the rows that LOE keeps?

    python -m benchmarks study cleaning
    python -m benchmarks study cleaning --show --sets satellite pima breastw ionosphere cardio

The LOE paper's tabular protocol: half of the normal rows and a share of anomalies (--ratios) to
train on, the rest to test on. An isolation forest, the distance to the fifth neighbour and a blind
Deep SVDD are fitted on all training rows, on those that each cleaner keeps, and, as the most that
cleaning could do, on the truly normal ones. Parameters are the defaults. The cleaner `LOE` is told
nothing; `LOE, true ratio` is given the ratio, and so is `IsolationForest, true ratio`, which drops
what an isolation forest finds most anomalous: what LOE has to beat. LOE's own scores are there to
compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest

from benchmarks.classical import CLASSICAL
from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.quality import quality
from benchmarks.sets import SOEL, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.datasets import loe_tabular_split

CLEANERS: dict[str, Callable[[float, int], Any]] = {
    "LOE": lambda ratio, seed: LOE(random_state=seed),
    "LOE, true ratio": lambda ratio, seed: LOE(contamination=ratio, random_state=seed),
    "IsolationForest, true ratio": lambda ratio, seed: IsolationForest(
        contamination=ratio, random_state=seed
    ),
}
DETECTORS: dict[str, Callable[[int], Any]] = {
    "IsolationForest": CLASSICAL["IsolationForest"],
    "KNN": CLASSICAL["KNN"],
    "DeepSVDD": lambda seed: DeepSVDD(random_state=seed),
}
FIGURES = ("roc_auc", "average_precision", "f1")
DROPPED = ("anomalies_dropped", "normal_dropped")


def run(cell: Row) -> Iterator[Row]:
    """Clean one training set in all ways; yield a row for each detector fitted on what is left."""
    ratio, seed = cell["ratio"], cell["seed"]
    X, y = load_table(cell["dataset"])
    X, X_test, y, y_test = loe_tabular_split(X, y, contamination=ratio, random_state=seed)
    kept = {"all": np.arange(len(X)), "clean": np.flatnonzero(y == 0)}
    seconds: dict[str, float] = {}
    scores: dict[tuple[str, str], np.ndarray] = {}
    for name, make in CLEANERS.items():
        cleaner = make(ratio, seed)
        if isinstance(cleaner, LOE):
            seconds[name] = cpu_seconds(lambda cleaner=cleaner: cleaner.fit_resample(X))
            kept[name] = cleaner.sample_indices_
            scores[name, "LOE"] = cleaner.score_samples(X_test)
        else:
            seconds[name] = cpu_seconds(lambda cleaner=cleaner: cleaner.fit(X))
            kept[name] = np.flatnonzero(cleaner.predict(X) == 1)
    for rows, chosen in kept.items():
        for detector, make in DETECTORS.items():
            scores[rows, detector] = make(seed).fit(X[chosen]).score_samples(X_test)
    n_normal, n_anomalies = int((y == 0).sum()), int(y.sum())
    for (rows, detector), values in scores.items():
        n_left = int(y[kept[rows]].sum())
        yield {
            "n_rows": len(X),
            "n_anomalies": n_anomalies,
            "rows": rows,
            "n_kept": len(kept[rows]),
            "anomalies_dropped": round((n_anomalies - n_left) / n_anomalies, 4),
            "normal_dropped": round(1 - (len(kept[rows]) - n_left) / n_normal, 4),
            "detector": detector,
            **quality(y_test, values),
            "clean_cpu_seconds": round(seconds.get(rows, 0.0), 2),
        }


def tables(rows: list[Row]) -> str:
    """Return means over seeds and sets, the figures of each set, and what was dropped."""
    groups = grouped(rows, "detector", "rows")
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    names = [short_name(name) for name in sets]
    ways = ["all", *CLEANERS, "clean"]
    both = [(detector, way) for detector in (*DETECTORS, "LOE") for way in ways]
    both = [pair for pair in both if pair in groups]

    overall = []
    for pair in both:
        means = [f"{mean:.3f}" for mean in over_sets(groups[pair], FIGURES)]
        overall.append([*pair, *means, _times_better(groups, *pair)])
    header = ["detector", "trained on", "ROC AUC", "AP", "F1", "AP better than on all rows"]
    text = table(header, overall)

    of_sets = []
    for pair in both:
        means = of_each_set(groups[pair], FIGURES)
        of_sets.append([*pair, *(f"{means[name][1]:.3f}; {means[name][0]:.3f}" for name in sets)])
    text += "\n\n" + table(["AP; ROC AUC", "trained on", *names], of_sets)

    dropped = []
    for way in CLEANERS:
        own = groups["LOE" if way.startswith("LOE") else "KNN", way]
        means = [*of_each_set(own, DROPPED).values(), over_sets(own, DROPPED)]
        seconds = np.mean([row["clean_cpu_seconds"] for row in own])
        pairs = [f"{100 * share:.0f}, {100 * normal:.1f}" for share, normal in means]
        dropped.append([way, *pairs, f"{seconds:.1f}"])
    header = ["dropped, %: anomalies, normal rows", *names, "mean", "CPU seconds"]
    return text + "\n\n" + table(header, dropped)


def _times_better(groups: dict[tuple, list[Row]], detector: str, way: str) -> str:
    """Return on how many sets and seeds the average precision is better than on all rows."""
    everything = groups.get((detector, "all"))
    if everything is None or way == "all":
        return ""
    before = {(row["dataset"], row["seed"]): row["average_precision"] for row in everything}
    better = sum(
        row["average_precision"] > before[row["dataset"], row["seed"]]
        for row in groups[detector, way]
    )
    return f"{better} of {len(before)}"


STUDY = Study(
    "cleaning",
    "other detectors, trained on the rows that LOE keeps",
    axes={"seed": Axis(range(5)), "dataset": Axis(SOEL), "ratio": Axis((0.1,))},
    run=run,
    tables=tables,
)
