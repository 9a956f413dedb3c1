"""What a detector costs as rows, features and members grow: CPU time, memory, size of its file.

    .venv-peers/bin/python -m benchmarks study growth       # make peers first
    python -m benchmarks study growth --rows 1000000 --features 30 --members 0
    python -m benchmarks study growth --show --figure growth.png

Rows are correlated normal ones, 5 % of them shifted; the same are fitted and scored. There are
`LOE()`, `LOE()` with scores in float32, a single Deep SVDD, scikit-learn's isolation forest, PyOD's
autoencoder and DeepOD's Deep SVDD, each with its defaults. More than 3e7 values are only scored, by
a detector that is fitted to 100,000 of the rows. The last two are left out where they would take
minutes.

Members are those of `LOE(contamination=0.05, evidence=None)` and the trees of a forest, on 10,000
rows of 30 features; 0 stands for the defaults.

Memory is the peak above what was in use before, the rows not included. Where X has at most 100,000
values, fit and scoring are timed twice, and the lower time counts.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import IsolationForest

from benchmarks.growth_figure import FIGURES, MEMBERS_OF, draw
from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds, peak_memory, release_memory, reset_peak_memory
from benchmarks.markdown import table
from benchmarks.peers.detectors import INSTALL, NotInstalledError
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD, config_context, save
from lofe_sklearn._detectors import OutlierDetector

RATIO = 0.05
WARM_UP = 500
# Values of X above which rows are only scored.
MOST_FITTED = 30_000_000
FITTED_ROWS = 100_000
# What is timed once.
MANY_VALUES = 100_000
BLOCK = 100_000


def _pyod_autoencoder() -> Any:
    from pyod.models.auto_encoder import AutoEncoder

    return AutoEncoder(verbose=0, random_state=0)


def _deepod_svdd() -> Any:
    try:
        from deepod.models.tabular import DeepSVDD as DeepODs
    except ImportError as error:
        raise NotInstalledError(INSTALL.format(library="DeepOD")) from error
    return DeepODs(verbose=0, random_state=0, device="cpu")


DETECTORS: dict[str, Callable[..., Any]] = {
    "LOE()": lambda: LOE(random_state=0),
    "LOE(), float32": lambda: LOE(random_state=0),
    "DeepSVDD()": lambda: DeepSVDD(random_state=0),
    "IsolationForest()": lambda: IsolationForest(random_state=0),
    "pyod.AutoEncoder": _pyod_autoencoder,
    "deepod.DeepSVDD": _deepod_svdd,
}
# Values of X that others are fitted to at most.
MOST_OF = {"pyod.AutoEncoder": 3_000_000, "deepod.DeepSVDD": 300_000}
OF_MEMBERS: dict[str, Callable[[int], Any]] = {
    "LOE()": lambda n_members: LOE(
        contamination=RATIO, evidence=None, n_estimators=n_members, random_state=0
    ),
    "IsolationForest()": lambda n_members: IsolationForest(n_estimators=n_members, random_state=0),
}


def rows_of(n_rows: int, n_features: int) -> np.ndarray:
    """Draw correlated normal rows, of which the first ones are shifted."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    mixing = rng.standard_normal((n_features, n_features), dtype=np.float32)
    for start in range(0, n_rows, BLOCK):
        X[start : start + BLOCK] = X[start : start + BLOCK] @ mixing
    n_shifted = int(RATIO * n_rows)
    size = 2 * X[:WARM_UP].std()
    for start in range(0, n_shifted, BLOCK):
        block = X[start : min(start + BLOCK, n_shifted)]
        block += size * rng.standard_normal(block.shape, dtype=np.float32)
    return X


def applies(cell: Row) -> bool:
    """Whether the detector is run on so many rows and features, with so many members."""
    n_values, detector = cell["n_rows"] * cell["n_features"], cell["detector"]
    if cell["n_members"]:
        return (cell["n_rows"], cell["n_features"]) == MEMBERS_OF and detector in OF_MEMBERS
    if detector in MOST_OF:
        return n_values <= MOST_OF[detector]
    if detector == "LOE(), float32" and (cell["n_features"], n_values <= MOST_FITTED) != (30, True):
        return False
    return n_values <= MOST_FITTED or cell["n_features"] == 30


