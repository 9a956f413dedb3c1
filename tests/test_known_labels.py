"""Known labels in every form and at every entry point, and the two conventions of labels."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn._known_labels import unknown_share
from lofe_sklearn.active import estimate_contamination, query, refit
from lofe_sklearn.datasets import load_thyroid
from lofe_sklearn.metrics import roc_auc_scorer
from lofe_sklearn.rules import AAR

GRID = {"contamination": [0.05, 0.1]}


def loe(**parameters):
    return LOE(DeepSVDD(max_epochs=2), contamination=0.1, random_state=0).set_params(**parameters)


def search(kind, detector, grid=GRID):
    return kind(detector, grid, scoring=roc_auc_scorer, cv=KFold(3), error_score="raise")


@pytest.fixture
def masks(contaminated):
    """Some anomalies and some normal rows, as masks."""
    y, rng = contaminated[1], np.random.default_rng(0)
    return (y == 1) & (rng.random(200) < 0.5), (y == 0) & (rng.random(200) < 0.2)


# Every way in: what is called with the labels, and returns numbers that depend on them.
def by_fit(X, y, **labels):
    return loe().fit(X, **labels).score_samples(X)


def by_backbone(X, y, **labels):
    return DeepSVDD(max_epochs=2, random_state=0).fit(X, **labels).score_samples(X)


def by_fit_predict(X, y, **labels):
    return loe().fit_predict(X, **labels)


def by_fit_many(X, y, **labels):
    rows = [np.arange(150), np.arange(50, 200)]
    fitted = fit_many([loe(), loe()], X, rows=rows, **labels)
    return np.concatenate([each.score_samples(X) for each in fitted])


def by_fit_resample(X, y, **labels):
    return loe().fit_resample(X, y, **labels)[0]


def by_refit(X, y, **labels):
    return refit(loe().fit(X), X, **labels).score_samples(X)


def by_query(X, y, **labels):
    return query(loe().fit(X), X, 20, random_state=0, **labels)


def by_estimate(X, y, **labels):
    return estimate_contamination(np.asarray(X)[:, 0], **labels)


def by_search(X, y, kind=LOESearchCV, **labels):
    found = search(kind, loe()).fit(X, y, **labels)
    return np.append(found.cv_results_["mean_test_score"], found.score_samples(X))


def by_pipeline(X, y, **labels):
    named = {f"loe__{name}": value for name, value in labels.items()}
    return make_pipeline(StandardScaler(), loe()).fit(X, **named).score_samples(X)


def by_routing(X, y, **labels):
    with config_context(enable_metadata_routing=True):
        requesting = loe().set_fit_request(**dict.fromkeys(labels, True))
        pipeline = make_pipeline(StandardScaler(), requesting).fit(X, **labels)
    return pipeline.score_samples(X)


def by_search_of_pipelines(X, y, kind=LOESearchCV, **labels):
    named = {f"loe__{name}": value for name, value in labels.items()}
    pipeline = make_pipeline(StandardScaler(), loe())
    found = search(kind, pipeline, {"loe__contamination": [0.05, 0.1]}).fit(X, y, **named)
    return np.append(found.cv_results_["mean_test_score"], found.score_samples(X))


WAYS = {
    "fit": by_fit,
    "backbone": by_backbone,
    "fit_predict": by_fit_predict,
    "fit_many": by_fit_many,
    "fit_resample": by_fit_resample,
    "refit": by_refit,
    "query": by_query,
    "estimate_contamination": by_estimate,
    "LOESearchCV": by_search,
    "GridSearchCV": partial(by_search, kind=GridSearchCV),
    "Pipeline": by_pipeline,
    "routing": by_routing,
    "LOESearchCV of Pipelines": by_search_of_pipelines,
    "GridSearchCV of Pipelines": partial(by_search_of_pipelines, kind=GridSearchCV),
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@each_way
def test_masks_are_the_labels(way, contaminated, masks):
    X, y = contaminated
    anomalies, normal = masks
    expected = way(X, y, known_labels=normal.astype(int) - anomalies)
    for kind in (np.asarray, list, lambda mask: pd.Series(mask, dtype="boolean")):
        given = {"known_anomalies": kind(anomalies), "known_normal": kind(normal)}
        np.testing.assert_array_equal(way(X, y, **given), expected)


@each_way
@pytest.mark.parametrize("told", ["known_anomalies", "known_normal"])
def test_one_mask_alone(way, contaminated, masks, told):
    """Rows of one class are enough, though array forms with +1 alone are refused."""
    X, y = contaminated
    mask = masks[0] if told == "known_anomalies" else masks[1]
    pair = (~mask & mask, mask) if told == "known_anomalies" else (mask, ~mask & mask)
    got = way(X, y, **{told: mask})
    if way not in (WAYS["GridSearchCV"], WAYS["GridSearchCV of Pipelines"]):
        np.testing.assert_array_equal(got, way(X, y, known_labels=pair))


@each_way
@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series, lambda y: y.astype(float)])
def test_labels_of_the_other_convention(way, contaminated, kind):
    X, y = contaminated
    pattern = (
        r"known_labels must hold a -1.*\+1 in \d+ of \d+ rows.*\+1 is a row known to be normal, -1 "
        r"a known anomaly.*labels of data sets 1 is an anomaly and 0 a normal row.*"
        r"known_normal=\(labels == 1\).*known_anomalies=\(labels == 1\)"
    )
    with pytest.raises(ValueError, match=pattern):
        way(X, y, known_labels=kind(y))


def test_an_invalid_label_is_shown_as_a_plain_number(contaminated):
    labels = np.zeros(200)
    labels[5] = 2.0
    with pytest.raises(ValueError, match=r"known_labels must .*; got 2\.0 in row 5\."):
        loe().fit(contaminated[0], known_labels=labels)


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_labels_of_the_other_convention_with_missing_ones(contaminated, missing):
    X, y = contaminated
    labels = pd.Series(y, dtype=object)
    labels[::2] = missing
    with pytest.raises(ValueError, match=r"missing value for unknown.*known_anomalies=\(labels =="):
        loe().fit(X, known_labels=labels)
    by_masks = loe().fit(X, known_anomalies=labels == 1, known_normal=labels == 0)
    known = np.where(np.arange(200) % 2, 1 - 2 * y, 0)
    expected = loe().fit(X, known_labels=known).score_samples(X)
    np.testing.assert_array_equal(by_masks.score_samples(X), expected)


def test_only_anomalies_known_need_no_mask(contaminated):
    X, y = contaminated
    expected = loe().fit(X, known_anomalies=y == 1).score_samples(X)
    got = loe().fit(X, known_labels=np.where(y == 1, -1, 0)).score_samples(X)
    np.testing.assert_array_equal(got, expected)


def posterior(loss_n, loss_a, alpha, known):
    """Weigh by the losses, and take no note of known labels."""
    p = torch.sigmoid(loss_n - loss_a + torch.logit(alpha).unsqueeze(1))
    return 1 - p, p


@pytest.mark.parametrize("evidence", [None, "knn"])
@pytest.mark.parametrize("method", ["hard", "soft", "refine", "blind", AAR(), posterior])
def test_known_labels_stand_in_labels_(contaminated, masks, method, evidence):
    X, _ = contaminated
    told_right = masks[1]
    told_wrong = np.zeros_like(told_right)
    told_wrong[np.flatnonzero(~told_right)[:5]] = True
    detector = loe(method=method, evidence=evidence)
    detector.fit(X, known_anomalies=told_wrong, known_normal=told_right)
    assert (detector.labels_[told_wrong] == -1).all()
    assert (detector.labels_[told_right] == 1).all()


@pytest.mark.parametrize("evidence", [None, "knn"])
def test_the_ratio_counts_known_anomalies_and_predict_does_not_know_them(contaminated, evidence):
    X, _ = contaminated
    known = np.arange(200) < 8
    X = np.where(known[:, None], 0.0, X)  # anomalies that look like normal rows
    detector = loe(evidence=evidence, n_estimators=2).fit(X, known_anomalies=known)
    assert (detector.labels_ == -1).sum() == (detector.predict(X) == -1).sum() == 20
    assert (detector.labels_[~known] == -1).sum() == 20 - 8
    detector.set_threshold(n_flagged=30)
    np.testing.assert_array_equal(detector.labels_[~known], detector.predict(X)[~known])


@pytest.mark.parametrize("given", [7, 2])
@pytest.mark.parametrize("evidence", [None, "knn"])
def test_no_other_row_is_an_anomaly_if_all_are_known(contaminated, evidence, given):
    """0.07 times 100 is a little more than 7, and a ratio below that is raised to it."""
    X, known = contaminated[0][:100], np.arange(100) < 7
    detector = loe(evidence=evidence, contamination=given / 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector.fit(X, known_anomalies=known)
    np.testing.assert_array_equal(detector.labels_ == -1, known)
    # In the training, too, no other row was labelled.
    assert unknown_share(detector.contamination_, known * -1, 100) == 0


def test_the_right_convention_helps_on_thyroid():
    X, y = load_thyroid(return_X_y=True)
    shown = np.random.default_rng(0).random(len(y)) < 0.3
    detector = LOE(DeepSVDD(max_epochs=10), contamination=0.025, random_state=0)
    detector.fit(X, known_anomalies=shown & (y == 1), known_normal=shown & (y == 0))
    assert roc_auc_score(y[~shown], -detector.score_samples(X[~shown])) > 0.97


@each_way
def test_row_numbers_are_refused(way, contaminated):
    """They would be taken for numbers of a fold's rows where scikit-learn does not cut them."""
    X, y = contaminated
    for name, call in (("known_anomalies", r"y == 1"), ("known_normal", r"y == 0")):
        pattern = rf"{name} must be a boolean mask.*int64.*{name}=\({call}\).*Row numbers are not"
        with pytest.raises(ValueError, match=pattern):
            way(X, y, **{name: np.array([3, 5, 8])})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"known_anomalies": np.ones(199, dtype=bool)}, r"shape \(200,\); got shape \(199,\)"),
        ({"known_normal": np.ones((200, 1), dtype=bool)}, r"got shape \(200, 1\)"),
        ({"known_normal": np.zeros(200)}, "must be a boolean mask.*float64"),
        ({"known_anomalies": ["yes"] * 200}, "must be a boolean mask"),
        ({"known_anomalies": sparse.csr_array(np.ones((200, 1), bool))}, r"toarray\(\)\.ravel\(\)"),
        (
            {"known_labels": sparse.csr_array(-np.ones((200, 1)))},
            r"got a csr_array of shape \(200, 1\)\. known_labels\.toarray\(\)\.ravel\(\) is",
        ),
        ({"known_labels": dict.fromkeys(range(200), -1)}, "got a dict. Use 0"),
        ({"known_labels": iter([-1] * 200)}, "got a list_iterator. Use 0"),
        ({"known_anomalies": pd.Series([True, None] * 100)}, "Missing values are False.*fillna"),
        (
            {"known_anomalies": np.arange(200) < 5, "known_normal": np.arange(200) < 9},
            "known_anomalies and known_normal must not name a row both.*in 5 rows",
        ),
        (
            {"known_labels": np.repeat([1, -1], 100), "known_normal": np.ones(200, dtype=bool)},
            "known_labels must not be given beside known_normal",
        ),
    ],
)
def test_masks_that_cannot_be_used(contaminated, given, message):
    with pytest.raises(ValueError, match=message):
        loe().fit(contaminated[0], **given)


