"""Is the feature blamed in which an anomaly was planted, and how long does it take?

    python -m benchmarks study reasons
    python -m benchmarks study reasons --detectors LOE AutoEncoder --sets cardio --show

Detectors are fitted, with their defaults, to all rows of a set. Then rows that are labelled normal
are copied, and in each copy one feature, drawn at random, is set to its mean plus or minus five or
ten standard deviations; or three features are, ten deviations away. A hit is a planted feature that
is the first reason of its row; of three, the share of them among the first three.

`explain` is the package's. `rise` and `fall` are its two halves: what a typical value does to the
row, and what the row's value does to a typical row. `gradients` are integrated gradients, 32 steps
[1]_, `residuals` an autoencoder's squared errors feature by feature. `shap` is SHAP's
KernelExplainer with the typical row as its background, on the first rows of each kind; it is left
out where shap is not installed. ECOD is PyOD's, whose score is a sum over the features.

.. [1] M. Sundararajan, A. Taly, Q. Yan (2017). Axiomatic Attribution for Deep Networks. ICML.
   arXiv:1703.01365.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.means import grouped, short_name
from benchmarks.peers.detectors import build
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import GOAD, ICL, LOE, AutoEncoder, DeepSVDD, NeuTraL, engine

# What is planted: how many features of a row, and how many standard deviations away.
PLANTED = {"one, 5 sd": (1, 5.0), "one, 10 sd": (1, 10.0), "three, 10 sd": (3, 10.0)}
N_ROWS, N_ROWS_OF_SHAP = 100, 20
BACKBONES: dict[str, type] = {
    each.__name__: each for each in (AutoEncoder, DeepSVDD, GOAD, ICL, NeuTraL)
}
DETECTORS = (*BACKBONES, "LOE", "ECOD")
# SHAP asks for two thousand scores a row.
_WITH_SHAP = ("AutoEncoder", "DeepSVDD", "LOE")
_STEPS = 32

Contributions = Callable[[np.ndarray], np.ndarray]


def run(cell: Row) -> Iterator[Row]:
    """Fit one detector; yield the hits of each way to explain it on each kind of planted rows."""
    X, y = load_table(cell["dataset"])
    name, seed = cell["detector"], cell["seed"]
    if name == "ECOD":
        peer = build("pyod.ECOD", seed=seed, n_features=X.shape[1]).fit(X)
        ways: dict[str, Contributions] = {"ECOD": lambda rows: _dimensions(peer, rows)}
    else:
        detector = BACKBONES.get(name, LOE)(random_state=seed).fit(X)
        ways = _ways(detector, detector.explain(X[:1]).typical)
    for kind, (n_planted, size) in PLANTED.items():
        rows, planted = plant(X, y, n_planted, size, seed)
        for way, contributions in ways.items():
            some = rows[: N_ROWS_OF_SHAP if way == "shap" else N_ROWS]
            found: list[np.ndarray] = []
            seconds = cpu_seconds(lambda: found.append(contributions(some)))  # noqa: B023
            yield {
                "planted": kind,
                "way": way,
                "n_rows": len(some),
                "hits": round(hits(found[0], planted[: len(some)]), 4),
                "cpu_ms_per_row": round(1000 * seconds / len(some), 4),
            }


def plant(
    X: np.ndarray, y: np.ndarray, n_planted: int, size: float, seed: int, n_rows: int = N_ROWS
) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of normal rows with planted values, and which features have them."""
    rng = np.random.default_rng(seed)
    normal = np.flatnonzero(y == 0)
    rows = X[rng.choice(normal, n_rows, replace=len(normal) < n_rows)].copy()
    varying = np.flatnonzero(X.std(axis=0) > 0)
    planted = np.array([rng.choice(varying, n_planted, replace=False) for _ in rows])
    signs = rng.choice([-1.0, 1.0], planted.shape)
    values = X.mean(axis=0)[planted] + size * signs * X.std(axis=0)[planted]
    np.put_along_axis(rows, planted, values, axis=1)
    return rows, planted


def hits(contributions: np.ndarray, planted: np.ndarray) -> float:
    """Return the mean share of the planted features among as many first reasons."""
    first = np.argsort(-contributions, axis=1)[:, : planted.shape[1]]
    return float(np.mean([np.isin(own, at).mean() for own, at in zip(first, planted, strict=True)]))


