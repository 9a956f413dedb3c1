"""Are the probabilities of anomalies what they say? `LOE.anomaly_proba` beside PyOD's.

    python -m benchmarks study calibration
    python -m benchmarks study calibration --show --figure docs/images/reliability.png

Two protocols. `all`: fit all rows, ask for their probabilities. `paper`: the LOE paper's, a tenth
of the training rows anomalous, judged on the test rows. These are the other half of the normal
rows and all anomalies, so that their share of anomalies is another one: `judged_ratio`. Of large
sets 3,000 rows are drawn.

For each detector: Brier score, log loss (probabilities clipped to [0.001, 0.999], since PyOD's
reach 0 and 1), the expected calibration error over ten bins of equal width, and the bins
themselves, which the figure is drawn from. One detector is told the labels of 20 random training
rows; in `all` none is judged by these. It needs PyOD.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.preprocessing import StandardScaler

from benchmarks import colors
from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.sets import SOEL, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE
from lofe_sklearn.datasets import loe_tabular_split

# Slope and intercept were chosen on SOEL's; these were looked at afterwards.
OTHERS = tuple(
    f"odds:{name}" for name in ("wbc", "vowels", "satimage-2", "annthyroid", "letter", "pendigits")
)
PROTOCOLS = ("all", "paper")
MAX_ROWS = 3000
N_KNOWN = 20
N_BINS = 10
_CLIP = 1e-3
FIGURES = ("brier", "log_loss", "ece")


def run(cell: Row) -> Iterator[Row]:
    """Fit every detector on one set, and yield a row for each."""
    protocol, seed = cell["protocol"], cell["seed"]
    X, y = load_table(cell["dataset"], MAX_ROWS)
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
            "n_rows": len(X),
            "n_features": X.shape[1],
            "true_ratio": round(float(np.mean(y)), 4),
            "judged_ratio": round(share, 4),
            "detector": detector,
            "n_known_anomalies": int((known < 0).sum()),
            "mean_proba": round(float(proba.mean()), 4),
            **judge(y_judged, proba),
        }


def probabilities(
    X: np.ndarray, X_judged: np.ndarray, known: np.ndarray, share: float, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Fit every detector on X; yield its name and the probabilities of the rows to judge."""
    automatic = LOE(random_state=seed).fit(X)
    yield "LOE", automatic.anomaly_proba(X_judged)
    yield "LOE, share told", automatic.anomaly_proba(X_judged, contamination=share)
    yield "LOE 0.1", LOE(contamination=0.1, random_state=seed).fit(X).anomaly_proba(X_judged)
    told = LOE(random_state=seed).fit(X, known_anomalies=known < 0, known_normal=known > 0)
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


def judge(y: np.ndarray, proba: np.ndarray) -> Row:
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
        "bin_counts": counts.astype(int).tolist(),
        "bin_sums": sums.round(2).tolist(),
        "bin_anomalies": anomalies.astype(int).tolist(),
    }


def tables(rows: list[Row]) -> str:
    """Return Brier score, log loss and ECE by detector, over both halves of the sets."""
    columns = [(protocol, part) for protocol in PROTOCOLS for part in ("chosen on", "others")]
    lines = []
    for (detector,), own in grouped(rows, "detector").items():
        cells = []
        for protocol, part in columns:
            some = [
                row
                for row in own
                if row["protocol"] == protocol and (row["dataset"] in SOEL) == (part == "chosen on")
            ]
            means = over_sets(some, FIGURES)
            cells.append(", ".join(short(mean) for mean in means) if some else "")
        lines.append([detector, *cells])
    text = table(["detector", *(f"{protocol}, {part}" for protocol, part in columns)], lines)
    for (protocol, detector), own in grouped(rows, "protocol", "detector").items():
        for figure in ("judged_ratio", "mean_proba"):
            if detector == "LOE":
                means = of_each_set(own, [figure]).items()
                named = ", ".join(f"{short_name(name)} {short(mean)}" for name, [mean] in means)
                text += f"\n\n{protocol}, LOE's {figure}: {named}"
    return text


UNIFY = "PyOD IForest, unify"
# Enough to see the kinds: ours, told what users may know, and PyOD's two ways of one detector.
DRAWN = {
    "LOE": (colors.OURS, "o", 2.6),
    "LOE, share told": (colors.ALSO_OURS, "D", 1.6),
    "LOE, 20 labels": (colors.ALSO_OURS, "s", 1.2),
    "PyOD IForest, linear": (colors.OTHERS, "^", 1.4),
    UNIFY: (colors.WORDS, "v", 1.4),
}


def draw(rows: list[Row], path: Path) -> None:
    """Draw reliability curves, pooled over sets and seeds; each set and seed counts the same."""
    from benchmarks import looks

    titles = {"all": "all rows, fitted and judged", "paper": "test rows, with more anomalies"}
    groups = grouped(rows, "protocol", "detector")
    sure = {name: _curve(groups["all", name])[1][-1] for name in ("LOE", UNIFY)}
    figure = looks.canvas(
        4.5,
        f"Of rows that are called nearly certain, {100 * sure['LOE']:.0f} %\n"
        f"are anomalies with LOE, {100 * sure[UNIFY]:.0f} % with PyOD's unify",
        "Share of anomalies among rows of a mean probability; dotted: what is right.",
    )
    axes = figure.subplots(1, 2, sharey=True)
    for axis, protocol in zip(axes, PROTOCOLS, strict=True):
        axis.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":")
        for detector, (color, marker, width) in DRAWN.items():
            own = groups.get((protocol, detector))
            if own:
                x, y = _curve(own)
                axis.plot(x, y, color=color, marker=marker, ms=4.5, lw=width, label=detector)
        axis.set_title(titles[protocol], fontsize=10.5, loc="left")
        axis.set_xlabel("mean probability", fontsize=10, color=colors.WORDS)
        axis.set_aspect("equal")
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02))  # no marker is cut off
        ticks = [0, 0.25, 0.5, 0.75, 1]
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        looks.plain(axis)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False, fontsize=9.5)
    looks.save(figure, path)


def _curve(rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean probability and the share of anomalies of each bin."""
    counts, sums, anomalies = (
        np.array([row[name] for row in rows], dtype=float)
        for name in ("bin_counts", "bin_sums", "bin_anomalies")
    )
    n_judged = counts.sum(axis=1, keepdims=True)
    weight, mean, came = ((bins / n_judged).mean(axis=0) for bins in (counts, sums, anomalies))
    there = weight > 0.002  # a bin of a few rows is noise
    return mean[there] / weight[there], came[there] / weight[there]


STUDY = Study(
    "calibration",
    "LOE's probabilities of an anomaly beside PyOD's",
    axes={
        "seed": Axis((0, 1)),
        "dataset": Axis((*SOEL, *OTHERS)),
        "protocol": Axis(PROTOCOLS, choices=PROTOCOLS),
    },
    run=run,
    tables=tables,
    figure=draw,
)
