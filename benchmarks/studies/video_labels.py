"""Labels on video: what blind training is good at on UCSD Ped2, and what smooth labels change.

    python -m benchmarks study video-labels
    python -m benchmarks study video-labels --backbones NeuTraL --protocols same

Every fourth window of UCSD Ped2, 128 principal components. Two protocols. `same`: that of
paper-video, where all normal frames of the test clips are trained on, and few to most of the
anomalous ones. `other`: every second test clip is trained on, and the others are scored, so that no
scored frame was trained on; where these clips have too few anomalous frames for the ratio, fewer
normal frames are trained on.

Deep SVDD has four members. NeuTraL.for_features() has one, and two ways only, since it takes long.

"trained on or not" is no detector: it calls a frame normal if it was trained on. "Smooth" labels
are soft or hard ones by losses that are averaged over the neighbouring frames of a clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA

from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped
from benchmarks.pictures import N_COMPONENTS, VideoRows, video_rows, video_training_rows
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, NeuTraL, fit_many
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.engine import RULES
from lofe_sklearn.features import smooth_scores
from lofe_sklearn.metrics import roc_auc

EVERY = 4
SIGMA = 4.0  # of smooth labels, in frames
SCORE_SIGMA = 12.0  # of smoothed scores, in frames
BACKBONES: dict[str, Callable[..., Backbone]] = {
    "DeepSVDD": DeepSVDD,
    "AutoEncoder": AutoEncoder,
    "NeuTraL": NeuTraL.for_features,
}
PARAMS = {"scaling": "standard", "batch_size": 128}
MEMBERSHIP = "trained on or not"
FEW_WAYS = ("blind", "smooth soft")


def run(cell: Row) -> Iterator[Row]:
    """Fit all ways of labelling, and score the frames of test clips."""
    few = cell["backbone"] == "NeuTraL"
    rows = video_rows("ped2", EVERY)
    train, scored = SPLITS[cell["protocol"]](rows, cell["ratio"], cell["seed"])
    seen = np.isin(np.arange(len(rows.y)), train)
    # Components of the training rows: nothing is learned of frames that are only scored.
    X = PCA(N_COMPONENTS, random_state=0).fit(rows.X[train]).transform(rows.X)
    ways = _ways(rows.clip[train], rows.frame[train], few=few)
    detectors = [
        LOE(
            BACKBONES[cell["backbone"]](**PARAMS),
            contamination=cell["ratio"],
            evidence=None,
            n_estimators=1 if few else 4,
            label_update="epoch",
            random_state=cell["seed"],
            **way,
        )
        for way in ways.values()
    ]
    yield {"way": MEMBERSHIP} | _figures(rows, train, scored, seen * 1.0, seen)
    for name, detector in zip(ways, fit_many(detectors, X[train]), strict=True):
        marked = train[detector.labels_ == -1]
        yield (
            {"way": name}
            | _figures(rows, train, scored, detector.score_samples(X), seen)
            | {
                "marked_anomalous": _share(rows.y[marked] == 1),
                "marked_normal_of_test_clips": _share((rows.y[marked] == 0) & rows.is_test[marked]),
            }
        )


def _ways(clip: np.ndarray, frame: np.ndarray, *, few: bool) -> dict[str, dict[str, Any]]:
    def smooth(method: str) -> Callable:
        def rule(loss_n: Any, loss_a: Any, alpha: Any, known: Any = None) -> tuple:
            difference = torch.stack(
                [
                    torch.from_numpy(smooth_scores(one.cpu().numpy(), clip, frame, sigma=SIGMA))
                    for one in loss_n - loss_a
                ]
            ).to(loss_n)
            return RULES[method](difference, torch.zeros_like(difference), alpha, known)

        return rule

    ways: dict[str, dict[str, Any]] = {
        "blind": {"method": "blind"},
        "soft": {"method": "soft", "init": None},
        "soft, forest": {"method": "soft", "init": "iforest"},
        "smooth soft": {"method": smooth("soft"), "init": None},
        "smooth soft, forest": {"method": smooth("soft"), "init": "iforest"},
        "smooth hard, forest": {"method": smooth("hard"), "init": "iforest"},
    }
    return {name: ways[name] for name in FEW_WAYS} if few else ways


def same_clips(rows: VideoRows, ratio: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Train as paper-video does, and score all frames of the test clips."""
    return video_training_rows(rows.y, ratio, seed), np.flatnonzero(rows.is_test)


