"""held_out_folds: scores of the training rows by models that have not seen them."""

import numpy as np
import pytest
from conftest import FEW_TREES

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn._loe._folds import held_out_rows, how_many_folds


def loe(estimator=None, **parameters):
    estimator = DeepSVDD(max_epochs=4) if estimator is None else estimator
    given = {"contamination": 0.1, "init": FEW_TREES, "random_state": 0, **parameters}
    return LOE(estimator, **given)


def plan_of(detector, X, known=None):
    """What a fit trains."""
    return detector._plan_fit(detector._prepare_rows(X), known, None, {})


class TestFolds:
    @pytest.mark.parametrize("n_samples", [3, 10, 11, 100])
    @pytest.mark.parametrize("n_folds", [2, 3])
    def test_hold_each_row_out_once(self, n_samples, n_folds):
        parts = held_out_rows(n_samples, n_folds)
        assert len(parts) == n_folds
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(n_samples))
        assert np.ptp([len(part) for part in parts]) <= 1
        assert all((np.diff(part) > 0).all() for part in parts)

    def test_hold_out_their_share_of_each_known_class(self):
        known = np.zeros(100, dtype=np.int8)
        known[:4], known[4:9] = -1, 1
        parts = held_out_rows(100, 3, known)
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(100))
        assert np.ptp([len(part) for part in parts]) <= 1
        for label in (-1, 1):
            assert {int((known[part] == label).sum()) for part in parts} == {1, 2}

    def test_of_three_rows_leave_two_to_train_on(self):
        assert [len(part) for part in held_out_rows(3, 3)] == [1, 1, 1]
        assert how_many_folds(3, 3) == 3

    @pytest.mark.parametrize(
        ("asked", "n_samples", "expected"), [(None, 500, 0), (None, 2, 0), (2, 500, 2), (2, 5, 2)]
    )
    def test_that_were_asked_for(self, asked, n_samples, expected):
        assert how_many_folds(asked, n_samples) == expected

    @pytest.mark.parametrize(("n_folds", "n_samples", "least"), [(2, 3, 4), (2, 2, 4), (5, 4, 5)])
    def test_of_too_few_rows(self, n_folds, n_samples, least):
        X = np.random.default_rng(0).normal(size=(n_samples, 3))
        detector = loe(held_out_folds=n_folds, init=None)
        message = (
            rf"^LOE: held_out_folds={n_folds} needs at least {least} training rows.*"
            rf"got {n_samples}\. Lower held_out_folds, or set it to None"
        )
        with pytest.raises(ValueError, match=message):
            detector.fit(X)
        assert not hasattr(detector, "estimators_")
        more = np.random.default_rng(0).normal(size=(least, 3))
        assert detector.fit(more).held_out_scores_.shape == (least,)

    @pytest.mark.parametrize("value", [0, 1, -3, 2.0, True, "3", np.nan, [3]])
    def test_whose_number_is_none(self, contaminated, value):
        with pytest.raises(
            ValueError, match="LOE: held_out_folds must be an integer of at least 2"
        ):
            loe(held_out_folds=value).fit(contaminated[0])


