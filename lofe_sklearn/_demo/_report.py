"""What the demo shows: a table, and the distributions of the scores."""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lofe_sklearn._demo._fits import Run
from lofe_sklearn._demo._options import METHODS
from lofe_sklearn._saving._atomic import write_whole


def print_table(runs: Sequence[Run], options: argparse.Namespace) -> None:
    """Mean and standard deviation over the seeds of each method."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"LOE({options.backbone}) on {Path(options.data).stem}, "
        f"{options.contamination:.0%} contamination, {options.seeds} "
        f"seed{'' if options.seeds == 1 else 's'}",
        caption="F1 with as many test rows flagged as there are anomalies; seconds of one fit. "
        "LOE() is told neither ratio nor backbone",
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
            _mean_and_spread(f1),
            _mean_and_spread(auc),
            f"{np.mean([r.seconds for r in of_method]):.1f}",
            style="bold" if method == best else None,
        )
    Console().print(table)


def _mean_and_spread(values: Sequence[float]) -> str:
    mean = f"{np.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values):.3f}"


def plot_scores(runs: Sequence[Run], path: Path, options: argparse.Namespace) -> None:
    """Score distributions of normal and anomalous test rows, without and with LOE.

    Raises
    ------
    OSError
        If the disk is full, for instance. A file that was there stays as it was.
    """
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
    # One legend for all panels, in the upper right of the first one, which is the emptiest.
    panels[0].legend(loc="upper right", fontsize="small")
    _fit_the_shared_axis(panels)
    figure.supxlabel(
        "test rows; in interquartile ranges of the normal rows above their median", fontsize="small"
    )
    picture = io.BytesIO()
    figure.savefig(picture, dpi=150, format=path.suffix[1:] or "png")
    write_whole(path, picture.getvalue(), "--output")


def _fit_the_shared_axis(panels: np.ndarray) -> None:
    """Set ticks at 0 and at powers of ten, and limits around the scores of all panels."""
    limits = np.array([axes.dataLim.intervalx for axes in panels])
    low, high = limits[:, 0].min() - 0.5, 1.5 * limits[:, 1].max()
    top = int(np.log10(max(high, 10.0)))
    powers = range(0, top + 1, 1 + top // 6)
    panels[0].set_xticks([0.0, *(10.0**k for k in powers)], ["0", *(f"{10**k:g}" for k in powers)])
    panels[0].minorticks_off()
    panels[0].set_xlim(low, high)
