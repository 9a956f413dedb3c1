"""LOE: the methods, the inferred labels, the ensemble, and what it refuses."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from conftest import FEW_TREES, in_units_of_normal_rows
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, NeuTraL, RealNVP
from lofe_sklearn.datasets import load_thyroid, loe_tabular_split
from lofe_sklearn.engine import mark

# The paper's setting: one ratio, members alone, a blind warm-up, labels in each batch.
fixed = partial(
    LOE, contamination=0.1, evidence=None, init=None, label_update="batch", warmup_epochs=2
)


def backbone(**parameters):
    return DeepSVDD(**{"max_epochs": 10, **parameters})


@pytest.fixture
def clustered_anomalies():
    """Anomalies that lie together, which blind training takes for normal."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (270, 8)), rng.normal(3, 1, (30, 8))])
    y = np.repeat([0, 1], [270, 30])
    order = rng.permutation(300)
    return X[order], y[order]


@pytest.mark.parametrize("method", ["soft", "hard"])
def test_loe_beats_blind_training(clustered_anomalies, method):
    X, y = clustered_anomalies

    def auc(method):
        detector = fixed(backbone(max_epochs=30), method=method, random_state=0).fit(X)
        return roc_auc_score(y, -detector.score_samples(X))

    assert auc(method) > 0.9 > auc("blind") + 0.2


@pytest.mark.parametrize("method", ["soft", "hard", "refine", "blind"])
def test_labels_mark_the_assumed_share(contaminated, method):
    X, _ = contaminated
    detector = fixed(backbone(), method=method, contamination=0.15, random_state=0).fit(X)
    assert set(detector.labels_) <= {-1, 1}
    assert (detector.labels_ == -1).sum() == (0 if method == "blind" else 30)
    during_training = detector.estimator_.history_.labels
    assert during_training.shape == (10, 1, 200)
    assert not during_training[: detector.warmup_epochs].any()
    # 200 rows in two batches of 100: 15 in each.
    expected = 0 if method == "blind" else 30
    assert (during_training[detector.warmup_epochs :].sum(axis=2) == expected).all()


def test_labels_find_the_anomalies(contaminated):
    X, y = contaminated
    detector = fixed(backbone(), contamination=0.1, random_state=0).fit(X)
    assert ((detector.labels_ == -1) == (y == 1)).mean() > 0.95


