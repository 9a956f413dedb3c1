"""Demo: the same backbone trained blind, refined, and with LOE on contaminated real data.

The protocol is that of the LOE paper's tabular experiments, see
`lofe_sklearn.datasets.loe_tabular_split`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed
from sklearn.metrics import roc_auc_score

from lofe_sklearn import LOE, backbones, engine
from lofe_sklearn._progress import require_rich
from lofe_sklearn.datasets import load_arrhythmia, load_thyroid, loe_tabular_split
from lofe_sklearn.metrics import f1_at_true_ratio

LOADERS = {"thyroid": load_thyroid, "arrhythmia": load_arrhythmia}
BACKBONES = ("NeuTraL", "ICL", "GOAD", "DeepSVDD", "AutoEncoder")
METHODS = ("blind", "refine", "hard", "soft")


@dataclass(frozen=True)
class Run:
    """One fit and what became of it on the test rows."""

    method: str
    seed: int
    f1: float
    roc_auc: float
    seconds: float
    scores: np.ndarray
    y_test: np.ndarray


def run_one(
    X: np.ndarray, y: np.ndarray, method: str, seed: int, options: argparse.Namespace
) -> Run:
    """Contaminate, fit, and score the test rows; labels serve the split and the metrics only."""
    X_train, X_test, _, y_test = loe_tabular_split(
        X, y, contamination=options.contamination, random_state=seed
    )
    backbone = getattr(backbones, options.backbone)(device=options.device)
    if options.max_epochs is not None:
        backbone.set_params(max_epochs=options.max_epochs)
    assumed = options.contamination if options.assumed is None else options.assumed
    torch.set_num_threads(1)  # the layers are too small for more
    detector = LOE(backbone, method=method, contamination=assumed, init=None, random_state=seed)
    start = time.perf_counter()
    detector.fit(X_train)
    seconds = time.perf_counter() - start
    scores = detector.score_samples(X_test)
    return Run(
        method,
        seed,
        f1_at_true_ratio(y_test, scores),
        roc_auc_score(y_test, -scores),
        seconds,
        scores,
        y_test,
    )


def run_all(options: argparse.Namespace) -> Iterator[Run]:
    """All methods over all seeds, each as soon as it is done."""
    X, y = load_data(options.data)
    # Processes: threads would wait for each other's Python code between the small products.
    parallel = Parallel(n_jobs=options.jobs, return_as="generator_unordered")
    return parallel(
        delayed(run_one)(X, y, method, seed, options)
        for seed in range(options.seeds)
        for method in options.methods
    )


def load_data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Load a bundled set by name, or an .npz file with X and y (1 = anomaly)."""
    if name in LOADERS:
        return LOADERS[name](return_X_y=True)
    path = Path(name)
    if path.suffix != ".npz" or not path.exists():
        raise SystemExit(
            f"--data {name}: not a bundled set ({', '.join(LOADERS)}) and not an existing .npz "
            "file with the arrays X and y."
        )
    with np.load(path, allow_pickle=False) as arrays:
        missing = {"X", "y"} - set(arrays.files)
        if missing:
            raise SystemExit(
                f"--data {name}: the file must hold the arrays X and y (1 = anomaly); "
                f"{' and '.join(sorted(missing))} missing, found {arrays.files}."
            )
        return arrays["X"].astype(np.float64), arrays["y"].ravel().astype(int)


