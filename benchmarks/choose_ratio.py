"""Is the ratio that cross-validation chooses as good as the best one of the grid?

    OMP_NUM_THREADS=1 python -m benchmarks.choose_ratio --data FOLDER/*.npz [--seeds 2]

Half of each set, stratified, is for LOESearchCV over eight ratios of LOE(DeepSVDD), five folds,
with labels (ROC AUC) and without (excess mass); the other half judges every ratio, fitted on the
first. Rows go to --output as CSV, their means to the terminal.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from benchmarks.rows import write
from benchmarks.unlabelled import load
from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn.metrics import roc_auc

RATIOS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4]
RESULTS = Path(__file__).parent / "results" / "choose_ratio.csv"


def run(path: Path, seed: int) -> dict:
    """Choose by cross-validation on one half, judge on the other."""
    X, y = load(path, max_rows=3000)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
    detector = LOE(DeepSVDD(), random_state=seed)
    every = [clone(detector).set_params(contamination=ratio) for ratio in RATIOS]
    auc = {
        ratio: roc_auc(y_test, fitted.score_samples(X_test))
        for ratio, fitted in zip(RATIOS, fit_many(every, X), strict=True)
    }
    grid = {"contamination": RATIOS}
    n_folds = min(5, int(y.sum()))
    with_labels = LOESearchCV(detector, grid, cv=n_folds, refit=False).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that excess mass is no good for this
        without = LOESearchCV(detector, grid, refit=False, scoring="excess_mass").fit(X)
    chosen, unlabelled = (
        RATIOS[int(np.argmax(search.cv_results_["mean_test_score"]))]
        for search in (with_labels, without)
    )
    return {
        "dataset": path.stem,
        "seed": seed,
        "true_ratio": round(float(y.mean()), 4),
        "best_ratio": max(auc, key=auc.get),
        "chosen_ratio": chosen,
        "chosen_without_labels": unlabelled,
        "best_auc": round(max(auc.values()), 4),
        "chosen_auc": round(auc[chosen], 4),
        "auc_without_labels": round(auc[unlabelled], 4),
        "auc_of_0.1": round(auc[0.1], 4),
    }


def main() -> None:
    """Run all, write the rows, print their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict] = []
    for seed in range(options.seeds):
        for path in options.data:
            rows.append(run(path, seed))
            write(rows, options.output)
    for name in ("best_auc", "chosen_auc", "auc_without_labels", "auc_of_0.1"):
        print(name, round(float(np.mean([row[name] for row in rows])), 4))


if __name__ == "__main__":
    main()
