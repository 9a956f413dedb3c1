"""Detectors without any label: whoever uses them chooses nothing, or guesses a ratio.

    OMP_NUM_THREADS=1 python -m benchmarks.unlabelled --data FOLDER/*.npz
    OMP_NUM_THREADS=1 python -m benchmarks.unlabelled --data FOLDER/*.npz --protocol paper \
        --ratios 0.01 0.05 0.1 0.2 --detectors LOE
    python -m benchmarks.unlabelled --show benchmarks/results/unlabelled_*.csv

Two protocols. `all`: fit all rows, score the same rows (ADBench's unsupervised one). `paper`: the
LOE paper's, on half of the normal rows and a share of anomalies (--ratios), scored on the rest. The
parameters are the same for all sets and ratios. One row for each fit goes to --output as CSV;
--scores keeps the scores of LOE's training rows, for benchmarks.ratio_criteria.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from benchmarks.rows import write
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.metrics import average_precision, f1_at_true_ratio, roc_auc

RESULTS = Path(__file__).parent / "results"


class KNN:
    """Distance to the fifth nearest training row, features standardised."""

    def fit(self, X: np.ndarray) -> KNN:
        """Index the training rows."""
        self._scaler = StandardScaler().fit(X)
        rows = self._scaler.transform(X)
        self._index = NearestNeighbors(n_neighbors=min(5, len(X) - 1)).fit(rows)
        return self

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Minus the distance to the fifth neighbour: PyOD's default, the largest of five."""
        return -self._index.kneighbors(self._scaler.transform(X))[0].max(axis=1)


DETECTORS: dict[str, Callable] = {
    "LOE": lambda seed: LOE(random_state=seed),
    "LOE soft": lambda seed: LOE(method="soft", random_state=seed),
    "LOE 0.1": lambda seed: LOE(contamination=0.1, n_estimators=16, random_state=seed),
    "LOE no init": lambda seed: LOE(init=None, random_state=seed),
    "LOE DeepSVDD": lambda seed: LOE(DeepSVDD(), random_state=seed),
    "LOE AutoEncoder": lambda seed: LOE(AutoEncoder(), random_state=seed),
    "DeepSVDD blind": lambda seed: DeepSVDD(random_state=seed),
    "AutoEncoder blind": lambda seed: AutoEncoder(random_state=seed),
    "IsolationForest": lambda seed: IsolationForest(random_state=seed),
    "EllipticEnvelope": lambda seed: EllipticEnvelope(random_state=seed),
    "KNN": lambda seed: KNN(),
    "LOF": lambda seed: make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True)),
    "OneClassSVM": lambda seed: make_pipeline(StandardScaler(), OneClassSVM()),
}


def load(path: Path, max_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Read X and y, 1 for anomalies; of large sets `max_rows` rows drawn at random."""
    with np.load(path) as file:
        X, y = file["X"].astype(np.float64), file["y"].astype(int).ravel()
    if len(X) > max_rows:
        chosen = np.random.default_rng(seed).permutation(len(X))[:max_rows]
        if y[chosen].sum() < 20:  # enough to score by
            some = np.flatnonzero(y == 1)[:20]
            chosen = np.r_[np.setdiff1d(chosen, some)[: max_rows - len(some)], some]
        X, y = X[chosen], y[chosen]
    return X, y


def run(path: Path, name: str, protocol: str, ratio: float, seed: int, options) -> dict:
    """Do one fit, and return its row."""
    X, y = load(path, options.max_rows)
    X_test, y_test, y_train = X, y, y
    if protocol == "paper":
        X, X_test, y_train, y_test = loe_tabular_split(X, y, contamination=ratio, random_state=seed)
    detector = DETECTORS[name](seed)
    start = time.process_time()
    detector.fit(X)
    seconds = time.process_time() - start
    scores = detector.score_samples(X_test)
    if options.scores is not None and name == "LOE":
        options.scores.mkdir(exist_ok=True)
        np.savez_compressed(
            options.scores / f"{protocol}_{ratio}_{path.stem}_{seed}.npz",
            scores=detector.score_samples(X),
            held_out=np.nan if detector.held_out_scores_ is None else detector.held_out_scores_,
            members=np.stack([member.score_samples(X) for member in detector.estimators_]),
            y=y_train,
        )
    return {
        "protocol": protocol,
        "dataset": path.stem,
        "n_rows": len(X),
        "n_features": X.shape[1],
        "detector": name,
        "seed": seed,
        "true_ratio": round(float(np.mean(y_train)), 4),
        "found_ratio": round(float(getattr(detector, "contamination_", np.nan)), 4),
        "roc_auc": round(roc_auc(y_test, scores), 4),
        "average_precision": round(average_precision(y_test, scores), 4),
        "f1": round(f1_at_true_ratio(y_test, scores), 4),
        "fit_cpu_seconds": round(seconds, 2),
    }


def show(paths: list[Path]) -> None:
    """Print means over the sets, by protocol, ratio and detector; and over two halves of them."""
    groups = defaultdict(lambda: defaultdict(list))
    for path in paths:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                # Of few rows the ratio is only about the one asked for.
                near = min((0.01, 0.05, 0.1, 0.2), key=lambda r: abs(r - float(row["true_ratio"])))
                ratio = f"{near:.2f}" if row["protocol"] == "paper" else ""
                key = row["protocol"], ratio, row["detector"]
                figures = [float(row[n]) for n in ("roc_auc", "average_precision", "f1")]
                groups[key][row["dataset"]].append(figures)
    print("| protocol | ratio | detector | ROC AUC | AP | F1 | first half | second half | sets |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (protocol, ratio, detector), sets in sorted(groups.items()):
        # Named sets sort by their number, which says nothing about them.
        means = np.array([np.mean(sets[name], axis=0) for name in sorted(sets)])
        cells = [f"{value:.3f}" for value in means.mean(axis=0)]
        halves = [", ".join(f"{v:.3f}" for v in means[half::2, :2].mean(axis=0)) for half in (0, 1)]
        print(
            f"| {protocol} | {ratio} | {detector} | {' | '.join(cells)} | {' | '.join(halves)} "
            f"| {len(means)} |"
        )


def main() -> None:
    """Run all, and write each row when it is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", type=Path, default=[])
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    parser.add_argument("--protocol", choices=("all", "paper"), default="all")
    parser.add_argument("--ratios", nargs="+", type=float, default=[0.1])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--max-rows", type=int, default=5000)
    parser.add_argument("--scores", type=Path, help="folder for the scores of training rows")
    parser.add_argument("--output", type=Path, default=RESULTS / "unlabelled.csv")
    parser.add_argument("--show", nargs="+", type=Path, help="print tables of earlier runs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.show:
        show(options.show)
        return
    rows: list[dict] = []
    for seed in range(options.seeds):
        for path in options.data:
            for ratio in options.ratios if options.protocol == "paper" else [0.0]:
                for name in options.detectors:
                    rows.append(run(path, name, options.protocol, ratio, seed, options))
                    write(rows, options.output)  # what is done is kept, whatever comes
    show([options.output])


if __name__ == "__main__":
    main()
