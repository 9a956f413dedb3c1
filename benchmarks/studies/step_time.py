"""Time of one training step: beside its matrix products, other libraries, or another checkout.

    python -m benchmarks study step-time
    python -m benchmarks study step-time --sets normal:30 --models 1 50 --device cuda
    .venv-peers/bin/python -m benchmarks study step-time --beside peers      # make peers first
    python -m benchmarks study step-time --against ../other-checkout

A step consists of taking the batch, both losses, the label step, the gradients, Adam, and the
record of the losses. Batches have 128 rows.

`products`: steps of LOE's training in a stack of --models, and the products alone, `torch.mm` and
`torch.bmm` of the same shapes, forward and backward, with nothing in between. Both are timed in
turn in one process, as the smallest and the median of all. Single models are timed on two sets,
stacks of 16 and 64 on normal rows of 6 and 30 features (``--sets normal:270`` for others), where
the goal is a ratio of 1.6; that of a single NeuTraL on thyroid is 2.5.

`peers`: a backbone trained alone and the detectors of DeepOD and PyOD of its kind, all black boxes
behind `fit`; see benchmarks/steps.py for how a step is timed, and benchmarks/peers/timed.py for
their sizes. They run in turn. Best is the smallest time with E epochs minus the smallest with one;
median is that of the differences. `cpu_us` are the same in CPU time, close to the former on a quiet
machine. A detector that cannot be timed has a row with its error.

--against CHECKOUT times the steps of this checkout and of another one in turn, each time in a
new process, and prints the ratio of the medians; nothing is kept.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.detectors import BACKBONES
from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.means import short_name
from benchmarks.peers.timed import Timed, beside
from benchmarks.products import products_alone, times
from benchmarks.standalone import run_in
from benchmarks.standalone.step_times import BATCH, WARM_UP, rows_of, step_times
from benchmarks.steps import StepCounter, Timing
from benchmarks.study import Axis, Cell, Study
from lofe_sklearn.backbones import Backbone

KINDS = ("products", "peers")
# Backbones whose stacks are timed.
STACKED = ("DeepSVDD", "AutoEncoder", "NeuTraL")
N_ROUNDS = 3
N_STEPS = 60
# Features of all models together from which a step takes so long that a sixth of them is enough.
MANY_VALUES = 4_000
# For peers: steps in an epoch, the time that the further epochs take, and pairs of fits.
N_BATCHES = 16
SECONDS = 0.2
N_REPEATS = 3
# For another checkout: processes of each, and steps in each of them.
N_PROCESSES = 4
N_STEPS_AGAINST = 200


def applies(cell: Row) -> bool:
    """Whether the cell is one of a single model on a set, or of a stack on normal rows."""
    single, on_cpu = cell["n_models"] == 1, cell["device"] == "cpu"
    if cell["beside"] == "peers":
        return single and on_cpu and not cell["dataset"].startswith("normal:")
    if on_cpu and cell["dataset"].startswith("normal:"):
        # These steps are nearly all products, and take minutes to time.
        long = (cell["backbone"], cell["dataset"], cell["n_models"]) == ("NeuTraL", "normal:30", 64)
        return not single and not long and cell["backbone"] in STACKED
    return single or not on_cpu


def run(cell: Row) -> Iterator[Row]:
    """Time one backbone and what is beside it."""
    X = rows_of(cell["dataset"])
    if cell["beside"] == "products":
        yield _beside_products(cell, X)
    else:
        # Whole batches only: the set's first rows, over and over where it has too few.
        X = np.resize(X, (N_BATCHES * BATCH, X.shape[1]))
        yield from _beside_peers(list(beside(cell["backbone"], cell["dataset"], X.shape[1])), X)


def _beside_products(cell: Row, X: np.ndarray) -> Row:
    n_models, device = cell["n_models"], cell["device"]
    backbone: Backbone = BACKBONES[cell["backbone"]](max_epochs=1)
    module = backbone.fit(X[: 2 * BATCH]).module_.to(device)
    call = products_alone(module, X.shape[1], n_models, BATCH, device)
    steps, products = [], []
    n_steps = N_STEPS if n_models * X.shape[1] < MANY_VALUES else N_STEPS // 6
    for _ in range(N_ROUNDS):
        steps.append(step_times(backbone, X, n_models, n_steps, device))
        products.append(times(call, WARM_UP + n_steps)[WARM_UP:])
    step, product = (1e6 * np.concatenate(part) / n_models for part in (steps, products))
    return {
        "batch": BATCH,
        "step_us_best": round(float(step.min()), 1),
        "step_us_median": round(float(np.median(step)), 1),
        "products_us_best": round(float(product.min()), 1),
        "products_us_median": round(float(np.median(product)), 1),
    }


def _beside_peers(todo: list[Timed], X: np.ndarray) -> list[Row]:
    """Time all detectors in turn; one row for each."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # PyOD's DeepSVDD takes no device
    warnings.simplefilter("ignore")
    counter = StepCounter()
    rows = [_prepared(counter, one, X) for one in todo]
    pairs: list[list[tuple[Timing, Timing]]] = [[] for _ in todo]
    for _ in range(N_REPEATS):
        for one, row, pair in zip(todo, rows, pairs, strict=True):
            if not row["error"]:
                make = partial(one.make, batch=BATCH)
                pair.append(tuple(counter.fit(make, X, n) for n in (1, row["epochs"])))
    counter.remove()
    for row, pair in zip(rows, pairs, strict=True):
        if not pair:
            continue
        n_steps = row["steps_per_epoch"] * (row["epochs"] - 1)
        for unit, prefix in ((0, "step"), (1, "cpu")):
            short, long = np.array([[fit[unit] for fit in both] for both in pair]).T
            row[f"{prefix}_us_best"] = round(float(long.min() - short.min()) / n_steps * 1e6, 1)
            row[f"{prefix}_us_median"] = round(float(np.median(long - short)) / n_steps * 1e6, 1)
    return rows


