"""What a ratio that is wrong by a factor of two costs, and what makes it cost less.

    python -m benchmarks study wrong-ratio
    python -m benchmarks study wrong-ratio --backbones NeuTraL --methods soft --sets odds:cardio
    python -m benchmarks study wrong-ratio --backbones LOE --ratios 0.03 0.2

The LOE paper's tabular protocol with 10 % anomalies, at most 3,000 rows of a set, as in the suite
`misspecification`. Assumed are half of the ratio, the ratio itself and twice the ratio, each of
them r in these ways, with hard labels, those of `rules.Margin`, or "auto": half of the members with
either, which is the default of LOE with its own backbones:

    two kinds, eight
              LOE(contamination=r) with its own backbones, one of each kind, or with "auto" two;
              four of each kind
    one       LOE(NeuTraL(max_epochs=100), contamination=r)
    three     the same with n_estimators=3, of the true ratio only
    spread    LOE(..., contamination=(r / 2, 2 * r), n_estimators=3): members assume r / 2, r, 2 r
    spread/r, spread/r2
              the same members, each with a weight of 1 / (its ratio), or that squared

One fit of five members of NeuTraL, at a quarter to four times the true ratio, has all models of all
ways but "three". "one" is a member's score, "spread" the mean of the standardised logarithms of
three of them, which is LOE's own score of three members. LOE itself gives all members the same
weight. `max_epochs` is NeuTraL's; LOE's own backbones have their own.

The margin's parameters were chosen on the three sets of the suite and the others, by both halves of
their names, at a ratio of .1. The unseen sets were run once, after that; LOE's own backbones,
their number and the mix of labels were chosen with all of these sets in view.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import colors
from benchmarks.detectors import BACKBONES, SETTINGS
from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.sets import load_table
from benchmarks.studies.nothing_chosen import HALVES, base
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, fit_many
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.metrics import average_precision, f1_at_true_ratio, roc_auc
from lofe_sklearn.rules import Margin

RATIO = 0.1
MAX_ROWS = 3_000
# Those of the suite `misspecification`; then small ones of all kinds.
THREE = ("odds:thyroid", "odds:cardio", "odds:satimage-2")
OTHERS = tuple(
    f"odds:{name}"
    for name in ("breastw", "ecoli", "glass", "ionosphere", "lympho", "pima", "wbc", "wine")
)
LARGER = tuple(
    f"odds:{name}"
    for name in (
        *("abalone", "annthyroid", "letter", "mammography", "musk", "pendigits", "vertebral"),
        "vowels",
    )
)
# The paper's other sets, which the margin was not chosen on.
UNSEEN = tuple(
    f"odds:{name}"
    for name in (
        *("arrhythmia", "cover", "kdd", "kddrev", "mnist", "optdigits", "satellite", "seismic"),
        "shuttle",
    )
)
# LOE's own backbones, beside those of others.
OWN = "LOE"
METHODS: dict[str, Any] = {"hard": "hard", "soft": "soft", "margin": Margin(), "auto": "auto"}
ASSUMED = {"half": 0.5, "right": 1.0, "twice": 2.0}
PARTS = {
    "the three": THREE,
    "others": (*OTHERS, *LARGER),
    "unseen": UNSEEN,
    **{
        f"half {half}": [s for s in (*THREE, *OTHERS, *LARGER) if base(s) in map(base, names)]
        for half, names in HALVES.items()
    },
}
# Scores of the test rows by way and assumed ratio.
Scores = dict[tuple[str, str], np.ndarray]
# The power of 1 / ratio that members are weighted by.
WEIGHTS = {"spread": 0, "spread/r": 1, "spread/r2": 2}
FIGURES = {"roc_auc": roc_auc, "average_precision": average_precision, "f1": f1_at_true_ratio}


def applies(cell: Row) -> bool:
    """Whether it is measured.

    Other backbones take long, assume up to four times the ratio, and "auto" is "hard" for them.
    """
    if cell["backbone"] == OWN:
        return True
    if cell["method"] == "auto":
        return False
    return cell["dataset"] in (*THREE, *OTHERS) and 4 * cell["ratio"] <= 0.5


def run(cell: Row) -> Iterator[Row]:
    """Score the test rows in each way, with each assumed ratio."""
    X, y = load_table(cell["dataset"], MAX_ROWS)
    X, X_test, _, y_test = loe_tabular_split(
        X, y, contamination=cell["ratio"], random_state=cell["seed"]
    )
    options = SETTINGS[cell["setting"]] | {
        "method": METHODS[cell["method"]],
        "random_state": cell["seed"],
    }
    start = time.process_time()
    if cell["backbone"] == OWN:
        ways = _of_own(X, X_test, cell["ratio"], options)
    else:
        estimator = BACKBONES[cell["backbone"]](max_epochs=cell["max_epochs"])
        ways = _of_one(X, X_test, cell["ratio"], options | {"estimator": estimator})
    seconds = round(time.process_time() - start, 2)
    for (way, assumed), scores in ways.items():
        figures = {
            name: round(float(measure(y_test, scores)), 4) for name, measure in FIGURES.items()
        }
        yield {"way": way, "assumed": assumed, **figures, "cpu_seconds_of_all": seconds}


def _of_own(X: np.ndarray, X_test: np.ndarray, ratio: float, options: dict[str, Any]) -> Scores:
    """Score by LOE's own backbones: as many as there are where a ratio is given, and eight."""
    n_members = {"two kinds": None, "eight": 8}
    asked = [(way, assumed) for way in n_members for assumed in ASSUMED]
    detectors = fit_many(
        [
            LOE(contamination=ratio * ASSUMED[assumed], n_estimators=n_members[way], **options)
            for way, assumed in asked
        ],
        X,
    )
    return {
        key: detector.score_samples(X_test) for key, detector in zip(asked, detectors, strict=True)
    }


