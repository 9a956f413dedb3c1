"""Are the probabilities of anomalies what they say? `LOE.anomaly_proba` beside PyOD's.

    OMP_NUM_THREADS=1 python -m benchmarks.calibration [--sets pima cardio] [--seeds 0 1 2]
    python -m benchmarks.calibration --show        # tables and figure of the rows on file

Two protocols. `all`: fit all rows, ask for their probabilities. `paper`: the LOE paper's, a tenth
of the training rows anomalous, judged on the test rows. These are the other half of the normal
rows and all anomalies, so that their share of anomalies is another one: `judged_ratio`. Of large
sets 3,000 rows are drawn.

For each detector: Brier score, log loss (probabilities clipped to [0.001, 0.999], since PyOD's
reach 0 and 1), the expected calibration error over ten bins of equal width, and the bins
themselves, which the figure is drawn from. One detector is told the labels of 20 random training
rows; in `all` none is judged by these. Rows go to --output as CSV, one for each detector. What is
there already is not done again, so a run that was cut off goes on; delete the file to start anew.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from benchmarks.machine import describe
from benchmarks.sets import load_table
from lofe_sklearn import LOE
from lofe_sklearn.datasets import loe_tabular_split

# Those on which the slope and the intercept were chosen; the others were looked at afterwards.
CHOSEN_ON = ("satellite", "pima", "breastw", "ionosphere", "cardio", "thyroid")
SETS = (*CHOSEN_ON, "wbc", "vowels", "satimage-2", "annthyroid", "letter", "pendigits")
PROTOCOLS = ("all", "paper")
MAX_ROWS = 3000
N_KNOWN = 20
N_BINS = 10
_CLIP = 1e-3
ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "calibration.csv"
FIGURE = ROOT / "docs" / "images" / "reliability.png"


def probabilities(
    X: np.ndarray, X_judged: np.ndarray, known: np.ndarray, share: float, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Fit every detector on X; yield its name and the probabilities of the rows to judge."""
    automatic = LOE(random_state=seed).fit(X)
    yield "LOE", automatic.anomaly_proba(X_judged)
    yield "LOE, share told", automatic.anomaly_proba(X_judged, contamination=share)
    yield "LOE 0.1", LOE(contamination=0.1, random_state=seed).fit(X).anomaly_proba(X_judged)
    told = LOE(random_state=seed).fit(X, known_labels=known)
    yield "LOE, 20 labels", told.anomaly_proba(X_judged)
    scaler = StandardScaler().fit(X)
    rows, judged = scaler.transform(X), scaler.transform(X_judged)
    for name, detector in peers(seed).items():
        detector.fit(rows)
        for method in ("linear", "unify"):
            yield f"PyOD {name}, {method}", detector.predict_proba(judged, method=method)[:, 1]
    yield "constant 0.1", np.full(len(X_judged), 0.1)
    yield "constant, true share", np.full(len(X_judged), share)


def peers(seed: int) -> dict:
    """PyOD's detectors, as they come."""
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN

    return {"IForest": IForest(random_state=seed), "KNN": KNN(), "ECOD": ECOD()}


def run(name: str, protocol: str, seed: int) -> Iterator[dict]:
    """Fit on one set, and yield a row for each detector."""
    X, y = load_table(f"odds:{name}", MAX_ROWS)
    rng = np.random.default_rng(seed)
    if protocol == "paper":
        X, X_judged, y, y_judged = loe_tabular_split(X, y, contamination=0.1, random_state=seed)
    known = np.zeros(len(X), dtype=int)
    told = rng.choice(len(X), N_KNOWN, replace=False)
    known[told] = np.where(y[told] == 1, -1, 1)
    if protocol == "all":
        X_judged, y_judged = X[known == 0], y[known == 0]
    share = float(np.mean(y_judged))
    for detector, proba in probabilities(X, X_judged, known, share, seed):
        yield {
            "protocol": protocol,
            "dataset": name,
            "n_rows": len(X),
            "n_features": X.shape[1],
            "true_ratio": round(float(np.mean(y)), 4),
            "judged_ratio": round(share, 4),
            "detector": detector,
            "seed": seed,
            "n_known_anomalies": int((known < 0).sum()),
            "mean_proba": round(float(proba.mean()), 4),
            **judge(y_judged, proba),
        }


def judge(y: np.ndarray, proba: np.ndarray) -> dict[str, object]:
    """Measure how far probabilities are from what came true."""
    clipped = np.clip(proba, _CLIP, 1 - _CLIP)
    log_loss = -np.mean(np.where(y == 1, np.log(clipped), np.log1p(-clipped)))
    bins = np.minimum((proba * N_BINS).astype(int), N_BINS - 1)
    counts, sums, anomalies = (
        np.bincount(bins, weights=weights, minlength=N_BINS)
        for weights in (np.ones(len(y)), proba, (y == 1).astype(float))
    )
    return {
        "brier": round(float(np.mean((proba - (y == 1)) ** 2)), 4),
        "log_loss": round(float(log_loss), 4),
        "ece": round(float(np.abs(sums - anomalies).sum() / len(y)), 4),
        "bin_counts": " ".join(f"{value:.0f}" for value in counts),
        "bin_sums": " ".join(f"{value:.2f}" for value in sums),
        "bin_anomalies": " ".join(f"{value:.0f}" for value in anomalies),
    }


