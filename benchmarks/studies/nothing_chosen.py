"""`LOE()` with nothing chosen, in the situations that users have: many anomalies, few, or none.

    python -m benchmarks study nothing-chosen
    python -m benchmarks study nothing-chosen --situations "1 %" "80 rows" --seeds 3

All rows are fitted and the same rows scored. A situation says which rows: the set as it is (own),
its anomalies thinned out to a share of all rows, none left (clean), or a number of rows drawn at
random. At most 5,000 normal rows are taken. A set is left out where fewer than two anomalies would
remain, or where it has a smaller share.

The sets are the 22 of ADBench and those of the LOE paper's whose rows are others. Their names were
split into halves by a hash before the first run. The prior of the ratio, the weight of the evidence
and the ratios of the members were chosen on 2,000 rows of these sets, seed 0, with the means of
both halves in view; the agreement that is usual was learned from all of them, before a flow was
added to the members. The flow was added since the means of both halves rise, in the study
default-kinds and on 2,000 rows of these sets. That two kinds of members are enough, which of them
wide rows get, what a separate group is, and that members see a row in at most 80 epochs, was chosen
on two seeds of this study. Which rows may be neighbours was chosen by scores of the evidence alone,
on 2,000 rows, two seeds, and on planted groups. That the local outlier factor is among the evidence
was chosen on seed 0 of this study and of unseen-sets. So no half is unseen.

`--whose` says which detectors are fitted: LOE, or the peers that it is compared with.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from benchmarks import colors
from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import cell_of_means, grouped, of_each_set, over_sets, short_name
from benchmarks.quality import quality
from benchmarks.sets import ADBENCH, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE

MAX_ROWS = 5_000
# Sets of the LOE paper that ADBench has not, or has with other rows.
OTHERS = (
    *("abalone", "arrhythmia", "ecoli", "glass", "ionosphere", "kdd", "kddrev", "lympho"),
    *("seismic", "wbc"),
)
SETS = (*(f"adbench:{name}" for name in ADBENCH), *(f"odds:{name}" for name in OTHERS))
THINNED = {"0.3 %": 0.003, "1 %": 0.01, "5 %": 0.05, "10 %": 0.1}
SHARES = THINNED | {"clean": 0.0}
SIZES = {"80 rows": 80, "300 rows": 300, "1000 rows": 1_000}
SITUATIONS = ("own", *THINNED, "clean", *SIZES)
FIGURES = ("roc_auc", "average_precision")
TITLES = ("ROC AUC", "average precision")
NAMES = {"IsolationForest": "forest", "KNN 20": "20th neighbour", "KNN 5": "5th neighbour"}
BEST_THREE = ("IsolationForest", "KNN 20", "MCD")
CONSTANTS = (0.01, 0.02, 0.03, 0.05, 0.1)


def base(dataset: str) -> str:
    """Return the name that a set has in every collection."""
    name = short_name(dataset).split("_", 1)[-1].lower()
    return {"lymphography": "lympho"}.get(name, name)


_IN_ORDER = sorted({base(name) for name in SETS}, key=lambda n: hashlib.md5(n.encode()).hexdigest())
HALVES = {
    half: tuple(name for name in SETS if _IN_ORDER.index(base(name)) % 2 == i)
    for i, half in enumerate(("A", "B"))
}


def _pyod(kind: str, **parameters: Any) -> Callable[[int], Any]:
    def make(seed: int) -> Any:
        from importlib import import_module

        cls = getattr(import_module(f"pyod.models.{kind.lower()}"), kind)
        seeded = "random_state" in cls.__init__.__code__.co_varnames
        return cls(**parameters, **({"random_state": seed} if seeded else {}))

    return make


PEERS: dict[str, Callable[[int], Any]] = {
    "IsolationForest": _pyod("IForest"),
    "KNN 5": _pyod("KNN", n_neighbors=5),
    "KNN 20": _pyod("KNN", n_neighbors=20),
    "MCD": _pyod("MCD"),
    "CBLOF": _pyod("CBLOF"),
    "ECOD": _pyod("ECOD"),
    "PCA": _pyod("PCA"),
    "HBOS": _pyod("HBOS"),
    "LOF": _pyod("LOF"),
}
OURS: dict[str, Callable[[int], Any]] = {
    "LOE": lambda seed: LOE(random_state=seed),
    "LOE, no evidence": lambda seed: LOE(evidence=None, random_state=seed),
}


def rows_of(situation: str, dataset: str, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Draw the rows of a situation; None where the set does not serve for it."""
    X, y = load_table(dataset)
    rng = np.random.default_rng(1_000 + seed)
    if situation in SHARES:
        return at_share(X, y, SHARES[situation], rng)
    return some_of(X, y, SIZES.get(situation, MAX_ROWS), rng, all_do=situation == "own")


