"""What many models cost in stacks, beside one by one.

    OMP_NUM_THREADS=1 python -m benchmarks.fit_many search --data FOLDER/6_cardio.npz thyroid
    OMP_NUM_THREADS=1 python -m benchmarks.fit_many growth --data FOLDER/6_cardio.npz
    OMP_NUM_THREADS=1 python -m benchmarks.fit_many label-update --data thyroid
    python -m benchmarks.fit_many plot

`search`: LOESearchCV against GridSearchCV over the same ten ratios and five folds, CPU seconds of
the whole process, the search one after the other in one run. `growth`: fits of 1, 2, 4, ... models,
and of more rows. `label-update`: labels per epoch against per batch. Rows go to
benchmarks/results/fit_many_*.csv; `plot` draws the growth.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from benchmarks.rows import write
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, NeuTraL, fit_many
from lofe_sklearn._demo import load_data
from lofe_sklearn.metrics import roc_auc_scorer

RESULTS = Path(__file__).parent / "results"
RATIOS = [0.01, 0.02, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]
# Few epochs of what takes long: the ratio of both does not depend on them.
BACKBONES = {
    "DeepSVDD": lambda: DeepSVDD(),
    "AutoEncoder": lambda: AutoEncoder(),
    "NeuTraL": lambda: NeuTraL(max_epochs=20),
}


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU time of this process that a call takes."""
    start = time.process_time()
    call()
    return time.process_time() - start


def search(data: str, backbone: str) -> list[dict]:
    """Time both searches over the same candidates and folds, without their refit."""
    X, y = load_data(data)
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    # Without first labels: one by one they would be found ten times for each fold.
    estimator = LOE(BACKBONES[backbone](), init=None, random_state=0)
    options = {
        "param_grid": {"contamination": RATIOS},
        "scoring": roc_auc_scorer,
        "cv": folds,
        "refit": False,
    }
    ours, theirs = LOESearchCV(estimator, **options), GridSearchCV(estimator, **options)
    stacked = cpu_seconds(lambda: ours.fit(X, y))
    one_by_one = cpu_seconds(lambda: theirs.fit(X, y))
    single = cpu_seconds(lambda: LOE(BACKBONES[backbone](), contamination=0.1, init=None).fit(X))
    difference = np.abs(
        ours.cv_results_["mean_test_score"] - theirs.cv_results_["mean_test_score"]
    ).max()
    row = {
        "dataset": Path(data).stem,
        "backbone": backbone,
        "n_fits": len(RATIOS) * len(folds),
        "search_cpu_seconds": round(stacked, 2),
        "grid_search_cpu_seconds": round(one_by_one, 2),
        "ratio": round(one_by_one / stacked, 2),
        "one_fit_cpu_seconds": round(single, 2),
        "largest_difference_of_mean_scores": f"{difference:.2g}",
    }
    print(row, flush=True)
    return [row]


def growth(data: str, backbone: str) -> list[dict]:
    """Time fits of more and more models, and of one size of stack on more and more rows."""
    X, _ = load_data(data)
    rng = np.random.default_rng(0)
    rows = []
    sizes = [(n_models, len(X)) for n_models in (1, 2, 4, 8, 16, 32, 64, 128)]
    sizes += [(16, n_rows) for n_rows in (250, 500, 1000, 2000, 4000, 8000)]
    for n_models, n_rows in sizes:
        chosen = X if n_rows == len(X) else X[rng.integers(0, len(X), n_rows)]
        detectors = [
            LOE(
                BACKBONES[backbone]().set_params(max_epochs=5),
                contamination=0.1,
                init=None,
                random_state=seed,
            )
            for seed in range(n_models)
        ]
        seconds = min(cpu_seconds(partial(fit_many, detectors, chosen)) for _ in range(2))
        row = {
            "dataset": Path(data).stem,
            "backbone": backbone,
            "n_models": n_models,
            "n_rows": n_rows,
            "cpu_seconds": round(seconds, 3),
            "cpu_ms_a_model_and_epoch": round(1000 * seconds / n_models / 5, 3),
        }
        print(row, flush=True)
        rows.append(row)
    return rows


def label_update(data: str, backbone: str) -> list[dict]:
    """Time labels inferred in each batch and once an epoch."""
    X, _ = load_data(data)
    rows = []
    for update in ("batch", "epoch", "batch", "epoch"):
        detector = LOE(
            BACKBONES[backbone](),
            contamination=0.1,
            n_estimators=8,
            init=None,
            label_update=update,
            random_state=0,
        )
        seconds = cpu_seconds(partial(detector.fit, X))
        row = {
            "dataset": Path(data).stem,
            "backbone": backbone,
            "label_update": update,
            "cpu_seconds": round(seconds, 2),
        }
        print(row, flush=True)
        rows.append(row)
    return rows


def plot() -> None:
    """Draw the rows of `growth`."""
    import csv

    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, ScalarFormatter

    with (RESULTS / "fit_many_growth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for backbone in dict.fromkeys(row["backbone"] for row in rows):
        own = [row for row in rows if row["backbone"] == backbone]
        whole = own[0]["n_rows"]
        by_models = [row for row in own if row["n_rows"] == whole]
        by_rows = [row for row in own if row["n_rows"] != whole]
        for axis, some, name in ((axes[0], by_models, "n_models"), (axes[1], by_rows, "n_rows")):
            axis.plot(
                [int(row[name]) for row in some],
                [float(row["cpu_ms_a_model_and_epoch"]) for row in some],
                marker="o",
                label=backbone,
            )
    axes[0].set(xlabel="models trained together", ylabel="CPU ms per model and epoch")
    axes[1].set(xlabel="rows, 16 models", ylabel="CPU ms per model and epoch")
    for axis in axes:
        axis.set(xscale="log", yscale="log")
        axis.grid(alpha=0.3)
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.minorticks_off()
    axes[0].set_xticks([1, 2, 4, 8, 16, 32, 64, 128])
    axes[1].set_xticks([250, 500, 1000, 2000, 4000, 8000])
    axes[0].set_yticks([1, 2, 5, 10, 20, 50])
    axes[0].legend()
    path = Path(__file__).parents[1] / "docs" / "images" / "fit_many.png"
    figure.savefig(path, dpi=130)
    print(path)


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("search", "growth", "label-update", "plot"))
    parser.add_argument("--data", nargs="+", default=["thyroid"])
    parser.add_argument("--backbones", nargs="+", choices=BACKBONES, default=list(BACKBONES))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "plot":
        plot()
        return
    benchmark = {"search": search, "growth": growth, "label-update": label_update}[options.what]
    output = options.output or RESULTS / f"fit_many_{options.what.replace('-', '_')}.csv"
    rows: list[dict] = []
    for data in options.data:
        for backbone in options.backbones:
            rows += benchmark(data, backbone)
            write(rows, output)


if __name__ == "__main__":
    main()