def _ways(detector: Any, typical: np.ndarray) -> dict[str, Contributions]:
    score = detector.score_samples
    ways: dict[str, Contributions] = {
        "explain": lambda rows: detector.explain(rows).contributions,
        "rise": lambda rows: _rise(score, rows, typical),
        "fall": lambda rows: _fall(score, rows, typical),
    }
    if not isinstance(detector, LOE):
        ways["gradients"] = lambda rows: _gradients(detector, rows, typical)
    if isinstance(detector, AutoEncoder):
        ways["residuals"] = lambda rows: _residuals(detector, rows)
    if type(detector).__name__ in _WITH_SHAP and find_spec("shap") is not None:
        ways["shap"] = lambda rows: _shap(score, rows, typical)
    return ways


def _rise(score: Contributions, rows: np.ndarray, typical: np.ndarray) -> np.ndarray:
    before, found = score(rows), np.empty(rows.shape)
    for j in range(rows.shape[1]):
        changed = rows.copy()
        changed[:, j] = typical[j]
        found[:, j] = score(changed) - before
    return found


def _fall(score: Contributions, rows: np.ndarray, typical: np.ndarray) -> np.ndarray:
    before, found = score(typical[None]), np.empty(rows.shape)
    for j in range(rows.shape[1]):
        changed = np.tile(typical, (len(rows), 1))
        changed[:, j] = rows[:, j]
        found[:, j] = before - score(changed)
    return found


def _scaled(detector: Any, rows: np.ndarray) -> torch.Tensor:
    scaling = detector._scaling
    return torch.from_numpy(rows if scaling is None else engine.scaled(rows, scaling))


def _gradients(detector: Any, rows: np.ndarray, typical: np.ndarray) -> np.ndarray:
    module = copy.deepcopy(detector.module_).double().eval()
    start = _scaled(detector, typical[None])
    way = _scaled(detector, rows) - start
    mean = torch.zeros_like(way)
    for step in range(_STEPS):
        x = (start + (step + 0.5) / _STEPS * way).requires_grad_()
        [gradient] = torch.autograd.grad(module(x)[0].sum(), x)
        mean += gradient / _STEPS
    return (mean * way).numpy()


def _residuals(detector: Any, rows: np.ndarray) -> np.ndarray:
    module, x = copy.deepcopy(detector.module_).double().eval(), _scaled(detector, rows)
    with torch.no_grad():
        return (module.decoder(module.encoder(x).relu()) - x).square().numpy()


def _shap(score: Contributions, rows: np.ndarray, typical: np.ndarray) -> np.ndarray:
    import shap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = shap.KernelExplainer(score, typical[None], seed=0)
        return -explainer.shap_values(rows, silent=True)


def _dimensions(peer: Any, rows: np.ndarray) -> np.ndarray:
    peer.anomaly_scores(rows)
    return peer.detector.O[-len(rows) :]  # behind those of the training rows


def tables(rows: list[Row]) -> str:
    """Return hits by set and the time of a row, of each detector and way."""
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    columns = [(dataset, kind) for dataset in sets for kind in PLANTED]
    lines = []
    for (detector, way), own in grouped(rows, "detector", "way").items():
        cells = grouped(own, "dataset", "planted")
        share = [f"{100 * _mean(cells.get(column, []), 'hits'):.0f}" for column in columns]
        times = [
            f"{_mean([r for r in own if r['dataset'] == name], 'cpu_ms_per_row'):.2f}"
            for name in sets
        ]
        lines.append([detector, way, *share, *times])
    header = [f"{short_name(dataset)}: {kind}" for dataset, kind in columns]
    return table(
        ["detector", "way", *header, *(f"ms a row, {short_name(name)}" for name in sets)], lines
    )


def _mean(rows: list[Row], figure: str) -> float:
    return float(np.mean([row[figure] for row in rows]))


STUDY = Study(
    "reasons",
    "whether planted features are blamed, by ways to explain a detector",
    axes={
        "seed": Axis((0, 1, 2)),
        "dataset": Axis(("odds:thyroid", "odds:cardio")),
        "detector": Axis(DETECTORS, choices=DETECTORS),
    },
    run=run,
    tables=tables,
)
