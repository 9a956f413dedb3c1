"""LOESearchCV beside GridSearchCV over the same candidates and folds: what stacks save.

    python -m benchmarks study search-time

Ten ratios, five folds, without a refit; CPU seconds of the whole process, one search after the
other in one run.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from benchmarks.detectors import BACKBONES
from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.means import short_name
from benchmarks.sets import load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, LOESearchCV
from lofe_sklearn.metrics import roc_auc_scorer

RATIOS = [0.01, 0.02, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]
# Few epochs of what takes long: what is saved does not depend on them.
FEW_EPOCHS = {"NeuTraL": {"max_epochs": 20}}


def run(cell: Row) -> Iterator[Row]:
    """Time both searches, and a single fit."""
    X, y = load_table(cell["dataset"])
    name = cell["backbone"]
    backbone = BACKBONES[name](**FEW_EPOCHS.get(name, {}))
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    # Without first labels: one by one they would be found ten times for each fold.
    estimator = LOE(backbone, init=None, random_state=0)
    options = {
        "param_grid": {"contamination": RATIOS},
        "scoring": roc_auc_scorer,
        "cv": folds,
        "refit": False,
    }
    ours, theirs = LOESearchCV(estimator, **options), GridSearchCV(estimator, **options)
    stacked = cpu_seconds(lambda: ours.fit(X, y))
    one_by_one = cpu_seconds(lambda: theirs.fit(X, y))
    single = cpu_seconds(lambda: LOE(backbone, contamination=0.1, init=None).fit(X))
    difference = np.abs(
        ours.cv_results_["mean_test_score"] - theirs.cv_results_["mean_test_score"]
    ).max()
    yield {
        "n_fits": len(RATIOS) * len(folds),
        "search_cpu_seconds": round(stacked, 2),
        "grid_search_cpu_seconds": round(one_by_one, 2),
        "ratio": round(one_by_one / stacked, 2),
        "one_fit_cpu_seconds": round(single, 2),
        "largest_difference_of_mean_scores": float(f"{difference:.2g}"),
    }


def tables(rows: list[Row]) -> str:
    """Return the CPU seconds of both searches."""
    columns = (
        *("search_cpu_seconds", "grid_search_cpu_seconds", "ratio", "one_fit_cpu_seconds"),
        "largest_difference_of_mean_scores",
    )
    header = ["set", "backbone", "stacked, CPU s", "one by one", "ratio", "one fit"]
    return table(
        [*header, "largest difference of mean scores"],
        (
            [short_name(row["dataset"]), row["backbone"], *(row[name] for name in columns)]
            for row in rows
        ),
    )


STUDY = Study(
    "search-time",
    "LOESearchCV beside GridSearchCV, CPU seconds",
    axes={
        "dataset": Axis(("adbench:6_cardio", "odds:thyroid")),
        "backbone": Axis(("DeepSVDD", "AutoEncoder", "NeuTraL"), choices=tuple(BACKBONES)),
    },
    run=run,
    tables=tables,
)
