"""Time of one training step of our backbones beside that of DeepOD's and PyOD's detectors.

    make peers
    OMP_NUM_THREADS=1 .venv-peers/bin/python -m benchmarks.peers.step_time

All detectors are black boxes behind `fit`, in one process and one thread, on the CPU. `fit` is
timed with one epoch and with E; the difference over the number of optimizer steps between them is
the time of a step. What a fit does once (building, scaling, scoring the training rows) falls out;
what it does in each epoch (shuffling, loading batches, recording losses) is in the figure, spread
over the epoch's --batches steps. Steps are counted by a hook on torch's optimizers, so a detector
that ignores its epochs or batch size, or stops early, becomes a row with an error. A detector that
trains several networks in turn (DeepOD's ICL on few features) counts the steps of each.

E is the least 1 + 2^k whose further epochs take --seconds. The detectors run in turn, --repeats
times over. Best is the smallest time with E epochs minus the smallest with one; median is that of
the differences. `cpu_us_*` are the same in CPU time, close to the former on a quiet machine.

Sizes "own" are each library's defaults; "as ours" gives a peer the widths and the activation of our
default backbone, as far as its constructor allows:

* DeepOD NeuTraL, DeepSVDD: the layers are ours; our NeuTraL's transformations have biases besides.
* PyOD DeepSVDD: the layers are ours, and so is their number of weights; the ReLU after the last
  one stays, and `dropout_rate` and `output_activation` change nothing.
* PyOD AutoEncoder: the layers are ours, no dropout and no batch normalisation.
* DeepOD ICL, GOAD: own defaults only. GOAD only where named, `--peers GOAD --batches 2`: with its
  256 transformations a fit takes seconds for each batch.

The column `weights` counts what the optimizer trains. Losses differ where the methods do: our
backbones compute the anomaly loss too, in every step.
"""

from __future__ import annotations

import argparse
import csv
import gc
import importlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from benchmarks.machine import describe
from lofe_sklearn.datasets import load_arrhythmia, load_thyroid

BATCH = 128
DATA = {"thyroid": load_thyroid, "arrhythmia": load_arrhythmia}
OURS = ["NeuTraL", "ICL", "GOAD", "DeepSVDD", "AutoEncoder"]
RESULTS = Path(__file__).parents[1] / "results" / "peers_step_time.csv"

# Where each library keeps its detectors, and what its constructors call our arguments.
DEEPOD = ("deepod", "deepod.models.tabular", "epochs", {"device": "cpu", "random_state": 0})
PYOD_SVDD = ("pyod", "pyod.models.deep_svdd", "epochs", {"random_state": 0})
PYOD_AE = ("pyod", "pyod.models.auto_encoder", "epoch_num", {"device": "cpu", "random_state": 0})
LOFE = ("lofe-sklearn", "lofe_sklearn.backbones", "max_epochs", {"device": "cpu"})
PEERS = [
    (DEEPOD, "ICL"),
    (DEEPOD, "NeuTraL"),
    (DEEPOD, "DeepSVDD"),
    (DEEPOD, "GOAD"),
    (PYOD_SVDD, "DeepSVDD"),
    (PYOD_AE, "AutoEncoder"),
]
TIMED = sorted({name for _, name in PEERS} - {"GOAD"})
# Arguments that give a peer the sizes of our backbone of that name, for each set.
NEUTRAL = {"n_trans": 11, "trans_type": "residual", "act": "ReLU"}
DEEPOD_SVDD = {"hidden_dims": [32], "rep_dim": 16, "act": "ReLU"}
PYOD_SVDD_SIZES = {"hidden_neurons": [32, 16], "l2_regularizer": 1e-5, "learning_rate": 1e-3}
PYOD_AE_SIZES = {"hidden_neuron_list": [64, 32], "batch_norm": False, "dropout_rate": 0.0}
AS_OURS = {
    ("deepod", "NeuTraL"): {
        "thyroid": {**NEUTRAL, "trans_hidden_dims": 6, "hidden_dims": [12, 12], "rep_dim": 12},
        "arrhythmia": {**NEUTRAL, "trans_hidden_dims": 64, "hidden_dims": [64, 64], "rep_dim": 32},
    },
    ("deepod", "DeepSVDD"): dict.fromkeys(DATA, DEEPOD_SVDD),
    ("pyod", "DeepSVDD"): dict.fromkeys(DATA, PYOD_SVDD_SIZES),
    ("pyod", "AutoEncoder"): dict.fromkeys(DATA, PYOD_AE_SIZES),
}


