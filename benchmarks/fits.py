"""One fit of a benchmark: what it is, how it is done, and the row that it becomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks import detectors
from benchmarks.ledger import Row
from benchmarks.machine import peak_memory, reset_peak_memory
from benchmarks.pictures import video_split
from benchmarks.rows import error_text, facts
from benchmarks.sets import load
from lofe_sklearn import LOE, fit_many
from lofe_sklearn.datasets import (
    adbench_split,
    adbench_unsupervised,
    bootstrap_unsupervised,
    contaminated_one_class_split,
    image_one_vs_rest,
    loe_tabular_split,
    one_class_split,
)
from lofe_sklearn.metrics import average_precision, f1_at_true_ratio, roc_auc

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
# Each: (what sets.load gives, true ratio, seed) -> X_train, X_test, y_train, y_test.
PROTOCOLS: dict[str, Callable[[tuple, float, int], Split]] = {
    "loe_tabular": lambda data, ratio, seed: loe_tabular_split(
        *data, contamination=ratio, random_state=seed
    ),
    "unsupervised": lambda data, _, seed: adbench_unsupervised(*data, random_state=seed),
    "adbench_split": lambda data, _, seed: adbench_split(*data, random_state=seed),
    "one_class": lambda data, _, seed: one_class_split(*data, random_state=seed),
    # Small enough that all detectors can be fitted to all shares.
    "contaminated_one_class": lambda data, ratio, seed: contaminated_one_class_split(
        *data,
        contamination=ratio,
        max_train_samples=1_000,
        max_test_samples=2_000,
        random_state=seed,
    ),
    "bootstrap": lambda data, _, seed: bootstrap_unsupervised(*data, random_state=seed),
    "one_vs_rest": lambda data, ratio, seed: image_one_vs_rest(
        *data[:-1], normal_class=data[-1], contamination=ratio, random_state=seed
    ),
    "video": lambda data, ratio, seed: video_split(*data, ratio, seed),
}


_NO_METRICS: Row = dict.fromkeys(("roc_auc", "average_precision", "f1"))


@dataclass(frozen=True)
class Fit:
    """What one fit is known by; the fields are those of `ledger.IDENTITY`."""

    suite: str
    protocol: str
    dataset: str
    max_rows: int | None
    detector: str
    method: str = ""
    setting: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    true_ratio: float | None = None
    assumed_ratio: float | None = None
    seed: int = 0
    device: str = "cpu"

    def known_by(self) -> Row:
        """Return what its row in the result file is known by."""
        return asdict(self)


@dataclass(frozen=True)
class Stack:
    """Fits of one set and one detector, which one worker does in one go."""

    fits: tuple[Fit, ...]

    def run(self, command: str) -> list[Row]:
        """Do the fits and return their rows."""
        return run(self.fits, command)

    def failed(self, error: str, command: str) -> list[Row]:
        """Return the rows of fits whose worker is gone."""
        return _rows(self.fits, [_NO_METRICS | {"error": error} for _ in self.fits], command)

    def __len__(self) -> int:
        return len(self.fits)

    def __str__(self) -> str:
        return f"{self.fits[0].dataset} {self.fits[0].detector}"


def stacks(fits: Sequence[Fit], size: int) -> list[Stack]:
    """Put fits together that can be trained in one stack, at most `size` of them."""
    alike: dict[tuple, list[Fit]] = {}
    for fit in fits:
        key = (
            *(fit.dataset, fit.max_rows, fit.protocol, fit.detector, str(fit.params), fit.setting),
            fit.device,
        )
        alike.setdefault(key, []).append(fit)
    together = []
    for group in alike.values():
        # LOE() is a stack by itself; a peer is fitted alone.
        most = size if detectors.is_ours(group[0].detector) and group[0].detector != "LOE" else 1
        together += [
            Stack(tuple(group[start : start + most])) for start in range(0, len(group), most)
        ]
    return together


def run(fits: Sequence[Fit], command: str) -> list[Row]:
    """Do the fits, of one set and one detector, and return a row of each.

    Those of this library are trained in one stack. Whatever goes wrong is the row's `error`.
    """
    torch.set_num_threads(1)
    reset_peak_memory()
    try:
        outcomes = _fit_and_score(fits)
    except Exception as error:  # noqa: BLE001 - it goes into the rows
        outcomes = [_failed(error) for _ in fits]
    return _rows(fits, outcomes, command)


def _rows(fits: Sequence[Fit], outcomes: list[Row], command: str) -> list[Row]:
    shared = {"peak_rss_mb": peak_memory()} | facts(command)
    return [fit.known_by() | own | shared for fit, own in zip(fits, outcomes, strict=True)]


def _fit_and_score(fits: Sequence[Fit]) -> list[Row]:
    data = load(fits[0].dataset, fits[0].max_rows)
    splits: dict[tuple, Split] = {}
    for fit in fits:
        if (fit.true_ratio, fit.seed) not in splits:
            split = PROTOCOLS[fit.protocol](data, fit.true_ratio or 0.0, fit.seed)
            splits[fit.true_ratio, fit.seed] = split
    own = [splits[fit.true_ratio, fit.seed] for fit in fits]
    if detectors.is_ours(fits[0].detector):
        return _stacked(fits, splits, own)
    return [_single(fit, split) for fit, split in zip(fits, own, strict=True)]


def _stacked(fits: Sequence[Fit], splits: dict[tuple, Split], own: list[Split]) -> list[Row]:
    """Train all in one go, over the training rows of all splits one after another."""
    rows, start = {}, 0
    for key, split in splits.items():
        rows[key] = np.arange(start, start + len(split[0]))
        start += len(split[0])
    built = [detectors.build_ours(**_recipe(fit)) for fit in fits]
    wall, cpu = time.perf_counter(), time.process_time()
    fitted = fit_many(
        built,
        np.concatenate([split[0] for split in splits.values()]),
        rows=None if len(splits) == 1 else [rows[fit.true_ratio, fit.seed] for fit in fits],
        return_errors=True,
    )
    seconds = {
        "fit_wall_seconds": round((time.perf_counter() - wall) / len(fits), 3),
        "fit_cpu_seconds": round((time.process_time() - cpu) / len(fits), 3),
        "stack_size": len(fits),
    }
    outcomes = []
    for detector, split in zip(fitted, own, strict=True):
        if isinstance(detector, Exception):
            outcomes.append(_failed(detector) | seconds)
        else:
            facts = {
                "epochs": int(detector.n_iter_),
                "found_ratio": round(float(detector.contamination_), 5),
            }
            outcomes.append(_scored(partial(_anomaly_scores, detector), split) | facts | seconds)
    return outcomes


def _anomaly_scores(detector: LOE, X: np.ndarray) -> np.ndarray:
    return -detector.score_samples(X)


def _single(fit: Fit, split: Split) -> Row:
    try:
        detector = detectors.build_peer(**_recipe(fit), n_features=split[0].shape[1])
        wall, cpu = time.perf_counter(), time.process_time()
        detector.fit(split[0])
        seconds = {
            "fit_wall_seconds": round(time.perf_counter() - wall, 3),
            "fit_cpu_seconds": round(time.process_time() - cpu, 3),
            "stack_size": 1,
        }
        return _scored(detector.anomaly_scores, split) | seconds
    except Exception as error:  # noqa: BLE001 - whatever ails a peer goes into its row
        return _failed(error)


def _recipe(fit: Fit) -> dict[str, Any]:
    names = ("detector", "method", "setting", "params", "assumed_ratio", "seed", "device")
    return {name: getattr(fit, name) for name in names}


def _scored(score: Callable[[np.ndarray], np.ndarray], split: Split) -> Row:
    X_train, X_test, y_train, y_test = split
    start = time.perf_counter()
    scores = np.asarray(score(X_test), dtype=np.float64)
    seconds = time.perf_counter() - start
    if not np.isfinite(scores).all():
        raise ValueError(f"{(~np.isfinite(scores)).sum()} of {len(scores)} scores are not finite")
    return {
        "n_train": len(X_train),
        "n_test": len(X_test),
        "n_features": X_train.shape[1],
        "train_ratio": round(float(np.mean(y_train)), 5),
        "roc_auc": round(float(roc_auc(y_test, -scores)), 5),
        "average_precision": round(float(average_precision(y_test, -scores)), 5),
        "f1": round(float(f1_at_true_ratio(y_test, -scores)), 5),
        "score_seconds": round(seconds, 3),
        "error": "",
    }


def _failed(error: Exception) -> Row:
    return _NO_METRICS | {"error": error_text(error)}
