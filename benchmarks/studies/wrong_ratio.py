"""What a ratio that is wrong by a factor of two costs: one model, or members on both sides of it.

    python -m benchmarks study wrong-ratio
    python -m benchmarks study wrong-ratio --methods soft --sets odds:cardio

The LOE paper's tabular protocol with 10 % anomalies, at most 3,000 rows of a set, as in the suite
`misspecification`, but 100 epochs. Assumed are half of the ratio, the ratio itself and twice the
ratio, each of them r in these ways:

    one       LOE(contamination=r)
    three     LOE(contamination=r, n_estimators=3), of the true ratio only
    spread    LOE(contamination=(r / 2, 2 * r), n_estimators=3): members assume r / 2, r and 2 r
    spread/r, spread/r2
              the same members, each with a weight of 1 / (its ratio), or that squared

One fit of five members, at a quarter to four times the true ratio, has all models of all ways but
"three". "one" is a member's score, "spread" the mean of the standardised logarithms of three of
them, which is LOE's own score of three members. LOE itself gives all members the same weight.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import colors
from benchmarks.detectors import BACKBONES, SETTINGS
from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.means import grouped, over_sets, short_name
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, fit_many
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.metrics import average_precision, f1_at_true_ratio, roc_auc

RATIO = 0.1
MAX_ROWS = 3_000
# Those of the suite `misspecification`; then small ones of all kinds.
THREE = ("odds:thyroid", "odds:cardio", "odds:satimage-2")
OTHERS = tuple(
    f"odds:{name}"
    for name in ("breastw", "ecoli", "glass", "ionosphere", "lympho", "pima", "wbc", "wine")
)
ASSUMED = {"half": 0.5, "right": 1.0, "twice": 2.0}
# The power of 1 / ratio that members are weighted by.
WEIGHTS = {"spread": 0, "spread/r": 1, "spread/r2": 2}
FIGURES = {"roc_auc": roc_auc, "average_precision": average_precision, "f1": f1_at_true_ratio}


def run(cell: Row) -> Iterator[Row]:
    """Score the test rows in each way, with each assumed ratio."""
    X, y = load_table(cell["dataset"], MAX_ROWS)
    X, X_test, _, y_test = loe_tabular_split(X, y, contamination=RATIO, random_state=cell["seed"])
    options = SETTINGS[cell["setting"]] | {
        "evidence": None,
        "estimator": BACKBONES[cell["backbone"]](max_epochs=cell["max_epochs"]),
        "method": cell["method"],
        "random_state": cell["seed"],
    }
    start = time.process_time()
    grid, same = fit_many(
        [
            LOE(contamination=(RATIO / 4, 4 * RATIO), n_estimators=5, **options),
            LOE(contamination=RATIO, n_estimators=3, **options),
        ],
        X,
    )
    seconds = round(time.process_time() - start, 2)
    ways = {("three", "right"): same.score_samples(X_test)}
    for middle, assumed in enumerate(ASSUMED, start=1):
        members = grid.estimators_[middle - 1 : middle + 2]
        ways["one", assumed] = members[1].score_samples(X_test)
        for way, power in WEIGHTS.items():
            weights = grid.contaminations_[middle - 1 : middle + 2] ** -power
            ways[way, assumed] = together(members, weights, X, X_test)
    for (way, assumed), scores in ways.items():
        figures = {
            name: round(float(measure(y_test, scores)), 4) for name, measure in FIGURES.items()
        }
        yield {"way": way, "assumed": assumed, **figures, "cpu_seconds_of_all": seconds}


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
    """Return the mean F1 of each way in per cent, over parts of the sets and of each set."""
    header = ["setting", "backbone", "method", "epochs", "sets", "way", *ASSUMED, "seeds"]
    lines = []
    for key, own in grouped(rows, "setting", "backbone", "method", "max_epochs").items():
        parts = {"the three": set(THREE), "the others": set(OTHERS)}
        parts |= {short_name(name): {name} for name in sorted({row["dataset"] for row in own})}
        for name, sets in parts.items():
            some = [row for row in own if row["dataset"] in sets]
            n_seeds = len({row["seed"] for row in some})
            for way, of_way in _by(some, "way").items():
                found = _by(of_way, "assumed")
                means = [_mean(found[each]) if each in found else "" for each in ASSUMED]
                lines.append([*key, name, way, *means, n_seeds])
    return table(header, lines)


def _by(rows: list[Row], name: str) -> dict[str, list[Row]]:
    return {value: own for (value,), own in grouped(rows, name).items()}


def _mean(rows: list[Row]) -> str:
    return f"{100 * over_sets(rows, ['f1'])[0]:.1f}"


def draw(rows: list[Row], path: Path) -> None:
    """Draw mean F1 by what is assumed, for one model and for members on both sides."""
    from benchmarks import looks

    rows = [row for row in rows if (row["setting"], row["method"]) == ("default", "hard")]
    parts = {"thyroid, cardio, satimage-2": THREE, "eight other sets": OTHERS}
    lines = {
        part: {way: _line(rows, sets, way) for way in ("one", "spread")}
        for part, sets in parts.items()
    }
    (one, spread), *_ = (tuple(of.values()) for of in lines.values())
    figure = looks.canvas(
        4.1,
        f"A ratio wrong by two costs one model up to {max(one[1] - one):.0f}\npoints, members "
        f"on both sides of it up to {max(one[1] - spread):.0f}",
        "Mean F1, per cent, of NeuTraL with hard labels; the true ratio is .1.\n"
        "Costs are against one model with the right ratio, on the sets on the left.",
    )
    axes = figure.subplots(1, 2, sharey=True)
    for axis, (part, of_part) in zip(axes, lines.items(), strict=True):
        for way, values in of_part.items():
            look = {"color": colors.OURS if way == "spread" else colors.ALSO_OURS, "lw": 2.8}
            axis.plot(range(3), values, marker="o", ms=7, clip_on=False, **look)
            for x, value in enumerate(values):
                above = value >= of_part["one" if way == "spread" else "spread"][x]
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
        axis.set_title(part, fontsize=10.5, loc="left")
        axis.set_xticks(range(3), ["half", "right", "twice"])
        axis.set_xlim(-0.25, 2.25)
        axis.set_xlabel("ratio that is assumed", fontsize=10, color=colors.WORDS)
        axis.margins(y=0.22)
        looks.plain(axis)
    words = {"one": "one model", "spread": "members at r/2, r, 2r"}
    for place, (way, color) in enumerate((("spread", colors.OURS), ("one", colors.ALSO_OURS))):
        axes[1].text(
            0.98,
            0.97 - 0.09 * place,
            words[way],
            transform=axes[1].transAxes,
            ha="right",
            va="top",
            fontsize=10.5,
            weight="bold",
            color=color,
        )
    looks.save(figure, path)


def _line(rows: list[Row], sets: Sequence[str], way: str) -> np.ndarray:
    some = [row for row in rows if row["way"] == way and row["dataset"] in sets]
    by_assumed = _by(some, "assumed")
    return np.array([100 * over_sets(by_assumed[name], ["f1"])[0] for name in ASSUMED])


STUDY = Study(
    "wrong-ratio",
    "a ratio that is wrong by a factor of two: one model, or members on both sides of it",
    axes={
        "setting": Axis(("default",), choices=tuple(SETTINGS)),
        "backbone": Axis(("NeuTraL",), choices=tuple(BACKBONES)),
        "method": Axis(("hard",), choices=("hard", "soft")),
        "max_epochs": Axis((100,), option="max-epochs"),
        "seed": Axis((0, 1)),
        "dataset": Axis((*OTHERS, *THREE)),
    },
    run=run,
    tables=tables,
    figure=draw,
)
