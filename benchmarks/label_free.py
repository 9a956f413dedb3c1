"""What criteria without labels are worth: do they choose the detector that labels would?

    OMP_NUM_THREADS=1 python -m benchmarks.label_free --data FOLDER [--seeds 0 1 2]

FOLDER holds the sets of ADBench as NPZ files with X and y (1 for anomalies). At most 3000 rows of
a set, 60 % of them to train on, as they are. Two choices: between nine kinds of detectors at
contamination 0.1, on sets of few features; and between eight ratios of LOE(DeepSVDD), soft and
hard. Criteria see the test rows and no labels; the ROC AUC of what they choose, and their rank
correlation with it, go to benchmarks/results/label_free.csv.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from benchmarks.machine import describe
from lofe_sklearn import GOAD, LOE, AutoEncoder, DeepSVDD, NeuTraL
from lofe_sklearn.metrics import consensus, excess_mass_scorer, roc_auc

KINDS_ON = (
    *("38_thyroid", "2_annthyroid", "23_mammography", "32_shuttle", "4_breastw"),
    *("14_glass", "29_Pima", "39_vertebral", "10_cover"),
)
RATIOS_ON = (
    *("38_thyroid", "6_cardio", "31_satimage-2", "4_breastw", "28_pendigits"),
    *("18_Ionosphere", "30_satellite", "24_mnist"),
)
RATIOS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
# One ratio for one member, a blind warm-up, labels in each batch: the setting of the paper.
fixed = partial(
    LOE, method="soft", contamination=0.1, init=None, label_update="batch", warmup_epochs=2
)
RESULTS = Path(__file__).parent / "results" / "label_free.csv"


def kinds(seed: int) -> dict:
    """Nine kinds of detectors at one ratio."""
    return {
        "IsolationForest": IsolationForest(contamination=0.1, random_state=seed),
        "OneClassSVM": make_pipeline(StandardScaler(), OneClassSVM(nu=0.1)),
        "LOF": make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True, contamination=0.1)),
        "EllipticEnvelope": EllipticEnvelope(contamination=0.1, random_state=seed),
        "DeepSVDD": DeepSVDD(max_epochs=20, random_state=seed),
        "LOE(DeepSVDD)": fixed(DeepSVDD(max_epochs=20), random_state=seed),
        "LOE(AutoEncoder)": fixed(AutoEncoder(max_epochs=20), method="hard", random_state=seed),
        "LOE(GOAD)": fixed(GOAD(max_epochs=10), random_state=seed),
        "LOE(NeuTraL)": fixed(NeuTraL(max_epochs=30), random_state=seed),
    }


def ratios(method: str, seed: int) -> dict:
    """One detector at eight ratios."""
    return {
        str(c): fixed(DeepSVDD(max_epochs=20), method=method, contamination=c, random_state=seed)
        for c in RATIOS
    }


def separation(detector, X: np.ndarray) -> float:
    """Share of the scores' variance between both sides of the threshold, on a log-like scale."""
    decision = detector.decision_function(X)
    spread = np.subtract(*np.quantile(decision, [0.75, 0.25])) / 2
    values = np.arcsinh((decision - np.median(decision)) / (spread or 1.0))
    flagged = decision < 0
    if not 0 < flagged.sum() < len(X):
        return 0.0
    means = np.where(flagged, values[flagged].mean(), values[~flagged].mean())
    return float(means.var() / values.var())


def choose(candidates: dict, X_train, X_test, y_test) -> Iterator[dict]:
    """Fit all candidates, and let each criterion choose one of them."""
    fitted = [detector.fit(X_train) for detector in candidates.values()]
    scores = [detector.score_samples(X_test) for detector in fitted]
    aucs = np.array([roc_auc(y_test, s) for s in scores])
    criteria = {
        "labels": aucs,
        "consensus": consensus(scores),
        "excess mass": np.array([excess_mass_scorer(d, X_test) for d in fitted]),
        "separation": np.array([separation(d, X_test) for d in fitted]),
    }
    for name, values in criteria.items():
        best = int(np.argmax(values))
        rank = 0.0 if np.ptp(values) == 0 else spearmanr(values, aucs)[0]
        chosen = list(candidates)[best]
        yield {"criterion": name, "chosen": chosen, "auc": aucs[best], "rank_correlation": rank}
    yield {"criterion": "mean", "chosen": "", "auc": aucs.mean(), "rank_correlation": ""}
    for name in {"0.1", "IsolationForest"} & set(candidates):
        always = aucs[list(candidates).index(name)]
        yield {"criterion": "always", "chosen": name, "auc": always, "rank_correlation": ""}


def main() -> None:
    """Measure and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    machine, rows = describe(), []
    for name in dict.fromkeys((*KINDS_ON, *RATIOS_ON)):
        with np.load(args.data / f"{name}.npz") as data:
            X, y = data["X"].astype(np.float64), data["y"].astype(int)
        n = min(len(y), 3000)
        for seed in args.seeds:
            split = StratifiedShuffleSplit(
                1, train_size=int(0.6 * n), test_size=int(0.4 * n) - 1, random_state=seed
            )
            train, test = next(split.split(X, y))
            choices = {"kinds": kinds(seed)} if name in KINDS_ON else {}
            if name in RATIOS_ON:
                choices |= {f"ratios {m}": ratios(m, seed) for m in ("soft", "hard")}
            for choice, candidates in choices.items():
                for row in choose(candidates, X[train], X[test], y[test]):
                    rows.append({"set": name, "seed": seed, "choice": choice, **row, **machine})
        print(name, flush=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for choice in ("kinds", "ratios"):
        for criterion in dict.fromkeys(row["criterion"] for row in rows):
            mine = [
                r for r in rows if r["choice"].startswith(choice) and r["criterion"] == criterion
            ]
            if mine:
                auc = np.mean([r["auc"] for r in mine])
                ranks = [r["rank_correlation"] for r in mine if r["rank_correlation"] != ""]
                rank = f"{np.mean(ranks):6.2f}" if ranks else ""
                print(f"{choice:7s} {criterion:12s} {100 * auc:5.1f} {rank}")


if __name__ == "__main__":
    main()