def _prepared(counter: StepCounter, one: Timed, X: np.ndarray) -> Row:
    """Choose the number of epochs, and make sure that the detector does them."""
    row: Row = {
        "rows": len(X),
        "batch": BATCH,
        "library": one.library,
        "sizes": one.sizes,
        "params": one.params,
        "error": "",
    }
    make = partial(one.make, batch=BATCH)
    try:
        row["version"] = version(one.library)
        counter.fit(make, X, 1)  # warms up
        short = counter.fit(make, X, 1)
        if short.steps == 0 or short.steps % N_BATCHES:
            raise RuntimeError(f"{short.steps} steps in an epoch of {N_BATCHES} batches")
        epochs, _ = counter.lengthen(make, X, short, SECONDS)
        row |= {"epochs": epochs, "steps_per_epoch": short.steps, "weights": short.weights}
    except Exception as error:  # noqa: BLE001 - whatever ails a peer goes into its row
        row["error"] = f"{type(error).__name__}: {error}"
    return row


def tables(rows: list[Row]) -> str:
    """Return the times beside products, and those beside peers."""
    parts = []
    for kind, make in (("products", _table_of_products), ("peers", _table_of_peers)):
        own = [row for row in rows if row["beside"] == kind]
        if own:
            parts.append(make(own))
    return "\n\n".join(parts)


def _table_of_products(rows: list[Row]) -> str:
    header = ["set", "backbone", "M", "step, us a model: best, median", "products: best, median"]
    lines = []
    for row in rows:
        step, products = (
            [row[f"{name}_us_{which}"] for which in ("best", "median")]
            for name in ("step", "products")
        )
        ratios = ", ".join(f"{a / b:.2f}" for a, b in zip(step, products, strict=True))
        both = [", ".join(map(_microseconds, pair)) for pair in (step, products)]
        named = [short_name(row["dataset"]), row["backbone"], row["n_models"]]
        lines.append([*named, *both, ratios])
    return table([*header, "ratio"], lines)


def _microseconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _table_of_peers(rows: list[Row]) -> str:
    ours = {
        (row["dataset"], row["backbone"]): row for row in rows if row["library"] == "lofe-sklearn"
    }
    columns = ("step_us_best", "step_us_median")
    lines: list[list[Any]] = []
    for row in rows:
        start = [short_name(row["dataset"]), f"{row['library']} {row['backbone']}", row["sizes"]]
        base = ours.get((row["dataset"], row["backbone"]))
        if row["error"]:
            lines.append([*start, "-", row["error"].splitlines()[0].replace("|", " "), "-"])
            continue
        ratio = "-"
        if base and not base["error"] and base is not row:
            ratio = ", ".join(f"{row[name] / base[name]:.1f}" for name in columns)
        pair = ", ".join(f"{row[name]:,.0f}" for name in columns)
        lines.append([*start, f"{row['weights']:,}", pair, ratio])
    header = ["set", "detector", "sizes", "weights", "step, us: best, median", "times ours"]
    return table(header, lines)


def against(cells: list[Cell], checkout: Path) -> int:
    """Time the same steps in this checkout and in another one; print the ratios."""
    tasks = [cell.fields | {"n_steps": N_STEPS_AGAINST} for cell in cells]
    here = Path(__file__).parents[2]
    found: dict[Path, list[list[float]]] = {here: [], checkout: []}
    for turn in range(N_PROCESSES):
        # In the order a b, b a, ...: neither is always the first.
        for one in (here, checkout) if turn % 2 == 0 else (checkout, here):
            found[one].append(run_in(one, "step_times.py", json.dumps(tasks)))
    lines, ratios = [], []
    for number, task in enumerate(tasks):
        ours, theirs = (
            [times_of_all[number] for times_of_all in found[one]] for one in (here, checkout)
        )
        ratios.append(median(ours) / median(theirs))
        named = [short_name(task["dataset"]), task["backbone"], task["n_models"]]
        spread = [f"{median(some):,.0f} ({min(some):,.0f} to {max(some):,.0f})" for some in
                  (ours, theirs)]  # fmt: skip
        lines.append([*named, *spread, f"{ratios[-1]:.3f}"])
    header = ["set", "backbone", "M", "here, us a step: median (range)", "there", "here / there"]
    print(table(header, lines))
    print(f"\nMean of the ratios (geometric): {np.exp(np.mean(np.log(ratios))):.3f}")
    return 0


STUDY = Study(
    "step-time",
    "time of a training step, beside its matrix products, peers, or another checkout",
    axes={
        "beside": Axis(("products",), choices=KINDS, option="beside"),
        "dataset": Axis(("odds:thyroid", "odds:arrhythmia", "normal:6", "normal:30")),
        "backbone": Axis(tuple(BACKBONES), choices=tuple(BACKBONES)),
        "n_models": Axis((1, 16, 64), option="models"),
        "device": Axis(("cpu",), option="device"),
    },
    run=run,
    tables=tables,
    applies=applies,
    against=against,
)
