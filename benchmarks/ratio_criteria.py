"""Which ratio to cut at, without labels: criteria compared on the scores of one ensemble.

    OMP_NUM_THREADS=1 python -m benchmarks.unlabelled --data FOLDER/*.npz --scores SCORES
    OMP_NUM_THREADS=1 python -m benchmarks.ratio_criteria SCORES [--output FILE]

Every criterion sees the outlier scores of the training rows, those of the single members, and those
by models that have not seen the row. With PyThresh installed some of its thresholders are compared
too. The error is the mean of |log2(found / true)|; F1 is that of the rows above the cut.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score, f1_score
from sklearn.mixture import GaussianMixture

from benchmarks.rows import write
from lofe_sklearn._loe._ratio import (
    RATIOS,
    find_ratio,
    reproduced,
    thresholded_ratio,
    upper_component,
)

CUTS = np.geomspace(0.005, 0.4, 24)
RESULTS = Path(__file__).parent / "results" / "ratio_criteria.csv"


def reproduced_cuts(scores: np.ndarray, held_out: np.ndarray | None, _: np.ndarray) -> float:
    """Mean of the cuts, weighted by how well models that have not seen the rows reproduce them."""
    weights = np.full(len(RATIOS), 1 / 8) if held_out is None else reproduced(scores, held_out)
    return float(np.exp(weights @ np.log(RATIOS)))


def mixture(scores: np.ndarray, *_: np.ndarray) -> float:
    """Weight of the upper one of two normal distributions."""
    model = GaussianMixture(2, n_init=3, random_state=0).fit(scores[:, None])
    return float(model.weights_[model.means_[:, 0].argmax()])


def gap(scores: np.ndarray, *_: np.ndarray) -> float:
    """Cut at the largest gap between neighbours among the upper 0.5 to 40 per cent."""
    ordered = np.sort(scores)[::-1]
    first, last = max(1, round(0.005 * len(ordered))), round(0.4 * len(ordered))
    gaps = ordered[first - 1 : last - 1] - ordered[first:last]
    return (first + int(gaps.argmax())) / len(ordered)


def otsu(scores: np.ndarray, *_: np.ndarray) -> float:
    """Cut with the largest variance between both sides."""
    between = []
    for cut in CUTS:
        n_above = max(1, round(cut * len(scores)))
        ordered = np.sort(scores)[::-1]
        difference = ordered[:n_above].mean() - ordered[n_above:].mean()
        between.append(n_above * (len(scores) - n_above) * difference**2)
    return float(CUTS[np.argmax(between)])


def stability(scores: np.ndarray, held_out: np.ndarray, members: np.ndarray) -> float:
    """Cut at which two halves of the members agree best, by Cohen's kappa."""
    standard = (members - members.mean(1, keepdims=True)) / members.std(1, keepdims=True)
    halves = [standard[part::4].sum(0) + standard[part + 1 :: 4].sum(0) for part in (0, 2)]
    kappa = [
        cohen_kappa_score(*(half >= np.quantile(half, 1 - cut) for half in halves)) for cut in CUTS
    ]
    return float(CUTS[np.nanargmax(kappa)])


CRITERIA: dict[str, Callable[..., float]] = {
    "contamination='auto'": lambda s, held_out, _: find_ratio(s, held_out).value,
    "of it: reproduced cuts": reproduced_cuts,
    "of it: Bayesian mixture": lambda s, *_: upper_component(s),
    "fixed 0.1": lambda *_: 0.1,
    "fixed 0.05": lambda *_: 0.05,
    "stability of labels": stability,
    "normal mixture": mixture,
    "largest gap": gap,
    "Otsu": otsu,
}


def pythresh() -> dict[str, Callable[..., float]]:
    """Return some of PyThresh's thresholders, where it is installed."""
    try:
        from pythresh.thresholds import clf, filter, iqr, karch, mixmod
    except ImportError:
        return {}
    kinds = {
        "FILTER": filter.FILTER,
        "CLF": clf.CLF,
        "IQR": iqr.IQR,
        "KARCH": karch.KARCH,
        "MIXMOD": mixmod.MIXMOD,
    }
    return {
        f"PyThresh {name}": lambda s, *_, kind=kind: thresholded_ratio(kind(), s).value
        for name, kind in kinds.items()
    }


def main() -> None:
    """Compare all criteria on all files of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = []
    criteria = CRITERIA | pythresh()
    for path in sorted(options.scores.glob("*.npz")):
        with np.load(path) as file:
            scores, held_out = -file["scores"], -file["held_out"]
            members, y = np.log(np.maximum(-file["members"], 1e-12)), file["y"]
        protocol, ratio, *name, seed = path.stem.split("_")
        order = np.argsort(-scores, kind="stable")
        for criterion, find in {**criteria, "true ratio": lambda *_: y.mean()}.items():  # noqa: B023
            found = find(scores, None if held_out.ndim == 0 else held_out, members)
            above = np.zeros(len(y), dtype=int)
            above[order[: max(1, round(found * len(y)))]] = 1
            rows.append(
                {
                    "protocol": protocol,
                    "ratio": ratio,
                    "dataset": "_".join(name),
                    "seed": seed,
                    "criterion": criterion,
                    "true_ratio": round(float(y.mean()), 4),
                    "found_ratio": round(float(found), 4),
                    "f1": round(f1_score(y, above), 4),
                }
            )
    write(rows, options.output)
    groups = sorted({(row["protocol"], row["ratio"]) for row in rows})
    print("| criterion | " + " | ".join(f"{p} {r}: error, F1" for p, r in groups) + " |")
    print("|---" * (len(groups) + 1) + "|")
    for criterion in dict.fromkeys(row["criterion"] for row in rows):
        cells = []
        for group in groups:
            own = [
                row
                for row in rows
                if (row["protocol"], row["ratio"]) == group and row["criterion"] == criterion
            ]
            error = np.mean([abs(np.log2(row["found_ratio"] / row["true_ratio"])) for row in own])
            cells.append(f"{error:.2f}, {np.mean([row['f1'] for row in own]):.3f}")
        print(f"| {criterion} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
