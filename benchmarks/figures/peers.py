"""`LOE()` among the detectors of other libraries, on sets seen before and on others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import colors, looks
from benchmarks.ledger import Row
from benchmarks.reports.adbench import SEEN, UNSEEN, of_group, seen_and_others
from benchmarks.reports.grid import make_grid, name_sets

METRIC = "average_precision"
OURS = "LOE()"
LIBRARIES = {"pyod": "PyOD", "deepod": "DeepOD", "sklearn": "scikit-learn"}
# scikit-learn's own of these have the same figures: PyOD wraps them.
WRAPPED = ("IsolationForest", "OneClassSVM", "LocalOutlierFactor", "EllipticEnvelope")
ORDINALS = ("first", "second", "third", "fourth", "fifth")


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw a bar of mean average precision for `LOE()` and for each detector of a library."""
    rows = [row for row in rows if row["protocol"] == "unsupervised" and _is_drawn(row["detector"])]
    grid = make_grid(rows, METRIC)
    datasets = dict(zip(name_sets(rows), (row["dataset"] for row in rows), strict=True))
    groups = seen_and_others(grid, datasets)
    means = {key: of_group(grid, lines) / 100 for key, lines in groups.items()}
    known = np.isfinite(np.array(list(means.values()))).any(axis=0)
    order = [
        place for place in np.argsort(-np.nan_to_num(means[SEEN]), kind="stable") if known[place]
    ]
    names = [_called(str(grid.columns[place])) for place in order]
    values = {key: of_key[order] for key, of_key in means.items()}
    ours = names.index(OURS)
    places = [_ordinal(of_key, ours) for of_key in values.values()]
    drawing = looks.canvas(
        1.45 + 0.235 * len(names),
        f"LOE() is {places[0]} of {_n_there(values[SEEN])} where its defaults were\n"
        f"chosen, and {places[1]} of {_n_there(values[UNSEEN])} on other data",
        "Average precision, all rows fitted without labels and scored; means over\n"
        f"{len(groups[SEEN])} tables of ADBench, and {len(groups[UNSEEN])} sets of image features.",
    )
    titles = ("tables, chosen on", "image features, not chosen on")
    for axis, of_key, title in zip(
        drawing.subplots(1, 2, sharey=True), values.values(), titles, strict=True
    ):
        looks.bars(axis, names, of_key, OURS, digits=3)
        axis.set_title(title, fontsize=9.5, loc="left", color=colors.WORDS)
    looks.save(drawing, path)


def _is_drawn(detector: str) -> bool:
    library, _, name = detector.partition(".")
    return detector == "LOE" or (library in LIBRARIES and name not in WRAPPED)


def _called(column: str) -> str:
    """Return "KNN, PyOD" of "KNN (pyod)"."""
    name, _, library = column.rstrip(")").partition(" (")
    return f"{name}, {LIBRARIES[library]}" if library else OURS


def _ordinal(values: np.ndarray, ours: int) -> str:
    better = int((np.round(values, 3) > round(float(values[ours]), 3)).sum())
    return ORDINALS[better] if better < len(ORDINALS) else f"number {better + 1}"


def _n_there(values: np.ndarray) -> int:
    return int(np.isfinite(values).sum())
