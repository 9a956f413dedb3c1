"""What tables with text and dates cost, from the table to scores, reasons and the model's file.

    python -m benchmarks study table-time
    python -m benchmarks study table-time --rows 1000

Made-up tables of 14 columns: eight of numbers, dates and a truth value, texts of 10, 200 and 4,000
different values, and a note of six words. A wide one has 300 columns of numbers and 100 of five
different texts. CPU seconds of one process and one thread. Beside ours is what scikit-learn and
skrub make of the same table: `TableVectorizer`, missing values filled in, and an isolation forest.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, load, save
from lofe_sklearn.inspection import explain
from lofe_sklearn.tabular import table_pipeline

if TYPE_CHECKING:
    import pandas as pd

_N_REASONS = 20
_N_CALLS = 5
USUAL, WIDE = 14, 400
STEPS = {
    "features": "features of the fit",
    "fit": "fit of LOE",
    "transform": "features of rows to score",
    "score": "scores",
    "one_row": "features and score of one row",
    "reasons": f"reasons of {_N_REASONS} rows",
    "save": "save",
    "load": "load",
}


def made_up_table(n_rows: int, n_columns: int) -> pd.DataFrame:
    """Return a table of numbers, dates, texts of few and many values, and notes, or a wide one."""
    import pandas as pd

    rng = np.random.default_rng(0)
    if n_columns == WIDE:
        return pd.DataFrame(
            {
                f"column {i}": rng.normal(size=n_rows) if i % 4 else rng.choice([*"abcde"], n_rows)
                for i in range(n_columns)
            }
        )
    words = np.array(["".join(letters) for letters in rng.choice([*"etaoinshrdlu"], (4000, 7))])
    columns: dict[str, Any] = {f"number {i}": rng.normal(size=n_rows) for i in range(8)}
    columns["number 0"][rng.random(n_rows) < 0.1] = np.nan
    minutes = rng.integers(0, 500_000, n_rows).astype("timedelta64[m]")
    days = pd.Series(np.datetime64("2025-01-01T00:00") + minutes)
    columns["date"] = days.dt.strftime("%Y-%m-%d %H:%M").to_numpy(object)
    columns["is new"] = rng.random(n_rows) < 0.3
    for n_values in (10, 200, 4000):
        columns[f"name of {n_values}"] = words[rng.integers(0, n_values, n_rows)]
    columns["note"] = [" ".join(row) for row in words[rng.integers(0, len(words), (n_rows, 6))]]
    return pd.DataFrame(columns)


def run(cell: Row) -> Iterator[Row]:
    """Take a table all the way, and time each step."""
    import skrub

    warnings.simplefilter("ignore")
    _seconds(lambda: _fitted(made_up_table(200, USUAL)))  # imports
    frame, seconds = made_up_table(cell["rows"], cell["columns"]), {}
    pipeline = table_pipeline(LOE(random_state=0))
    features, seconds["features"] = _seconds(lambda: pipeline[:-1].fit_transform(frame))
    _, seconds["fit"] = _seconds(lambda: pipeline[-1].fit(features))
    features, seconds["transform"] = _seconds(lambda: pipeline[:-1].transform(frame))
    _, seconds["score"] = _seconds(lambda: pipeline[-1].score_samples(features))
    _, of_calls = _seconds(lambda: [pipeline.score_samples(frame[:1]) for _ in range(_N_CALLS)])
    seconds["one_row"] = of_calls / _N_CALLS
    _, seconds["reasons"] = _seconds(lambda: explain(pipeline, frame[:_N_REASONS]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lofe"
        _, seconds["save"] = _seconds(lambda: save(pipeline, path))
        _, seconds["load"] = _seconds(lambda: load(path))
        megabytes = path.stat().st_size / 1e6
    forest = make_pipeline(
        skrub.TableVectorizer(), SimpleImputer(), IsolationForest(random_state=0)
    )
    _, of_forest = _seconds(lambda: forest.fit(frame).score_samples(frame))
    yield {
        **{f"{step}_seconds": round(seconds[step], 3) for step in STEPS},
        "forest_seconds": round(of_forest, 2),
        "n_features": features.shape[1],
        "megabytes": round(megabytes, 2),
    }


def _fitted(frame: pd.DataFrame) -> None:
    pipeline = table_pipeline(LOE(random_state=0)).fit(frame)
    with tempfile.TemporaryDirectory() as folder:
        save(pipeline, Path(folder) / "model.lofe")


def _seconds(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def tables(rows: list[Row]) -> str:
    """Return the CPU seconds of each step, and those of the forest for fit and scores."""
    lines = [
        [name, *(_shown(row[f"{step}_seconds"]) for row in rows)] for step, name in STEPS.items()
    ]
    lines += [
        ["fit and scores", *(_shown(_of_fit_and_scores(row)) for row in rows)],
        ["skrub and a forest, fit and scores", *(_shown(row["forest_seconds"]) for row in rows)],
        ["file of the model, MB", *(f"{row['megabytes']:.1f}" for row in rows)],
    ]
    sizes = [f"{row['rows']:,} x {row['columns']}" for row in rows]
    return table(["CPU seconds, rows x columns", *sizes], lines)


def _shown(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds >= 0.095 else f"{seconds:.2f}"


def _of_fit_and_scores(row: Row) -> float:
    return sum(row[f"{step}_seconds"] for step in ("features", "fit", "transform", "score"))


STUDY = Study(
    "table-time",
    "CPU seconds of tables with text and dates",
    axes={
        "columns": Axis((USUAL, WIDE), choices=(USUAL, WIDE), option="columns"),
        "rows": Axis((1_000, 10_000, 100_000), option="rows"),
    },
    run=run,
    tables=tables,
    applies=lambda cell: cell["columns"] == USUAL or cell["rows"] <= 1_000,
)