def some_of(
    X: np.ndarray, y: np.ndarray, n_rows: int, rng: np.random.Generator, *, all_do: bool = False
) -> tuple[np.ndarray, np.ndarray] | None:
    """Draw a number of rows; None where fewer than two anomalies are among them.

    A set with no more rows than that serves only if `all_do`.
    """
    if len(X) <= n_rows and not all_do:
        return None
    rows = np.sort(rng.permutation(len(X))[:n_rows])
    return (X[rows], y[rows]) if y[rows].sum() > 1 else None


def at_share(
    X: np.ndarray, y: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray] | None:
    """Draw normal rows and that share of anomalies; None where too few of them are there."""
    normal = rng.permutation(np.flatnonzero(y == 0))[:MAX_ROWS]
    anomalies = np.flatnonzero(y == 1)
    n_anomalies = round(len(normal) * share / (1 - share))
    if share and (n_anomalies < 2 or n_anomalies > len(anomalies) or share > y.mean()):
        return None
    rows = np.sort(np.r_[normal, rng.permutation(anomalies)[:n_anomalies]])
    return X[rows], y[rows]


def applies(cell: Row) -> bool:
    """Whether detectors say anything: peers find no ratio in clean data."""
    return cell["whose"] == "ours" or cell["situation"] != "clean"


def run(cell: Row) -> Iterator[Row]:
    """Fit and score our detectors, or the peers, on the rows of one cell."""
    drawn = rows_of(cell["situation"], cell["dataset"], cell["seed"])
    if drawn is None:
        yield {"detector": "", "left_out": "too few anomalies or rows"}
        return
    X, y = drawn
    shape = {"n_rows": len(X), "n_features": X.shape[1], "n_anomalies": int(y.sum())}
    of_some = of_ours if cell["whose"] == "ours" else of_peers
    yield from (shape | row for row in of_some(X, y, cell["seed"]))


def of_ours(X: np.ndarray, y: np.ndarray, seed: int) -> Iterator[Row]:
    """Yield what our detectors find in the rows."""
    for name, make in OURS.items():
        detector = make(seed)
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            detector.fit(X)
        seconds = time.process_time() - start
        low, high = detector.contamination_interval_
        yield {
            "detector": name,
            "fit_cpu_seconds": round(seconds, 2),
            "found_ratio": round(float(detector.contamination_), 5),
            "interval": [round(float(low), 5), round(float(high), 5)],
            "flagged": round(float(np.mean(detector.labels_ == -1)), 5),
            "likely": round(float(np.mean(detector.anomaly_proba(X) > 0.5)), 5),
            **_quality(y, -detector.score_samples(X)),
        }


def of_peers(X: np.ndarray, y: np.ndarray, seed: int) -> Iterator[Row]:
    """Yield how the peers, and the rank mean of three, order the rows."""
    mean, scale = X.mean(axis=0), X.std(axis=0)
    # In single precision: PyOD's PCA divides by the variance of features that others determine, 0.
    rows = ((X - mean) / np.where(scale > 0, scale, 1.0)).astype(np.float32)
    ranks = []
    for name, make in PEERS.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores = np.nan_to_num(make(seed).fit(rows).decision_scores_)
        except ValueError:  # MCD of fewer rows than features, CBLOF of one cluster
            scores = np.zeros(len(rows))
        if name in BEST_THREE:
            ranks.append(rankdata(scores))
        yield {"detector": name, **_quality(y, scores)}
    yield {"detector": "rank mean of the three", **_quality(y, np.sum(ranks, axis=0))}


