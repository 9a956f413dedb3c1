"""Outlier exposure with synthetic outliers, beside training without them.

    OMP_NUM_THREADS=1 python -m benchmarks.outlier_exposure
    python -m benchmarks.outlier_exposure --show benchmarks/results/outlier_exposure.csv

The LOE paper's tabular protocol with 10 % anomalies in the training rows, which is also the assumed
ratio. Each backbone trained blind and with LOE's soft and hard labels; without outliers, with each
kind of lofe_sklearn.datasets.make_outliers, and with half of the real anomalies (`real`), which are
then no test rows for any of them. One row for each fit goes to --output as CSV.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from benchmarks.known_labels import RATIO, SETS
from benchmarks.rows import write
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, fit_many
from lofe_sklearn.datasets import fetch_odds, loe_tabular_split
from lofe_sklearn.metrics import f1_at_true_ratio, roc_auc

RESULTS = Path(__file__).parent / "results"
BACKBONES = {cls.__name__: cls for cls in (DeepSVDD, AutoEncoder)}
KINDS = ("none", "uniform", "shuffled", "gaussian", "real")
METHODS = ("blind", "soft", "hard")


def fits(name: str, seed: int, backbone: str, options: argparse.Namespace) -> list[dict]:
    """Train with each kind of outliers by each method, and return the rows."""
    X, y = fetch_odds(name, return_X_y=True)
    rng = np.random.default_rng(seed)
    anomalies = rng.permutation(np.flatnonzero(y == 1))
    real = X[anomalies[: len(anomalies) // 2]]
    kept = np.setdiff1d(np.arange(len(X)), anomalies[: len(anomalies) // 2])
    X, X_test, _, y_test = loe_tabular_split(
        X[kept], y[kept], contamination=RATIO, random_state=seed
    )
    rows = []
    for kind in options.kinds:
        outliers = {"none": None, "real": real}.get(kind, kind)
        detectors = [
            LOE(
                BACKBONES[backbone](),
                method=method,
                contamination=RATIO,
                outlier_weight=options.weight,
                random_state=seed,
            )
            for method in METHODS
        ]
        for method, fitted in zip(METHODS, fit_many(detectors, X, outliers=outliers), strict=True):
            scores = fitted.score_samples(X_test)
            rows.append(
                {
                    "dataset": name,
                    "backbone": backbone,
                    "method": method,
                    "outliers": kind,
                    "outlier_weight": options.weight,
                    "seed": seed,
                    "roc_auc": round(roc_auc(y_test, scores), 4),
                    "f1": round(f1_at_true_ratio(y_test, scores), 4),
                }
            )
    return rows


def show(path: Path) -> None:
    """Print means over seeds and sets."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    cells: dict[tuple, list] = defaultdict(list)
    for row in rows:
        key = row["backbone"], row["outlier_weight"], row["outliers"], row["method"], row["dataset"]
        cells[key].append((float(row["roc_auc"]), float(row["f1"])))
    means = {key: np.mean(found, axis=0) for key, found in cells.items()}
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    print(f"{len({row['seed'] for row in rows})} seeds, {len(rows)} fits")
    print(f"| backbone | weight | outliers | method | ROC AUC | F1 | {' | '.join(sets)} |")
    print("|---|---|---|---|---|---|" + "---|" * len(sets))
    for kind in dict.fromkeys(key[:-1] for key in means):
        of_sets = np.array([means[(*kind, name)] for name in sets])
        auc, f1 = of_sets.mean(axis=0)
        each = " | ".join(f"{own[0]:.3f}" for own in of_sets)
        print(f"| {' | '.join(kind)} | {auc:.3f} | {f1:.3f} | {each} |")


def main() -> None:
    """Run all, and write the rows of each set and seed when they are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--backbones", nargs="+", choices=BACKBONES, default=list(BACKBONES))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--weight", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS / "outlier_exposure.csv")
    parser.add_argument("--show", type=Path, help="print the table of an earlier run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.show:
        show(options.show)
        return
    rows: list[dict] = []
    for seed in range(options.seeds):
        for name in options.sets:
            for backbone in options.backbones:
                rows += fits(name, seed, backbone, options)
                write(rows, options.output)  # what is done is kept, whatever comes
    show(options.output)


if __name__ == "__main__":
    main()
