"""Defective pictures left in the training folder: who still finds defects, and where?

    python -m benchmarks study patches
    python -m benchmarks study patches --kinds plate print weave --defects any

Pictures with planted defects (`benchmarks.planted`): 40 normal ones to train on, and so many
defective ones that they are the share --ratios of the training pictures; 20 normal and 20 defective
ones to test. Defects are repeated: all alike and, where pictures are aligned, in one place, as from
a worn tool. With `--defects any` they are of all sorts, anywhere. The ratio is known but to `auto`;
0 is told as .05. `former` is the recipe that `PatchDetector` replaces: a principal component
analysis and a Deep SVDD under LOE, of patches whatever their place. All see the same features. It
needs the extra `images`, and for `brick` and `gravel` scikit-image (``pip install scikit-image``).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.planted import ALIGNED, UNALIGNED, draw
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.features import ImageFeatures
from lofe_sklearn.images import PatchDetector, pixel_roc_auc
from lofe_sklearn.metrics import roc_auc

N_TRAIN, N_TEST = 40, 20
LEAST = 0.05
LAYERS = ["_blocks.2", "_blocks.4", "_blocks.10"]
GRID = 14
# Position, labels, and whether the ratio is known; those that suit aligned pictures, and surfaces.
PADIM_HARD = {"padim hard": ("padim", "hard", True)}
AUTO = {"auto": ("auto", "hard", False)}
ON_ALIGNED = {
    "padim blind": ("padim", "blind", True),
    "padim soft": ("padim", "soft", True),
    **PADIM_HARD,
    "patchcore hard": ("patchcore", "hard", True),
    **AUTO,
}
ON_SURFACES = {
    **PADIM_HARD,
    "anywhere blind": ("anywhere", "blind", True),
    "anywhere hard": ("anywhere", "hard", True),
    **AUTO,
}


@lru_cache(maxsize=1)
def pictures(kind: str, repeated: bool, seed: int) -> tuple[Any, Any, str]:
    """Return pictures and masks of all cells of a kind, and a folder that keeps their features."""
    most = max(n_defective(ratio) for ratio in STUDY.axes["ratio"].values)
    drawn = draw(kind, N_TRAIN + N_TEST, most + N_TEST, seed, repeated=repeated)
    return *drawn, tempfile.mkdtemp()


def n_defective(ratio: float) -> int:
    """Return how many defective pictures make the share of the training pictures."""
    return round(N_TRAIN * ratio / (1 - ratio))


def run(cell: Row) -> Iterator[Row]:
    """Fit all detectors to one set of pictures."""
    X, masks, folder = pictures(cell["kind"], cell["defects"] == "repeated", cell["seed"])
    first_defective, n_bad = N_TRAIN + N_TEST, n_defective(cell["ratio"])
    train = np.r_[:N_TRAIN, first_defective : first_defective + n_bad]
    test = np.r_[N_TRAIN:first_defective, len(X) - N_TEST : len(X)]
    images = ImageFeatures(
        layers=LAYERS, pooling="grid", grid_size=GRID, memory=folder, device="cpu"
    )
    images.fit_transform(X)  # kept from here on, so that seconds are those of the detectors
    y, contamination = np.repeat([0, 1], N_TEST), cell["ratio"] or LEAST
    for name, (position, method, known) in detectors_of(cell["kind"]).items():
        start = time.process_time()
        detector = PatchDetector(
            images,
            position=position,
            method=method,
            contamination=contamination if known else "auto",
            random_state=cell["seed"],
        ).fit(X[train])
        scores = detector.score_samples(X[test])
        flagged = scores < detector.offset_
        yield {
            "detector": name,
            "image_auc": roc_auc(y, scores),
            "pixel_auc": pixel_roc_auc(detector.heatmap(X[test]), masks[test]),
            "flagged_normal": float(flagged[:N_TEST].mean()),
            "flagged_defective": float(flagged[N_TEST:].mean()),
            "explained": round(detector.explained_by_position_, 3),
            "cpu_seconds": round(time.process_time() - start, 2),
        }
    start = time.process_time()
    heat, scores = former(images, X[train], X[test], contamination)
    yield {
        "detector": "former",
        "image_auc": roc_auc(y, scores),
        "pixel_auc": pixel_roc_auc(heat, masks[test]),
        "cpu_seconds": round(time.process_time() - start, 2),
    }


def detectors_of(kind: str) -> dict[str, tuple[Any, Any, bool]]:
    """Return the detectors that suit a kind of pictures."""
    return ON_ALIGNED if kind in ALIGNED else ON_SURFACES


def former(images: Any, train: Any, test: Any, contamination: float) -> tuple[Any, Any]:
    """Return heat maps and scores of patches by themselves, high for normal pictures."""
    images = images.fit(train)
    patches = [images.patches(images.transform(X)) for X in (train, test)]
    rows = patches[0].reshape(-1, patches[0].shape[-1])
    ratio = contamination / 10
    loe = LOE(DeepSVDD(), contamination=ratio, init="iforest", random_state=0)
    detector = make_pipeline(PCA(32, random_state=0), loe).fit(rows)
    scores = -detector.score_samples(patches[1].reshape(-1, rows.shape[1]))
    cells = scores.reshape(len(test), GRID, GRID)
    side = test.shape[1] // GRID
    return np.kron(cells, np.ones((1, side, side))), -cells.max(axis=(1, 2))


def tables(rows: list[Row]) -> str:
    """Return image and pixel ROC AUC at each ratio, and how many test pictures `auto` flags."""
    ratios = sorted({row["ratio"] for row in rows})
    parts = []
    for kind, defects in sorted({(row["kind"], row["defects"]) for row in rows}):
        chosen = [row for row in rows if (row["kind"], row["defects"]) == (kind, defects)]
        lines = []
        for name in [*detectors_of(kind), "former"]:
            own = [row for row in chosen if row["detector"] == name]
            lines.append([name, *(_both([r for r in own if r["ratio"] == x]) for x in ratios)])
        header = [f"{kind}, {defects} defects", *(f"{100 * ratio:g} %" for ratio in ratios)]
        found = [row for row in chosen if row["detector"] == "auto"]
        normal, bad = (
            np.mean([row[f"flagged_{k}"] for row in found]) for k in ("normal", "defective")
        )
        parts.append(
            f"{table(header, lines)}\n\nImage / pixel ROC AUC. `auto` flags {100 * normal:.0f} % "
            f"of the normal and {100 * bad:.0f} % of the defective test pictures.\n"
        )
    return "\n".join(parts)


def _both(rows: list[Row]) -> str:
    if not rows:
        return ""
    means = [np.mean([row[name] for row in rows]) for name in ("image_auc", "pixel_auc")]
    return " / ".join(f"{mean:.3f}".removeprefix("0") for mean in means)


STUDY = Study(
    "patches",
    "defective pictures in training: PatchDetector with and without LOE's labels",
    axes={
        "seed": Axis(range(1)),
        "kind": Axis(("scene",), (*ALIGNED, *UNALIGNED)),
        "defects": Axis(("repeated",), ("any", "repeated"), option="defects"),
        "ratio": Axis((0.0, 0.05, 0.1, 0.2)),
    },
    run=run,
    tables=tables,
)
