"""A user's script, over all of the public surface: ``mypy --strict`` has nothing to say about it.

It is checked, never run. `assert_type` says what the type checker must infer.
"""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lofe_sklearn
from lofe_sklearn import (
    GOAD,
    ICL,
    LOE,
    AutoEncoder,
    DeepSVDD,
    LOESearchCV,
    MHRot,
    NeuTraL,
    TrainingDivergedError,
    fit_many,
)
from lofe_sklearn.active import estimate_contamination, query, refit
from lofe_sklearn.adapters.adbench import ADBenchDetector
from lofe_sklearn.adapters.pyod import PyODDetector
from lofe_sklearn.backbones import Backbone, Number, OneOf, Sizes, energy_losses, with_shared_docs
from lofe_sklearn.datasets import (
    adbench_split,
    adbench_unsupervised,
    bootstrap_unsupervised,
    clear_data_home,
    contaminate,
    contaminated_one_class_split,
    fetch_adbench,
    fetch_cifar10,
    fetch_fashion_mnist,
    fetch_odds,
    get_data_home,
    image_one_vs_rest,
    list_adbench,
    list_odds,
    load_arrhythmia,
    load_npz,
    load_thyroid,
    loe_tabular_split,
    make_mulcross,
    make_outliers,
    one_class_split,
)
from lofe_sklearn.features import (
    BrokenImage,
    ImageFeatures,
    TemporalSmoothing,
    VideoFeatures,
    VideoWindows,
    find_broken_images,
    smooth_scores,
    video_windows,
)
from lofe_sklearn.inspection import DriftReport, Explanation, Reason, drift_report, explain
from lofe_sklearn.metrics import (
    ExcessMassScorer,
    OutlierScorer,
    average_precision,
    consensus,
    f1_at_true_ratio,
    get_scorer,
    get_scorer_names,
    is_anomaly,
    precision_at_n,
    roc_auc,
    roc_auc_scorer,
)
from lofe_sklearn.model_selection import OutlierStratifiedKFold, check_cv
from lofe_sklearn.rules import AAR, ALTBI, Margin
from lofe_sklearn.testing import check_backbone


def package() -> None:
    assert_type(lofe_sklearn.__version__, str)
    assert_type(lofe_sklearn.metrics.roc_auc([0, 1], [1.0, 0.0]), float)
    assert_type(lofe_sklearn.NeuTraL is lofe_sklearn.backbones.NeuTraL, bool)
    assert_type(lofe_sklearn.exceptions.TrainingDivergedError(), TrainingDivergedError)
    print(lofe_sklearn.active, lofe_sklearn.adapters, lofe_sklearn.engine, lofe_sklearn.testing)


def data() -> None:
    X, y = load_thyroid(return_X_y=True)
    assert_type(X, NDArray[np.float64])
    assert_type(y, NDArray[np.int64])
    bunch = load_arrhythmia()
    print(bunch.DESCR, bunch.target_names)
    frame, target = load_thyroid(return_X_y=True, as_frame=True)
    print(frame.columns, target.name)
    assert_type(load_npz(Path("mine.npz"), return_X_y=True)[0], NDArray[np.float64])
    assert_type(fetch_adbench("cardio", return_X_y=True)[1], NDArray[np.int64])
    fetch_odds("glass", data_home=Path("data"), n_retries=0, delay=0.5, progress=False)
    pixels, classes = fetch_fashion_mnist(subset="test", classes=["Shirt", 3], return_X_y=True)
    assert_type(pixels, NDArray[np.uint8])
    assert_type(classes, NDArray[np.int64])
    fetch_cifar10(classes="frog", source="official", download_if_missing=False)
    assert_type(list_adbench("Classical") + list_odds(), list[str])
    assert_type(get_data_home(), str)
    clear_data_home(Path("data"))

    mixed, labels = contaminate(X, X.tolist(), contamination=0.1, random_state=0)
    assert_type(mixed, NDArray[np.float64])
    assert_type(labels, NDArray[np.int64])
    make_outliers(sparse.csr_matrix(X), 10, kind="shuffled", random_state=np.int64(3))
    assert_type(make_mulcross(100, contamination=0.2)[0], NDArray[np.float64])
    for split in (
        loe_tabular_split(X, y, contamination=0.2, random_state=0),
        adbench_split(X, y, test_size=0.5, max_samples=None),
        adbench_unsupervised(X, y, min_samples=1000),
        one_class_split(pd.DataFrame(X), pd.Series(y)),
        contaminated_one_class_split(X, y, contamination=0.05, max_train_samples=100),
        bootstrap_unsupervised(X, y, random_state=np.random.RandomState(0)),
    ):
        X_train, _, _, y_test = split
        assert_type(X_train, NDArray[np.float64])
        assert_type(y_test, NDArray[np.int64])
    image_one_vs_rest(pixels, classes, pixels, classes, normal_class=3)


