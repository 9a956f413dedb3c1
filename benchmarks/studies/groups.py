"""Are anomalies found that are all alike, as one fraud that was tried many times?

    python -m benchmarks study groups
    python -m benchmarks study groups --shares 0.05 --spreads 0.1

The normal rows of a set of the study nothing-chosen, at most 1,000, get one group of made-up
anomalies: it lies 2.5 standard deviations up or down in each feature from one normal row, and its
rows differ by a tenth or three tenths of a standard deviation. All rows are fitted, and the same
rows scored. Sets of up to 20 features are taken; where there are more, such a group is far from
all else. The evidence that `LOE()` takes was chosen on groups in sets of both halves.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped, over_sets
from benchmarks.quality import quality
from benchmarks.sets import load_table
from benchmarks.studies.nothing_chosen import SETS
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE

MAX_ROWS, MAX_FEATURES = 1_000, 20
AWAY = 2.5
SHARES, SPREADS = (0.025, 0.05, 0.1), (0.1, 0.3)
FIGURES = ("roc_auc", "average_precision")


def rows_with_a_group(
    dataset: str, share: float, spread: float, seed: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return rows and labels, 1 for the group; None where there are many features."""
    X, y = load_table(dataset)
    if X.shape[1] > MAX_FEATURES:
        return None
    rng = np.random.default_rng(seed)
    normal = np.asarray(X[rng.permutation(np.flatnonzero(y == 0))[:MAX_ROWS]], dtype=np.float64)
    unit, n_features = normal.std(axis=0), normal.shape[1]
    n_group = round(len(normal) * share / (1 - share))
    place = normal[rng.integers(len(normal))] + AWAY * unit * rng.choice([-1, 1], n_features)
    group = place + spread * unit * rng.standard_normal((n_group, n_features))
    return np.vstack([normal, group]), np.repeat([0, 1], [len(normal), n_group])


def run(cell: Row) -> Iterator[Row]:
    """Score the rows by each detector."""
    drawn = rows_with_a_group(cell["dataset"], cell["share"], cell["spread"], cell["seed"])
    if drawn is None:
        yield {"detector": "", "left_out": "many features"}
        return
    X, y = drawn
    units = StandardScaler().fit_transform(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        normality = {
            "`LOE()`": LOE(random_state=cell["seed"]).fit(X).score_samples(X),
            "`LOE(contamination=the true one)`": LOE(
                contamination=float(y.mean()), random_state=cell["seed"]
            )
            .fit(X)
            .score_samples(X),
            "isolation forest": IsolationForest(random_state=cell["seed"]).fit(X).score_samples(X),
            "robust covariance": EllipticEnvelope(random_state=cell["seed"])
            .fit(units)
            .score_samples(units),
            "20th neighbour": -NearestNeighbors(n_neighbors=20)
            .fit(units)
            .kneighbors(units)[0][:, -1],
        }
    for detector, scores in normality.items():
        yield {"detector": detector, **quality(y, scores, *FIGURES)}


def tables(rows: list[Row]) -> str:
    """Return the mean ROC AUC and average precision over the sets for each share and spread."""
    rows = [row for row in rows if row["detector"]]
    columns = sorted({(row["share"], row["spread"]) for row in rows})
    lines = []
    for (detector,), own in grouped(rows, "detector").items():
        line = [detector]
        for column in columns:
            here = [row for row in own if (row["share"], row["spread"]) == column]
            line.append(" / ".join(map(short, over_sets(here, FIGURES))))
        lines.append(line)
    heads = [f"{100 * share:g} %, spread {short(spread, 1)}" for share, spread in columns]
    return table(["ROC AUC / average precision", *heads], lines)


STUDY = Study(
    "groups",
    "anomalies that are all alike, planted among the normal rows of real sets",
    axes={
        "seed": Axis((0,)),
        "share": Axis(SHARES, option="shares"),
        "spread": Axis(SPREADS, option="spreads"),
        "dataset": Axis(SETS),
    },
    run=run,
    tables=tables,
)
