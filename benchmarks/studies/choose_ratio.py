"""Is the ratio that cross-validation chooses as good as the best one of the grid?

    python -m benchmarks study choose-ratio

Half of each set, stratified, is for LOESearchCV over eight ratios of LOE(DeepSVDD), five folds,
with labels (ROC AUC) and without (excess mass); the other half judges every ratio, fitted on the
first. At most 3,000 rows of each set.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped, over_sets, short_name
from benchmarks.sets import CHOSEN_ON, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn.metrics import roc_auc

MAX_ROWS = 3000
RATIOS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4]
FIGURES = ("best_auc", "chosen_auc", "auc_without_labels", "auc_of_0.1")


def run(cell: Row) -> Iterator[Row]:
    """Choose by cross-validation on one half, judge on the other."""
    seed = cell["seed"]
    X, y = load_table(cell["dataset"], MAX_ROWS, in_proportion=False)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
    detector = LOE(DeepSVDD(), random_state=seed)
    every = [clone(detector).set_params(contamination=ratio) for ratio in RATIOS]
    auc = {
        ratio: float(roc_auc(y_test, fitted.score_samples(X_test)))
        for ratio, fitted in zip(RATIOS, fit_many(every, X), strict=True)
    }
    grid = {"contamination": RATIOS}
    n_folds = min(5, int(y.sum()))
    with_labels = LOESearchCV(detector, grid, cv=n_folds, refit=False).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that excess mass is no good for this
        without = LOESearchCV(detector, grid, refit=False, scoring="excess_mass").fit(X)
    chosen, unlabelled = (
        RATIOS[int(np.argmax(search.cv_results_["mean_test_score"]))]
        for search in (with_labels, without)
    )
    yield {
        "true_ratio": round(float(y.mean()), 4),
        "best_ratio": max(auc, key=auc.get),
        "chosen_ratio": chosen,
        "chosen_without_labels": unlabelled,
        "best_auc": round(max(auc.values()), 4),
        "chosen_auc": round(auc[chosen], 4),
        "auc_without_labels": round(auc[unlabelled], 4),
        "auc_of_0.1": round(auc[0.1], 4),
    }


def tables(rows: list[Row]) -> str:
    """Return the mean ROC AUC of each set, and over all sets."""
    header = ["set", "best ratio", "chosen with labels", "chosen without", "always 0.1"]
    parts = [*grouped(rows, "dataset").items(), (("mean:mean",), rows)]
    return table(
        header,
        ([short_name(name), *map(short, over_sets(own, FIGURES))] for (name,), own in parts),
    )


STUDY = Study(
    "choose-ratio",
    "the ratio that LOESearchCV chooses, beside the best one",
    axes={
        "seed": Axis((0,)),
        "dataset": Axis(tuple(name for name in CHOSEN_ON if name != "adbench:25_musk")),
    },
    run=run,
    tables=tables,
)