def append(rows: list[dict], path: Path) -> None:
    """Write rows below those on file, with the machine and the versions."""
    machine = describe()
    path.parent.mkdir(exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], *machine])
        if is_new:
            writer.writeheader()
        writer.writerows(row | machine for row in rows)


def done(path: Path) -> set[tuple[str, str, str]]:
    """Return which sets, protocols and seeds are on file."""
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {(row["dataset"], row["protocol"], row["seed"]) for row in csv.DictReader(file)}


def read(path: Path) -> dict[tuple[str, str], dict[str, list[dict]]]:
    """Group the rows on file: by protocol and detector, then by set."""
    groups: dict = defaultdict(lambda: defaultdict(list))
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            groups[row["protocol"], row["detector"]][row["dataset"]].append(row)
    return groups


def show(path: Path) -> None:
    """Print Brier score, log loss and ECE by detector, over both halves of the sets."""
    groups = read(path)
    columns = [(protocol, part) for protocol in PROTOCOLS for part in ("chosen on", "others")]
    print(f"| detector | {' | '.join(f'{protocol}, {part}' for protocol, part in columns)} |")
    print(f"|---{'|---' * len(columns)}|")
    for detector in dict.fromkeys(detector for _, detector in groups):
        cells = []
        for protocol, part in columns:
            sets = groups[protocol, detector]
            chosen = [n for n in sets if (n in CHOSEN_ON) == (part == "chosen on")]
            figures = [
                [[float(row[k]) for k in ("brier", "log_loss", "ece")] for row in sets[name]]
                for name in chosen
            ]
            means = np.mean([np.mean(own, axis=0) for own in figures], axis=0) if chosen else []
            cells.append(", ".join(f"{value:.3f}".lstrip("0") for value in means))
        print(f"| {detector} | {' | '.join(cells)} |")
    for protocol in PROTOCOLS:
        for title in ("judged_ratio", "mean_proba"):
            sets = groups[protocol, "LOE"]
            means = {n: np.mean([float(r[title]) for r in rows]) for n, rows in sets.items()}
            text = ", ".join(
                f"{name} {mean:.3f}".replace(" 0.", " .") for name, mean in means.items()
            )
            print(f"\n{protocol}, {len(sets)} sets, LOE's {title}: {text}")


# Enough to see the kinds: ours, told what users may know, and PyOD's two ways of one detector.
DRAWN = {
    "LOE": ("C0", "o"),
    "LOE, 20 labels": ("C2", "s"),
    "LOE, share told": ("C9", "D"),
    "PyOD IForest, linear": ("C1", "^"),
    "PyOD IForest, unify": ("C3", "v"),
}


def draw(path: Path, figure_path: Path) -> None:
    """Draw reliability curves, pooled over sets and seeds; each set and seed counts the same."""
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    groups = read(path)
    titles = {
        "all": "all: the training rows themselves",
        "paper": "paper: test rows, which hold more anomalies",
    }
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), sharey=True, layout="constrained")
    for axis, protocol in zip(axes, PROTOCOLS, strict=True):
        axis.plot([0, 1], [0, 1], color="0.6", lw=1, ls="--", label="perfectly calibrated")
        for detector, (color, marker) in DRAWN.items():
            rows = [row for own in groups[protocol, detector].values() for row in own]
            if not rows:
                continue
            bins = {
                name: np.array([np.array(row[name].split(), dtype=float) for row in rows])
                for name in ("bin_counts", "bin_sums", "bin_anomalies")
            }
            n_judged = bins["bin_counts"].sum(axis=1, keepdims=True)
            weight, mean, came = ((values / n_judged).mean(axis=0) for values in bins.values())
            there = weight > 0.002  # a bin of a few rows is noise
            axis.plot(
                mean[there] / weight[there],
                came[there] / weight[there],
                color=color,
                marker=marker,
                ms=5,
                lw=1.5,
                label=detector,
            )
        axis.set(title=titles[protocol], xlabel="mean probability in the bin")
        axis.set_aspect("equal")
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02))  # no marker is cut off
    axes[0].set_ylabel("share of anomalies among its rows")
    axes[0].legend(frameon=False, fontsize=9)
    figure_path.parent.mkdir(exist_ok=True)
    figure.savefig(figure_path, dpi=130)
    plt.close(figure)


def main() -> None:
    """Run what is not on file, print the tables, and draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sets", nargs="+", default=list(SETS), help="names as fetch_odds has them"
    )
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    parser.add_argument("--show", action="store_true", help="only print and draw what is on file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.show:
        there = done(options.output)
        for seed in options.seeds:
            for name in options.sets:
                for protocol in options.protocols:
                    if (name, protocol, str(seed)) not in there:
                        append(list(run(name, protocol, seed)), options.output)
    show(options.output)
    draw(options.output, options.figure)


if __name__ == "__main__":
    main()
