"""Digests of scores for fixed seeds: equal ones mean that a change of the code changed nothing.

The first 16 hexadecimal digits of the sha256 of arrays as float64: scores, thresholds, labels,
ratios and histories of every backbone and method, of stacks, the search, and active labelling.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits

import lofe_sklearn
from lofe_sklearn import (
    GOAD,
    ICL,
    LOE,
    AutoEncoder,
    DeepSVDD,
    LOESearchCV,
    MHRot,
    NeuTraL,
    fit_many,
)
from lofe_sklearn.active import query, refit
from lofe_sklearn.datasets import load_thyroid
from lofe_sklearn.model_selection import OutlierStratifiedKFold

Digests = Iterator[tuple[str, str]]
METHODS = ("hard", "soft", "refine", "blind")
BACKBONES = {
    "NeuTraL": NeuTraL(max_epochs=4),
    "ICL": ICL(max_epochs=4),
    "GOAD": GOAD(max_epochs=3),
    "DeepSVDD": DeepSVDD(max_epochs=6),
    "AutoEncoder": AutoEncoder(max_epochs=6),
    "MHRot": MHRot(depth=10, width=1, n_views=4, max_epochs=2),
}
TWO = [BACKBONES["DeepSVDD"], BACKBONES["AutoEncoder"]]


def digest(*arrays: Any) -> str:
    """Return the digest of arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(np.asarray(array, dtype=float)).tobytes())
    return found.hexdigest()[:16]


def parts_of(detector: Any, X: np.ndarray) -> list[Any]:
    """Return all that a fitted detector says of the rows and of its training."""
    parts = [detector.score_samples(X), [detector.offset_], detector.predict(X)]
    if isinstance(detector, LOE):
        parts += [detector.labels_, detector.contaminations_, [detector.contamination_]]
        parts += [detector.contamination_interval_, detector.loss_history_]
        parts.append(detector.anomaly_proba(X))
        if detector.held_out_scores_ is not None:
            parts.append(detector.held_out_scores_)
    return parts


def fitted(detector: Any, X: np.ndarray, rows: np.ndarray | None = None, **options: Any) -> str:
    """Fit, and return the digest of the detector on X, or on other `rows`."""
    return digest(*parts_of(detector.fit(X, **options), X if rows is None else rows))


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return 300 rows of thyroid, 1 for their anomalies, and ten known labels."""
    X, y = load_thyroid(return_X_y=True)
    normal, anomalous = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    kept = np.sort(np.concatenate([normal[:270], anomalous[:30]]))
    X, y = X[kept], y[kept]
    known = np.zeros(len(y), int)
    known[np.flatnonzero(y == 1)[:4]] = -1
    known[np.flatnonzero(y == 0)[:6]] = 1
    return X, y, known


def of_backbone(name: str) -> Digests:
    """Digests of one backbone, alone and trained by LOE."""
    X, _, known = data()
    if name == "MHRot":
        X = load_digits().images[:120]
    known = known[: len(X)]

    def new() -> Any:
        return clone(BACKBONES[name])

    yield name, fitted(new().set_params(random_state=0), X)
    yield f"{name} embed", digest(new().set_params(random_state=0).fit(X).embed(X))
    for method in METHODS:
        detector = LOE(new(), method=method, contamination=0.1, random_state=0)
        yield f"LOE({name}) {method}", fitted(detector, X)
    if name == "MHRot":
        return
    three = LOE(new(), contamination=0.1, init=None, n_estimators=3, random_state=1)
    yield f"LOE({name}) blind start, 3 members", fitted(three, X)
    yield f"LOE({name}) auto", fitted(LOE(new(), random_state=0), X)
    weighted = LOE(new(), method="soft", contamination=0.1, known_weight=1.0, random_state=0)
    yield f"LOE({name}) known", fitted(weighted, X, known_labels=known)
    exposed = LOE(new(), contamination=0.1, random_state=0)
    yield f"LOE({name}) outliers", fitted(exposed, X, outliers="uniform")


def of_loe() -> Digests:
    """Digests of LOE's own options."""
    X, _, known = data()
    yield "LOE()", fitted(LOE(random_state=0), X)
    yield "LOE() known", fitted(LOE(random_state=0), X, known_labels=known)
    yield "LOE interval", fitted(LOE(TWO, contamination=(0.02, 0.2), random_state=0), X)
    thresholded = LOE(TWO, contamination=lambda s: s > np.quantile(s, 0.9), random_state=0)
    yield "LOE thresholder", fitted(thresholded, X)
    parted = {"n_estimators": 4, "max_samples": 0.7, "max_features": 0.7}
    subsampled = LOE(TWO, contamination=0.1, random_state=0, **parted)
    yield "LOE subsampled", fitted(subsampled, X)
    by_epoch = LOE(TWO, contamination=0.1, label_update="epoch", random_state=0)
    yield "LOE epoch", fitted(by_epoch, X)
    rows = sparse.csr_matrix(X)
    yield "LOE sparse", fitted(LOE(TWO, contamination=0.1, random_state=0), rows, X)