def test_the_index_of_a_mask(contaminated):
    X, y = contaminated
    frame = pd.DataFrame(X, index=np.arange(200)[::-1])
    detector = loe().fit(frame, known_anomalies=pd.Series(y == 1, index=frame.index))
    expected = loe().fit(X, known_anomalies=y == 1).score_samples(X)
    np.testing.assert_array_equal(detector.score_samples(frame), expected)
    with pytest.raises(ValueError, match="known_anomalies must have the index of X.*=False"):
        loe().fit(frame, known_anomalies=pd.Series(y == 1))


def test_a_pair_of_masks_is_not_cut_with_folds(contaminated, masks):
    """scikit-learn takes a pair for one value; LOESearchCV reads it before it cuts."""
    X, y = contaminated
    pattern = "not cut with the folds.*known_normal and known_anomalies, or one array"
    with pytest.raises(ValueError, match=pattern):
        search(GridSearchCV, loe()).fit(X, y, known_labels=masks[::-1])
    ours = search(LOESearchCV, loe()).fit(X, y, known_labels=masks[::-1])
    theirs = search(GridSearchCV, loe())
    theirs.fit(X, y, known_anomalies=masks[0], known_normal=masks[1])
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize("kind", [GridSearchCV, LOESearchCV])
def test_folds_without_a_known_anomaly(contaminated, kind):
    """The only known anomaly is in one fold: the others' rows are known to be normal, no more."""
    X, y = contaminated
    anomalies, normal = np.zeros((2, 200), dtype=bool)
    anomalies[np.flatnonzero(y == 1)[0]] = normal[np.flatnonzero(y == 0)[:40]] = True
    scores = lambda fitted, X, y: fitted.score_samples(X).mean()  # noqa: E731
    found = kind(clone(loe()), GRID, scoring=scores, cv=KFold(2), error_score="raise")
    found.fit(X, y, known_anomalies=anomalies, known_normal=normal)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


def test_no_label_known(contaminated):
    X, _ = contaminated
    nobody = np.zeros(200, dtype=bool)
    got = loe().fit(X, known_anomalies=nobody, known_normal=nobody).score_samples(X)
    np.testing.assert_array_equal(got, loe().fit(X).score_samples(X))
    with pytest.raises(ValueError, match="no label is known; known_anomalies or known_normal must"):
        refit(loe().fit(X), X, known_anomalies=nobody)