def _of_one(X: np.ndarray, X_test: np.ndarray, ratio: float, options: dict[str, Any]) -> Scores:
    """Score by models of one backbone, and by members on both sides of the ratio."""
    options = options | {"evidence": None, "init": "iforest"}
    grid, same = fit_many(
        [
            LOE(contamination=(ratio / 4, 4 * ratio), n_estimators=5, **options),
            LOE(contamination=ratio, n_estimators=3, **options),
        ],
        X,
    )
    ways = {("three", "right"): same.score_samples(X_test)}
    for middle, assumed in enumerate(ASSUMED, start=1):
        members = grid.estimators_[middle - 1 : middle + 2]
        ways["one", assumed] = members[1].score_samples(X_test)
        for way, power in WEIGHTS.items():
            weights = grid.contaminations_[middle - 1 : middle + 2] ** -power
            ways[way, assumed] = together(members, weights, X, X_test)
    return ways


def together(
    members: Sequence[Backbone], weights: np.ndarray, X: np.ndarray, X_test: np.ndarray
) -> np.ndarray:
    """Return the weighted mean of the members' scores on LOE's common scale, learned from X."""
    standardised = []
    for member in members:
        on_training, on_test = (np.log(-member.score_samples(rows)) for rows in (X, X_test))
        standardised.append((on_test - on_training.mean()) / on_training.std())
    return -np.average(standardised, axis=0, weights=weights)


def tables(rows: list[Row]) -> str:
    """Return the mean F1 of each way in per cent, and what margins cost at the right ratio."""
    header = ["setting", "backbone", "epochs", "ratio", "sets", "way", "labels", *ASSUMED, "seeds"]
    lines = []
    for key, own in grouped(rows, "setting", "backbone", "max_epochs", "ratio").items():
        names = {row["dataset"] for row in own}
        parts = {name: set(sets) for name, sets in PARTS.items()}
        parts |= {short_name(name): {name} for name in sorted(names)}
        for name, sets in parts.items():
            some = [row for row in own if row["dataset"] in sets]
            for of_way, found in grouped(some, "way", "method").items():
                by_assumed = _by_assumed(found)
                means = [_mean(by_assumed[each]) if each in by_assumed else "" for each in ASSUMED]
                n_seeds = len({row["seed"] for row in found})
                lines.append([*key, name, *of_way, *means, n_seeds])
    return f"{table(header, lines)}\n\n{_cost_of_margins(rows)}"


def _cost_of_margins(rows: list[Row]) -> str:
    """Return the gain in F1 over hard labels at the right ratio, with its standard error."""
    header = [
        "setting",
        "backbone",
        "epochs",
        "ratio",
        "way",
        "labels",
        "sets",
        "against hard",
        "std. error",
    ]
    right = [row for row in rows if row["assumed"] == "right"]
    lines = []
    for key, own in grouped(right, "setting", "backbone", "max_epochs", "ratio", "way").items():
        hard, *others = (
            of_each_set((row for row in own if row["method"] == method), ["f1"])
            for method in ("hard", "margin", "auto")
        )
        for method, found in zip(("margin", "auto"), others, strict=True):
            both = [name for name in hard if name in found]
            gains = 100 * np.array([found[name][0] - hard[name][0] for name in both])
            if len(gains) > 1:
                error = gains.std(ddof=1) / len(gains) ** 0.5
                lines.append([*key, method, len(gains), f"{gains.mean():+.1f}", f"{error:.1f}"])
    return table(header, lines)


