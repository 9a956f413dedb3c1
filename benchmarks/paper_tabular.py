"""The LOE paper's tabular protocol, our figures beside the paper's.

    python -m benchmarks.paper_tabular
    python -m benchmarks.paper_tabular --backbones DeepSVDD AutoEncoder
    python -m benchmarks.paper_tabular --methods soft --params scaling=minmax
    python -m benchmarks.paper_tabular --data folder/cardio.npz --max-rows 3000

Contamination 10 %, assumed = true; the model after the last epoch counts. One row for each fit goes
to --output as CSV, with the machine and versions; the table goes to the terminal.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.machine import describe
from benchmarks.rows import as_text, parameters, write
from lofe_sklearn import LOE, backbones
from lofe_sklearn._demo import load_data
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.metrics import f1_at_true_ratio

METHODS = ("blind", "refine", "hard", "soft")
# The table of Qiu et al. 2022, F1 in per cent, under the paper's names.
PAPER = Path(__file__).parent / "anchors" / "paper_tabular_f1.csv"
PAPER_NAMES = {"NeuTraL": "ntl", "ICL": "icl"}
# A blind warm-up, and labels in each batch.
PAPER_SETTING = {"init": None, "label_update": "batch", "warmup_epochs": 2}
PAPER_METHODS = {"hard": "loe_hard", "soft": "loe_soft"}
RESULTS = Path(__file__).parent / "results" / "paper_tabular.csv"


def run(data: str, backbone: str, method: str, seed: int, params: dict, max_rows: int) -> dict:
    """Do one fit, and return its row."""
    X, y = load_data(data)
    if len(X) > max_rows:  # all anomalies, and normal rows drawn once for all seeds
        normal = np.random.default_rng(0).permutation(np.flatnonzero(y == 0))
        kept = np.r_[np.flatnonzero(y == 1), normal[: max_rows - (y == 1).sum()]]
        X, y = X[kept], y[kept]
    X_train, X_test, _, y_test = loe_tabular_split(X, y, contamination=0.1, random_state=seed)
    detector = LOE(
        getattr(backbones, backbone)(**params),
        method=method,
        contamination=0.1,
        random_state=seed,
        **PAPER_SETTING,
    )
    wall, cpu = time.perf_counter(), time.process_time()
    detector.fit(X_train)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    scores = detector.score_samples(X_test)
    return {
        "dataset": Path(data).stem,
        "backbone": backbone,
        "params": as_text(params),
        "method": method,
        "seed": seed,
        "f1": round(f1_at_true_ratio(y_test, scores), 4),
        "roc_auc": round(roc_auc_score(y_test, -scores), 4),
        "average_precision": round(average_precision_score(y_test, -scores), 4),
        "epochs": detector.n_iter_,
        "fit_cpu_seconds": round(cpu, 2),
        "fit_wall_seconds": round(wall, 2),
        # Of the process so far, torch and scikit-learn included.
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["thyroid", "arrhythmia"])
    parser.add_argument("--backbones", nargs="+", default=["NeuTraL"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--params", nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--max-rows", type=int, default=20_000)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.params = parameters(options.params)
    return options


def main() -> None:
    """Run all, write the rows, print the table."""
    options = parse()
    torch.set_num_threads(1)
    groups = [
        (data, backbone, method)
        for data in options.data
        for backbone in options.backbones
        for method in options.methods
    ]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    paper = paper_table()
    rows: list[dict] = []
    means: dict[tuple[str, str], list[tuple[float, float]]] = {}
    print("| set | backbone | method | F1 | ROC AUC | AP | the paper's F1 | CPU s a fit |")
    print("|---|---|---|---|---|---|---|---|")
    for data, backbone, method in track(groups, "training", disable=not sys.stdout.isatty()):
        of_group = []
        for seed in seeds:
            of_group.append(run(data, backbone, method, seed, options.params, options.max_rows))
            write(rows + of_group, options.output)  # what is done is kept, whatever comes
        rows += of_group
        f1, auc, ap, cpu = (
            np.array([row[key] for row in of_group])
            for key in ("f1", "roc_auc", "average_precision", "fit_cpu_seconds")
        )
        name = Path(data).stem
        theirs = paper.get((name, backbone, method), np.nan)
        means.setdefault((backbone, method), []).append((f1.mean(), theirs))
        print(
            f"| {name} | {backbone} | {method} | {f1.mean():.3f} ± {f1.std():.3f} "
            f"| {auc.mean():.3f} ± {auc.std():.3f} | {ap.mean():.3f} "
            f"| {_figure(theirs)} | {cpu.mean():.1f} |",
            flush=True,
        )
    if len(options.data) > 1:
        for (backbone, method), values in means.items():
            ours, theirs = np.mean(values, axis=0)
            print(f"| mean | {backbone} | {method} | {ours:.3f} | | | {_figure(theirs)} | |")
    print("peak memory of the process:", max(row["peak_rss_mb"] for row in rows), "MB")
    print(", ".join(f"{key} {value}" for key, value in describe().items() if value))


def paper_table() -> dict[tuple[str, str, str], float]:
    """F1 in the paper by set, backbone and method, under our names."""
    backbones_by = {theirs: ours for ours, theirs in PAPER_NAMES.items()}
    methods_by = {theirs: ours for ours, theirs in PAPER_METHODS.items()}
    with PAPER.open(newline="") as file:
        return {
            (
                row["dataset"],
                backbones_by[row["backbone"]],
                methods_by.get(row["method"], row["method"]),
            ): float(row["f1_mean"]) / 100
            for row in csv.DictReader(file)
        }


def _figure(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}"


if __name__ == "__main__":
    main()
