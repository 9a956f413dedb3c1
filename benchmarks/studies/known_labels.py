r"""How much a few labels help, and which rows to ask about: SOEL and what it is compared with.

    python -m benchmarks study known-labels
    python -m benchmarks study known-labels --labels 0 20 --seeds 2 \
        --strategies none diverse random margin mixed blind "true ratio"
    python -m benchmarks study known-labels --show --figure docs/images/known_labels.png

The LOE paper's tabular protocol, 10 % anomalies in the training rows. The first detector is LOE
without labels or a ratio, members over ratios from .01 to .4. It chooses the rows to ask about, and
is trained again with the answers, as `refit` does by default. What is compared, for each number of
labels:

    none            the first detector itself, with no labels
    diverse, random, most_anomalous, margin, mixed     strategies of lofe_sklearn.active.query
    supervised      a random forest trained on the rows of `diverse` alone, without the others
    blind           as `diverse`, all rows of unknown label taken for normal
    true ratio      as `diverse`, members over half to twice the true ratio

The sets are those of the SOEL paper, cardio and thyroid.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from benchmarks import colors
from benchmarks.detectors import BACKBONES
from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.quality import quality
from benchmarks.sets import SOEL, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE
from lofe_sklearn.active import STRATEGIES, estimate_contamination, query, refit
from lofe_sklearn.datasets import loe_tabular_split

RATIO = 0.1
TRUE_RATIOS = RATIO / 2, RATIO * 2
N_MEMBERS = 8
OTHERS = ("supervised", "blind", "true ratio")
FIGURES = ("roc_auc", "f1", "ratio_error", "n_known_anomalies")


def applies(cell: Row) -> bool:
    """Whether the number of labels goes with the strategy."""
    return (cell["strategy"] is None) == (cell["n_labels"] == 0)


@lru_cache(maxsize=1)  # the cells of a set and seed come one after the other
def first_detector(dataset: str, seed: int, backbone: str, method: str) -> tuple:
    """Return the protocol's split, and the detector fitted without labels."""
    split = loe_tabular_split(*load_table(dataset), contamination=RATIO, random_state=seed)
    detector = LOE(
        BACKBONES[backbone](),
        method=method,
        evidence=None,
        n_estimators=N_MEMBERS,
        random_state=seed,
    )
    return split, detector.fit(split[0])


# What the lines of the picture are called, and their colours.
DRAWN = {
    "diverse": ("diverse", colors.OURS),
    "random": ("random", colors.ALSO_OURS),
    "most_anomalous": ("most anomalous", colors.OTHERS),
    "supervised": ("forest on these labels", colors.OTHERS),
}


def run(cell: Row) -> Iterator[Row]:
    """Ask about rows, train again with the answers, and judge on the test rows."""
    strategy, seed, method = cell["strategy"], cell["seed"], cell["method"]
    (X, X_test, y, y_test), first = first_detector(cell["dataset"], seed, cell["backbone"], method)
    known = np.zeros(len(X), dtype=int)
    if strategy is None:
        found, scores = first.contamination_, first.score_samples(X_test)
    else:
        chosen = "diverse" if strategy in OTHERS else strategy
        asked = query(first, X, cell["n_labels"], strategy=chosen, random_state=seed)
        known[asked] = 1 - 2 * y[asked]
        answers = {"known_anomalies": known < 0, "known_normal": known > 0}
        found = estimate_contamination(
            first.score_samples(X),
            **answers,
            embedding=first.embed(X),
            prior=first.contamination_,
        )
        if strategy == "supervised":
            scores = supervised_scores(X, known, X_test, seed)
        else:
            scores = refit(
                first,
                X,
                **answers,
                contamination=TRUE_RATIOS if strategy == "true ratio" else "estimate",
                method="blind" if strategy == "blind" else method,
                known_weight=cell["known_weight"],
            ).score_samples(X_test)
    yield {
        "n_known_anomalies": int((known < 0).sum()),
        "found_ratio": round(float(found), 4),
        "true_ratio": round(float(y.mean()), 4),
        **quality(y_test, scores, "roc_auc", "f1"),
    }