class Detector(NamedTuple):
    """One row of the table."""

    library: str
    name: str
    sizes: str
    params: dict
    make: Callable[[int], object]


class Fit(NamedTuple):
    """What one call of `fit` took."""

    wall: float
    cpu: float
    steps: int
    weights: int


def detectors(data: str, n_features: int, ours: list[str], peers: list[str]) -> Iterator[Detector]:
    """All detectors to time on the set `data`."""
    for name in ours:
        yield detector(LOFE, name, "own", {})
    for where, name in PEERS:
        if name in peers:
            fixed = {"n_features": n_features} if where is PYOD_SVDD else {}
            yield detector(where, name, "own", {}, fixed)
            sizes = AS_OURS.get((where[0], name), {}).get(data)
            if sizes:
                yield detector(where, name, "as ours", sizes, fixed)


def detector(where: tuple, name: str, sizes: str, params: dict, fixed: dict | None = None):
    """Describe one detector, without importing its library yet."""
    library, module, epochs_name, common = where

    def make(epochs: int):
        cls = getattr(importlib.import_module(module), name)
        return cls(
            **{epochs_name: epochs, "batch_size": BATCH, "verbose": 0},
            **common,
            **(fixed or {}),
            **params,
        )

    return Detector(library, name, sizes, params, make)


class StepCounter:
    """Counts the steps of all of torch's optimizers, and the weights of the last."""

    def __init__(self) -> None:
        self.steps = self.weights = 0
        register_optimizer_step_post_hook(self)

    def __call__(self, optimizer: torch.optim.Optimizer, args: tuple, kwargs: dict) -> None:
        """Count one step."""
        self.steps += 1
        self.last = optimizer

    def fit(self, one: Detector, X: np.ndarray, epochs: int) -> Fit:
        """Time one fit."""
        model = one.make(epochs)
        self.steps, self.last = 0, None
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        model.fit(X)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        groups = self.last.param_groups if self.last else []
        weights = sum(p.numel() for group in groups for p in group["params"])
        return Fit(wall, cpu, self.steps, weights)


def prepare(counter: StepCounter, one: Detector, X: np.ndarray, seconds: float) -> tuple[int, Fit]:
    """Choose the number of epochs, and make sure that the detector does them."""
    counter.fit(one, X, 1)  # warms up
    short = counter.fit(one, X, 1)
    n_batches = len(X) // BATCH
    if short.steps == 0 or short.steps % n_batches:
        raise RuntimeError(f"{short.steps} steps in an epoch of {n_batches} batches")
    return lengthen(counter, one, X, short, seconds)[0], short


def lengthen(
    counter: StepCounter, one: Detector, X: np.ndarray, short: Fit, seconds: float
) -> tuple[int, Fit]:
    """Fit with more epochs until they take `seconds` more than the `short` fit with one.

    Returns
    -------
    epochs : int
        1 + 2^k, the number of epochs that was enough.
    long : Fit
        What the fit with them took.
    """
    more = 1
    while True:
        long = counter.fit(one, X, 1 + more)
        if long.steps != short.steps * (1 + more):
            raise RuntimeError(f"{long.steps} steps in {1 + more} epochs of {short.steps}")
        if long.wall - short.wall >= seconds:
            return 1 + more, long
        more *= 2


