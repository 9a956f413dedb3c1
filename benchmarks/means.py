"""Means over the rows of a study: over the seeds of each set first, then over the sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.ledger import Row
from benchmarks.markdown import short


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple, list[Row]]:
    """Return the rows by their values of `names`, in the order in which these come."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def of_each_set(rows: Iterable[Row], figures: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the mean figures of each set."""
    return {
        dataset: np.mean([[row[figure] for figure in figures] for row in own], axis=0)
        for (dataset,), own in grouped(rows, "dataset").items()
    }


def over_sets(rows: Iterable[Row], figures: Sequence[str]) -> np.ndarray:
    """Return the mean figures over all sets; NaN where there is no row."""
    means = list(of_each_set(rows, figures).values())
    return np.mean(means, axis=0) if means else np.full(len(figures), np.nan)


def cell_of_means(rows: Sequence[Row], figures: Sequence[str]) -> str:
    """Return a table's cell: the mean figures, and over how many sets; empty without rows."""
    n_sets = len({row["dataset"] for row in rows})
    return f"{' / '.join(map(short, over_sets(rows, figures)))} ({n_sets})" if rows else ""


def short_name(dataset: str) -> str:
    """Return the name of a set without that of its collection."""
    return dataset.partition(":")[2]