class TestHeldOutScores:
    def test_are_there_only_if_asked_for(self, contaminated):
        X, _ = contaminated
        assert loe().fit(X).held_out_scores_ is None
        for contamination in ((0.05, 0.2), "auto", lambda scores: 0.1):
            detector = loe(contamination=contamination, n_estimators=2).fit(X)
            assert detector.held_out_scores_ is None

    @pytest.mark.parametrize("contamination", [0.1, (0.05, 0.2), lambda scores: 0.1, "auto"])
    @pytest.mark.parametrize("n_estimators", [1, 3])
    def test_of_each_form_of_contamination(self, contaminated, contamination, n_estimators):
        X, _ = contaminated
        given = {"contamination": contamination, "n_estimators": n_estimators}
        plain, detector = loe(**given).fit(X), loe(**given, held_out_folds=2).fit(X)
        assert detector.held_out_scores_.shape == (200,)
        assert np.isfinite(detector.held_out_scores_).all()
        # The members are trained as without them.
        np.testing.assert_allclose(detector.score_samples(X), plain.score_samples(X), rtol=1e-4)
        np.testing.assert_array_equal(detector.contaminations_, plain.contaminations_)

    @pytest.mark.parametrize(
        ("parameters", "n_models", "n_rows", "n_features"),
        [
            ({}, 1, 150, 5),
            ({"n_estimators": 20}, 8, 150, 5),
            ({"n_estimators": 2, "max_samples": 0.5}, 2, 100, 5),
            ({"n_estimators": 2, "max_samples": 180}, 2, 150, 5),
            ({"n_estimators": 2, "max_features": 3}, 2, 150, 3),
        ],
        ids=str,
    )
    def test_models_of_folds_are_like_members(
        self, contaminated, parameters, n_models, n_rows, n_features
    ):
        X, _ = contaminated
        plan = plan_of(loe(held_out_folds=4, **parameters), X)
        assert len(plan.folds) == 4
        for fold in plan.folds:
            assert len(fold.tasks) == n_models
            for task in fold.tasks:
                assert not np.intersect1d(task.rows, fold.held_out).size
                assert len(task.rows) == len(np.unique(task.rows)) == n_rows
                assert task.n_inputs(X) == n_features
                assert task.model.contamination == 0.1
        seeds = [task.seed for task in plan.tasks]
        assert len(set(seeds)) == len(seeds)

    def test_of_each_backbone(self, contaminated):
        X, _ = contaminated
        pair = [DeepSVDD(max_epochs=2), AutoEncoder(max_epochs=2)]
        plan = plan_of(loe(pair, held_out_folds=2), X)
        for fold in plan.folds:
            assert [type(task.model) for task in fold.tasks] == [DeepSVDD, AutoEncoder]

    def test_known_labels_are_those_of_the_rows_outside(self, contaminated):
        X, y = contaminated
        known = np.zeros(200, dtype=np.int8)
        known[np.flatnonzero(y == 1)[:6]], known[np.flatnonzero(y == 0)[:6]] = -1, 1
        for fold in plan_of(loe(held_out_folds=3), X, known).folds:
            for task in fold.tasks:
                np.testing.assert_array_equal(task.labelling.known, known[task.rows])
                assert (task.labelling.known == -1).sum() == 4
        detector = loe(held_out_folds=3).fit(X, known_labels=known)
        assert np.isfinite(detector.held_out_scores_).all()

    @pytest.mark.parametrize("parameters", [{"max_samples": 0.5}, {"max_features": 2}], ids=str)
    def test_of_models_that_see_a_part(self, contaminated, parameters):
        X, y = contaminated
        detector = loe(DeepSVDD(max_epochs=20), n_estimators=6, held_out_folds=3, **parameters)
        detector.fit(X)
        assert np.isfinite(detector.held_out_scores_).all()
        held_out = detector.held_out_scores_
        assert held_out[y == 1].mean() < held_out[y == 0].mean()

    def test_with_a_single_known_anomaly(self, contaminated):
        X, y = contaminated
        known = np.zeros(200, dtype=int)
        known[np.flatnonzero(y == 1)[0]] = -1  # the fold that holds it out knows of none
        detector = loe(held_out_folds=2).fit(X, known_labels=known)
        assert np.isfinite(detector.held_out_scores_).all()

    @pytest.mark.parametrize("n_estimators", [1, 4])
    @pytest.mark.parametrize("backbone", [DeepSVDD, AutoEncoder])
    def test_compare_with_scores_of_new_rows(self, n_estimators, backbone):
        """Models of folds differ in the size of their losses, and their scores must not."""
        rng = np.random.default_rng(0)
        X, new = rng.normal(size=(600, 4)), rng.normal(size=(600, 4))
        detector = loe(
            backbone(max_epochs=20),
            method="blind",
            init=None,
            n_estimators=n_estimators,
            held_out_folds=3,
        ).fit(X)
        p_values = detector.p_values(new)
        assert p_values.mean() == pytest.approx(0.5, abs=0.06)
        for q in (0.05, 0.1, 0.25):
            # Without a common scale the share is a tenth of q for the autoencoder.
            assert q / 2 < (p_values <= q).mean() < q + 0.04

    def test_do_not_change_a_ratio_that_was_given(self, contaminated):
        X, y = contaminated
        known = {"known_anomalies": y == 1, "known_normal": np.arange(200) < 0}
        known["known_normal"] = (y == 0) & (np.arange(200) % 2 == 0)
        detector = loe(contamination=0.2, held_out_folds=2).fit(X, **known)
        assert detector.contamination_ == 0.2
        both = [detector._training_scores, detector.held_out_scores_]
        mean = np.mean([detector._posterior.proba(scores).mean() for scores in both])
        assert mean == pytest.approx(0.2)

    def test_fit_many_and_a_search(self, contaminated):
        X, y = contaminated
        expected = loe(held_out_folds=3).fit(X).held_out_scores_
        fitted = fit_many([loe(held_out_folds=3), loe(held_out_folds=2)], X)
        np.testing.assert_allclose(fitted[0].held_out_scores_, expected, rtol=1e-3)
        search = LOESearchCV(loe(), {"held_out_folds": [None, 3]}, cv=2).fit(X, y)
        assert search.best_estimator_.predict(X).shape == (200,)