def _quality(y: np.ndarray, outlierness: np.ndarray) -> Row:
    if not y.any():
        return {"roc_auc": None, "average_precision": None}
    return {
        **quality(y, -outlierness, "roc_auc", "average_precision"),
    }


def tables(rows: list[Row]) -> str:
    """Return the rankings and what was found of the ratio, by situation.

    Peers are compared where LOE was fitted to the same rows.
    """
    ours = {_place(row) for row in rows if row["detector"] in OURS}
    used = [row for row in rows if row["detector"] and _place(row) in ours]
    return "\n\n".join([_rankings(used), ratios(used), _behind(used)])


def _place(row: Row) -> tuple[str, str, int]:
    return row["situation"], row["dataset"], row["seed"]


def _rankings(rows: list[Row]) -> str:
    header = ["situation", "detector", "all sets: ROC AUC / AP (sets)", "half A", "half B"]
    lines = []
    for (situation, detector), own in grouped(rows, "situation", "detector").items():
        if situation == "clean":
            continue
        halves = (SETS, *HALVES.values())
        parts = ([row for row in own if row["dataset"] in names] for names in halves)
        lines.append([situation, detector, *(cell_of_means(part, FIGURES) for part in parts)])
    return table(header, lines)


def ratios(rows: list[Row], halves: Sequence[Sequence[str]] = tuple(HALVES.values())) -> str:
    """Return what was found of the ratio, by situation, and its error by half of the sets."""
    header = ["situation", "detector", "mean abs log2(found / true)", "by half"]
    header += ["truth in the interval", "flagged, median and most", "likelier than not, most"]
    header += ["best constant", "another seed's ratio: mean factor, most"]
    lines = []
    for (situation, detector), own in grouped(rows, "situation", "detector").items():
        if detector not in OURS:
            continue
        flagged = [row["flagged"] for row in own]
        cells = [situation, detector]
        if situation == "clean":
            cells += ["", "", ""]
        else:
            by_half = [
                error_of_ratio([row for row in own if row["dataset"] in half]) for half in halves
            ]
            inside = [row["interval"][0] <= true_ratio(row) <= row["interval"][1] for row in own]
            cells += [f"{error_of_ratio(own):.2f}", " / ".join(f"{error:.2f}" for error in by_half)]
            cells += [f"{sum(inside)} of {len(inside)}"]
        cells += [f"{short(float(np.median(flagged)))}, {short(max(flagged))}"]
        cells += [short(max(row["likely"] for row in own))]
        if situation == "clean":
            cells += [""]
        else:
            best = min(CONSTANTS, key=lambda constant: error_of_ratio(own, constant))
            cells += [f"{best:g}: {error_of_ratio(own, best):.2f}"]
        factors = factors_between_seeds(own)
        mean = f"{np.exp2(np.mean(np.log2(factors))):.2f}, {max(factors):.1f}" if factors else ""
        lines.append([*cells, mean])
    return table(header, lines)


def factors_between_seeds(rows: list[Row]) -> list[float]:
    """Return by which factor the ratios differ that the seeds of each set found, the most apart."""
    found = [
        [row["found_ratio"] for row in own]
        for own in grouped(rows, "situation", "dataset").values()
    ]
    return [max(ratios) / min(ratios) for ratios in found if len(ratios) > 1]


def true_ratio(row: Row) -> float:
    """Return the share of anomalies in the rows that were fitted."""
    return row["n_anomalies"] / row["n_rows"]


def error_of_ratio(rows: list[Row], constant: float | None = None) -> float:
    """Return the mean abs(log2(found / true)), of the ratio found or of a constant."""
    found = [constant or row["found_ratio"] for row in rows]
    return float(
        np.mean([abs(np.log2(r / true_ratio(row))) for r, row in zip(found, rows, strict=True)])
    )


