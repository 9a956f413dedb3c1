"""Which ratio to cut at, without labels: criteria compared on the scores of one ensemble.

    python -m benchmarks study ratio-criteria
    python -m benchmarks study ratio-criteria --ratios 0.01 0.05 0.2 --sets 14_glass 6_cardio

`LOE()` is fitted in both protocols of the study `unlabelled`. Every criterion sees its outlier
scores of the training rows, those of the single members, and those by models that have not seen the
row. With PyThresh installed some of its thresholders are compared too. The error is the mean of
|log2(found / true)|; F1 is that of the rows above the cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.metrics import cohen_kappa_score, f1_score
from sklearn.mixture import GaussianMixture

from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped
from benchmarks.sets import CHOSEN_ON, LOOKED_AT, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE
from lofe_sklearn.datasets import loe_tabular_split

MAX_ROWS = 5_000
CUTS = np.geomspace(0.005, 0.4, 24)


@dataclass(frozen=True)
class Seen:
    """What a criterion sees: outlier scores, high for anomalies.

    Attributes
    ----------
    detector : LOE
        The fitted ensemble.
    scores : ndarray of shape (n_samples,)
        Those of the training rows.
    held_out : ndarray of shape (n_samples,) or None
        Those by models that have not seen the row.
    members : ndarray of shape (n_members, n_samples)
        The logarithms of those of the single members.
    """

    detector: LOE
    scores: np.ndarray
    held_out: np.ndarray | None
    members: np.ndarray


def automatic(seen: Seen) -> float:
    """Return what contamination="auto" finds."""
    return float(seen.detector.contamination_)


def cross_fitted_cuts(seen: Seen) -> float:
    """Mean of the cuts, weighted by how well models that have not seen the rows reproduce them."""
    # A part of contamination="auto" that the package does not show by itself.
    from lofe_sklearn._loe._find_ratio import reproduced

    cuts = np.unique(seen.detector.contaminations_)
    weights = np.full(len(cuts), 1 / len(cuts))
    if seen.held_out is not None:
        weights = reproduced(seen.scores, seen.held_out)
    return float(np.exp(weights @ np.log(cuts)))


def bayesian_mixture(seen: Seen) -> float:
    """Weight of the upper component of a mixture with as many as are needed."""
    # The other part.
    from lofe_sklearn._loe._find_ratio import upper_component

    return upper_component(seen.scores)


def mixture(seen: Seen) -> float:
    """Weight of the upper one of two normal distributions."""
    model = GaussianMixture(2, n_init=3, random_state=0).fit(seen.scores[:, None])
    return float(model.weights_[model.means_[:, 0].argmax()])


def gap(seen: Seen) -> float:
    """Cut at the largest gap between neighbours among the upper 0.5 to 40 per cent."""
    ordered = np.sort(seen.scores)[::-1]
    first, last = max(1, round(0.005 * len(ordered))), round(0.4 * len(ordered))
    gaps = ordered[first - 1 : last - 1] - ordered[first:last]
    return (first + int(gaps.argmax())) / len(ordered)


def otsu(seen: Seen) -> float:
    """Cut with the largest variance between both sides."""
    between = []
    ordered = np.sort(seen.scores)[::-1]
    for cut in CUTS:
        n_above = max(1, round(cut * len(ordered)))
        difference = ordered[:n_above].mean() - ordered[n_above:].mean()
        between.append(n_above * (len(ordered) - n_above) * difference**2)
    return float(CUTS[np.argmax(between)])


def stability(seen: Seen) -> float:
    """Cut at which two halves of the members agree best, by Cohen's kappa."""
    members = seen.members
    standard = (members - members.mean(1, keepdims=True)) / members.std(1, keepdims=True)
    halves = [standard[part::4].sum(0) + standard[part + 1 :: 4].sum(0) for part in (0, 2)]
    kappa = [
        cohen_kappa_score(*(half >= np.quantile(half, 1 - cut) for half in halves)) for cut in CUTS
    ]
    return float(CUTS[np.nanargmax(kappa)])