def run(cell: Row) -> Iterator[Row]:
    """Fit, score and save one detector."""
    warnings.simplefilter("ignore")
    name, n_members = cell["detector"], cell["n_members"]
    X = rows_of(cell["n_rows"], cell["n_features"])
    fitted_rows = X if X.size <= MOST_FITTED else np.ascontiguousarray(X[:: len(X) // FITTED_ROWS])
    repeats = range(2 if fitted_rows.size <= MANY_VALUES else 1)
    single = name.endswith("float32")
    precision: AbstractContextManager = (
        config_context(scoring_dtype="float32") if single else nullcontext()
    )
    with precision:
        _made(name, n_members).fit(X[:WARM_UP])  # what is loaded once does not count
        detector = _made(name, n_members)
        before = _memory_in_use()
        fit = min(cpu_seconds(lambda: detector.fit(fitted_rows)) for _ in repeats)
        fit_memory = peak_memory() - before
        before = _memory_in_use()
        score = min(cpu_seconds(lambda: _score(detector, X)) for _ in range(len(repeats)))
        score_memory = peak_memory() - before
    yield {
        "fit_seconds": round(fit, 3) if fitted_rows is X else None,
        "score_seconds": round(score, 3),
        "memory_mb": max(0, fit_memory) if fitted_rows is X else None,
        "score_memory_mb": max(0, score_memory),
        "file_kb": round(_file_size(detector) / 1e3, 1),
    }


def _made(name: str, n_members: int) -> Any:
    return OF_MEMBERS[name](n_members) if n_members else DETECTORS[name]()


def _memory_in_use() -> int:
    release_memory()
    reset_peak_memory()
    return peak_memory()


def _score(detector: Any, X: np.ndarray) -> None:
    getattr(detector, "score_samples", getattr(detector, "decision_function", None))(X)


def _file_size(detector: Any) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lofe"
        if isinstance(detector, OutlierDetector):
            save(detector, path)
        else:
            joblib.dump(detector, path)
        return path.stat().st_size


def tables(rows: list[Row]) -> str:
    """Return the figures, with the time of fit and score over an isolation forest's."""
    forests = {_place(row): row for row in rows if row["detector"] == "IsolationForest()"}
    lines = []
    for row in rows:
        forest = forests.get(_place(row))
        ratios = ["-", "-"]
        if forest is not None and row is not forest:
            ratios[1] = f"{row['score_seconds'] / forest['score_seconds']:.1f}"
            if row["fit_seconds"] is not None:
                whole = forest["fit_seconds"] + forest["score_seconds"]
                ratios[0] = f"{row['fit_seconds'] / whole:.1f}"
        figures = ["-" if row[name] is None else f"{row[name]:,.2f}" for name in FIGURES]
        members = row["n_members"] or "default"
        place = [f"{row['n_rows']:,}", row["n_features"], members, row["detector"]]
        lines.append([*place, *figures, *ratios])
    over = ["fit / forest's fit and score", "score / forest's"]
    return table(["rows", "features", "members", "detector", *FIGURES.values(), *over], lines)


def _place(row: Row) -> tuple[int, int, int]:
    return row["n_rows"], row["n_features"], row["n_members"]


STUDY = Study(
    "growth",
    "CPU time, memory and file size of LOE() and others as rows, features and members grow",
    axes={
        "n_rows": Axis((1_000, 10_000, 100_000, 1_000_000, 10_000_000), option="rows"),
        "n_features": Axis((6, 30, 270), option="features"),
        "n_members": Axis((0, 1, 2, 4, 8, 16, 32, 64, 128), option="members"),
        "detector": Axis(tuple(DETECTORS), choices=tuple(DETECTORS)),
    },
    run=run,
    tables=tables,
    figure=draw,
    applies=applies,
)
