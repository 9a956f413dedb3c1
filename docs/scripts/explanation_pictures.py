"""Draw the pictures of docs/explanations/ into docs/images/.

python docs/scripts/explanation_pictures.py                      # all, in about a minute
python docs/scripts/explanation_pictures.py losses same_scores   # some
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import figure_style
import numpy as np
from figure_style import ANOMALY, INK, NORMAL
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.plotting import ContaminationDisplay

Rows = NDArray[Any]
IMAGES = Path(__file__).parents[1] / "images"


def two_steps() -> Figure:
    """The label step and the parameter step, each on the same few rows."""
    rng = np.random.default_rng(3)
    angle = rng.uniform(0, 2 * np.pi, 17)
    radius = np.concatenate([rng.uniform(0.25, 0.8, 14), [1.25, 1.4, 1.5]])
    angle[-3:] = [0.5, 0.75, 0.95]
    rows = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    energy = np.sqrt(4 * radius**2 + 1) - 1
    difference = energy + np.log1p(-np.exp(-energy))
    marked = np.argsort(np.argsort(-difference)) < 3
    colors = np.where(marked, ANOMALY, NORMAL)

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.3), layout="constrained")
    order = np.argsort(-difference)
    left.bar(range(len(rows)), difference[order], color=colors[order])
    left.axvline(2.5, color=INK, linestyle="--", linewidth=1)
    left.text(2.75, difference.max() * 0.9, r"$\alpha n = 3$ rows", color=ANOMALY)
    left.axhline(0, color=INK, linewidth=0.8)
    left.set(title="1. Labels: mark the highest", xlabel="training rows, sorted")
    left.set(ylabel="$S = L_n - L_a$", xticks=[])

    right.scatter(0, 0, marker="+", s=120, color=INK)
    right.scatter(*rows.T, s=36, c=colors)
    for row, is_marked, color in zip(rows, marked, colors, strict=True):
        step = (0.35 if is_marked else -0.2) * row / np.linalg.norm(row)
        right.annotate(
            "", row + step, row, arrowprops={"arrowstyle": "->", "color": color, "linewidth": 1.3}
        )
    right.text(0.1, -0.03, "centre", va="top", fontsize=9)
    right.set(title="2. Parameters: pull in, push out", aspect="equal", xticks=[], yticks=[])
    right.set(xlim=(-1.3, 1.8), ylim=(-1.05, 1.65))
    right.spines[:].set_visible(False)
    right.scatter([], [], color=NORMAL, label="labelled normal")
    right.scatter([], [], color=ANOMALY, label="labelled as anomalies")
    right.legend(loc="upper left", fontsize=9)
    return figure


def losses() -> Figure:
    """What a marked row is trained with: hard and soft labels."""
    normal = np.linspace(0.02, 3, 400)
    anomaly = -np.log(-np.expm1(-normal))
    soft = (normal + anomaly) / 2
    figure, panels = plt.subplots(
        1, 2, figsize=(8, 3.3), sharex=True, sharey=True, layout="constrained"
    )
    for axes, title, loss, name in (
        (panels[0], "Hard labels push without end", anomaly, "$L_a$"),
        (panels[1], "Soft labels stop half-way", soft, r"$\frac{1}{2}(L_n + L_a)$"),
    ):
        axes.plot(normal, normal, color=NORMAL, linewidth=2, label="labelled normal: $L_n$")
        axes.plot(normal, loss, color=ANOMALY, linewidth=2, label=f"labelled anomalous: {name}")
        axes.set(title=title, xlabel="normal loss $L_n$ of the row", ylim=(0, 3.4), xlim=(0, 3))
        axes.legend(loc="upper center", fontsize=9)
    panels[0].set_ylabel("loss in training")
    panels[0].annotate(
        "",
        (2.6, 0.22),
        (1.5, 0.4),
        arrowprops={"arrowstyle": "->", "color": ANOMALY, "linewidth": 1.5},
    )
    lowest = np.log(2)
    panels[1].plot(lowest, lowest, "o", color=ANOMALY)
    panels[1].annotate(
        r"lowest at $L_n = \log 2$",
        (lowest, lowest),
        (0.95, 0.2),
        color=INK,
        fontsize=9,
        arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.8},
    )
    return figure


def plane_rows(sizes: tuple[int, int, int], place: tuple[float, float]) -> tuple[Rows, Rows]:
    """Two groups of normal rows and anomalies close together at `place`; y is 1 for these."""
    rng = np.random.default_rng(0)
    left, right, n_anomalies = sizes
    X = np.vstack(
        [
            rng.normal([-1.5, 0], 0.4, (left, 2)),
            rng.normal([1.5, 0], 0.4, (right, 2)),
            rng.normal(place, 0.2, (n_anomalies, 2)),
        ]
    )
    return X, np.repeat([0, 1], [left + right, n_anomalies])


def labels_of(X: Rows, contamination: float) -> Rows:
    """The rows that one network labels as anomalies, epoch by epoch: (epochs, n)."""
    network = DeepSVDD(max_epochs=60)
    detector = LOE(
        network,
        method="soft",
        contamination=contamination,
        evidence=None,
        init="iforest",
        random_state=2,
    ).fit(X)
    return detector.estimator_.history_.labels[:, 0].astype(bool)


def draw_labels(axes: Axes, X: Rows, y: Rows, marked: Rows, title: str) -> None:
    """Rows in the plane: labelled ones are red, and true anomalies have the shape of a triangle."""
    for is_anomaly, shape, size in ((0, "o", 7), (1, "^", 20)):
        for is_marked, color, alpha in ((False, NORMAL, 0.5), (True, ANOMALY, 0.9)):
            part = (y == is_anomaly) & (marked == is_marked)
            axes.scatter(*X[part].T, s=size, marker=shape, color=color, linewidths=0, alpha=alpha)
    axes.set(title=title, aspect="equal", xticks=[], yticks=[], xlim=(-3, 3), ylim=(-1.5, 2.6))
    axes.spines[:].set_visible(True)


def key_of_labels(figure: Figure) -> None:
    """A legend below all panels."""
    from matplotlib.lines import Line2D

    look = {"linestyle": "none", "markersize": 6}
    entries = [
        Line2D([], [], marker="o", color=NORMAL, label="labelled normal", **look),
        Line2D([], [], marker="o", color=ANOMALY, label="labelled as anomalies", **look),
        Line2D([], [], marker="^", color=INK, label="triangles: true anomalies", **look),
    ]
    figure.legend(handles=entries, loc="outside lower center", ncols=3, fontsize=9)


def labels_move() -> Figure:
    """Labels of four epochs."""
    X, y = plane_rows((350, 350, 100), (0, 1.8))
    labels = labels_of(X, 0.125)
    figure, panels = plt.subplots(1, 4, figsize=(8.5, 2.3), layout="constrained")
    for axes, epoch in zip(panels, (0, 15, 20, 59), strict=True):
        right = (labels[epoch] & (y == 1)).sum() / labels[epoch].sum()
        draw_labels(axes, X, y, labels[epoch], f"epoch {epoch + 1}\n{right:.0%} right")
    key_of_labels(figure)
    return figure


def labels_fail() -> Figure:
    """The last labels where LOE works, and in two cases where it does not."""
    figure, panels = plt.subplots(1, 3, figsize=(8, 2.8), layout="constrained")
    for axes, title, sizes, place, contamination in (
        (panels[0], "It works", (350, 350, 100), (0, 1.8), 0.125),
        (panels[1], "First labels miss", (350, 350, 100), (0, 0), 0.125),
        (panels[2], "Ratio far too high", (500, 200, 30), (0, 1.8), 0.3),
    ):
        X, y = plane_rows(sizes, place)
        marked = labels_of(X, contamination)[-1]
        right = (marked & (y == 1)).sum() / marked.sum()
        draw_labels(axes, X, y, marked, f"{title}\n{right:.0%} right")
    key_of_labels(figure)
    return figure


def same_scores() -> Figure:
    """One histogram of scores, and three shares of anomalies that could have made it."""
    centers = np.linspace(0, 10, 51)[:-1] + 0.1
    bulk = np.exp(-0.5 * ((centers - 2.2) / 0.9) ** 2)
    tail = 0.16 * np.exp(-0.5 * ((centers - 4.6) / 1.1) ** 2)
    tail += 0.035 * np.exp(-0.5 * ((centers - 7) / 1.3) ** 2)
    heights = bulk + tail
    heights *= 1000 / heights.sum()
    figure, panels = plt.subplots(
        1, 3, figsize=(8.5, 2.8), sharex=True, sharey=True, layout="constrained"
    )
    truths = (
        np.zeros_like(centers),
        1 / (1 + np.exp(-(centers - 6.2) / 0.25)),
        tail / (bulk + tail),
    )
    for axes, truth in zip(panels, truths, strict=True):
        anomalies = heights * truth
        axes.bar(centers, heights - anomalies, 0.2, color=NORMAL, label="normal")
        axes.bar(centers, anomalies, 0.2, heights - anomalies, color=ANOMALY, label="anomalies")
        axes.set(title=f"{anomalies.sum() / heights.sum():.0%} anomalies", xlabel="anomaly score")
        axes.set(xticks=[], yticks=[])
    panels[0].set_ylabel("rows")
    panels[0].legend(*panels[1].get_legend_handles_labels(), loc="upper right", fontsize=9)
    return figure


def two_beliefs() -> Figure:
    """What the ratio rests on, with a separate group of anomalies and without any."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(8, 8)) / np.sqrt(8)
    figure, panels = plt.subplots(2, 2, figsize=(8.5, 5), sharex=True, layout="constrained")
    for column, (n_anomalies, title) in enumerate(((20, "2 % are anomalies"), (0, "No anomalies"))):
        normal = rng.normal(size=(1000 - n_anomalies, 8)) @ mixing
        X = np.vstack([normal, 3.0 + 0.4 * rng.normal(size=(n_anomalies, 8))])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            detector = LOE(random_state=0).fit(X)
        ContaminationDisplay.from_estimator(detector, ax=panels[:, column], name=title)
    return figure