CRITERIA: dict[str, Callable[[Seen], float]] = {
    'contamination="auto"': automatic,
    "only the cross-fitted cuts": cross_fitted_cuts,
    "only the Bayesian mixture": bayesian_mixture,
    "fixed 0.1": lambda seen: 0.1,
    "fixed 0.05": lambda seen: 0.05,
    "stability of labels": stability,
    "normal mixture": mixture,
    "largest gap": gap,
    "Otsu": otsu,
}


def pythresh() -> dict[str, Callable[[Seen], float]]:
    """Return some of PyThresh's thresholders, where it is installed."""
    try:
        from pythresh.thresholds import clf, filter, iqr, karch, mixmod
    except ImportError:
        return {}
    kinds = {
        "CLF": clf.CLF,
        "KARCH": karch.KARCH,
        "FILTER": filter.FILTER,
        "MIXMOD": mixmod.MIXMOD,
        "IQR": iqr.IQR,
    }

    def share(kind: type, seen: Seen) -> float:
        found = float(np.mean(kind().eval(seen.scores)))
        return float(np.clip(found, 1 / len(seen.scores), 0.5))

    return {f"PyThresh {name}": partial(share, kind) for name, kind in kinds.items()}


def applies(cell: Row) -> bool:
    """Whether the ratio goes with the protocol."""
    return (cell["ratio"] is None) == (cell["protocol"] == "all")


def run(cell: Row) -> Iterator[Row]:
    """Fit one ensemble, and let every criterion find a ratio in its scores."""
    X, y = load_table(cell["dataset"], MAX_ROWS, in_proportion=False)
    if cell["protocol"] == "paper":
        X, _, y, _ = loe_tabular_split(X, y, contamination=cell["ratio"], random_state=cell["seed"])
    detector = LOE(random_state=cell["seed"]).fit(X)
    scores, held_out = -detector.score_samples(X), detector.held_out_scores_
    members = np.stack([-member.score_samples(X) for member in detector.estimators_])
    members = np.log(np.maximum(members, 1e-12))
    seen = Seen(detector, scores, None if held_out is None else -held_out, members)
    order = np.argsort(-scores, kind="stable")
    criteria = CRITERIA | pythresh() | {"true ratio": lambda seen: float(y.mean())}
    for criterion, find in criteria.items():
        found = find(seen)
        above = np.zeros(len(y), dtype=int)
        above[order[: max(1, round(found * len(y)))]] = 1
        yield {
            "criterion": criterion,
            "true_ratio": round(float(y.mean()), 4),
            "found_ratio": round(float(found), 4),
            "f1": round(float(f1_score(y, above)), 4),
        }


def tables(rows: list[Row]) -> str:
    """Return the error and F1 of each criterion, by protocol and ratio, and their means."""
    groups = sorted(
        {(row["protocol"], row["ratio"]) for row in rows}, key=lambda group: group[1] or 0
    )
    lines = []
    for (criterion,), own in grouped(rows, "criterion").items():
        by_group = grouped(own, "protocol", "ratio")
        pairs = [_error_and_f1(by_group[group]) for group in groups if group in by_group]
        pairs.append(tuple(np.mean(pairs, axis=0)))
        lines.append([criterion, *(f"{short(error, 2)}, {short(f1)}" for error, f1 in pairs)])
    named = [protocol if ratio is None else f"{protocol} {ratio}" for protocol, ratio in groups]
    return table(["criterion: error, F1", *named, "mean"], lines)


def _error_and_f1(rows: list[Row]) -> tuple[float, float]:
    errors = [abs(np.log2(row["found_ratio"] / row["true_ratio"])) for row in rows]
    return float(np.mean(errors)), float(np.mean([row["f1"] for row in rows]))


STUDY = Study(
    "ratio-criteria",
    "ways to find the ratio without labels, on the scores of LOE()",
    axes={
        "protocol": Axis(("all", "paper"), choices=("all", "paper")),
        "ratio": Axis((None, 0.1)),
        "dataset": Axis((*CHOSEN_ON, *LOOKED_AT)),
        "seed": Axis((0,)),
    },
    run=run,
    tables=tables,
    applies=applies,
)