class TestPValues:
    def test_by_hand(self, contaminated):
        X, y = contaminated
        known = np.where((y == 1) & (np.arange(200) < 100), -1, 0)
        detector = loe(held_out_folds=3).fit(X, known_labels=known)
        others = detector.held_out_scores_[known == 0]
        scores = detector.score_samples(X[:20])
        expected = [(1 + (others <= score).sum()) / (len(others) + 1) for score in scores]
        np.testing.assert_allclose(detector.p_values(X[:20]), expected)
        np.testing.assert_allclose(detector.p_values(X[:20], X), detector.p_values(X[:20], X[::-1]))

    def test_if_all_rows_are_known_anomalies(self, contaminated):
        X, _ = contaminated
        detector = loe(held_out_folds=2)
        with pytest.warns(UserWarning, match="no row unknown|allows"):
            detector.fit(X, known_anomalies=np.ones(200, dtype=bool))
        with pytest.raises(ValueError, match="all training rows are known anomalies.*calibration"):
            detector.p_values(X)
        with pytest.raises(ValueError, match="all labels are known. Give contamination"):
            detector.set_threshold(false_discovery_rate=0.5)
        with pytest.raises(ValueError, match="false_alarm_rate needs calibration.*all training ro"):
            detector.set_threshold(false_alarm_rate=0.5)


class TestFalseAlarmRate:
    @pytest.mark.filterwarnings("ignore:LOE. false_alarm_rate=0.01 is not above")
    def test_flags_the_rows_of_small_p_values(self, contaminated):
        X, y = contaminated
        known = np.where((y == 1) & (np.arange(200) < 100), -1, 0)
        detector = loe(held_out_folds=3).fit(X, known_labels=known)
        proba, interval = detector.anomaly_proba(X), detector.contamination_interval_
        new = np.random.default_rng(0).normal(size=(300, X.shape[1]))
        for rate in (0.01, 0.05, 0.5):
            detector.set_threshold(n_flagged=3).set_threshold(false_alarm_rate=rate)
            np.testing.assert_array_equal(
                detector.predict(new) == -1, detector.p_values(new) <= rate
            )
            expected = np.where(known == 0, detector.predict(X), known)
            np.testing.assert_array_equal(detector.labels_, expected)
        # A rate tells nothing of the share of anomalies.
        np.testing.assert_array_equal(detector.anomaly_proba(X), proba)
        assert detector.contamination_interval_ == interval

    @pytest.mark.parametrize(
        ("known", "share", "advice"), [(False, "0.1", "0.145"), (True, "0.0526", "0.1")]
    )
    def test_that_anomalies_among_the_held_out_scores_use_up(
        self, contaminated, known, share, advice
    ):
        """The threshold lies among the anomalies then, and misses most of them."""
        X, y = contaminated
        mask = (y == 1) & (np.cumsum(y) <= 10) if known else np.zeros(200, dtype=bool)
        detector = loe(DeepSVDD(max_epochs=20), held_out_folds=3).fit(X, known_anomalies=mask)
        message = (
            rf"=0\.05 is not above the share .* {share} by .*calibration.*rate={advice}, which"
        )
        with pytest.warns(UserWarning, match=message):
            detector.set_threshold(false_alarm_rate=0.05)
        found = np.mean(detector.predict(X[y == 1]) == -1)
        detector.set_threshold(false_alarm_rate=float(advice))
        assert np.mean(detector.predict(X[y == 1]) == -1) > found
        detector.set_threshold(false_alarm_rate=0.05, calibration=X[y == 0])

    @pytest.mark.filterwarnings("ignore:LOE. false_alarm_rate=0.004976 is not above")
    def test_that_is_too_low_for_so_many_scores(self, contaminated):
        detector = loe(held_out_folds=2).fit(contaminated[0])
        message = r"=0\.001 cannot be met with 200 held-out scores.*false_alarm_rate=0\.004976 or"
        with pytest.raises(ValueError, match=message):
            detector.set_threshold(false_alarm_rate=0.001)
        detector.set_threshold(false_alarm_rate=0.004976)

    def test_is_kept_on_new_rows_where_the_threshold_of_the_fit_flags_many(self):
        """Of 100 clean rows of 30 features training rows look far more normal than new ones."""
        rng = np.random.default_rng(0)
        X, new = rng.normal(size=(100, 30)), rng.normal(size=(1000, 30))
        estimator = AutoEncoder(max_epochs=60)
        detector = loe(estimator, contamination=0.04, evidence=None, held_out_folds=5).fit(X)
        assert np.mean(detector.predict(new) == -1) > 0.15
        detector.set_threshold(false_alarm_rate=0.05)
        # The rate by 100 scores has a standard deviation of .022.
        assert np.mean(detector.predict(new) == -1) < 0.1