def _by_assumed(rows: list[Row]) -> dict[str, list[Row]]:
    return {value: own for (value,), own in grouped(rows, "assumed").items()}


def _mean(rows: list[Row]) -> str:
    return f"{100 * over_sets(rows, ['f1'])[0]:.1f}"


def draw(rows: list[Row], path: Path) -> None:
    """Draw mean F1 by what is assumed, of LOE's own backbones: hard labels and the default."""
    from benchmarks import looks

    rows = [
        row
        for row in rows
        if (row["setting"], row["ratio"], row["way"]) == ("default", RATIO, "two kinds")
    ]
    titles = {
        "the three": "three sets",
        "others": "16 other sets",
        "unseen": "9 further sets",
    }
    lines = {
        part: {method: _line(rows, PARTS[part], method) for method in ("hard", "auto")}
        for part in titles
    }
    hard, auto = lines["the three"].values()
    figure = looks.canvas(
        4.1,
        f"A ratio wrong by two costs hard labels up to {max(hard[1] - hard):.0f}\npoints, "
        f"the default up to {max(hard[1] - auto):.0f}",
        "Mean F1, per cent, of LOE(contamination=r); the true ratio is .1. Costs are\n"
        "against hard labels with the right ratio, on thyroid, cardio, satimage-2 (left).",
    )
    axes = figure.subplots(1, 3, sharey=True)
    colors_of = {"hard": colors.ALSO_OURS, "auto": colors.OURS}
    for axis, (part, of_part) in zip(axes, lines.items(), strict=True):
        for method, values in of_part.items():
            look = {"color": colors_of[method], "lw": 2.8}
            axis.plot(range(3), values, marker="o", ms=7, clip_on=False, **look)
            other = of_part["hard" if method == "auto" else "auto"]
            for x, value in enumerate(values):
                above = value > other[x] or (value == other[x] and method == "hard")
                axis.annotate(
                    f"{value:.0f}",
                    (x, value),
                    xytext=(0, 9 if above else -9),
                    textcoords="offset points",
                    ha="center",
                    va="bottom" if above else "top",
                    fontsize=9.5,
                    color=look["color"],
                )
        axis.set_title(titles[part], fontsize=10.5, loc="left")
        axis.set_xticks(range(3), ["half", "right", "twice"])
        axis.set_xlim(-0.25, 2.25)
        axis.set_xlabel("ratio that is assumed", fontsize=10, color=colors.WORDS)
        axis.margins(y=0.22)
        looks.plain(axis)
    words = {"hard": "hard labels", "auto": "the default"}
    for place, (method, color) in enumerate(colors_of.items()):
        axes[2].text(
            0.98,
            0.97 - 0.09 * place,
            words[method],
            transform=axes[2].transAxes,
            ha="right",
            va="top",
            fontsize=10.5,
            weight="bold",
            color=color,
        )
    looks.save(figure, path)


def _line(rows: list[Row], sets: Sequence[str], method: str) -> np.ndarray:
    some = [row for row in rows if row["method"] == method and row["dataset"] in sets]
    by_assumed = _by_assumed(some)
    return np.array([100 * over_sets(by_assumed[name], ["f1"])[0] for name in ASSUMED])


STUDY = Study(
    "wrong-ratio",
    "a ratio that is wrong by a factor of two: hard labels, a margin, members on both sides of it",
    axes={
        "setting": Axis(("default",), choices=tuple(SETTINGS)),
        "ratio": Axis((RATIO,)),
        "backbone": Axis((OWN, "NeuTraL"), choices=(OWN, *BACKBONES)),
        "method": Axis(("hard", "margin", "auto"), choices=tuple(METHODS)),
        "max_epochs": Axis((100,), option="max-epochs"),
        "seed": Axis((0, 1)),
        "dataset": Axis((*OTHERS, *THREE, *LARGER, *UNSEEN)),
    },
    run=run,
    tables=tables,
    figure=draw,
    applies=applies,
)
