"""What a detector costs as rows grow: CPU time of fit and score, memory, size of its file.

    python -m benchmarks study growth
    python -m benchmarks study growth --rows 1000 10000 100000 --detectors "LOE()" "DeepSVDD()"
    python -m benchmarks study growth --rows 10000 100000 --features 6 270
    python -m benchmarks study growth --show --figure growth.png

By default a million rows, `LOE()` and an isolation forest. Rows are correlated normal ones, 5 % of
them shifted; the same are fitted and scored. There are `LOE()`, `LOE()` with scores in
float32, a single Deep SVDD, scikit-learn's isolation forest, and PyOD's autoencoder with its
defaults, which is left out of a million rows. Memory is the peak above what was in use before, the
rows not included.
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

from benchmarks import colors
from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds, peak_memory, reset_peak_memory
from benchmarks.markdown import table
from benchmarks.means import grouped
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD, config_context, save
from lofe_sklearn._detectors import OutlierDetector

RATIO = 0.05
WARM_UP = 500
MOST_ROWS = {"pyod.AutoEncoder": 100_000}
FIGURES = {
    "fit_seconds": "fit, CPU s",
    "score_seconds": "score, CPU s",
    "memory_mb": "memory of the fit, MB",
    "file_kb": "file, kB",
}

TIMES = {"fit_seconds": "fit, CPU seconds", "score_seconds": "score, CPU seconds"}
SHORTEST = 0.01
# What the lines of the picture are called, their colours and dashes.
DRAWN = {
    "LOE()": ("LOE()", colors.OURS, "-"),
    "DeepSVDD()": ("one Deep SVDD", colors.ALSO_OURS, "-"),
    "IsolationForest()": ("isolation forest", colors.OTHERS, "-"),
    "pyod.AutoEncoder": ("PyOD's autoencoder", colors.OTHERS, "--"),
}


def _pyod_autoencoder() -> Any:
    from pyod.models.auto_encoder import AutoEncoder

    return AutoEncoder(verbose=0, random_state=0)


DETECTORS: dict[str, Callable[[], Any]] = {
    "LOE()": lambda: LOE(random_state=0),
    "LOE(), float32": lambda: LOE(random_state=0),
    "DeepSVDD()": lambda: DeepSVDD(random_state=0),
    "IsolationForest()": lambda: IsolationForest(random_state=0),
    "pyod.AutoEncoder": _pyod_autoencoder,
}


def rows_of(n_rows: int, n_features: int) -> np.ndarray:
    """Draw correlated normal rows, of which the first ones are shifted."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    X = X @ rng.standard_normal((n_features, n_features), dtype=np.float32)
    n_shifted = int(RATIO * n_rows)
    shift = rng.standard_normal((n_shifted, n_features), dtype=np.float32)
    X[:n_shifted] += 2 * X[:WARM_UP].std() * shift
    return X


def applies(cell: Row) -> bool:
    """Whether the detector takes so many rows in a bearable time."""
    return cell["n_rows"] <= MOST_ROWS.get(cell["detector"], cell["n_rows"])


def run(cell: Row) -> Iterator[Row]:
    """Fit, score and save one detector."""
    warnings.simplefilter("ignore")
    name, X = cell["detector"], rows_of(cell["n_rows"], cell["n_features"])
    single = name.endswith("float32")
    precision: AbstractContextManager = (
        config_context(scoring_dtype="float32") if single else nullcontext()
    )
    with precision:
        DETECTORS[name]().fit(X[:WARM_UP])  # what is loaded once does not count
        detector = DETECTORS[name]()
        reset_peak_memory()
        before = peak_memory()
        fit = cpu_seconds(lambda: detector.fit(X))
        memory = peak_memory() - before
        score = cpu_seconds(lambda: _score(detector, X))
    yield {
        "fit_seconds": round(fit, 3),
        "score_seconds": round(score, 3),
        "memory_mb": round(memory, 1),
        "file_kb": round(_file_size(detector) / 1e3, 1),
    }


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
    forests = {
        (row["n_rows"], row["n_features"]): row
        for row in rows
        if row["detector"] == "IsolationForest()"
    }
    lines = []
    for row in rows:
        forest = forests.get((row["n_rows"], row["n_features"]))
        figures = [f"{row[name]:,.2f}" for name in FIGURES]
        ratios = ["-", "-"]
        if forest is not None:
            both = [r["fit_seconds"] + r["score_seconds"] for r in (row, forest)]
            ratios = [
                f"{row['fit_seconds'] / both[1]:.1f}",
                f"{row['score_seconds'] / forest['score_seconds']:.1f}",
            ]
        place = [f"{row['n_rows']:,}", row["n_features"], row["detector"]]
        lines.append([*place, *figures, *ratios])
    over = ["fit / forest's fit and score", "score / forest's"]
    return table(["rows", "features", "detector", *FIGURES.values(), *over], lines)


def draw(rows: list[Row], path: Path) -> None:
    """Draw the time of fit and score against the number of rows, for the width seen most."""
    from benchmarks import looks

    by_width = grouped(rows, "n_features")
    [width] = max(by_width, key=lambda key: len(by_width[key]))
    of_detectors = grouped(by_width[width,], "detector")
    most = max((row for row in by_width[width,] if row["detector"] == "LOE()"),
               key=lambda row: row["n_rows"])  # fmt: skip
    figure = looks.canvas(
        6.6,
        f"LOE() fits {most['n_rows']:,} rows in {most['fit_seconds']:.0f} CPU seconds\n"
        f"and scores them in {most['score_seconds']:.0f}",
        f"Made-up rows of {width} features, one core. Both scales are logarithmic.",
    )
    axes = figure.subplots(2, 1, sharex=True)
    for axis, figure_name, title in zip(axes, TIMES, TIMES.values(), strict=True):
        for (detector,), own in of_detectors.items():
            if detector not in DRAWN:
                continue
            # A logarithmic scale has no zero, and the clock says little of shorter times.
            points = sorted((row["n_rows"], max(row[figure_name], SHORTEST)) for row in own)
            called, color, dashes = DRAWN[detector]
            strong = detector == "LOE()"
            axis.loglog(
                *zip(*points, strict=True),
                marker="o",
                ms=6 if strong else 4.5,
                lw=3 if strong else 1.4,
                ls=dashes,
                color=color,
            )
            is_short = points[-1][0] < most["n_rows"]  # its name would lie on other lines
            if is_short and axis is not axes[0]:
                continue
            axis.annotate(
                called,
                points[-1],
                xytext=(-8, 3) if is_short else (8, 0),
                textcoords="offset points",
                ha="right" if is_short else "left",
                va="center",
                fontsize=10.5 if strong else 9.5,
                weight="bold" if strong else "normal",
                color=colors.WORDS if color == colors.OTHERS else color,
            )
        axis.set_title(title, fontsize=10.5, loc="left")
        looks.plain(axis)
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes[-1].set_xlabel("rows", fontsize=10, color=colors.WORDS)
    low, high = axes[0].get_xlim()
    axes[0].set_xlim(low, high * 8)  # room for the names
    axes[0].set_xticks(sorted({row["n_rows"] for row in by_width[width,]}))
    looks.save(figure, path)


STUDY = Study(
    "growth",
    "CPU time, memory and file size of LOE() and others as rows grow",
    axes={
        "n_rows": Axis((1_000_000,), option="rows"),
        "n_features": Axis((30,), option="features"),
        "detector": Axis(("LOE()", "IsolationForest()"), choices=tuple(DETECTORS)),
    },
    run=run,
    tables=tables,
    figure=draw,
    applies=applies,
)