def measure(counter: StepCounter, todo: list[Detector], X: np.ndarray, options) -> list[dict]:
    """Time all detectors in turn; one row for each."""
    rows, pairs = [], []
    for one in todo:
        row = {
            "library": one.library,
            "version": "",
            "detector": one.name,
            "sizes": one.sizes,
            "params": " ".join(f"{key}={value}" for key, value in one.params.items()),
            "error": "",
        }
        try:
            row["version"] = version(one.library)
            epochs, fit = prepare(counter, one, X, options.seconds)
            row |= {"epochs": epochs, "steps_per_epoch": fit.steps, "weights": fit.weights}
        except Exception as error:  # noqa: BLE001 - whatever ails a peer goes into its row
            row["error"] = f"{type(error).__name__}: {error}"
        rows.append(row)
        pairs.append([])
        print(f"{one.library} {one.name} ({one.sizes}): {row['error'] or 'ready'}", file=sys.stderr)
    for _ in range(options.repeats):
        for one, row, pair in zip(todo, rows, pairs, strict=True):
            if not row["error"]:
                short, long = (counter.fit(one, X, epochs) for epochs in (1, row["epochs"]))
                pair.append((short, long))
    for row, pair in zip(rows, pairs, strict=True):
        if pair:
            n_steps = row["steps_per_epoch"] * (row["epochs"] - 1)
            for unit, prefix in ((0, "step"), (1, "cpu")):
                short, long = np.array([[fit[unit] for fit in both] for both in pair]).T
                row[f"{prefix}_us_best"] = round((long.min() - short.min()) / n_steps * 1e6, 1)
                row[f"{prefix}_us_median"] = round(np.median(long - short) / n_steps * 1e6, 1)
    return rows


def print_table(rows: list[dict]) -> None:
    """Print the rows as Markdown."""
    print("| set | detector | sizes | weights | step, us: best, median | times ours |")
    print("|---|---|---|---|---|---|")
    ours = {(r["dataset"], r["detector"]): r for r in rows if r["library"] == "lofe-sklearn"}
    for row in rows:
        start = f"| {row['dataset']} | {row['library']} {row['detector']} | {row['sizes']}"
        if row["error"]:
            print(f"{start} | - | {row['error'].splitlines()[0].replace('|', ' ')} | - |")
            continue
        base = ours.get((row["dataset"], row["detector"]))
        ratio = "-"
        if base and not base["error"] and base is not row:
            ratio = ", ".join(
                f"{row[key] / base[key]:.1f}" for key in ("step_us_best", "step_us_median")
            )
        print(
            f"{start} | {row['weights']:,} "
            f"| {row['step_us_best']:,.0f}, {row['step_us_median']:,.0f} | {ratio} |"
        )


def main() -> None:
    """Time all, write the rows, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", nargs="*", default=OURS, help="our backbones, by name")
    parser.add_argument("--peers", nargs="*", default=TIMED, help="the peers' detectors, by name")
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--batches", type=int, default=16, help="steps in an epoch")
    parser.add_argument("--seconds", type=float, default=0.5, help="of the further epochs")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # PyOD's DeepSVDD takes no device
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")

    counter, rows = StepCounter(), []
    for data in options.data:
        X, _ = DATA[data](return_X_y=True)
        # Whole batches only: the set's first rows, over and over where it has too few.
        X = np.resize(X, (options.batches * BATCH, X.shape[1]))
        todo = list(detectors(data, X.shape[1], options.ours, options.peers))
        facts = {"dataset": data, "rows": len(X), "batch": BATCH}
        rows += [facts | row for row in measure(counter, todo, X, options)]
    machine = describe()
    rows = [row | machine for row in rows]
    options.output.parent.mkdir(exist_ok=True)
    with options.output.open("w", newline="") as file:
        columns = [
            *("dataset", "rows", "batch", "library", "version", "detector", "sizes", "params"),
            *("weights", "steps_per_epoch", "epochs", "step_us_best", "step_us_median"),
            *("cpu_us_best", "cpu_us_median", "error", *machine),
        ]
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    print_table(rows)


if __name__ == "__main__":
    main()
