"""Times of training steps, by the public interface of lofe_sklearn and the end of each step."""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import Any

import numpy as np
import torch

import lofe_sklearn
from lofe_sklearn import LOE
from lofe_sklearn.datasets import fetch_odds
from lofe_sklearn.engine._history import HistoryRecorder

BATCH = 128
WARM_UP = 10


class _EnoughError(Exception):
    """All steps wanted are done; the rest of the fit is not."""


def step_times(
    backbone: Any, X: np.ndarray, n_models: int, n_steps: int, device: str = "cpu"
) -> np.ndarray:
    """Return the seconds of each of `n_steps` steps of LOE's training, after some to warm up.

    A step is what lies between two records of a batch: taking the batch, both losses, the label
    step, the gradients, Adam, and the record of the losses. All are of one epoch, as in a fit on
    a large set: the rows of X are repeated.
    """
    marks: list[float] = []
    wanted = WARM_UP + n_steps + 1

    def mark() -> None:
        if device != "cpu":
            torch.cuda.synchronize()
        marks.append(time.perf_counter())
        if len(marks) == wanted:
            raise _EnoughError

    detector = LOE(
        backbone.set_params(batch_size=BATCH, max_epochs=1, device=device),
        method="soft",
        contamination=0.1,
        n_estimators=n_models,
        init=None,
        label_update="batch",
        warmup_epochs=0,
        random_state=0,
    )
    add_batch = HistoryRecorder.add_batch

    def marked(self: Any, *args: Any) -> None:
        add_batch(self, *args)
        mark()

    HistoryRecorder.add_batch = marked  # type: ignore[method-assign]
    try:
        detector.fit(np.resize(X, ((wanted + 1) * BATCH, X.shape[1])))
    except _EnoughError:
        pass
    finally:
        HistoryRecorder.add_batch = add_batch  # type: ignore[method-assign]
    return np.diff(marks)[WARM_UP:]


def rows_of(dataset: str) -> np.ndarray:
    """Return the rows of a set of the LOE paper's, or normal ones, ``normal:N_FEATURES``."""
    family, _, name = dataset.partition(":")
    if family == "normal":
        return np.random.default_rng(0).normal(size=(2000, int(name)))
    return fetch_odds(name, return_X_y=True)[0]


def main(cells: list[dict]) -> None:
    """Print the median time of a step of each cell, in microseconds, as lines of JSON."""
    torch.set_num_threads(1)
    print(json.dumps(lofe_sklearn.__file__))
    for cell in cells:
        X = rows_of(cell["dataset"])
        backbone = getattr(lofe_sklearn, cell["backbone"])()
        seconds = step_times(backbone, X, cell["n_models"], cell["n_steps"], cell["device"])
        print(json.dumps(1e6 * median(seconds) / cell["n_models"]), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
