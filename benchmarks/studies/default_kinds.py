"""What LOE trains by default, two kinds of backbones or three, and what LOE.of_kinds() does.

    python -m benchmarks study default-kinds
    python -m benchmarks study default-kinds --protocols paper all --seeds 3

Two protocols, at most 1,000 rows. `paper`: the LOE paper's, 10 % of the training rows are
anomalies, scored on other rows. `all`: all rows are fitted and the same rows scored. The ratio is
given, with a member of each kind and method, which is the default, or more; or not given. "Two" are
Deep SVDD (an autoencoder from 40 features on) and RealNVP, the default, "three" all of these.
Labels are hard, or, if they are "auto", of `rules.Margin` for half of the members. First labels go
by the mean of the evidence or by an isolation forest; the default is the former if a ratio is
given. Evidence counts as it does by default.

`LOE.of_kinds()` are four members of NeuTraL and four of RealNVP without evidence, here from first
labels by the 5th neighbour, or by the mean of what would be evidence. "NeuTraL" and "flow" are its
members of one kind alone.

TCCM, a small DTE, and LOF, ECOD, histograms and neighbours among ranks as further evidence were
tried on these sets or those of the study nothing-chosen, without gain on both halves of their
names. What was chosen was chosen on these sets, since F1 is about level on both halves and a fit
takes less time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import short, table
from benchmarks.means import grouped, over_sets
from benchmarks.quality import quality
from benchmarks.sets import ODDS
from benchmarks.studies.kinds import half_of, rows_of
from benchmarks.studies.nothing_chosen import HALVES
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, NeuTraL, RealNVP, fit_many
from lofe_sklearn._loe._parameters import for_rows_of
from lofe_sklearn.backbones import Backbone

SETS = tuple(f"odds:{name}" for name in ODDS if name != "mulcross")
PLACE = ("protocol", "told", "members", "kinds", "labels", "first")
FIGURES = ("roc_auc", "average_precision", "f1")
EACH, GIVEN, NOT_GIVEN = "the ratio, a member each", "the ratio", "nothing"
# What is told, the number of members, their kinds and labels, and what the first labels go by.
WAYS: dict[tuple[str, int, str, str, str], dict[str, Any]] = {
    (EACH, 3, "three", "hard", "evidence"): {},
    (EACH, 2, "two", "hard", "evidence"): {"method": "hard"},
    (EACH, 4, "two", "auto", "evidence"): {},
    (GIVEN, 12, "three", "hard", "evidence"): {"n_estimators": 12},
    (GIVEN, 12, "two", "hard", "evidence"): {"n_estimators": 12, "method": "hard"},
    (GIVEN, 12, "two", "auto", "evidence"): {"n_estimators": 12},
    (GIVEN, 8, "two", "auto", "evidence"): {"n_estimators": 8},
    (GIVEN, 8, "two", "auto", "forest"): {"n_estimators": 8, "init": "iforest"},
    (NOT_GIVEN, 12, "three", "hard", "forest"): {"n_estimators": 12},
    (NOT_GIVEN, 8, "two", "hard", "forest"): {},
}


def run(cell: Row) -> Iterator[Row]:
    """Fit LOE in each way, in few stacks, or `LOE.of_kinds()`."""
    fit = _fit_of_kinds if cell["ensemble"] == "of-kinds" else _fit_defaults
    yield from fit(*rows_of(cell), cell["seed"])


def _fit_defaults(
    X: np.ndarray, X_test: np.ndarray, y_test: np.ndarray, ratio: float, seed: int
) -> Iterator[Row]:
    detectors = []
    for (told, _, kinds, _, _), parameters in WAYS.items():
        backbones = _three_kinds(X) if kinds == "three" else None
        given = {} if told == NOT_GIVEN else {"contamination": ratio}
        detectors.append(LOE(backbones, **given, **parameters, random_state=seed))
    fitted: list[LOE] = []
    seconds = cpu_seconds(lambda: fitted.extend(fit_many(detectors, X)))
    for place, detector in zip(WAYS, fitted, strict=True):
        way = dict(zip(PLACE[1:], place, strict=True))
        yield way | _figures(y_test, detector.score_samples(X_test), seconds)


def _three_kinds(X: np.ndarray) -> list[Backbone]:
    """Return LOE's own backbones for these rows, and what it has for wide, or narrow, ones."""
    own = for_rows_of(None, *X.shape)
    third, least = (DeepSVDD(), 20) if isinstance(own[0], AutoEncoder) else (AutoEncoder(), 10)
    n_epochs = third.choose_max_epochs(*X.shape)
    third.set_params(lr=3 * third.lr, max_epochs=max(-(-n_epochs // 2), min(n_epochs, least)))
    return [own[0], third, own[1]]


def _fit_of_kinds(
    X: np.ndarray, X_test: np.ndarray, y_test: np.ndarray, ratio: float, seed: int
) -> Iterator[Row]:
    default = LOE(contamination=ratio, n_estimators=8, random_state=seed)
    seconds_of_default = cpu_seconds(lambda: default.fit(X))
    for first in ("knn", "evidence"):
        detector = LOE.of_kinds(contamination=ratio, init=first, random_state=seed)
        seconds = cpu_seconds(partial(detector.fit, X))
        found = {"NeuTraL and flow": -detector.score_samples(X_test)}
        for name, kind in {"NeuTraL": NeuTraL, "flow": RealNVP}.items():
            own = [member for member in detector.estimators_ if isinstance(member, kind)]
            found[name] = np.mean([_unit(member, X, X_test, ratio) for member in own], axis=0)
        for name, scores in found.items():
            n_members = 8 if name == "NeuTraL and flow" else 4
            way = {"told": GIVEN, "members": n_members, "kinds": name}
            way |= {"labels": "hard", "first": first}
            compared = {"cpu_seconds_of_default": round(seconds_of_default, 2)}
            yield way | _figures(y_test, -scores, seconds) | compared


def _unit(member: Backbone, X: np.ndarray, X_test: np.ndarray, ratio: float) -> np.ndarray:
    """Score test rows in the unit in which LOE takes the mean of its members: of normal rows."""
    own, unseen = -member.score_samples(X), -member.score_samples(X_test)
    if not isinstance(member, RealNVP):  # whose losses are logarithms
        own, unseen = np.log(np.maximum(own, 1e-12)), np.log(np.maximum(unseen, 1e-12))
    normal = np.sort(own)[: len(own) - round(ratio * len(own))]
    return (unseen - own.mean()) / (max(normal.std(), own.std() / 100) or 1.0)


def _figures(y_test: np.ndarray, scores: np.ndarray, seconds: float) -> Row:
    return {
        **quality(y_test, scores),
        "cpu_seconds_of_all": round(seconds, 2),
    }


def tables(rows: list[Row]) -> str:
    """Return the means over all sets and over each half of their names, and the time of a fit."""
    lines = []
    for names, own in grouped(rows, *PLACE).items():
        parts = [own, *([r for r in own if half_of(r["dataset"]) == half] for half in HALVES)]
        means = [" / ".join(map(short, over_sets(part, FIGURES))) for part in parts]
        lines.append([*names, *means])
    header = [*PLACE, "ROC AUC / AP / F1", *HALVES]
    timed = [row for row in rows if "cpu_seconds_of_default" in row]
    if not timed:
        return table(header, lines)
    of_kinds, default = over_sets(timed, ["cpu_seconds_of_all", "cpu_seconds_of_default"])
    seconds = f"LOE.of_kinds() {of_kinds:.1f}, LOE(n_estimators=8) {default:.1f}"
    return f"{table(header, lines)}\n\nCPU seconds of a fit, mean over the sets: {seconds}"


STUDY = Study(
    "default-kinds",
    "kinds of backbones in LOE's default and in LOE.of_kinds(), and first labels; 28 sets",
    axes={
        "protocol": Axis(("paper",), choices=("paper", "all")),
        "ensemble": Axis(("default", "of-kinds"), choices=("default", "of-kinds")),
        "dataset": Axis(SETS),
        "seed": Axis((0,)),
    },
    run=run,
    tables=tables,
)
