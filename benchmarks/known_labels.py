"""How much a few labels help, and which rows to ask about: SOEL and what it is compared with.

    export OMP_NUM_THREADS=1
    python -m benchmarks.known_labels --strategies diverse random most_anomalous supervised
    python -m benchmarks.known_labels --labels 20 --seeds 2 --strategies diverse random margin \
        mixed blind "true ratio" --output benchmarks/results/known_labels_others.csv
    python -m benchmarks.known_labels --show benchmarks/results/known_labels.csv \
        --figure docs/images/known_labels.png

The LOE paper's tabular protocol, 10 % anomalies in the training rows. The first detector is LOE
without labels or a ratio, members over ratios from .01 to .4. It chooses the rows to ask about, and
is trained again with the answers, members over half to twice the ratio estimated from them. What is
compared, for each number of labels:

    diverse, random, most_anomalous, margin, mixed     strategies of lofe_sklearn.active.query
    supervised      a random forest trained on the rows of `diverse` alone, without the others
    blind           as `diverse`, all rows of unknown label taken for normal
    true ratio      as `diverse`, members over half to twice the true ratio

One row for each fit goes to --output as CSV. The sets are those of the SOEL paper, cardio and
thyroid, by lofe_sklearn.datasets.fetch_odds.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier

from benchmarks.rows import write
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, NeuTraL
from lofe_sklearn.active import STRATEGIES, estimate_contamination, query, refit
from lofe_sklearn.datasets import fetch_odds, loe_tabular_split
from lofe_sklearn.metrics import f1_at_true_ratio, roc_auc

matplotlib.use("Agg")
RESULTS = Path(__file__).parent / "results"
SETS = ("satellite", "pima", "breastw", "ionosphere", "cardio", "thyroid")
BACKBONES = {cls.__name__: cls for cls in (DeepSVDD, AutoEncoder, NeuTraL)}
RATIO = 0.1
TRUE_RATIOS = RATIO / 2, RATIO * 2
WITHOUT = "without labels"
OTHERS = ("supervised", "blind", "true ratio")


def supervised_scores(
    X: np.ndarray, known: np.ndarray, X_test: np.ndarray, seed: int
) -> np.ndarray:
    """Score test rows by a classifier that sees the known rows only; alike if of one class."""
    asked = np.flatnonzero(known)
    if len(set(known[asked])) < 2:
        return np.zeros(len(X_test))
    forest = RandomForestClassifier(random_state=seed).fit(X[asked], known[asked])
    return forest.predict_proba(X_test)[:, 1]  # of +1, normal


def fits(name: str, seed: int, options: argparse.Namespace) -> Iterator[dict]:
    """Do all fits of one set and seed, and yield their rows."""
    X, y = fetch_odds(name, return_X_y=True)
    X, X_test, y_train, y_test = loe_tabular_split(X, y, contamination=RATIO, random_state=seed)
    backbone = BACKBONES[options.backbone]()
    first = LOE(backbone, method=options.method, n_estimators=options.members, random_state=seed)
    first.fit(X)
    scores, embedding = first.score_samples(X), first.embed(X)

    def row(strategy: str, known: np.ndarray, found: float, test_scores: np.ndarray) -> dict:
        return {
            "dataset": name,
            "backbone": options.backbone,
            "method": options.method,
            "members": options.members,
            "known_weight": options.known_weight or "",
            "strategy": strategy,
            "seed": seed,
            "n_labels": int((known != 0).sum()),
            "n_known_anomalies": int((known < 0).sum()),
            "found_ratio": round(found, 4),
            "true_ratio": round(float(y_train.mean()), 4),
            "roc_auc": round(roc_auc(y_test, test_scores), 4),
            "f1": round(f1_at_true_ratio(y_test, test_scores), 4),
        }

    unknown = np.zeros(len(X), dtype=int)
    yield row(WITHOUT, unknown, first.contamination_, first.score_samples(X_test))
    for strategy in options.strategies:
        chosen = "diverse" if strategy in OTHERS else strategy
        every = query(first, X, max(options.labels), strategy=chosen, random_state=seed)
        for n_labels in options.labels:
            known = unknown.copy()
            known[every[:n_labels]] = 1 - 2 * y_train[every[:n_labels]]
            found = estimate_contamination(
                scores, known, embedding=embedding, prior=first.contamination_
            )
            if strategy == "supervised":
                yield row(strategy, known, found, supervised_scores(X, known, X_test, seed))
                continue
            again = refit(
                first,
                X,
                known,
                contamination=TRUE_RATIOS if strategy == "true ratio" else "estimate",
                method="blind" if strategy == "blind" else options.method,
                known_weight=options.known_weight,
            )
            yield row(strategy, known, found, again.score_samples(X_test))


def show(path: Path) -> None:
    """Print means over seeds and sets: ROC AUC, F1, and how far the estimated ratio is off."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    cells: dict[tuple, list] = defaultdict(list)
    for row in rows:
        error = abs(float(row["found_ratio"]) - float(row["true_ratio"]))
        key = row["backbone"], row["strategy"], int(row["n_labels"]), row["dataset"]
        figures = float(row["roc_auc"]), float(row["f1"]), error, float(row["n_known_anomalies"])
        cells[key].append(figures)
    means = {key: np.mean(found, axis=0) for key, found in cells.items()}
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    kinds = list(dict.fromkeys((key[0], key[1], key[2]) for key in means))
    print(f"{len({row['seed'] for row in rows})} seeds, {len(rows)} fits")
    print(f"| backbone | rows | labels | ROC AUC | F1 | ratio off by | anomalies among them "
          f"| {' | '.join(sets)} |")  # fmt: skip
    print("|---|---|---|---|---|---|---|" + "---|" * len(sets))
    for kind in kinds:
        of_sets = np.array([means[(*kind, name)] for name in sets])
        auc, f1, error, anomalies = of_sets.mean(axis=0)
        each = " | ".join(f"{own[0]:.3f}, {own[1]:.3f}" for own in of_sets)
        off = "" if np.isnan(error) else f"{error:.3f}"
        print(f"| {' | '.join(map(str, kind))} | {auc:.3f} | {f1:.3f} | {off} | {anomalies:.1f} "
              f"| {each} |")  # fmt: skip


