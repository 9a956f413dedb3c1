"""Ensembles over kinds of backbones, and what first labels are worth, where the ratio is known.

    python -m benchmarks study kinds
    python -m benchmarks study kinds --protocols all --seeds 1

Two protocols. `paper`: the LOE paper's, 10 % of the training rows are anomalies. `all`: all rows
are fitted and the same rows scored, with the set's own ratio. The ratio is given in both. Kinds are
NeuTraL with soft labels (N, two members, up to 70 features), and Deep SVDD (S) and an autoencoder
(A) with hard ones (four each, as LOE trained them by default), from first labels by an isolation
forest and by the distance to the 5th neighbour. At most 1,000 rows.

A combination is a weighted mean of the kinds' standardised log scores. No label affects the
weights: all the same; NeuTraL twice; by how far a kind's training scores fall at the ratio, between
.8 and 1.2 times the number of anomalies ("fall"); by how far its members agree on the rows above
the cut ("stable"), or it with the other kinds ("agreed"). "Oracle" takes the best kind of each set.

Names are split into halves as in the study nothing-chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import short, table
from benchmarks.means import cell_of_means, grouped, of_each_set, short_name
from benchmarks.quality import quality
from benchmarks.sets import ODDS, load_table
from benchmarks.studies.nothing_chosen import HALVES, base
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, NeuTraL
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.datasets import loe_tabular_split

MAX_ROWS, RATIO = 1_000, 0.1
# NeuTraL is left out for wider rows, where it takes longer than all other fits together.
MAX_FEATURES = 70
# Those of the paper but for mulcross, which is made up, and in no half.
SETS = tuple(f"odds:{name}" for name in ODDS if name != "mulcross")
# Where all rows are fitted, kinds are trained on the first sets by name only, for the time that it
# takes; LOE on all of them.
KINDS_OF_ALL = SETS[:15]
FIRST = ("iforest", "knn")
FIGURES = ("roc_auc", "average_precision", "f1")
CHOICES = {
    "S+A": ("DeepSVDD", "AutoEncoder"),
    "N+S": ("NeuTraL", "DeepSVDD"),
    "N+A": ("NeuTraL", "AutoEncoder"),
    "N+S+A": ("NeuTraL", "DeepSVDD", "AutoEncoder"),
}
Scores = dict[str, np.ndarray]


def rows_of(cell: Row) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return training rows, test rows, labels of these, and the ratio among the training rows."""
    X, y = load_table(cell["dataset"], MAX_ROWS)
    if cell["protocol"] != "paper":
        return X, X, y, min(0.5, float(y.mean()))
    split = loe_tabular_split(X, y, contamination=RATIO, random_state=cell["seed"])
    X_train, X_test, _, y_test = split
    return X_train, X_test, y_test, RATIO


def run(cell: Row) -> Iterator[Row]:
    """Fit all kinds from all first labels, and combine their scores."""
    X, X_test, y_test, ratio = rows_of(cell)
    for first in FIRST:
        shared = {"contamination": ratio, "init": first, "random_state": cell["seed"]}
        whole = LOE(n_estimators=16, **shared)
        seconds = {"LOE": cpu_seconds(lambda fit=whole: fit.fit(X))}
        found = {
            "LOE, 16 members": -whole.score_samples(X_test),
            "20th neighbour": _units(whole.evidence_["knn"].outlier_scores, X, X_test)[1],
        }
        if cell["protocol"] == "paper" or cell["dataset"] in KINDS_OF_ALL:
            pair = brisk([DeepSVDD(), AutoEncoder()], X)
            fits = {"two kinds": LOE(pair, n_estimators=8, evidence=None, **shared)}
            if X.shape[1] <= MAX_FEATURES:
                soft = {"method": "soft", "n_estimators": 2, "evidence": None}
                fits["NeuTraL"] = LOE(NeuTraL(), **soft, **shared)
            seconds |= {name: cpu_seconds(lambda fit=fit: fit.fit(X)) for name, fit in fits.items()}
            members = [member for fit in fits.values() for member in fit.estimators_]
            found |= _combined(members, X, X_test, round(ratio * len(X)), found["20th neighbour"])
        for name, scores in found.items():
            yield {
                "first": first,
                "scores": name,
                "n_rows": len(X),
                **quality(y_test, -scores),
                "fits_cpu_seconds": {name: round(each, 2) for name, each in seconds.items()},
            }


