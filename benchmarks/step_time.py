"""Time of one training step, beside that of its matrix products alone.

    OMP_NUM_THREADS=1 python -m benchmarks.step_time [--models 1 4 16] [--repeats 300]
        [--backbones ICL GOAD]

A step is all of it: taking the batch, both losses, the label step, the gradients, Adam, and the
record of the losses. The products are `torch.mm` and `torch.bmm` of the same shapes, forward and
backward, with nothing in between. Both are timed in turn in one process, as the smallest and the
median over the repeats; rows go to benchmarks/results/step_time.csv.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.machine import describe
from lofe_sklearn import GOAD, ICL, AutoEncoder, DeepSVDD, NeuTraL, engine
from lofe_sklearn.backbones._goad import GOADModule
from lofe_sklearn.backbones._icl import ICLModule
from lofe_sklearn.datasets import load_arrhythmia, load_thyroid

SETS = {"thyroid": load_thyroid, "arrhythmia": load_arrhythmia}
BACKBONES = {cls.__name__: cls for cls in (NeuTraL, ICL, GOAD, DeepSVDD, AutoEncoder)}
BATCH = 128
RESULTS = Path(__file__).parent / "results" / "step_time.csv"


def step_times(backbone, X: np.ndarray, n_models: int, n_steps: int, device: torch.device):
    """Seconds of each of `n_steps` steps of the engine's own loop: epochs of one batch."""
    seeds = list(range(n_models))
    modules = engine.build_modules(
        repeat(lambda: backbone._build_module(X.shape[1])), seeds, device
    )
    rows = engine.Rows(X, device=device)
    for module in modules:
        engine.prepare_module(module, rows.take(torch.arange(len(X), device=device)))
    marks: list[float] = []

    def rule(loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None):
        # The label step is in every step once: the time between two of them is that of a step.
        if device.type == "cuda":
            torch.cuda.synchronize()
        marks.append(time.perf_counter())
        return engine.RULES["soft"](loss_n, loss_a, alpha, known)

    settings = engine.TrainingSettings(batch_size=BATCH)
    # One epoch over many batches, as in a fit on a large set.
    index = torch.arange(len(X), device=device).repeat(-(-n_steps * BATCH // len(X)))
    jobs = [
        engine.Job(
            index[: n_steps * BATCH],
            engine.Labelling(rule, alpha=0.1),
            seed=seed,
            max_epochs=1,
            lr=1e-3,
            weight_decay=1e-5,
        )
        for seed in seeds
    ]
    engine.train(modules, rows, jobs, settings)
    return np.diff(marks), modules[0]


def products_alone(module: nn.Module, n_features: int, n_models: int, device: torch.device):
    """Return a function that does a step's matrix products and nothing else."""
    pairs = [
        (torch.randn(n_models, *left, device=device), torch.randn(n_models, *right, device=device))
        for left, right in shapes(module, n_features)
    ]
    flat = [(a.flatten(0, -3), b.flatten(0, -3)) for a, b in pairs]

    def call() -> None:
        for a, b in flat:
            if len(a) == 1:
                torch.mm(a[0], b[0])
            else:
                torch.bmm(a, b)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return call


def shapes(module: nn.Module, n_features: int) -> Iterator[tuple[tuple, tuple]]:
    """Operands of each product of a step: forward, and backward to the weight and the input."""

    def layer(batch: tuple, n_rows: int, fan_in: int, fan_out: int, *, first: bool):
        yield (*batch, n_rows, fan_in), (*batch, fan_in, fan_out)
        yield (*batch, fan_in, n_rows), (*batch, n_rows, fan_out)
        if not first:
            yield (*batch, n_rows, fan_out), (*batch, fan_out, fan_in)

    def linear(n_rows: int, layers: list[nn.Linear], *, first: bool):
        for i, one in enumerate(layers):
            yield from layer(
                (1,), n_rows, one.in_features, one.out_features, first=first and i == 0
            )

    if hasattr(module, "transform_in"):
        n_transforms = module.transform_out[0].shape[0]
        yield from linear(BATCH, [module.transform_in], first=True)
        for weight in module.transform_out:
            yield from layer((n_transforms,), BATCH, *weight.shape[1:], first=False)
        yield from linear((n_transforms + 1) * BATCH, list(module.encoder), first=False)
        size = module.encoder[-1].out_features
        n_views = n_transforms + 1
        yield (BATCH, n_transforms, size), (BATCH, size, n_views)
        yield (BATCH, n_views, n_transforms), (BATCH, n_transforms, size)
        yield (BATCH, n_transforms, n_views), (BATCH, n_views, size)
    elif isinstance(module, ICLModule):
        n_permutations = len(module.order)
        n_windows, n_drawn = module.n_windows, module.n_drawn
        encoders = (module.window_encoder, n_windows), (module.rest_encoder, n_drawn)
        for encoder, n_embedded in encoders:
            for i, weight in enumerate(encoder.weights):
                batch, n_rows = (n_permutations,), n_embedded * BATCH
                yield from layer(batch, n_rows, *weight.shape[1:], first=i == 0)
        size, n_rows = encoder.n_outputs, n_permutations * BATCH
        yield (n_rows, n_drawn, size), (n_rows, size, n_windows)
        yield (n_rows, n_drawn, n_windows), (n_rows, n_windows, size)
        yield (n_rows, n_windows, n_drawn), (n_rows, n_drawn, size)
    elif isinstance(module, GOADModule):
        n_rows = module.n_transforms * BATCH
        yield (1, BATCH, n_features), (1, *module.maps.shape)
        yield from linear(n_rows, list(module.encoder), first=True)
        yield from layer((1,), n_rows, *module.centers.t().shape, first=False)
    else:
        layers = [m for m in module.modules() if isinstance(m, nn.Linear)]
        yield from linear(BATCH, layers, first=True)


def times(call: Callable[[], None], repeats: int) -> np.ndarray:
    """Seconds of each call."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return np.array(seconds)


def main() -> None:
    """Time all, write the rows, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbones", nargs="+", choices=BACKBONES, default=list(BACKBONES))
    parser.add_argument("--data", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--models", nargs="+", type=int, default=[1])
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3, help="steps and products in turn")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    device = engine.resolve_device(options.device)
    if device.type == "cpu":
        torch.set_num_threads(1)

    rows = []
    print(
        "| set | backbone | M | step, us a model: best, median | products: best, median | ratio |"
    )
    print("|---|---|---|---|---|---|")
    for dataset in options.data:
        X, _ = SETS[dataset](return_X_y=True)
        for backbone in (BACKBONES[name]() for name in options.backbones):
            for n_models in options.models:
                steps, products = [], []
                for _ in range(options.rounds):
                    seconds, module = step_times(backbone, X, n_models, options.repeats, device)
                    steps.append(seconds[10:])
                    call = products_alone(module, X.shape[1], n_models, device)
                    products.append(times(call, options.repeats)[10:])
                step, product = (np.concatenate(t) * 1e6 / n_models for t in (steps, products))
                row = {
                    "dataset": dataset,
                    "backbone": type(backbone).__name__,
                    "n_models": n_models,
                    "batch": BATCH,
                    "device": str(device),
                    "step_us_best": round(step.min(), 1),
                    "step_us_median": round(float(np.median(step)), 1),
                    "products_us_best": round(product.min(), 1),
                    "products_us_median": round(float(np.median(product)), 1),
                }
                rows.append(row | describe())
                print(
                    f"| {dataset} | {row['backbone']} | {n_models} "
                    f"| {row['step_us_best']:.0f}, {row['step_us_median']:.0f} "
                    f"| {row['products_us_best']:.0f}, {row['products_us_median']:.0f} "
                    f"| {row['step_us_best'] / row['products_us_best']:.2f}, "
                    f"{row['step_us_median'] / row['products_us_median']:.2f} |",
                    flush=True,
                )
    options.output.parent.mkdir(exist_ok=True)
    with options.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
