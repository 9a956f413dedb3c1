"""How long a call takes that scores a few rows, as a web server makes it for each request.

    python -m benchmarks study row-latency
    python -m benchmarks study row-latency --detectors LOE IsolationForest --rows 1

All detectors are fitted to the bundled thyroid table and score rows of it, on one core. Ours are
also asked through ONNX Runtime, and its scores are compared with theirs. The calls of a detector
and those of scikit-learn's isolation forest take turns in one process; the median time counts.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from benchmarks.detectors import BACKBONES
from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, to_onnx
from lofe_sklearn.datasets import load_thyroid

DETECTORS: dict[str, Callable[[], Any]] = {
    "LOE": partial(LOE, random_state=0),
    "LOE without evidence": partial(LOE, evidence=None, random_state=0),
    **{name: partial(cls, random_state=0) for name, cls in BACKBONES.items()},
    "IsolationForest": partial(IsolationForest, random_state=0),
    "LocalOutlierFactor": partial(LocalOutlierFactor, novelty=True),
}
OURS = ("LOE", "LOE without evidence", *BACKBONES)
N_CALLS = 100


def run(cell: Row) -> Iterator[Row]:
    """Time calls of a detector, beside those of a forest."""
    warnings.simplefilter("ignore")
    X, _ = load_thyroid(return_X_y=True)
    name, n_rows = cell["detector"], cell["rows"]
    fitted = DETECTORS[name]().fit(X)
    forest = DETECTORS["IsolationForest"]().fit(X)
    calls = {"detector": fitted.score_samples, "forest": forest.score_samples}
    error = None
    if name in OURS:
        calls["onnx"] = _through_onnx(fitted)
        error = float(np.abs(calls["onnx"](X) - fitted.score_samples(X)).max())
    times: dict[str, list[float]] = {way: [] for way in calls}
    for i in range(N_CALLS):
        rows = X[np.arange(i * n_rows, (i + 1) * n_rows) % len(X)]
        for way, call in calls.items():
            start = time.perf_counter()
            call(rows)
            times[way].append(time.perf_counter() - start)
    medians = {way: round(1e3 * float(np.median(found)), 3) for way, found in times.items()}
    yield {
        "milliseconds": medians["detector"],
        "onnx_milliseconds": medians.get("onnx"),
        "forest_milliseconds": medians["forest"],
        "onnx_error": None if error is None else float(f"{error:.2g}"),
    }


def _through_onnx(fitted: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return what computes the scores of rows in ONNX Runtime, in one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors, and no hints
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "detector.onnx"
        to_onnx(fitted, path)
        session = onnxruntime.InferenceSession(path, options)
    return lambda X: session.run(["score"], {"X": X})[0]


def tables(rows: list[Row]) -> str:
    """Return milliseconds of a call, and how many calls of a forest they are."""
    lines = [
        [
            row["detector"],
            row["rows"],
            f"{row['milliseconds']:.2f}",
            "" if row["onnx_milliseconds"] is None else f"{row['onnx_milliseconds']:.2f}",
            f"{row['milliseconds'] / row['forest_milliseconds']:.2f}",
        ]
        for row in rows
    ]
    return table(
        ["detector", "rows", "a call, ms", "by ONNX Runtime, ms", "call / forest's call"], lines
    )


STUDY = Study(
    "row-latency",
    "milliseconds of a call that scores one row, or a few",
    axes={
        "detector": Axis(
            (
                "LOE",
                "LOE without evidence",
                "DeepSVDD",
                "NeuTraL",
                "RealNVP",
                "IsolationForest",
                "LocalOutlierFactor",
            ),
            choices=tuple(DETECTORS),
        ),
        "rows": Axis((1, 100), option="rows"),
    },
    run=run,
    tables=tables,
)
