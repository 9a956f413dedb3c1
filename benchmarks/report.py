"""Markdown tables from the rows in benchmarks/results.

python -m benchmarks.report benchmarks/results/sizes_*.csv             # means over the sets
python -m benchmarks.report --by-set benchmarks/results/paper_tabular.csv
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np


def main() -> None:
    """Print one line for each backbone, parameters and method, and set where asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--by-set", action="store_true", help="a line for each set")
    options = parser.parse_args()

    groups = defaultdict(list)
    for path in options.files:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                names = ["backbone", "params", "method"]
                key = tuple(row[name] for name in (["dataset"] if options.by_set else []) + names)
                groups[key].append([float(row[name]) for name in ("f1", "roc_auc")])

    print(
        "| " + "set | " * options.by_set + "backbone | parameters | method | F1 | ROC AUC | fits |"
    )
    print("|---" * (6 + options.by_set) + "|")
    for key, values in groups.items():
        f1, auc = np.mean(values, axis=0)
        cells = [cell or "default" for cell in key]
        print("| " + " | ".join(cells) + f" | {f1:.3f} | {auc:.3f} | {len(values)} |")


if __name__ == "__main__":
    main()
