"""A user's mistakes, and what mypy calls each.

Each line that is wrong names the code of mypy's error in a ``type: ignore``. mypy says "unused" of
one that it finds nothing wrong with, so the file passes if every mistake is found, by its name.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import lofe_sklearn
from lofe_sklearn import LOE, LOESearchCV, NeuTraL, NeutralAD, fit_many  # type: ignore[attr-defined]
from lofe_sklearn.active import estimate_contamination, query, refit
from lofe_sklearn.backbones import Number
from lofe_sklearn.datasets import (
    contaminate,
    fetch_adbench,
    fetch_cifar10,
    list_adbench,
    load_thyroid,
    loe_tabular_split,
    make_outliers,
)
from lofe_sklearn.features import ImageFeatures, VideoFeatures, smooth_scores, video_windows
from lofe_sklearn.metrics import OutlierScorer, get_scorer, precision_at_n, roc_auc
from lofe_sklearn.model_selection import OutlierStratifiedKFold, check_cv


def package() -> None:
    lofe_sklearn.Neutral  # type: ignore[attr-defined]
    lofe_sklearn.Number  # type: ignore[attr-defined]
    lofe_sklearn.adapters.PyODDetector  # type: ignore[attr-defined]
    print(NeutralAD, Number)


def data(X: NDArray[np.float64], y: NDArray[np.int64]) -> None:
    load_thyroid(True)  # type: ignore[call-overload]
    load_thyroid(return_x_y=True)  # type: ignore[call-overload]
    load_thyroid(return_X_y=True).data  # type: ignore[attr-defined]
    fetch_adbench(6)  # type: ignore[call-overload]
    fetch_adbench("cardio", n_retries="three")  # type: ignore[call-overload]
    fetch_cifar10(subset="valid")  # type: ignore[call-overload]
    list_adbench("NLP")  # type: ignore[arg-type]
    contaminate(X, X, contamination="a")  # type: ignore[arg-type]
    contaminate(X, X, 0.1)  # type: ignore[call-arg]
    make_outliers(X, kind="normal")  # type: ignore[arg-type]
    make_outliers(None)  # type: ignore[arg-type]
    X_train, y_train = loe_tabular_split(X, y)  # type: ignore[misc]


def measures(y: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
    precision_at_n(y, scores, n="ten")  # type: ignore[arg-type]
    precision_at_n(y, scores, 10)  # type: ignore[call-arg]
    roc_auc(y)  # type: ignore[call-arg]
    roc_auc(y, scores).mean()  # type: ignore[attr-defined]
    OutlierScorer("roc_auc")  # type: ignore[arg-type]
    get_scorer(3)  # type: ignore[arg-type]
    OutlierStratifiedKFold(n_splits="five")  # type: ignore[arg-type]
    check_cv(2.5)  # type: ignore[arg-type]


def images() -> None:
    ImageFeatures(pooling="max")  # type: ignore[arg-type]
    ImageFeatures(layers="layer1", grid_size=7.0)  # type: ignore[arg-type]
    ImageFeatures(grid=7)  # type: ignore[call-arg]
    VideoFeatures(motion="flow")  # type: ignore[arg-type]
    smooth_scores([1.0], [1], kernel="triangle")  # type: ignore[arg-type]
    video_windows(["a.mp4"], length="5")  # type: ignore[arg-type]
    video_windows("a.mp4").groups()  # type: ignore[operator]


def detectors(X: NDArray[np.float64], y: Any) -> None:
    LOE(method=3)  # type: ignore[arg-type]
    LOE(n_estimators="four")  # type: ignore[arg-type]
    LOE(methods="soft")  # type: ignore[call-arg]
    LOE().fit()  # type: ignore[call-arg]
    LOE().fit(X, y, X)  # type: ignore[call-arg]
    LOE().predict()  # type: ignore[call-arg]
    NeuTraL(n_transforms="many")  # type: ignore[arg-type]
    NeuTraL(7)  # type: ignore[call-arg]
    fit_many(3, X)  # type: ignore[call-overload]
    fit_many([LOE()])  # type: ignore[call-overload]
    LOESearchCV(LOE(), {}, njobs=2)  # type: ignore[call-arg]
    LOESearchCV(LOE(), {}, n_jobs="two")  # type: ignore[arg-type]
    LOESearchCV(LOE(), {}).fit(X).predict(X).means()  # type: ignore[attr-defined]


def answers(X: NDArray[np.float64], known: NDArray[np.int64]) -> None:
    query(LOE(), X, "ten")  # type: ignore[arg-type]
    query(LOE(), X, strategy="best")  # type: ignore[arg-type]
    query(3, X)  # type: ignore[arg-type]
    refit(LOE())  # type: ignore[call-overload]
    estimate_contamination(X[:, 0], known, prior="a tenth")  # type: ignore[arg-type]