def other_clips(rows: VideoRows, ratio: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Train on every second test clip, beside the training clips, and score the others."""
    clips = np.unique(rows.clip[rows.is_test])
    left_out = rows.is_test & np.isin(rows.clip, clips[seed % 2 :: 2])
    ours = np.random.default_rng(seed).permutation(np.flatnonzero(~left_out))
    anomalous = ours[rows.y[ours] == 1]
    n_normal = min(int((rows.y[ours] == 0).sum()), int(len(anomalous) * (1 - ratio) / ratio))
    normal = ours[rows.y[ours] == 0][:n_normal]
    train = np.concatenate([normal, anomalous[: int(n_normal * ratio / (1 - ratio) + 1e-9)]])
    return np.sort(train), np.flatnonzero(left_out)


SPLITS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "same": same_clips,
    "other": other_clips,
}


def _figures(
    rows: VideoRows, train: np.ndarray, scored: np.ndarray, scores: np.ndarray, seen: np.ndarray
) -> Row:
    """Return ROC AUC of scores, high for normal: over all scored frames, and over parts."""
    trained_on = scored[seen[scored]]
    smoothed = smooth_scores(
        scores[scored], rows.clip[scored], rows.frame[scored], sigma=SCORE_SIGMA
    )
    return {
        "n_train": len(train),
        "n_scored": len(scored),
        "train_ratio": round(float(rows.y[train].mean()), 4),
        "roc_auc": _auc(rows.y[scored], scores[scored]),
        "roc_auc_smoothed": _auc(rows.y[scored], smoothed),
        "roc_auc_trained_on": _auc(rows.y[trained_on], scores[trained_on]),
        "roc_auc_training": _auc(rows.y[train], scores[train]),
    }


def _auc(y: np.ndarray, scores: np.ndarray) -> float | None:
    return round(float(roc_auc(y, scores)), 4) if len(np.unique(y)) == 2 else None


def _share(chosen: np.ndarray) -> float | None:
    return round(float(chosen.mean()), 4) if len(chosen) else None


def tables(rows: list[Row]) -> str:
    """Return mean ROC AUC at each ratio, by protocol and backbone."""
    columns = {
        "same": {
            "all scored": "roc_auc",
            "of them trained on": "roc_auc_trained_on",
            "all training frames": "roc_auc_training",
            "marked: anomalous": "marked_anomalous",
            "marked: normal, of test clips": "marked_normal_of_test_clips",
        },
        "other": {
            "all scored": "roc_auc",
            "scores smoothed": "roc_auc_smoothed",
            "all training frames": "roc_auc_training",
            "marked: anomalous": "marked_anomalous",
        },
    }
    parts = []
    in_order = sorted(rows, key=lambda row: list(BACKBONES).index(row["backbone"]))
    for (protocol, backbone), own in grouped(in_order, "protocol", "backbone").items():
        ratios = sorted({row["ratio"] for row in own})
        lines = []
        for (way,), of_way in grouped(own, "way").items():
            cells = []
            for figure in columns[protocol].values():
                values = (
                    [[row[figure] for row in of_way if row["ratio"] == ratio] for ratio in ratios]
                    if figure in of_way[0]
                    else []
                )
                cells.append(" / ".join(short(float(np.mean(v))) for v in values if None not in v))
            lines.append([way, *cells])
        head = ", ".join(f"{ratio:.0%}" for ratio in ratios)
        parts.append(
            f"{protocol} clips, {backbone}; {head}\n\n"
            + table(["labels", *columns[protocol]], lines)
        )
    return "\n\n".join(parts)


STUDY = Study(
    "video-labels",
    "labels on UCSD Ped2: what blind training memorises, and labels smoothed along clips",
    axes={
        "seed": Axis((0, 1)),
        "backbone": Axis(("DeepSVDD", "AutoEncoder"), choices=tuple(BACKBONES)),
        "protocol": Axis(tuple(SPLITS), choices=tuple(SPLITS)),
        "ratio": Axis((0.1, 0.2, 0.3)),
    },
    run=run,
    tables=tables,
)