def supervised_scores(
    X: np.ndarray, known: np.ndarray, X_test: np.ndarray, seed: int
) -> np.ndarray:
    """Score test rows by a classifier that sees the known rows only; alike if of one class."""
    asked = np.flatnonzero(known)
    if len(set(known[asked])) < 2:
        return np.zeros(len(X_test))
    forest = RandomForestClassifier(random_state=seed).fit(X[asked], known[asked])
    return forest.predict_proba(X_test)[:, 1]  # of +1, normal


def tables(rows: list[Row]) -> str:
    """Return means over seeds and sets: ROC AUC, F1, and how far the estimated ratio is off."""
    errors = [row | {"ratio_error": abs(row["found_ratio"] - row["true_ratio"])} for row in rows]
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    header = ["backbone", "rows", "labels", "seeds", "ROC AUC", "F1", "ratio off by"]
    header += ["anomalies among them", *(f"{short_name(name)}: ROC AUC, F1" for name in sets)]
    lines = []
    for kind, own in grouped(errors, "backbone", "strategy", "n_labels").items():
        auc, f1, error, anomalies = over_sets(own, FIGURES)
        each = of_each_set(own, FIGURES)
        lines.append([
            *(kind[0], kind[1] or "without labels", kind[2], len({row["seed"] for row in own})),
            *(f"{auc:.3f}", f"{f1:.3f}", f"{error:.3f}", f"{anomalies:.1f}"),
            *(f"{each[name][0]:.3f}, {each[name][1]:.3f}" for name in sets if name in each),
        ])  # fmt: skip
    return table(header, lines)


def draw(rows: list[Row], path: Path) -> None:
    """Draw ROC AUC and F1 against the number of labels, as means over seeds and sets."""
    from benchmarks import looks

    means = {
        kind: over_sets(own, ("roc_auc", "f1"))
        for kind, own in grouped(rows, "strategy", "n_labels").items()
    }
    most = max(n for strategy, n in means if strategy == "diverse")
    few = min(n for strategy, n in means if strategy == "diverse" and n)
    none, first = means[None, 0][1], means["diverse", few][1]
    figure = looks.canvas(
        5.6,
        f"{few} known labels raise F1 from {short(none)} to {short(first)};\n"
        f"{most} raise it to {short(means['diverse', most][1])}",
        "Means over six sets and five seeds, 10 % of anomalies in training.",
    )
    axes = figure.subplots(2, 1, sharex=True)
    for axis, column, metric in zip(axes, range(2), ("ROC AUC", "F1"), strict=True):
        ends, of_names = {}, {}
        for strategy, (called, color) in DRAWN.items():
            # A forest that knows no row tells nothing; the others begin where there are no labels.
            mine = {strategy} if strategy == "supervised" else {strategy, None}
            points = sorted((n, mean[column]) for (kind, n), mean in means.items() if kind in mine)
            if not points:
                continue
            strong = strategy == "diverse"
            axis.plot(
                *zip(*points, strict=True),
                marker="o",
                ms=7 if strong else 5,
                lw=3 if strong else 1.6,
                color=color,
                clip_on=False,
                zorder=4 if strong else 3,
            )
            ends[called], of_names[called] = points[-1][1], color
        axis.set_xlim(-0.03 * most, most)
        low, high = axis.get_ylim()
        axis.set_ylim(low, high)
        looks.name_ends(axis, ends, of_names, x=most, gap=0.03 * most, apart=0.11 * (high - low),
                        bold=(DRAWN["diverse"][0],))  # fmt: skip
        axis.set_title(metric, fontsize=10.5, loc="left")
        axis.yaxis.set_major_formatter(lambda value, _: short(value, 2))
        looks.plain(axis)
    axes[-1].set_xlabel("rows whose label is known", fontsize=10, color=colors.WORDS)
    looks.save(figure, path)


STUDY = Study(
    "known-labels",
    "what a few known labels are worth, and which rows to ask about",
    axes={
        "seed": Axis(range(5)),
        "dataset": Axis(SOEL),
        "backbone": Axis(("DeepSVDD",), choices=tuple(BACKBONES)),
        "method": Axis(("hard",), choices=("hard", "soft")),
        "known_weight": Axis((None,), choices=None, option="known-weights"),
        "strategy": Axis(
            (None, "diverse", "random", "most_anomalous", "supervised"),
            choices=(None, *STRATEGIES, *OTHERS),
            option="strategies",
        ),
        "n_labels": Axis((0, 5, 10, 20, 40), option="labels"),
    },
    run=run,
    tables=tables,
    figure=draw,
    applies=applies,
)