def draw(path: Path, figure: Path) -> None:
    """Draw ROC AUC and F1 against the number of labels, as means over seeds and sets."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    markers = iter("osD^v")
    strategies = [s for s in dict.fromkeys(row["strategy"] for row in rows) if s != WITHOUT]
    for strategy in strategies:
        marker = next(markers)
        # A forest that knows no row tells nothing; the others begin where there are no labels.
        mine = {strategy} if strategy == "supervised" else {strategy, WITHOUT}
        for ax, metric in zip(axes, ("roc_auc", "f1"), strict=True):
            values: dict[int, list[float]] = defaultdict(list)
            for row in rows:
                if row["strategy"] in mine:
                    values[int(row["n_labels"])].append(float(row[metric]))
            labels = sorted(values)
            label = "diverse (SOEL)" if strategy == "diverse" else strategy.replace("_", " ")
            means = [np.mean(values[n]) for n in labels]
            ax.plot(labels, means, marker=marker, markersize=5, label=label)
    for ax, metric in zip(axes, ("ROC AUC", "F1"), strict=True):
        ax.set_xlabel("rows whose label is known")
        ax.set_ylabel(f"mean {metric}")
        ax.grid(alpha=0.3)
    axes[0].legend()
    fig.savefig(figure, dpi=110)


def main() -> None:
    """Run all, and write the rows of each set and seed when they are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--backbone", choices=BACKBONES, default="DeepSVDD")
    strategies = (*STRATEGIES, *OTHERS)
    parser.add_argument("--strategies", nargs="+", choices=strategies, default=list(strategies))
    parser.add_argument("--labels", nargs="+", type=int, default=[5, 10, 20, 40])
    parser.add_argument("--method", choices=("hard", "soft"), default="hard")
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--known-weight", type=float)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS / "known_labels.csv")
    parser.add_argument("--show", type=Path, help="print the table of an earlier run")
    parser.add_argument("--figure", type=Path, help="draw it too, into this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.show:
        show(options.show)
        if options.figure:
            draw(options.show, options.figure)
        return
    rows: list[dict] = []
    for seed in range(options.seeds):
        for name in options.sets:
            rows += fits(name, seed, options)
            write(rows, options.output)  # what is done is kept, whatever comes
    show(options.output)


if __name__ == "__main__":
    main()
