"""Does another detector get better when it is trained on the rows that LOE keeps?

    OMP_NUM_THREADS=1 python -m benchmarks.cleaning [--data FOLDER] [--seeds 5] [--sets cardio ...]
    python -m benchmarks.cleaning --show benchmarks/results/cleaning.csv [--sets cardio ...]

The LOE paper's tabular protocol: half of the normal rows and a share of anomalies (--ratio) to
train on, the rest to test on. An isolation forest, the distance to the fifth neighbour and a blind
Deep SVDD are fitted on all training rows, on those that each cleaner keeps, and, as the most that
cleaning could do, on the truly normal ones. Parameters are the defaults. The cleaner `LOE` is told
nothing; `LOE, true ratio` is given --ratio, and so is `IsolationForest, true ratio`, which drops
what an isolation forest finds most anomalous: what LOE has to beat. LOE's own scores are there to
compare. One row for each fit goes to --output as CSV.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import IsolationForest

from benchmarks.rows import write
from benchmarks.unlabelled import KNN
from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.datasets import fetch_odds, loe_tabular_split
from lofe_sklearn.metrics import average_precision, f1_at_true_ratio, roc_auc

RESULTS = Path(__file__).parent / "results" / "cleaning.csv"
SETS = ("satellite", "pima", "breastw", "ionosphere", "cardio", "thyroid")
CLEANERS: dict[str, Callable] = {
    "LOE": lambda ratio, seed: LOE(random_state=seed),
    "LOE, true ratio": lambda ratio, seed: LOE(contamination=ratio, random_state=seed),
    "IsolationForest, true ratio": lambda ratio, seed: IsolationForest(
        contamination=ratio, random_state=seed
    ),
}
DETECTORS: dict[str, Callable] = {
    "IsolationForest": lambda seed: IsolationForest(random_state=seed),
    "KNN": lambda seed: KNN(),
    "DeepSVDD": lambda seed: DeepSVDD(random_state=seed),
}
FIGURES = ("roc_auc", "average_precision", "f1")


def run(name: str, seed: int, options: argparse.Namespace) -> Iterator[dict]:
    """Clean one training set in all ways; yield a row for each detector fitted on what is left."""
    X, y = fetch_odds(name, data_home=options.data, return_X_y=True)
    X, X_test, y, y_test = loe_tabular_split(X, y, contamination=options.ratio, random_state=seed)
    kept = {"all": np.arange(len(X)), "clean": np.flatnonzero(y == 0)}
    seconds: dict[str, float] = {}
    scores: dict[tuple[str, str], np.ndarray] = {}
    for cleaner, make in CLEANERS.items():
        start = time.process_time()
        fitted = make(options.ratio, seed)
        if isinstance(fitted, LOE):
            fitted.fit_resample(X)
            kept[cleaner] = fitted.sample_indices_
            scores[cleaner, "LOE"] = fitted.score_samples(X_test)
        else:
            kept[cleaner] = np.flatnonzero(fitted.fit_predict(X) == 1)
        seconds[cleaner] = time.process_time() - start
    for rows, chosen in kept.items():
        for detector, make in DETECTORS.items():
            scores[rows, detector] = make(seed).fit(X[chosen]).score_samples(X_test)
    n_normal, n_anomalies = int((y == 0).sum()), int(y.sum())
    for (rows, detector), values in scores.items():
        n_left = int(y[kept[rows]].sum())
        yield {
            "dataset": name,
            "seed": seed,
            "n_rows": len(X),
            "n_anomalies": n_anomalies,
            "rows": rows,
            "n_kept": len(kept[rows]),
            "anomalies_dropped": round((n_anomalies - n_left) / n_anomalies, 4),
            "normal_dropped": round(1 - (len(kept[rows]) - n_left) / n_normal, 4),
            "detector": detector,
            "roc_auc": round(roc_auc(y_test, values), 4),
            "average_precision": round(average_precision(y_test, values), 4),
            "f1": round(f1_at_true_ratio(y_test, values), 4),
            "clean_cpu_seconds": round(seconds.get(rows, 0.0), 2),
        }


def show(path: Path, only: tuple[str, ...] | None) -> None:
    """Print means over seeds and sets, what each set gains, and what was dropped."""
    with path.open(newline="") as file:
        lines = [row for row in csv.DictReader(file) if only is None or row["dataset"] in only]
    figures = defaultdict(dict)
    dropped = defaultdict(dict)
    for line in lines:
        fit = line["dataset"], line["seed"]
        figures[line["detector"], line["rows"]][fit] = [float(line[name]) for name in FIGURES]
        shares = float(line["anomalies_dropped"]), float(line["normal_dropped"])
        dropped[line["rows"]][fit] = shares
    sets = list(dict.fromkeys(line["dataset"] for line in lines))
    ways = ["all", *CLEANERS, "clean"]

    print("| detector | trained on | ROC AUC | AP | F1 | AP better than on all rows |")
    print("|---|---|---|---|---|---|")
    for detector in (*DETECTORS, "LOE"):
        blind = figures.get((detector, "all"), {})
        for rows in ways:
            fits = figures.get((detector, rows))
            if not fits:
                continue
            cells = [f"{value:.3f}" for value in np.mean(list(fits.values()), axis=0)]
            better = sum(fits[fit][1] > blind[fit][1] for fit in blind)
            count = f"{better} of {len(blind)}" if blind and rows != "all" else ""
            print(f"| {detector} | {rows} | {' | '.join(cells)} | {count} |")

    print(f"\n| AP; ROC AUC | trained on | {' | '.join(sets)} |")
    print("|---|---|" + "---|" * len(sets))
    for detector in DETECTORS:
        for rows in ways:
            cells = [_mean(figures[detector, rows], name, 3) for name in sets]
            pairs = [f"{ap:.3f}; {auc:.3f}" for auc, ap, _ in cells]
            print(f"| {detector} | {rows} | {' | '.join(pairs)} |")

    print(f"\n| dropped, %: anomalies, normal rows | {' | '.join(sets)} | mean |")
    print("|---|" + "---|" * (len(sets) + 1))
    for rows in CLEANERS:
        means = [_mean(dropped[rows], name, 2) for name in sets]
        pairs = [f"{100 * a:.0f}, {100 * n:.1f}" for a, n in [*means, np.mean(means, axis=0)]]
        print(f"| {rows} | {' | '.join(pairs)} |")


def _mean(fits: dict[tuple[str, str], tuple], name: str, n_figures: int) -> np.ndarray:
    """Mean over the seeds of a set; NaN where there is none."""
    values = [figures for fit, figures in fits.items() if fit[0] == name]
    return np.mean(values, axis=0) if values else np.full(n_figures, np.nan)


def main() -> None:
    """Run all, and write the rows of each set and seed when they are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of data sets; default: LOFE_DATA")
    parser.add_argument("--sets", nargs="+", help="names that fetch_odds knows")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ratio", type=float, default=0.1)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--show", type=Path, help="print the tables of an earlier run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.show:
        show(options.show, options.sets)
        return
    rows: list[dict] = []
    for seed in range(options.seeds):
        for name in options.sets or SETS:
            rows += run(name, seed, options)
            write(rows, options.output)  # what is done is kept, whatever comes
    show(options.output, options.sets)


if __name__ == "__main__":
    main()