def one_axis() -> Figure:
    """One score, read as a label, a probability and a percentile."""
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(475, 5)), 2.6 + 0.8 * rng.normal(size=(25, 5))])
    detector = LOE(contamination=0.05, random_state=0).fit(X)
    scores = detector.score_samples(X)
    order = np.argsort(scores)
    figure, panels = plt.subplots(
        3, 1, figsize=(7.5, 5.6), sharex=True, height_ratios=(2, 1, 1), layout="constrained"
    )
    bins = np.linspace(scores.min(), scores.max(), 50)
    top, middle, bottom = panels
    low = scores < detector.offset_
    top.hist([scores[low], scores[~low]], bins, stacked=True, color=[ANOMALY, NORMAL])
    top.set_ylabel("training rows")
    top.text(0.02, 0.9, "predict: -1", transform=top.transAxes, color=ANOMALY, weight="bold")
    top.text(0.45, 0.9, "predict: +1", transform=top.transAxes, color=NORMAL, weight="bold")
    middle.plot(scores[order], detector.anomaly_proba(X)[order], color=ANOMALY, linewidth=2)
    middle.set(ylabel="anomaly_proba", ylim=(-0.02, 1.02))
    bottom.plot(scores[order], detector.severity(X)[order], color=ANOMALY, linewidth=2)
    bottom.set(
        ylabel="severity", ylim=(-2, 102), xlabel="score_samples: the higher, the more normal"
    )
    for axes in panels:
        axes.axvline(detector.offset_, color=INK, linestyle="--", linewidth=1.2)
    top.text(detector.offset_, top.get_ylim()[1] * 1.02, "offset_", ha="center")
    return figure


PICTURES: tuple[Callable[[], Figure], ...] = (
    two_steps,
    losses,
    labels_move,
    labels_fail,
    same_scores,
    two_beliefs,
    one_axis,
)


def main(names: list[str]) -> None:
    figure_style.apply()
    for draw in PICTURES:
        if not names or draw.__name__ in names:
            figure = draw()
            figure.savefig(IMAGES / f"explain_{draw.__name__}.png", dpi=140)
            plt.close(figure)


if __name__ == "__main__":
    main(sys.argv[1:])