def print_table(runs: Sequence[Run], options: argparse.Namespace) -> None:
    """Mean and standard deviation over the seeds of each method."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"LOE({options.backbone}) on {Path(options.data).stem}, "
        f"{options.contamination:.0%} contamination, {options.seeds} seeds",
        caption="F1 with as many test rows flagged as there are anomalies; seconds of one fit",
    )
    table.add_column("method")
    for column in ("F1", "ROC AUC", "seconds"):
        table.add_column(column, justify="right")
    best = max(METHODS, key=lambda m: np.mean([r.f1 for r in runs if r.method == m] or [-1.0]))
    for method in options.methods:
        of_method = [run for run in runs if run.method == method]
        f1, auc = ([getattr(r, name) for r in of_method] for name in ("f1", "roc_auc"))
        table.add_row(
            method,
            f"{np.mean(f1):.3f} ± {np.std(f1):.3f}",
            f"{np.mean(auc):.3f} ± {np.std(auc):.3f}",
            f"{np.mean([r.seconds for r in of_method]):.1f}",
            style="bold" if method == best else None,
        )
    Console().print(table)


def plot_scores(runs: Sequence[Run], path: Path, options: argparse.Namespace) -> None:
    """Score distributions of normal and anomalous test rows, without and with LOE."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "The plot needs matplotlib. Install it with: pip install 'lofe-sklearn[plot]'"
        ) from error

    shown = [m for m in ("blind", "soft", "hard") if m in options.methods][:2] or options.methods[
        :1
    ]
    figure = Figure(figsize=(4.8 * len(shown), 3.8), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False, sharex=True, sharey=True)[0]
    panels[0].set_ylabel("share of the rows of each kind")
    for axes, method in zip(panels, shown, strict=True):
        run = min((r for r in runs if r.method == method), key=lambda r: r.seed)
        anomalous = run.y_test == 1
        low, middle, high = np.percentile(run.scores[~anomalous], [25, 50, 75])
        score = (middle - run.scores) / max(high - low, 1e-12)
        bins = np.sinh(np.linspace(np.arcsinh(score.min()), np.arcsinh(score.max()), 45))
        for part, label, color in (
            (~anomalous, "normal", "#4c78a8"),
            (anomalous, "anomaly", "#e45756"),
        ):
            axes.hist(
                score[part],
                bins,
                weights=np.full(part.sum(), 1 / part.sum()),
                alpha=0.65,
                color=color,
                label=f"{label} ({part.sum()} rows)",
            )
        cut = np.sort(score)[-anomalous.sum()]
        axes.axvline(cut, color="black", linestyle="--", linewidth=1, label="true ratio")
        name = "trained blind" if method == "blind" else f"LOE, {method}"
        axes.set_title(f"{name}: F1 {run.f1:.2f}, ROC AUC {run.roc_auc:.2f}")
        axes.set_xscale("asinh", linear_width=1.0)
        axes.set_xlabel("anomaly score")
    figure.suptitle(
        f"{options.backbone} on {Path(options.data).stem}, {options.contamination:.0%} of the "
        "training rows are anomalies"
    )
    # One legend for all panels, in the first, whose upper right is the emptiest: its anomalies
    # are where blind training leaves them.
    panels[0].legend(loc="upper right", fontsize="small")
    _fit_the_shared_axis(panels)
    figure.supxlabel(
        "test rows; in interquartile ranges of the normal rows above their median", fontsize="small"
    )
    figure.savefig(path, dpi=150)


def _fit_the_shared_axis(panels: np.ndarray) -> None:
    """Set ticks at 0 and at powers of ten, and limits around the scores of all panels."""
    limits = np.array([axes.dataLim.intervalx for axes in panels])
    low, high = limits[:, 0].min() - 0.5, 1.5 * limits[:, 1].max()
    top = int(np.log10(max(high, 10.0)))
    powers = range(0, top + 1, 1 + top // 6)
    panels[0].set_xticks([0.0, *(10.0**k for k in powers)], ["0", *(f"{10**k:g}" for k in powers)])
    panels[0].minorticks_off()
    panels[0].set_xlim(low, high)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m lofe_sklearn",
        description="Train a deep anomaly detector on contaminated data: blind, refined, and with "
        "Latent Outlier Exposure (hard, soft). Prints a table and writes a plot.",
    )
    parser.add_argument(
        "--data",
        default="thyroid",
        metavar="NAME|FILE",
        help=f"{' or '.join(LOADERS)}, or an .npz file with the arrays X and y (1 = anomaly) "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--contamination",
        type=_ratio,
        default=0.1,
        metavar="RATIO",
        help="share of anomalies in the training rows (default: %(default)s)",
    )
    parser.add_argument(
        "--assumed",
        type=_ratio,
        metavar="RATIO",
        help="share that the methods are told (default: the true one)",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=list(METHODS),
        metavar="METHOD",
        help=f"any of {', '.join(METHODS)} (default: all)",
    )
    parser.add_argument(
        "--backbone",
        choices=BACKBONES,
        default="NeuTraL",
        help="the detector to train (default: %(default)s)",
    )
    parser.add_argument(
        "--seeds",
        type=_positive,
        default=3,
        metavar="N",
        help="repetitions, with the seeds 0 to N - 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--max-epochs", type=_positive, metavar="N", help="epochs (default: the backbone's)"
    )
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)"
    )
    parser.add_argument(
        "--jobs",
        type=_positive,
        default=min(2, cpu_count()),
        metavar="N",
        help="fits at a time, a process each (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("lofe_demo.png"),
        metavar="FILE",
        help="where to write the plot (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if not options.output.resolve().parent.is_dir():
        parser.error(f"--output {options.output}: the folder does not exist")
    try:
        engine.resolve_device(options.device)
    except ValueError as error:
        parser.error(f"--device: {error}")
    return options


def _ratio(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) <= 0.5:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number in (0, 0.5]; got {text}")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the demo."""
    options = parse(arguments)
    require_rich("The demo")
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    runs: list[Run] = []
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns) as progress:
        task = progress.add_task("", total=options.seeds * len(options.methods))
        for run in run_all(options):
            runs.append(run)
            last = f"{run.method}, seed {run.seed}: F1 {run.f1:.2f}"
            progress.update(task, advance=1, description=last)
    print_table(runs, options)
    plot_scores(runs, options.output, options)
    Console().print(f"Score distributions: {options.output}")
