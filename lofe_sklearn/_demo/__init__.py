"""Demo: the same backbone trained blind, refined, and with LOE on contaminated real data.

``LOE()`` with nothing chosen is compared with them: it knows neither the ratio nor the backbone.

The protocol is that of the LOE paper's tabular experiments, see
`lofe_sklearn.datasets.loe_tabular_split`.
"""

from __future__ import annotations

import argparse

from lofe_sklearn._demo._data import load_data
from lofe_sklearn._demo._options import parse

__all__ = ["PlotNotWritten", "load_data", "parse", "run"]


class PlotNotWritten(OSError):
    """The file of the plot could not be written; the message names it."""


def run(options: argparse.Namespace) -> None:
    """Train, print the table and write the plot.

    Raises
    ------
    PlotNotWritten
        If the disk is full, for instance. A file that was there stays as it was.
    """
    from lofe_sklearn._demo._fits import Run, run_all
    from lofe_sklearn._demo._report import plot_scores, print_table
    from lofe_sklearn._progress import require_rich

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
    try:
        plot_scores(runs, options.output, options)
    except OSError as error:
        raise PlotNotWritten(error.strerror or str(error)) from error
    Console().print(f"Score distributions: {options.output}")
