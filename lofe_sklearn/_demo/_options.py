"""The demo's command line.

Nothing slow is imported before the arguments are read, so that ``--help``, ``--version`` and wrong
options are answered at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lofe_sklearn import __version__
from lofe_sklearn._demo._data import BUNDLED
from lofe_sklearn._lazy import exports

NOTHING_CHOSEN = "LOE()"
# Endings of names of the plot; without one it is a PNG.
_PLOTS = ("", ".png", ".jpg", ".jpeg", ".pdf", ".svg")
METHODS = ("blind", "refine", "hard", "soft", NOTHING_CHOSEN)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line's options."""
    parser = argparse.ArgumentParser(
        prog="lofe demo",
        description="Train a deep anomaly detector on contaminated data: blind, refined, and with "
        "Latent Outlier Exposure (hard, soft), and LOE() with nothing chosen. Prints a table and "
        "writes a plot. Then LOE() finds anomalies in a table of made-up transactions, and writes "
        "a report.",
    )
    parser.add_argument("--version", action="version", version=f"lofe_sklearn {__version__}")
    parser.add_argument(
        "--data",
        default="thyroid",
        metavar="NAME|FILE",
        help=f"{' or '.join(BUNDLED)}, or an .npz file with the arrays X and y (1 = anomaly) "
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
        help=f"any of {', '.join(METHODS)}; the last chooses nothing (default: all)",
    )
    backbones = tuple(exports("backbones/_all_backbones.pyi"))
    parser.add_argument(
        "--backbone",
        choices=backbones,
        default="NeuTraL",
        metavar="BACKBONE",
        help=f"the detector to train: any of {', '.join(backbones)} (default: %(default)s)",
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
        metavar="N",
        help="fits at a time, a process each (default: 2, or 1 with one core)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("lofe_demo.png"),
        metavar="FILE",
        help="where to write the plot (default: %(default)s)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("lofe_demo.html"),
        metavar="FILE",
        help="where to write the report on the transactions (default: %(default)s)",
    )
    parser.add_argument(
        "--transactions",
        type=_rows,
        default=2000,
        metavar="N",
        help="rows of the table of transactions, 0 for none (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if options.output.suffix.lower() not in _PLOTS:
        parser.error(f"--output {options.output}: the name must end in .png, .jpg, .pdf or .svg")
    if options.jobs is None:
        from joblib import cpu_count

        options.jobs = min(2, cpu_count())
    from lofe_sklearn import engine

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


def _rows(text: str) -> int:
    if not text.isdecimal() or 0 < int(text) < 100:
        raise argparse.ArgumentTypeError(f"must be 0 or at least 100; got {text}")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text}")
    return int(text)
