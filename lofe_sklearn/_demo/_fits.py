"""The demo's fits: each method with each seed."""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from lofe_sklearn import LOE, NoSeparateGroupWarning, backbones, config_context
from lofe_sklearn._demo._data import load_data
from lofe_sklearn._demo._options import NOTHING_CHOSEN
from lofe_sklearn._loe import Method
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.metrics import f1_at_true_ratio


@dataclass(frozen=True)
class Run:
    """One fit and its results on the test rows."""

    method: str
    seed: int
    f1: float
    roc_auc: float
    seconds: float
    scores: np.ndarray
    y_test: np.ndarray


def run_one(
    X: np.ndarray, y: np.ndarray, method: str, seed: int, options: argparse.Namespace
) -> Run:
    """Contaminate, fit, and score the test rows; labels serve the split and the metrics only."""
    X_train, X_test, _, y_test = loe_tabular_split(
        X, y, contamination=options.contamination, random_state=seed
    )
    torch.set_num_threads(1)  # the layers are too small for more
    detector = _detector(method, seed, options)
    start = time.perf_counter()
    with warnings.catch_warnings(), config_context(device=options.device):
        # Warnings would hide the demo's table, which shows what LOE() finds without a ratio.
        warnings.simplefilter("ignore", NoSeparateGroupWarning)
        detector.fit(X_train)
        seconds = time.perf_counter() - start
        scores = detector.score_samples(X_test)
    return Run(
        method,
        seed,
        f1_at_true_ratio(y_test, scores),
        roc_auc_score(y_test, -scores),
        seconds,
        scores,
        y_test,
    )


def _detector(method: str, seed: int, options: argparse.Namespace) -> LOE:
    """Return LOE of a method and the chosen backbone, or with nothing chosen."""
    if method == NOTHING_CHOSEN and options.max_epochs is None:
        return LOE(random_state=seed)
    default = ["DeepSVDD", "RealNVP"]
    chosen = default if method == NOTHING_CHOSEN else [options.backbone]
    own = [getattr(backbones, name)() for name in chosen]
    if options.max_epochs is not None:
        for backbone in own:
            backbone.set_params(max_epochs=options.max_epochs)
    if method == NOTHING_CHOSEN:  # these kinds are LOE's default
        return LOE(own, random_state=seed)
    assumed = options.contamination if options.assumed is None else options.assumed
    return LOE(
        own[0], method=cast(Method, method), contamination=assumed, init=None, random_state=seed
    )


def run_all(options: argparse.Namespace) -> Iterator[Run]:
    """All methods over all seeds, each as soon as it is done."""
    X, y = load_data(options.data)
    # Processes, since threads would wait for each other's Python code between the small products.
    parallel = Parallel(n_jobs=options.jobs, return_as="generator_unordered")
    return parallel(
        delayed(run_one)(X, y, method, seed, options)
        for seed in range(options.seeds)
        for method in options.methods
    )