def of_stacks() -> Digests:
    """Digests of many detectors in stacks, on all rows and on folds, and of the search."""
    X, y, known = data()
    detectors: list[Any] = [
        LOE(clone(backbone), contamination=ratio, random_state=seed, method=method)
        for backbone in TWO
        for ratio in (0.05, 0.1)
        for seed in (0, 1)
        for method in ("soft", "hard")
    ]
    detectors += [NeuTraL(max_epochs=2, random_state=0), LOE(TWO, random_state=3)]
    many = fit_many(detectors, X, known_labels=known)
    yield "fit_many", digest(*(part for one in many for part in parts_of(one, X)))
    folds = list(OutlierStratifiedKFold(3, random_state=0).split(X, y))
    svdd = BACKBONES["DeepSVDD"]
    detectors = [LOE(clone(svdd), contamination=0.1, random_state=0) for _ in folds]
    detectors.append(LOE(clone(svdd), random_state=0))
    many = fit_many(detectors, X, rows=[train for train, _ in folds] + [folds[0][0]])
    yield "fit_many folds", digest(*(part for one in many for part in parts_of(one, X)))
    grid = {"contamination": [0.05, 0.1, "auto"], "estimator__lr": [1e-3, 1e-2]}
    search = LOESearchCV(
        LOE(clone(svdd), random_state=0), grid, cv=OutlierStratifiedKFold(3, random_state=0)
    )
    search.fit(X, y)
    yield "LOESearchCV", digest(search.cv_results_["mean_test_score"], search.score_samples(X))


def of_active_labelling() -> Digests:
    """Digests of questions, answers, and the rows that cleaning keeps."""
    X, _, known = data()
    svdd = BACKBONES["DeepSVDD"]
    detector = LOE(clone(svdd), contamination=0.1, n_estimators=2, random_state=0).fit(X)
    for strategy in ("diverse", "most_anomalous", "margin", "random", "mixed"):
        asked = query(detector, X, 8, strategy=strategy, random_state=0)
        yield f"query {strategy}", digest(asked)
    yield "refit", digest(*parts_of(refit(detector, X, known), X))
    interval = LOE(TWO, contamination=(0.02, 0.2), random_state=0).fit(X)
    yield "refit interval", digest(*parts_of(refit(interval, X, known), X))
    alone = DeepSVDD(max_epochs=6, random_state=0).fit(X)
    yield "refit backbone", digest(*parts_of(refit(alone, X, known), X))
    yield "fit_resample", digest(detector.fit_resample(X)[0])


PARTS: dict[str, Callable[[], Digests]] = {
    **{name: (lambda name=name: of_backbone(name)) for name in BACKBONES},
    "LOE": of_loe,
    "stacks": of_stacks,
    "active": of_active_labelling,
}


def digests(part: str) -> Digests:
    """Yield the name and the digest of each fit of a part."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from PARTS[part]()


def main(parts: list[str]) -> None:
    """Print the digests of the parts as lines of JSON."""
    torch.set_num_threads(1)
    print(json.dumps(lofe_sklearn.__file__))
    for part in parts:
        for pair in digests(part):
            print(json.dumps(pair), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