def brisk(backbones: list[Backbone], X: np.ndarray) -> list[Backbone]:
    """Let backbones learn at three times their rate, in half of their epochs."""
    for each in backbones:
        n_epochs = each.choose_max_epochs(*X.shape)
        each.set_params(lr=3 * each.lr, max_epochs=max(-(-n_epochs // 2), min(n_epochs, 20)))
    return backbones


def _combined(
    members: list[Any], X: np.ndarray, X_test: np.ndarray, n_anomalies: int, neighbor: np.ndarray
) -> dict[str, np.ndarray]:
    """Score test rows by each kind, and by each way to combine kinds."""
    train: Scores = {}
    test: Scores = {}
    for member in members:
        kind = type(member).__name__
        own, unseen = _units(lambda rows, m=member: -m.score_samples(rows), X, X_test)
        train[kind] = np.vstack([*train.get(kind, []), own])
        test[kind] = np.vstack([*test.get(kind, []), unseen])
    means = {kind: scores.mean(axis=0) for kind, scores in test.items()}
    weights = _weights(train, n_anomalies)
    found = dict(means)
    for label, kinds in CHOICES.items():
        if set(kinds) <= set(means):
            for name, own in weights.items():
                if name == "NeuTraL twice" and "NeuTraL" not in kinds:
                    continue
                found[f"{label}, {name}"] = sum(own[kind] * means[kind] for kind in kinds)
            found[f"{label}, equal, and neighbour"] = found[f"{label}, equal"] + neighbor
    return found


def _units(
    score: Callable[[np.ndarray], np.ndarray], X: np.ndarray, X_test: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Standardise the logarithms of outlier scores by the training rows."""
    own, unseen = np.log(np.maximum(score(X), 1e-12)), np.log(np.maximum(score(X_test), 1e-12))
    spread = own.std() or 1.0
    return (own - own.mean()) / spread, (unseen - own.mean()) / spread


def _weights(train: Scores, n_anomalies: int) -> dict[str, dict[str, float]]:
    """Weigh each kind, from the training scores (M, n) of its members, in several ways."""
    n = max(1, n_anomalies)
    above = {kind: _above(scores.mean(axis=0), n) for kind, scores in train.items()}
    fall, stable, agreed = {}, {}, {}
    for kind, scores in train.items():
        ordered = np.sort(scores.mean(axis=0))[::-1]
        fall[kind] = ordered[int(0.8 * n)] - ordered[min(len(ordered) - 1, int(1.2 * n))]
        tops = [_above(each, n) for each in scores]
        stable[kind] = np.mean(
            [np.mean(tops[a][tops[b]]) for a in range(len(tops)) for b in range(a)]
        )
        agreed[kind] = np.mean([np.mean(above[kind][above[o]]) for o in train if o != kind])
    squared = {kind: value**2 for kind, value in fall.items()}
    equal = dict.fromkeys(train, 1.0)
    twice = equal | {"NeuTraL": 2.0}
    return {
        "equal": equal,
        "NeuTraL twice": twice,
        "fall": fall,
        "fall squared": squared,
        "stable": stable,
        "agreed": agreed,
    }


def _above(scores: np.ndarray, n: int) -> np.ndarray:
    marked = np.zeros(len(scores), dtype=bool)
    marked[np.argsort(-scores, kind="stable")[:n]] = True
    return marked


def tables(rows: list[Row]) -> str:
    """Return the means of all scores over the sets that NeuTraL is trained on, and LOE's over all.

    The F1 of each set follows for the kinds alone.
    """
    trained = {(r["protocol"], r["dataset"]) for r in rows if r["scores"] == "NeuTraL"}
    same = [row for row in rows if (row["protocol"], row["dataset"]) in trained]
    whole = [row for row in rows if row["scores"] in ("LOE, 16 members", "20th neighbour")]
    parts = [f"At most {MAX_FEATURES} features\n\n{_means(same)}", f"All sets\n\n{_means(whole)}"]
    for (protocol,), own in grouped(same, "protocol").items():
        parts.append(f"F1 of each set, {protocol}\n\n{_of_sets(own)}")
    return "\n\n".join(parts)


def _means(rows: list[Row]) -> str:
    lines = []
    for (protocol, scores, first), own in grouped(rows, "protocol", "scores", "first").items():
        cells = [_mean(own), *(_mean(own, half) for half in HALVES)]
        lines.append([protocol, scores, first, *cells])
    for (protocol, first), own in grouped(rows, "protocol", "first").items():
        best = list(_best_kinds(own))
        if best:
            cells = [short(float(np.mean([row["f1"] for row in best]))), "", ""]
            for i, half in enumerate(HALVES, start=1):
                part = [row["f1"] for row in best if half_of(row["dataset"]) == half]
                cells[i] = short(float(np.mean(part))) if part else ""
            lines.append([protocol, "oracle: best of the three kinds, F1", first, *cells])
    header = ["protocol", "scores", "first labels", "ROC AUC / AP / F1 (sets)", *HALVES]
    return table(header, lines)


def _mean(rows: list[Row], half: str | None = None) -> str:
    part = [row for row in rows if half is None or half_of(row["dataset"]) == half]
    return cell_of_means(part, FIGURES)


def _best_kinds(rows: list[Row]) -> Iterator[Row]:
    """Yield the row of highest F1 among the kinds of each set and seed."""
    kinds = [row for row in rows if row["scores"] in CHOICES["N+S+A"]]
    for own in grouped(kinds, "dataset", "seed").values():
        yield max(own, key=lambda row: row["f1"])


def _of_sets(rows: list[Row]) -> str:
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    lines = []
    for (scores, first), own in grouped(rows, "scores", "first").items():
        if scores in (*CHOICES["N+S+A"], "N+S, NeuTraL twice"):
            means = of_each_set(own, ["f1"])
            lines.append([scores, first, *(short(means[name][0]) for name in sets)])
    return table(["scores", "first labels", *map(short_name, sets)], lines)


def half_of(dataset: str) -> str:
    """Return the half of the names that a set is in."""
    return next(half for half, names in HALVES.items() if base(dataset) in map(base, names))


STUDY = Study(
    "kinds",
    "ensembles over kinds of backbones, and first labels, where the ratio is known; 28 sets",
    axes={
        "protocol": Axis(("paper", "all"), choices=("paper", "all")),
        "dataset": Axis(SETS),
        "seed": Axis((0,)),
    },
    run=run,
    tables=tables,
)
