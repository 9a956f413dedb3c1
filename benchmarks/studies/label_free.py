"""What criteria without labels are worth: do they choose the detector that labels would?

    python -m benchmarks study label-free

At most 3,000 rows of a set of ADBench, 60 % of them to train on, as they are. Two kinds of choices:
`kinds`, between nine kinds of detectors at contamination 0.1, on sets of few features; `ratios`,
between eight ratios of LOE(DeepSVDD), soft or hard. Criteria see the test rows and no labels; what
counts is the ROC AUC of what they choose, and their rank correlation with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.means import grouped
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import GOAD, LOE, AutoEncoder, DeepSVDD, NeuTraL
from lofe_sklearn.metrics import consensus, excess_mass_scorer, roc_auc

KINDS_ON = tuple(
    f"adbench:{name}"
    for name in (
        *("38_thyroid", "2_annthyroid", "23_mammography", "32_shuttle", "4_breastw"),
        *("14_glass", "29_Pima", "39_vertebral", "10_cover"),
    )
)
RATIOS_ON = tuple(
    f"adbench:{name}"
    for name in (
        *("38_thyroid", "6_cardio", "31_satimage-2", "4_breastw", "28_pendigits"),
        *("18_Ionosphere", "30_satellite", "24_mnist"),
    )
)
CHOICES = ("kinds", "ratios soft", "ratios hard")
RATIOS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
MAX_ROWS = 3000
# One ratio for one member, a blind warm-up, labels in each batch: the setting of the paper.
fixed = partial(
    LOE, method="soft", contamination=0.1, init=None, label_update="batch", warmup_epochs=2
)


def applies(cell: Row) -> bool:
    """Whether the set is one of those that the choice is made on, or the user's own."""
    on, others = (KINDS_ON, RATIOS_ON) if cell["choice"] == "kinds" else (RATIOS_ON, KINDS_ON)
    return cell["dataset"] in on or cell["dataset"] not in others


def run(cell: Row) -> Iterator[Row]:
    """Fit all candidates, and let each criterion choose one of them."""
    X, y = load_table(cell["dataset"])
    n, seed = min(len(y), MAX_ROWS), cell["seed"]
    split = StratifiedShuffleSplit(
        1, train_size=int(0.6 * n), test_size=int(0.4 * n) - 1, random_state=seed
    )
    train, test = next(split.split(X, y))
    kind, _, method = cell["choice"].partition(" ")
    candidates = kinds(seed) if kind == "kinds" else ratios(method, seed)
    fitted = [detector.fit(X[train]) for detector in candidates.values()]
    scores = [detector.score_samples(X[test]) for detector in fitted]
    aucs = np.array([roc_auc(y[test], own) for own in scores])
    criteria = {
        "labels": aucs,
        "consensus": consensus(scores),
        "excess mass": np.array([excess_mass_scorer(one, X[test]) for one in fitted]),
        "separation": np.array([separation(one, X[test]) for one in fitted]),
    }
    names = list(candidates)
    for criterion, values in criteria.items():
        best = int(np.argmax(values))
        rank = 0.0 if np.ptp(values) == 0 else spearmanr(values, aucs)[0]
        yield _row(criterion, names[best], aucs[best], float(rank))
    yield _row("mean of all", "", aucs.mean(), None)
    always = "IsolationForest" if kind == "kinds" else "0.1"
    yield _row("always the same", always, aucs[names.index(always)], None)


def _row(criterion: str, chosen: str, auc: float, rank: float | None) -> Row:
    return {"criterion": criterion, "chosen": chosen, "auc": float(auc), "rank_correlation": rank}


def kinds(seed: int) -> dict[str, Any]:
    """Nine kinds of detectors at one ratio."""
    return {
        "IsolationForest": IsolationForest(contamination=0.1, random_state=seed),
        "OneClassSVM": make_pipeline(StandardScaler(), OneClassSVM(nu=0.1)),
        "LOF": make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True, contamination=0.1)),
        "EllipticEnvelope": EllipticEnvelope(contamination=0.1, random_state=seed),
        "DeepSVDD": DeepSVDD(max_epochs=20, random_state=seed),
        "LOE(DeepSVDD)": fixed(DeepSVDD(max_epochs=20), random_state=seed),
        "LOE(AutoEncoder)": fixed(AutoEncoder(max_epochs=20), method="hard", random_state=seed),
        "LOE(GOAD)": fixed(GOAD(max_epochs=10), random_state=seed),
        "LOE(NeuTraL)": fixed(NeuTraL(max_epochs=30), random_state=seed),
    }


def ratios(method: str, seed: int) -> dict[str, Any]:
    """One detector at eight ratios."""
    return {
        str(ratio): fixed(
            DeepSVDD(max_epochs=20), method=method, contamination=ratio, random_state=seed
        )
        for ratio in RATIOS
    }


def separation(detector: Any, X: np.ndarray) -> float:
    """Share of the scores' variance between both sides of the threshold, on a log-like scale."""
    decision = detector.decision_function(X)
    spread = np.subtract(*np.quantile(decision, [0.75, 0.25])) / 2
    values = np.arcsinh((decision - np.median(decision)) / (spread or 1.0))
    flagged = decision < 0
    if not 0 < flagged.sum() < len(X):
        return 0.0
    means = np.where(flagged, values[flagged].mean(), values[~flagged].mean())
    return float(means.var() / values.var())


def tables(rows: list[Row]) -> str:
    """Return the mean ROC AUC of what each criterion chooses, and its mean rank correlation."""
    lines, largest, n_cases = [], 0, 0
    for (criterion,), own in grouped(rows, "criterion").items():
        cells = []
        for kind in ("kinds", "ratios"):
            some = [row for row in own if row["choice"].startswith(kind)]
            ranks = [row["rank_correlation"] for row in some]
            auc = f"{100 * np.mean([row['auc'] for row in some]):.1f}" if some else ""
            known = some and None not in ranks
            cells += [auc, f"{np.mean(ranks):.2f}" if known else ""]
            if criterion == "separation" and kind == "ratios":
                n_cases = len(some)
                largest = sum(row["chosen"] in ("0.3", "0.4") for row in some)
        lines.append([criterion, *cells])
    header = ["criterion", "kinds: ROC AUC, %", "rank correlation"]
    text = table([*header, "ratios: ROC AUC, %", "rank correlation"], lines)
    return text + f"\n\nThe best separated ratio is 0.3 or 0.4 in {largest} of {n_cases} cases."


STUDY = Study(
    "label-free",
    "what criteria without labels choose, beside what labels would",
    axes={
        "dataset": Axis(tuple(dict.fromkeys((*KINDS_ON, *RATIOS_ON)))),
        "seed": Axis((0, 1, 2)),
        "choice": Axis(CHOICES, choices=CHOICES),
    },
    run=run,
    tables=tables,
    applies=applies,
)