def measures(scores: NDArray[np.float64]) -> None:
    y = [0, 0, 1]
    for metric in (roc_auc, average_precision, f1_at_true_ratio):
        assert_type(metric(y, scores), float)
    assert_type(precision_at_n(np.array([1, 1, -1]), scores.tolist(), n=2), float)
    assert_type(is_anomaly(pd.Series(y)), NDArray[np.bool_])
    assert_type(consensus([scores, -scores]), NDArray[np.float64])
    assert_type(get_scorer_names(), list[str])
    forest = IsolationForest().fit(np.zeros((3, 1)))
    assert_type(roc_auc_scorer(forest, np.zeros((3, 1)), y), float)
    assert_type(get_scorer("roc_auc")(forest, [[0.0], [1.0], [2.0]], y), float)
    assert_type(OutlierScorer(precision_at_n, n=2)(forest, pd.DataFrame({"a": y}), y), float)
    assert_type(ExcessMassScorer(n_draws=2000, random_state=None)(forest, [[0.0]]), float)


def folds(X: NDArray[np.float64], y: list[int]) -> None:
    for train, test in OutlierStratifiedKFold(3, shuffle=True, random_state=0).split(X, y):
        assert_type(train, NDArray[np.intp])
        print(X[test])
    assert_type(check_cv(3, y).get_n_splits(), int)
    check_cv([(np.arange(3), np.arange(3, 5))])
    check_cv(check_cv(OutlierStratifiedKFold()))
    cross_val_score(IsolationForest(), X, y, scoring=roc_auc_scorer, cv=check_cv(5, y))


def images(network: torch.nn.Module) -> None:
    features = ImageFeatures(network, layers=["layer1"], pooling="grid", image_size=64)
    rows = features.fit(Path("photos")).transform(["a.png", b"bytes"])
    assert_type(rows, NDArray[np.float32])
    assert_type(features.fit(np.zeros((3, 8, 8))), ImageFeatures)
    print(features.patches(rows).shape)
    for broken in find_broken_images(["a.png"]):
        assert_type(broken, BrokenImage)
        assert_type(broken.name, str)
    windows = video_windows(["monday.mp4", np.zeros((9, 8, 8))], length=5, pad=True)
    assert_type(windows, VideoWindows)
    assert_type(windows[0], NDArray[np.float32])
    assert_type(windows[:3], VideoWindows)
    video = VideoFeatures(features, appearance=False, motion="stack")
    assert_type(video.fit(windows).transform(windows), NDArray[np.float32])
    model = TemporalSmoothing(make_pipeline(video, IsolationForest()), sigma=2, kernel="box")
    assert_type(model.fit(windows).predict(windows), NDArray[np.int64])
    assert_type(model.score_samples(windows), NDArray[np.float64])
    smoothed = smooth_scores(model.decision_function(windows), windows.groups, windows.frames)
    assert_type(smoothed, NDArray[np.float64])