def _behind(rows: list[Row]) -> str:
    texts = []
    for (situation,), own in grouped(rows, "situation").items():
        if situation == "clean":
            continue
        losses = [
            f"{dataset} {short(ours)}, {best} {short(its)}"
            for dataset, ours, best, its in behind(own)
        ]
        where = "; ".join(losses) or "on no set"
        texts.append(f"LOE() more than .05 behind the best peer, {situation}: {where}.")
    return "\n\n".join(texts)


def behind(rows: list[Row]) -> list[tuple[str, float, str, float]]:
    """Return set, ROC AUC of `LOE()`, the best peer and its ROC AUC, where it is .05 ahead."""
    of = {
        detector: {name: mean[0] for name, mean in of_each_set(part, ["roc_auc"]).items()}
        for (detector,), part in grouped(rows, "detector").items()
    }
    peers = [name for name in of if name in PEERS]
    losses = []
    for dataset, ours in of["LOE"].items() if peers and "LOE" in of else ():
        best = max(peers, key=lambda name: of[name][dataset])
        if of[best][dataset] > ours + 0.05:
            losses.append((dataset, ours, best, of[best][dataset]))
    return losses


def draw(rows: list[Row], path: Path) -> None:
    """Draw, for each situation, the means of `LOE()` among those of the peers."""
    from benchmarks import looks

    situations = [name for name in SITUATIONS if name != "clean"]
    means = {
        (situation, detector): over_sets(own, FIGURES)
        for (situation, detector), own in grouped(rows, "situation", "detector").items()
        if situation != "clean" and detector in (*PEERS, "LOE")
    }
    there = [name for name in situations if (name, "LOE") in means]
    gaps = [max(means[name, peer][0] for peer in PEERS) - means[name, "LOE"][0] for name in there]
    figure = looks.canvas(
        5.2,
        f"With nothing chosen, LOE() is never more than\n{short(max(gaps))} behind the best "
        "of nine in ROC AUC",
        "Means over the sets of each situation. Blue: LOE(). Grey: nine detectors\n"
        "of PyOD; the best of them is dark, and has its name.",
    )
    called = {"own": "sets as they are"} | {name: f"{name} anomalies" for name in THINNED}
    called |= {name: name.replace("1000", "1,000") for name in SIZES}
    for axis, k, title in zip(figure.subplots(1, 2, sharey=True), range(2), TITLES, strict=True):
        for place, name in enumerate(there):
            of = {peer: means[name, peer][k] for peer in PEERS}
            best = max(of, key=lambda peer: of[peer])
            axis.plot(list(of.values()), [place] * len(of), "o", color=colors.OTHERS, ms=5.5)
            axis.plot(means[name, "LOE"][k], place, "o", color=colors.OURS, ms=9)
            axis.plot(of[best], place, "o", color=colors.WORDS, ms=4.5)
            axis.annotate(
                NAMES.get(best, best),
                (of[best], place),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=colors.WORDS,
            )
        axis.set_yticks(range(len(there)), [called[name] for name in there])
        axis.set_ylim(len(there) - 0.5, -0.7)
        axis.margins(x=0.16)
        axis.set_title(title, fontsize=10.5, loc="left")
        axis.xaxis.set_major_formatter(lambda value, _: short(value, 1))
        looks.plain(axis, grid="x")
        axis.spines["left"].set_visible(False)
    looks.save(figure, path)


STUDY = Study(
    "nothing-chosen",
    "LOE() with nothing chosen against nine detectors: own ratios, rare anomalies, none, few rows",
    axes={
        "seed": Axis((0, 1)),
        "situation": Axis(SITUATIONS, choices=SITUATIONS),
        "dataset": Axis(SETS),
        "whose": Axis(("ours", "peers"), choices=("ours", "peers"), option="whose"),
    },
    run=run,
    tables=tables,
    figure=draw,
    applies=applies,
)
