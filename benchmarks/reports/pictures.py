"""The LOE paper's image and video experiments: means over classes beside the paper's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from benchmarks.reports import anchors
from benchmarks.reports.curves import percent
from benchmarks.reports.grid import METHODS, Row
from benchmarks.reports.tables import Sheet, Text, figure

SUITES = ("paper-image", "paper-mvtec", "paper-video")
NAMES = {
    "cifar10": "CIFAR-10",
    "fmnist": "Fashion-MNIST",
    "mvtec": "MVTec-AD",
    "ped1": "UCSD Ped1",
    "ped2": "UCSD Ped2",
}


def collection(dataset: str) -> str:
    """Return what a set is a class or category of."""
    family, _, name = dataset.partition(":")
    return "mvtec" if name.startswith("MVTec-AD_") else family.partition("-")[0]


def paper_pictures(rows: Sequence[Row]) -> list[Sheet]:
    """Set our mean ROC AUC over classes beside the LOE paper's, a sheet for each collection.

    Parameters
    ----------
    rows : list of dict
        Of all ratios.

    Returns
    -------
    list of Sheet
    """
    means = mean_auc(rows)
    return [
        _sheet(of, detector, means)
        for of, detector in dict.fromkeys((key[0], key[1]) for key in sorted(means))
    ]


def mean_auc(rows: Sequence[Row]) -> dict[tuple, tuple[float, int]]:
    """Return mean ROC AUC in per cent and the number of classes that it is a mean of.

    Keys are the collection, the detector, the share of anomalies and the method, which is "clean"
    for a share of 0.
    """
    values: dict[tuple, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.get("error") or row.get("roc_auc") is None:
            continue
        method = "clean" if not row["true_ratio"] else row["method"]
        key = (collection(row["dataset"]), row["detector"], float(row["true_ratio"] or 0), method)
        values[key][row["dataset"]].append(100 * row["roc_auc"])
    return {
        key: (float(np.mean([np.mean(v) for v in sets.values()])), len(sets))
        for key, sets in values.items()
    }


def _sheet(of: str, detector: str, means: dict[tuple, tuple[float, int]]) -> Sheet:
    paper = anchors.paper_pictures(of, detector)
    clean = means.get((of, detector, 0.0, "clean"))
    lines = []
    ratios = sorted({key[2] for key in means if key[:2] == (of, detector)})
    for ratio in ratios:
        for method in ("clean",) if ratio == 0 else METHODS:
            if (of, detector, ratio, method) not in means:
                continue
            ours, n_sets = means[of, detector, ratio, method]
            lost = f"{clean[0] - ours:.1f}" if clean and ratio else ""
            theirs = paper.get((ratio, method))
            their_clean = paper.get((0.0, "clean"))
            their_loss = their_clean - theirs if theirs and their_clean and ratio else None
            lines.append(
                [
                    Text(percent(ratio)),
                    Text(method),
                    Text(str(n_sets)),
                    Text(figure(ours)),
                    Text(lost),
                    Text("" if theirs is None else figure(theirs)),
                    Text("" if their_loss is None else f"{their_loss:.1f}"),
                ]
            )
    header = ["anomalies", "method", "classes", "ours", "lost", "the paper", "lost there"]
    title = f"{NAMES.get(of, of)}, {detector}: mean ROC AUC, per cent"
    note = (
        "Lost: points below training without anomalies. Network, resolution and numbers of rows "
        "differ from the paper's, so compare the order of the methods and what is lost."
    )
    return Sheet(title, header, lines, notes=[note])