def detectors(X: NDArray[np.float64], outliers: ArrayLike) -> None:
    loe = LOE(NeuTraL(n_transforms=7, max_epochs=20, lr=1e-3), method="soft", contamination=0.1)
    assert_type(loe.fit(X), LOE)
    assert_type(
        loe.fit(pd.DataFrame(X), None, known_labels=[0, 1, -1]).predict(X), NDArray[np.int64]
    )
    assert_type(loe.score_samples(sparse.csr_matrix(X)), NDArray[np.float64])
    assert_type(loe.decision_function(X.tolist()), NDArray[np.float64])
    assert_type(loe.anomaly_proba(X), NDArray[np.float64])
    assert_type(loe.embed(X), NDArray[np.float64])
    assert_type(loe.set_threshold(n_flagged=3), LOE)
    assert_type(loe.set_threshold(false_alarm_rate=0.1, calibration=X[:9]), LOE)
    assert_type(loe.set_threshold(contamination=0.1).p_values(X, X[:9]), NDArray[np.float64])
    assert_type(loe.severity(X), NDArray[np.float64])
    loe.fit(X, known_labels=(X[:, 0] > 0, X[:, 0] < 0), outliers=outliers)
    loe.fit(X, known_anomalies=X[:, 0] > 9, known_normal=pd.Series(X[:, 0] < 0))
    loe.fit(X, outliers="shuffled")
    LOE([DeepSVDD(), AutoEncoder()], contamination="auto", n_estimators=4, init=IsolationForest())
    LOE(contamination=(0.05, 0.2), label_update="epoch", max_samples=256, keep="partial", verbose=1)
    LOE(method=AAR("posterior"))
    LOE(method=ALTBI(None, batch_growth=1.1))
    LOE(method=Margin(most=0.3), contamination=0.1)
    for backbone in (GOAD(), ICL(), MHRot(), DeepSVDD(), AutoEncoder(device="cpu", verbose=1)):
        assert_type(backbone.fit(X).predict(X), NDArray[np.int64])
        assert_type(backbone.score_samples(X), NDArray[np.float64])
    assert_type(NeuTraL().fit(X), NeuTraL)
    assert_type(NeuTraL.for_features().fit(X), NeuTraL)

    assert_type(fit_many([LOE(), LOE(random_state=1)], X, n_jobs=2), list[LOE])
    assert_type(fit_many([NeuTraL(), NeuTraL(lr=1e-4)], X)[0], NeuTraL)

    search = LOESearchCV(LOE(), {"estimator__lr": [1e-3, 1e-4]}, cv=3, scoring="roc_auc")
    assert_type(search.fit(X, [0, 1]), LOESearchCV)
    assert_type(search.predict(X), NDArray[np.int64])
    assert_type(search.score_samples(X), NDArray[np.float64])
    assert_type(search.score(X, [0, 1]), float)
    GridSearchCV(make_pipeline(StandardScaler(), LOE()), {"loe__method": ["hard", "soft"]}).fit(X)


def answers(X: NDArray[np.float64]) -> None:
    detector = DeepSVDD().fit(X)
    asked = query(detector, X, 20, strategy="mixed", random_state=0)
    assert_type(asked, NDArray[np.int64])
    known = np.zeros(len(X), dtype=int)
    known[asked] = -1
    share = estimate_contamination(
        detector.score_samples(X), known, embedding=detector.embed(X), prior=0.1
    )
    assert_type(share, float)
    assert_type(refit(detector, X, known, contamination=share, known_weight=1.0), LOE)
    refit(make_pipeline(StandardScaler(), LOE()).fit(X), X, known)


def adapters(X: NDArray[np.float64]) -> None:
    customized = ADBenchDetector.of(LOE(NeuTraL()), use_labels=True)
    assert_type(customized(seed=1).fit(X, [0, 1]).predict_score(X), NDArray[np.float64])
    detector = PyODDetector(LOE(), contamination=0.05)
    assert_type(detector.fit(X).decision_function(X), NDArray[np.float64])


def reasons(X: NDArray[np.float64]) -> None:
    pipeline = make_pipeline(StandardScaler(), LOE()).fit(X)
    explanation = explain(pipeline, X[:3], background=X)
    assert_type(drift_report(pipeline, X, reference=X), DriftReport)
    assert_type(explanation, Explanation)
    assert_type(explanation.contributions, NDArray[np.float64])
    assert_type(explanation.top(2), list[list[Reason]])
    assert_type(DeepSVDD().fit(X).explain(X[:3], groups=[0] * X.shape[1]), Explanation)


class Distance(torch.nn.Module):
    """The distance to the origin of a linear map."""

    def __init__(self, n_features: int, n_outputs: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(n_features, n_outputs)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both losses."""
        return energy_losses(self.layer(x).square().mean(dim=1))


@with_shared_docs
class MyBackbone(Backbone):
    """A backbone of one's own."""

    own_constraints = {"n_outputs": Number(low=1), "kind": OneOf(("a", "b")), "hidden": Sizes()}

    def __init__(
        self, *, n_outputs: int = 8, kind: str = "a", hidden: Any = None, **shared: Any
    ) -> None:
        super().__init__(**shared)
        self.n_outputs = n_outputs
        self.kind = kind
        self.hidden = hidden

    def build_module(self, n_features: int) -> torch.nn.Module:
        """Return the module."""
        return Distance(n_features, self.n_outputs)


def backbone_of_ones_own(X: NDArray[np.float64]) -> None:
    assert_type(check_backbone(MyBackbone(max_epochs=20), X, scikit_learn=False), list[str])
    assert_type(LOE(MyBackbone()).fit(X).predict(X), NDArray[np.int64])
