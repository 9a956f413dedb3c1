"""What only a report of ADBench has: sets seen before apart, and published figures set by set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.adbench_sets import EMBEDDINGS
from benchmarks.reports import anchors
from benchmarks.reports.grid import METRICS, Floats, Grid
from benchmarks.reports.tables import Sheet, Text, figure
from benchmarks.sets import ADBENCH

SEEN = "chosen on"
UNSEEN = "others"
# Of the 26 published, besides the best of each set.
SHOWN = ("IForest", "kNN", "DTE-C")


def is_seen(dataset: str) -> bool:
    """Whether LOE()'s defaults were chosen with figures of this set in view."""
    return dataset.partition(":")[2] in ADBENCH


def seen_and_unseen(grid: Grid, datasets: Mapping[str, str]) -> Sheet | None:
    """Print the means over the sets that the defaults were chosen on, and over all others.

    Parameters
    ----------
    grid : Grid
    datasets : mapping
        Our data set by the name that it has in `grid`.

    Returns
    -------
    Sheet or None
        None where no detector has a figure of all sets of a kind.
    """
    groups = seen_and_others(grid, datasets)
    means = np.array([of_group(grid, lines) for lines in groups.values()])
    kept = np.flatnonzero(np.isfinite(means).any(axis=0))
    if not len(kept):
        return None
    best = np.round(np.nanmax(means, axis=1, initial=-np.inf), 1)
    order = kept[np.argsort(-np.nan_to_num(means[:, kept]).sum(axis=0), kind="stable")]
    rows = []
    for place in order:
        of_groups = [
            Text(figure(mean), round(mean, 1) == top)
            for mean, top in zip(means[:, place], best, strict=True)
        ]
        rows.append([Text(str(grid.columns[place])), *of_groups])
    header = ["detector", *[f"{key} ({len(lines)} sets)" for key, lines in groups.items()]]
    note = (
        "Chosen on: the sets whose figures were in view when the defaults of LOE() were chosen. "
        "A dash: not all of these sets have a figure."
    )
    title = f"Mean {METRICS[grid.metric]}, per cent, on sets seen before and on others"
    return Sheet(title, header, rows, notes=[note])


def seen_and_others(grid: Grid, datasets: Mapping[str, str]) -> dict[str, list[int]]:
    """Return the lines of `grid` that the defaults were chosen on, and those of all others."""
    there = np.isfinite(grid.means).sum(axis=1)
    groups: dict[str, list[int]] = {SEEN: [], UNSEEN: []}
    for line, of_set in enumerate(grid.sets):
        groups[SEEN if is_seen(datasets[of_set]) else UNSEEN].append(line)
    for key, lines in groups.items():
        # A set that only a few detectors were run on is not one that the others lack.
        most = max((there[line] for line in lines), default=0)
        groups[key] = [line for line in lines if there[line] and 2 * there[line] >= most]
    return groups


def of_group(grid: Grid, lines: Sequence[int]) -> Floats:
    """Return the mean of each column over these sets; nan where it has not all of them."""
    if not lines:
        return np.full(len(grid.columns), np.nan)
    return grid.means[lines].mean(axis=0)


def set_by_set(grid: Grid, datasets: Mapping[str, str], protocol: str) -> Sheet | None:
    """Put LOE(), the best of this run and published figures side by side, set by set.

    A family of embeddings is one line, as published, where all of its sets are there.

    Parameters
    ----------
    grid : Grid
    datasets : mapping
        Our data set by the name that it has in `grid`.
    protocol : str
        Whose published figures to take.

    Returns
    -------
    Sheet or None
        None where nothing compares.
    """
    theirs = anchors.adbench(protocol, grid.metric)
    ours = [i for i, column in enumerate(grid.columns) if str(column) == "LOE"]
    rows, pairs = [], []
    for name, lines in _families(grid, datasets).items():
        published = {method: of_sets[name] for method, of_sets in theirs.items() if name in of_sets}
        if not published or not ours:
            continue
        with np.errstate(invalid="ignore"):
            means = grid.means[lines].mean(axis=0)
        if not np.isfinite(means[ours[0]]):
            continue
        best, best_published = int(np.nanargmax(means)), max(published, key=published.__getitem__)
        rows.append(
            [
                Text(name if len(lines) == 1 else f"{name}, {len(lines)} sets"),
                Text(figure(means[ours[0]])),
                Text(f"{figure(means[best])} {grid.columns[best]}"),
                *[Text(figure(published.get(method, np.nan))) for method in SHOWN],
                Text(f"{figure(published[best_published])} {best_published}"),
            ]
        )
        pairs.append((means[ours[0]], *[published.get(method, np.nan) for method in SHOWN]))
    if not rows:
        return None
    first, *shown = (Text(figure(mean)) for mean in np.mean(pairs, axis=0))
    foot = [Text("mean"), first, Text(""), *shown, Text("")]
    header = ["data set", "LOE()", "best of this run", *SHOWN, "best of 26 published"]
    title = f"{METRICS[grid.metric]}, per cent, set by set, beside Livernoche et al. 2024"
    note = "Published: five seeds, up to 50,000 rows of a set. Draws and splits are each its own."
    return Sheet(title, header, rows, [foot], [note])


def _families(grid: Grid, datasets: Mapping[str, str]) -> dict[str, list[int]]:
    """Return the lines of each published name; a family's only where they are complete."""
    lines: dict[str, list[int]] = defaultdict(list)
    for line, of_set in enumerate(grid.sets):
        collection, _, name = datasets[of_set].partition(":")
        if collection == "adbench":
            own = family(name) if name in EMBEDDINGS else anchors.adbench_key(datasets[of_set])
            lines[own or ""].append(line)
    sizes: dict[str, int] = defaultdict(int)
    for name in EMBEDDINGS:
        sizes[family(name)] += 1
    return {name: of_name for name, of_name in lines.items() if len(of_name) == sizes.get(name, 1)}


def family(name: str) -> str:
    """Return the published name of an embedding's family: "mvtec-ad" of "MVTec-AD_bottle"."""
    return name.partition("_")[0].lower()