@pytest.mark.parametrize("n_samples", [2, 3, 5, 129, 257])
@pytest.mark.parametrize("batch_size", [2, 3, 128])
@pytest.mark.parametrize("contamination", [0.001, 0.5])
def test_something_is_marked_in_every_epoch(n_samples, batch_size, contamination):
    X = np.random.default_rng(0).normal(size=(n_samples, 3))
    estimator = backbone(max_epochs=3, batch_size=batch_size)
    detector = fixed(estimator, contamination=contamination, warmup_epochs=1, random_state=0).fit(X)
    history = detector.estimator_.history_
    assert (history.labels[1:].sum(axis=2) >= max(1, n_samples // (2 * batch_size))).all()
    expected = max(1, math.floor(contamination * n_samples + 0.5))
    assert (detector.labels_ == -1).sum() == expected


def test_the_methods_train_different_models(contaminated):
    X, _ = contaminated
    scores = [
        fixed(backbone(), method=method, random_state=0).fit(X).score_samples(X)
        for method in ("soft", "hard", "refine", "blind")
    ]
    for i, first in enumerate(scores):
        assert not any(np.allclose(first, other) for other in scores[i + 1 :])


def test_blind_loe_is_the_lone_backbone(contaminated):
    X, _ = contaminated
    loe = fixed(backbone(random_state=5), method="blind").fit(X)
    alone = backbone(random_state=5).fit(X)
    np.testing.assert_array_equal(loe.score_samples(X), alone.score_samples(X))
    assert loe.offset_ == alone.offset_


def test_known_labels_steer_the_training(clustered_anomalies):
    X, y = clustered_anomalies
    known = np.zeros(len(X), dtype=int)
    known[np.flatnonzero(y == 1)[:5]] = -1
    known[np.flatnonzero(y == 0)[:5]] = 1
    detector = fixed(backbone(), contamination=0.1, random_state=0).fit(X, known_labels=known)
    np.testing.assert_array_equal(detector.labels_[known != 0], known[known != 0])
    # The known anomalies count towards the ratio: 30 in all, as assumed.
    assert (detector.labels_ == -1).sum() == 30
    history = detector.estimator_.history_.labels[:, 0]
    assert history[:, known == -1].all()
    assert not history[:, known == 1].any()


def test_the_weight_of_known_labels(clustered_anomalies):
    X, y = clustered_anomalies
    known = np.zeros(len(X), dtype=int)
    known[np.flatnonzero(y == 1)[:3]] = -1
    known[np.flatnonzero(y == 0)[:3]] = 1

    def margin(weight):
        loe = fixed(backbone(), method="refine", random_state=0, known_weight=weight)
        scores = loe.fit(X, known_labels=known).score_samples(X)
        return scores[known == 1].mean() - scores[known == -1].mean()

    assert margin(0.01) < margin(None) < margin(1.0)
    # Six of them, so that so much for all of them is 1 for each.
    np.testing.assert_allclose(margin(6 / (len(X) - 6)), margin(None), rtol=1e-5)


def test_more_known_anomalies_than_the_ratio_allows(clustered_anomalies):
    X, y = clustered_anomalies
    known = np.where(y == 1, -1, 0)  # 30 of 300
    with pytest.warns(UserWarning, match=r"name 30 of 300 .*contamination=0.05 .*0.1 is used"):
        loe = fixed(backbone(), contamination=0.05, random_state=0).fit(X, known_labels=known)
    assert loe.contamination_ == loe.contaminations_[0] == 0.1
    np.testing.assert_array_equal(loe.labels_ == -1, known == -1)
    assert (loe.predict(X) == -1).sum() == 30
    with pytest.warns(UserWarning, match="DeepSVDD: the known labels name 30"):
        lone = backbone(contamination=0.05).fit(X, known_labels=known)
    assert (lone.predict(X) == -1).sum() == 30


def test_a_single_known_label_is_in_some_folds_only(clustered_anomalies):
    X, y = clustered_anomalies
    known = np.zeros(len(X), dtype=int)
    known[np.flatnonzero(y)[0]] = -1
    loe = LOE(backbone(), n_estimators=2, max_samples=0.5, init=FEW_TREES, random_state=0)
    assert loe.fit(X, known_labels=known).labels_[known != 0] == -1


def test_an_unknown_ratio_is_no_lower_than_what_is_known(clustered_anomalies):
    X, y = clustered_anomalies
    known = np.where(y == 1, -1, 0)
    known[y == 0] = np.where(np.arange((y == 0).sum()) < 60, -1, 0)
    loe = LOE(backbone(), n_estimators=2, init=FEW_TREES, random_state=0)
    loe.fit(X, known_labels=known)
    assert min(loe.contaminations_) >= 0.3 - 1e-9
    assert loe.contamination_ >= 0.3 - 1e-9


@pytest.mark.parametrize("sign", [1, -1])
def test_no_row_unknown(contaminated, sign):
    X, y = contaminated
    known = np.where(y == 1, -sign, 1)
    loe = fixed(backbone(), contamination=0.5, random_state=0)
    with pytest.warns(UserWarning, match="the known labels leave no row unknown.*Use 0 for"):
        loe.fit(X, known_anomalies=known < 0, known_normal=known > 0)
    np.testing.assert_array_equal(loe.labels_, known)


def test_no_known_label_is_no_known_label(contaminated):
    X, _ = contaminated
    expected = fixed(backbone(), random_state=0).fit(X).score_samples(X)
    zeros = fixed(backbone(), random_state=0).fit(X, known_labels=np.zeros(len(X)))
    np.testing.assert_array_equal(zeros.score_samples(X), expected)


class TestEnsemble:
    def test_members_are_those_trained_alone(self, contaminated):
        X, _ = contaminated
        together = fixed(backbone(), n_estimators=3, random_state=0).fit(X)
        assert len(together.estimators_) == 3
        for member in together.estimators_:
            alone = fixed(member).fit(X)
            np.testing.assert_allclose(
                member.score_samples(X), alone.score_samples(X), rtol=1e-4, atol=1e-5
            )

    def test_the_scale_does_not_depend_on_the_rows_scored(self, contaminated):
        X, _ = contaminated
        detector = fixed(backbone(), n_estimators=2, random_state=0).fit(X)
        alone = np.concatenate([detector.score_samples(row[None]) for row in X[:5]])
        np.testing.assert_allclose(alone, detector.score_samples(X)[:5], rtol=1e-9)

    def test_members_count_in_units_of_their_normal_rows(self, contaminated):
        X, _ = contaminated
        detector = fixed(backbone(), n_estimators=2, random_state=0).fit(X)
        logs = [np.log(-member.score_samples(X)) for member in detector.estimators_]
        expected = -in_units_of_normal_rows(logs, logs, 0.1).mean(axis=0)
        np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-9)

    def test_more_members_keep_the_first(self, contaminated):
        X, _ = contaminated
        one = fixed(backbone(), n_estimators=1, random_state=0).fit(X)
        two = fixed(backbone(), n_estimators=2, random_state=0).fit(X)
        np.testing.assert_allclose(
            one.estimator_.score_samples(X), two.estimator_.score_samples(X), rtol=1e-4
        )


def test_fitted_attributes(contaminated):
    X, _ = contaminated
    detector = fixed(backbone(n_iter_no_change=2, tol=0.5, max_epochs=40), n_estimators=2).fit(X)
    assert detector.n_iter_ < 40
    assert detector.loss_history_.shape == (detector.n_iter_,)
    assert np.isfinite(detector.loss_history_).all()
    assert detector.estimator_ is detector.estimators_[0]
    assert detector.n_features_in_ == detector.estimator_.n_features_in_ == 5
    assert (detector.predict(X) == -1).mean() == pytest.approx(0.1)


def test_the_estimator_given_is_not_changed(contaminated):
    X, _ = contaminated
    template = backbone(contamination=0.3)
    before = template.get_params()
    fixed(template, contamination=0.2).fit(X)
    assert template.get_params() == before
    assert not hasattr(template, "module_")


def test_the_seed_of_the_estimator_counts_where_loe_has_none(contaminated):
    X, _ = contaminated
    first, again = (fixed(backbone(random_state=3)).fit(X).score_samples(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_generator_of_the_estimator_goes_on_from_fit_to_fit(contaminated):
    X, _ = contaminated
    detector = fixed(backbone(random_state=np.random.RandomState(0)))
    first, second = (detector.fit(X).score_samples(X) for _ in range(2))
    assert not np.allclose(first, second)


def test_a_callable_method(contaminated):
    X, _ = contaminated

    def half_the_posterior(loss_n, loss_a, alpha, known):
        posterior = torch.sigmoid(loss_n - loss_a + torch.logit(alpha).unsqueeze(1))
        return 1 - posterior, posterior

    detector = fixed(backbone(), method=half_the_posterior, random_state=0).fit(X)
    assert np.isfinite(detector.score_samples(X)).all()
    assert set(detector.labels_) <= {-1, 1}


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, bool])
@pytest.mark.parametrize("label_update", ["batch", "epoch"])
def test_a_callable_method_that_computes_with_numpy(contaminated, dtype, label_update):
    """Weights of any type are those of the same numbers in single precision."""

    def method(loss_n, loss_a, alpha, known, to=dtype):
        anomalous = mark(loss_n - loss_a, alpha, known).numpy()
        return torch.from_numpy((~anomalous).astype(to)), torch.from_numpy(anomalous.astype(to))

    X = contaminated[0]
    own, hard = (
        LOE(
            DeepSVDD(max_epochs=3),
            method=labels,
            contamination=0.1,
            label_update=label_update,
            random_state=0,
        )
        .fit(X)
        .score_samples(X)
        for labels in (method, "hard")
    )
    np.testing.assert_array_equal(own, hard)


def test_a_callable_method_may_compute_in_place(contaminated):
    X, _ = contaminated

    def in_place(loss_n, loss_a, alpha, known):
        anomalous = mark(loss_n.sub_(loss_a), alpha, known).float()
        loss_a.zero_()
        alpha.zero_()
        return 1 - anomalous, anomalous

    own, hard = (
        LOE(DeepSVDD(max_epochs=3), method=method, contamination=0.1, random_state=0).fit(X)
        for method in (in_place, "hard")
    )
    np.testing.assert_array_equal(own.score_samples(X), hard.score_samples(X))
    np.testing.assert_array_equal(own.labels_, hard.labels_)


def test_weights_of_a_callable_method_may_carry_a_gradient(contaminated):
    X, _ = contaminated
    factor = torch.nn.Parameter(torch.ones(1))

    def with_parameter(loss_n, loss_a, alpha, known):
        anomalous = mark(loss_n - loss_a, alpha, known).float()
        with torch.enable_grad():  # as a rule that learns does
            return factor * (1 - anomalous), factor * anomalous

    own, hard = (
        LOE(DeepSVDD(max_epochs=2), method=method, contamination=0.1, random_state=0).fit(X)
        for method in (with_parameter, "hard")
    )
    np.testing.assert_array_equal(own.score_samples(X), hard.score_samples(X))
    np.testing.assert_array_equal(own.labels_, hard.labels_)
    assert factor.grad is None


def test_a_callable_method_infers_the_labels_from_the_losses_as_they_are(contaminated):
    X, _ = contaminated
    seen = []

    def record(loss_n, loss_a, alpha, known):
        seen.append((loss_n, loss_a))
        return torch.ones_like(loss_n), torch.zeros_like(loss_n)

    detector = fixed(backbone(), method=record, random_state=0).fit(X)
    for handed, own in zip(seen[-1], detector.estimator_._losses(X), strict=True):
        np.testing.assert_allclose(handed[0], own)


@pytest.mark.parametrize(
    "returned", [lambda ln: ln, lambda ln: (ln[:, :1], ln), lambda ln: (1.0, 0.0), lambda ln: None]
)
def test_a_callable_method_that_returns_nonsense(contaminated, returned):
    method = lambda loss_n, loss_a, alpha, known: returned(loss_n)  # noqa: E731
    with pytest.raises(ValueError, match=r"callable method must return two weight tensors"):
        fixed(backbone(), method=method).fit(contaminated[0])


class NotABackbone(OutlierMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self


@pytest.mark.parametrize(
    "estimator",
    [
        NotABackbone(),
        IsolationForest(),
        NeuTraL,
        "neutral",
        LOE(),
        make_pipeline(StandardScaler(), NeuTraL()),
    ],
    ids=lambda e: type(e).__name__,
)
def test_an_estimator_that_is_not_a_backbone(contaminated, estimator):
    with pytest.raises(TypeError, match=r"LOE: estimator must be .*NeuTraL\(\).*got"):
        LOE(estimator).fit(contaminated[0])


@pytest.mark.parametrize("method", ["loe", "Soft", None, 1])
def test_an_unknown_method(contaminated, method):
    with pytest.raises(ValueError, match=r"LOE: method must be one of 'auto', 'soft', 'hard'.*got"):
        fixed(backbone(), method=method).fit(contaminated[0])


@pytest.mark.parametrize(("name", "value"), [("n_estimators", 0), ("warmup_epochs", -1)])
def test_bad_parameters_of_loe(contaminated, name, value):
    with pytest.raises(ValueError, match=f"LOE: {name} must be an integer .*got {value}"):
        fixed(backbone(), **{name: value}).fit(contaminated[0])


def test_a_warm_up_that_leaves_nothing(contaminated):
    X, _ = contaminated
    with pytest.raises(ValueError, match="warmup_epochs=2 must be below .*max_epochs=2"):
        fixed(backbone(max_epochs=2)).fit(X)
    fixed(backbone(max_epochs=2), method="blind").fit(X)


def test_the_default_backbone():
    X = np.random.default_rng(0).normal(size=(30, 3))  # too few rows for models of folds
    fitted = LOE(n_estimators=3, random_state=0).fit(X)
    assert [type(member) for member in fitted.estimators_] == [DeepSVDD, RealNVP, DeepSVDD]


@pytest.mark.slow
def test_loe_beats_blind_on_thyroid():
    X, y = load_thyroid(return_X_y=True)
    X_train, X_test, _, y_test = loe_tabular_split(X, y, random_state=0)
    auc = {
        method: roc_auc_score(
            y_test, -LOE(method=method, random_state=0).fit(X_train).score_samples(X_test)
        )
        for method in ("blind", "soft", "hard")
    }
    assert min(auc["soft"], auc["hard"]) > auc["blind"]
