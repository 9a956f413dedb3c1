"""set_threshold, p_values and severity of every public detector."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import FEW_TREES
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from lofe_sklearn import (
    LOE,
    AutoEncoder,
    DeepSVDD,
    LOESearchCV,
    NeuTraL,
    config_context,
    fit_many,
)
from lofe_sklearn.exceptions import NoSeparateGroupWarning
from lofe_sklearn.features import TemporalSmoothing
from lofe_sklearn.inspection import drift_report

ROWS = np.random.default_rng(5).normal(size=(20, 5))
NONE = {"contamination": None, "n_flagged": None, "false_discovery_rate": None}


_ALREADY = {}


@pytest.fixture
def fitted(detector, contaminated):
    """Every public detector, fitted to the contaminated rows; each class once for all tests."""
    if type(detector) not in _ALREADY:
        _ALREADY[type(detector)] = pickle.dumps(detector.fit(contaminated[0]))
    return pickle.loads(_ALREADY[type(detector)])  # many times faster than deepcopy


def n_flagged(detector, X):
    return int((detector.predict(X) == -1).sum())


def state(detector, X):
    """What a threshold decides."""
    found = [detector.offset_, detector.predict(X)]
    if isinstance(detector, LOE):
        found += [detector.contamination_, detector.labels_, detector.sample_indices_]
        found.append(detector.anomaly_proba(X))
    return found


def assert_same(detector, X, expected):
    for now, before in zip(state(detector, X), expected, strict=True):
        np.testing.assert_array_equal(now, before)


WRONG = [
    ({}, "set_threshold needs exactly one of contamination, .*got none"),
    (NONE, "exactly one of .*got none"),
    ({"contamination": 0.1, "n_flagged": 3}, "got contamination and n_flagged"),
    ({"contamination": 0}, r"contamination must be a number in \(0, 0.5\]; got 0"),
    ({"contamination": 0.51}, "contamination must be"),
    ({"contamination": True}, "contamination must be"),
    ({"contamination": np.nan}, "contamination must be"),
    ({"contamination": "auto"}, "contamination must be"),
    ({"n_flagged": -1}, "n_flagged must be an integer from 0 to 200, the number of train"),
    ({"n_flagged": 201}, "n_flagged must be .*got 201"),
    ({"n_flagged": 3.0}, "n_flagged must be"),
    ({"n_flagged": False}, "n_flagged must be"),
    ({"false_discovery_rate": 0}, r"false_discovery_rate must be a number in \(0, 1\)"),
    ({"false_discovery_rate": 1}, "false_discovery_rate must be"),
    ({"false_discovery_rate": "x"}, "false_discovery_rate must be"),
    ({"false_discovery_rate": 1e-12}, "false_discovery_rate.* n_flagged"),
    ({"false_alarm_rate": 0.1}, "false_alarm_rate needs rows .*calibration=rows.*held_out_folds=3"),
    ({"false_alarm_rate": 0, "calibration": ROWS}, r"false_alarm_rate must be .* \(0, 1\)"),
    ({"false_alarm_rate": True, "calibration": ROWS}, "false_alarm_rate must be"),
    (
        {"false_alarm_rate": 0.01, "calibration": ROWS},
        "with 20 calibration rows: .*1 / 21.*least 99",
    ),
    ({"false_alarm_rate": 0.1, "calibration": ROWS[:, :3]}, "calibration has 3 features"),
    ({"n_flagged": 3, "calibration": ROWS}, "only with false_alarm_rate; got them with n_flagged"),
    ({"calibration": ROWS}, "exactly one of .*got none"),
]


class TestSetThreshold:
    def test_by_number(self, fitted, contaminated):
        X, _ = contaminated
        scores = fitted.score_samples(X)
        for number in (0, 1, 2, 37, 199, 200, np.int64(5)):
            assert fitted.set_threshold(n_flagged=number) is fitted
            flagged = np.flatnonzero(scores < fitted.offset_)
            assert set(flagged) == set(np.argsort(scores)[:number])
        assert n_flagged(fitted, X) == 5
        np.testing.assert_array_equal(fitted.score_samples(X), scores)
        np.testing.assert_array_equal(fitted.decision_function(X), scores - fitted.offset_)

    @pytest.mark.parametrize("share", [0.005, 0.03, 0.25, 0.5, np.float32(0.25)])
    def test_by_share_is_that_of_a_fit(self, fitted, contaminated, share):
        X, _ = contaminated
        fitted.set_threshold(contamination=share)
        assert n_flagged(fitted, X) == pytest.approx(200 * share, abs=1)
        if not isinstance(fitted, LOE):  # its ratio steers the training
            anew = clone(fitted).set_params(contamination=share).fit(X)
            assert anew.offset_ == pytest.approx(fitted.offset_, rel=1e-12)

    def test_of_one_call_does_not_depend_on_those_before(self, fitted, contaminated):
        X, _ = contaminated
        for last in ({"n_flagged": 7}, {"contamination": 0.3}):
            expected = state(copy.copy(fitted).set_threshold(**last), X)
            for first in ({"n_flagged": 0}, {"n_flagged": 150}, {"contamination": 0.01}):
                fitted.set_threshold(**first)
                assert_same(fitted.set_threshold(**last), X, expected)

    def test_a_refit_resets_it(self, detector, contaminated):
        X, _ = contaminated
        expected = state(detector.fit(X), X)
        detector.set_threshold(n_flagged=3)
        assert n_flagged(detector, X) == 3
        assert_same(detector.fit(X), X, expected)

    def test_copies_keep_it_and_clones_forget_it(self, fitted, contaminated):
        X, _ = contaminated
        expected = state(fitted, X)
        fitted.set_threshold(n_flagged=3)
        for copied in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
            assert_same(copied, X, state(fitted, X))
            assert n_flagged(copied.set_threshold(n_flagged=11), X) == 11
        assert n_flagged(fitted, X) == 3
        assert fitted.get_params().keys() == clone(fitted).get_params().keys()
        assert_same(clone(fitted).fit(X), X, expected)

    def test_what_cannot_be_leaves_it_as_it_was(self, fitted, contaminated):
        X, _ = contaminated
        fitted.set_threshold(n_flagged=9)
        expected, before = state(fitted, X), dict(vars(fitted))
        for given, message in WRONG:
            with pytest.raises(ValueError, match=f"^{type(fitted).__name__}: .*{message}"):
                fitted.set_threshold(**given)
            assert vars(fitted).keys() == before.keys()
            assert all(vars(fitted)[name] is value for name, value in before.items())
        assert_same(fitted, X, expected)

    def test_before_a_fit(self, detector, contaminated):
        with pytest.raises(NotFittedError, match="not fitted"):
            detector.set_threshold(n_flagged=3)
        for method in ("p_values", "severity"):
            with pytest.raises(NotFittedError, match="not fitted"):
                getattr(detector, method)(contaminated[0])

    def test_ties_are_not_split(self, detector):
        rows = np.concatenate([np.random.default_rng(0).normal(size=(60, 5)), np.full((8, 5), 9.0)])
        detector.fit(rows)
        scores = detector.score_samples(rows)
        tied = np.flatnonzero(np.abs(scores - scores[-1]) < 1e-9)
        lower = int((scores < scores[-1] - 1e-9).sum())
        for wanted, flagged in ((lower + 2, lower), (lower + 6, lower + len(tied))):
            message = f"n_flagged={wanted} would split rows of equal scores, so {flagged} of 68"
            with pytest.warns(UserWarning, match=message):
                detector.set_threshold(n_flagged=wanted)
            assert n_flagged(detector, rows) == flagged
            alone = {int(detector.predict(row[None])[0]) for row in rows[tied]}
            assert len(alone) == 1

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_rows_that_are_all_equal(self, detector):
        rows = np.ones((20, 5))
        if isinstance(detector, LOE):  # the trees of the tests do not take them
            detector.set_params(init=None)
        detector.fit(rows).set_threshold(n_flagged=5)
        assert n_flagged(detector, rows) == 0
        np.testing.assert_array_equal(detector.severity(rows), 50.0)

    def test_at_the_end_of_a_pipeline(self, detector, contaminated):
        X, _ = contaminated
        pipeline = make_pipeline(StandardScaler(), detector).fit(X)
        pipeline[-1].set_threshold(n_flagged=13)
        assert (pipeline.predict(X) == -1).sum() == 13

    def test_after_fit_many(self, detector, contaminated):
        X, _ = contaminated
        rows = np.arange(0, 200, 2)
        [fitted] = fit_many([detector], X, rows=[rows])
        assert n_flagged(fitted.set_threshold(n_flagged=13), X[rows]) == 13


def test_backbones_say_what_has_a_false_discovery_rate(backbone_class, contaminated):
    fitted = backbone_class(max_epochs=1).fit(contaminated[0])
    with pytest.raises(ValueError, match=rf"Use LOE\({backbone_class.__name__}\(\)\).*calibration"):
        fitted.set_threshold(false_discovery_rate=0.1)


class TestFalseAlarmRate:
    @pytest.mark.parametrize("rate", [0.02, 1 / 51, 0.1, 0.3, 50 / 51, 0.99])
    def test_flags_the_rows_of_small_p_values(self, detector, contaminated, rate):
        X, _ = contaminated
        calibration = X[150:]
        fitted = detector.fit(X[:100])
        assert fitted.set_threshold(false_alarm_rate=rate, calibration=calibration) is fitted
        for rows in (X[100:150], X[:100], calibration):  # calibration rows tie with themselves
            p_values = fitted.p_values(rows, calibration)
            np.testing.assert_array_equal(fitted.predict(rows) == -1, p_values <= rate)
        if isinstance(fitted, LOE):
            np.testing.assert_array_equal(fitted.labels_, fitted.predict(X[:100]))
            assert fitted.contamination_ == np.mean(fitted.labels_ == -1)

    def test_keeps_the_rate_on_new_rows_where_features_are_many(self, backbone_class):
        rng = np.random.default_rng(0)
        X, new = rng.normal(size=(60, 30)), rng.normal(size=(1000, 30))
        fitted = backbone_class(max_epochs=3, contamination=0.05, random_state=0).fit(X)
        calibration = rng.normal(size=(400, 30))
        fitted.set_threshold(false_alarm_rate=0.05, calibration=calibration)
        # The rate of 400 calibration rows has a standard deviation of .011.
        assert 0.01 < np.mean(fitted.predict(new) == -1) < 0.09

    def test_calibration_rows_that_are_equal(self, detector, contaminated):
        fitted = detector.fit(contaminated[0])
        calibration = np.repeat(ROWS[:2], 10, axis=0)
        fitted.set_threshold(false_alarm_rate=0.2, calibration=calibration)
        # All twenty are at least as anomalous as the more normal of the two rows.
        assert (fitted.predict(calibration) == 1).all()
        np.testing.assert_array_equal(
            fitted.predict(ROWS) == -1, fitted.p_values(ROWS, calibration) <= 0.2
        )

    def test_data_frames(self, detector, contaminated):
        frame = pd.DataFrame(contaminated[0], columns=list("abcde"))
        fitted = detector.fit(frame[:100])
        fitted.set_threshold(false_alarm_rate=0.1, calibration=frame[100:])
        offset = fitted.offset_
        with pytest.raises(ValueError, match="feature names"):
            fitted.set_threshold(false_alarm_rate=0.1, calibration=frame[list("edcba")])
        assert fitted.offset_ == offset


class TestSeverity:
    def test_is_the_percentile_among_the_training_rows(self, fitted, contaminated):
        X, _ = contaminated
        severity = fitted.severity(X)
        scores = fitted.score_samples(X)
        assert severity.dtype == np.float64
        # The k-th most anomalous of 200 distinct rows: 200 - k less anomalous ones, itself half.
        expected = 100 * (200 - np.arange(1, 201) + 0.5) / 200
        np.testing.assert_allclose(severity[np.argsort(scores)], expected)
        assert severity.mean() == pytest.approx(50)

    def test_of_rows_outside_the_training_rows(self, fitted, contaminated):
        X, _ = contaminated
        new = (
            np.random.default_rng(3).normal(size=(50, 5)) * [[1.0]] * np.linspace(0, 9, 50)[:, None]
        )
        scores, training = fitted.score_samples(new), fitted.score_samples(X)
        severity = fitted.severity(new)
        assert ((severity >= 0) & (severity <= 100)).all()
        np.testing.assert_array_equal(severity == 100, scores < training.min() - 1e-6)
        assert (np.diff(severity[np.argsort(scores)]) <= 0).all()

    def test_does_not_depend_on_the_threshold_or_the_other_rows(self, fitted, contaminated):
        X, _ = contaminated
        severity = fitted.severity(X)
        fitted.set_threshold(n_flagged=100)
        np.testing.assert_array_equal(fitted.severity(X), severity)
        alone = np.concatenate([fitted.severity(row[None]) for row in X[:9]])
        np.testing.assert_allclose(alone, severity[:9])


class TestPValues:
    def test_by_calibration_rows(self, detector, contaminated):
        X, _ = contaminated
        detector.fit(X[:100])
        p_values = detector.p_values(X[100:150], calibration=X[150:])
        assert p_values.dtype == np.float64
        scores, others = detector.score_samples(X[100:150]), detector.score_samples(X[150:])
        expected = [(1 + (others <= score).sum()) / 51 for score in scores]
        np.testing.assert_allclose(p_values, expected)
        assert ((p_values > 0) & (p_values <= 1)).all()
        alone = detector.p_values(X[100:101], calibration=X[150:])
        assert alone[0] == pytest.approx(p_values[0])

    def test_a_calibration_row_ties_with_itself(self, detector, contaminated):
        X, _ = contaminated
        detector.fit(X[:100])
        p_values = detector.p_values(X[100:], calibration=X[100:])
        # The most anomalous of 100 rows counts itself.
        np.testing.assert_allclose(np.sort(p_values), np.arange(2, 102) / 101)

    def test_without_rows_that_were_not_trained_on(self, fitted, contaminated):
        X, _ = contaminated
        owner = type(fitted).__name__
        with pytest.raises(ValueError, match=f"^{owner}: .*calibration=rows.*held_out_folds=3"):
            fitted.p_values(X)

    @pytest.mark.parametrize(
        ("calibration", "message"),
        [
            (np.full((4, 5), np.nan), "NaN"),
            (np.ones((4, 3)), "calibration has 3 features"),
            (np.ones((0, 5)), "calibration: .*0 sample"),
            (np.ones(5), "calibration: Expected 2D array"),
            (np.full((4, 5), "a"), "calibration holds text|could not convert"),
            (np.ma.masked_greater(np.ones((4, 5)), 0), "calibration.*mask"),
            (None, "calibration=rows"),
        ],
        ids=["nan", "features", "empty", "1d", "text", "masked", "none"],
    )
    def test_calibration_that_is_none(self, fitted, contaminated, calibration, message):
        X, _ = contaminated
        with pytest.raises((ValueError, TypeError), match=message) as raised:
            fitted.p_values(X, calibration=calibration)
        assert str(raised.value).startswith(f"{type(fitted).__name__}: ")

    def test_calibration_too_large_to_compute_with(self, backbone_class, contaminated):
        X, _ = contaminated
        detector = backbone_class(max_epochs=1)
        detector.scaling = None
        detector.fit(X)
        with pytest.raises(ValueError, match="calibration has a value of magnitude 1e\\+200"):
            detector.p_values(X, np.where(X == X[3, 3], 1e200, X))

    def test_data_frames(self, detector, contaminated):
        X, _ = contaminated
        frame = pd.DataFrame(X, columns=list("abcde"))
        detector.fit(frame[:100])
        expected = detector.p_values(frame[100:150], frame[150:])
        assert len(expected) == 50
        with pytest.raises(ValueError, match="feature names"):
            detector.p_values(frame[100:], frame[list("edcba")])


FITTED = LOE(DeepSVDD(max_epochs=3), contamination=0.1, init=FEW_TREES, random_state=0).fit(
    np.random.default_rng(0).normal(size=(50, 3))
)
NEW = np.random.default_rng(1).normal(size=(30, 3))
ONE_ARGUMENT = st.one_of(
    st.integers(0, 50).map(lambda k: {"n_flagged": k}),
    st.floats(0.01, 0.5).map(lambda share: {"contamination": share}),
    st.floats(0.01, 0.99).map(lambda rate: {"false_discovery_rate": rate}),
    st.floats(0.01, 0.99).map(lambda rate: {"false_alarm_rate": rate, "calibration": NEW}),
)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@drawn(st.lists(ONE_ARGUMENT, min_size=1, max_size=4))
def test_only_the_last_call_counts(calls):
    X = np.random.default_rng(0).normal(size=(50, 3))
    results = [outcome_of(sequence, X) for sequence in (calls, calls[-1:])]
    if isinstance(results[0], str):
        assert results[0] == results[1]
        assert "cannot be met" in results[0]
    else:
        for one, other in zip(*results, strict=True):
            np.testing.assert_array_equal(one, other)


def outcome_of(calls, X):
    """Return what a threshold decides after the calls, or why the last one failed."""
    detector = copy.deepcopy(FITTED)
    for arguments in calls:
        outcome = None
        try:
            detector.set_threshold(**arguments)
        except ValueError as error:
            outcome = str(error)
    return state(detector, X) if outcome is None else outcome


class TestSearch:
    @pytest.fixture
    def search(self, contaminated):
        X, y = contaminated
        detector = LOE(DeepSVDD(max_epochs=3), init=FEW_TREES, held_out_folds=2, random_state=0)
        return LOESearchCV(detector, {"contamination": [0.1, 0.2]}, cv=2).fit(X, y)

    def test_hands_the_threshold_on(self, search, contaminated):
        X, _ = contaminated
        results = search.cv_results_
        assert search.set_threshold(n_flagged=17) is search
        assert (search.predict(X) == -1).sum() == 17
        assert (search.best_estimator_.labels_ == -1).sum() == 17
        assert search.offset_ == search.best_estimator_.offset_
        np.testing.assert_array_equal(search.decision_function(X) < 0, search.predict(X) == -1)
        assert search.cv_results_ is results
        search.set_threshold(contamination=0.5)
        assert (search.predict(X) == -1).sum() == 100
        search.set_threshold(false_discovery_rate=0.5)
        with pytest.raises(ValueError, match="LOE: set_threshold needs exactly one"):
            search.set_threshold()

    def test_hands_on_what_is_asked_of_rows(self, search, contaminated):
        X, _ = contaminated
        best = search.best_estimator_
        np.testing.assert_array_equal(search.severity(X), best.severity(X))
        np.testing.assert_array_equal(search.p_values(X), best.p_values(X))
        np.testing.assert_array_equal(search.p_values(X, X[:9]), best.p_values(X, X[:9]))

    def test_in_a_pipeline(self, contaminated):
        X, y = contaminated
        pipeline = make_pipeline(StandardScaler(), DeepSVDD(max_epochs=3, random_state=0))
        search = LOESearchCV(pipeline, {"deepsvdd__lr": [1e-3, 1e-2]}, cv=2).fit(X, y)
        search.set_threshold(n_flagged=17)
        assert (search.predict(X) == -1).sum() == 17
        best, rows = search.best_estimator_, StandardScaler().fit(X).transform(X)
        np.testing.assert_array_equal(search.severity(X), best[-1].severity(rows))
        found = search.p_values(X, calibration=X[:30])
        np.testing.assert_array_equal(found, best[-1].p_values(rows, rows[:30]))
        # Calibration rows pass the steps before the detector, as the rows to judge do.
        search.set_threshold(false_alarm_rate=0.1, calibration=X[:30])
        np.testing.assert_array_equal(search.predict(X) == -1, found <= 0.1)
        for ask in (search.p_values, lambda X, **given: search.set_threshold(**given)):
            rate = {} if ask == search.p_values else {"false_alarm_rate": 0.1}
            with pytest.raises(ValueError, match="LOESearchCV: calibration"):
                ask(X, calibration=np.ma.masked_greater(X, 0), **rate)

    def test_before_a_fit_and_without_a_refit(self, contaminated):
        X, y = contaminated
        detector = DeepSVDD(max_epochs=1, random_state=0)
        with pytest.raises(NotFittedError):
            LOESearchCV(detector, {"lr": [1e-3]}).set_threshold(n_flagged=1)
        search = LOESearchCV(detector, {"lr": [1e-3]}, cv=2, refit=False).fit(X, y)
        for method in ("set_threshold", "p_values", "severity"):
            assert not hasattr(search, method)


@pytest.mark.parametrize("backbone", [DeepSVDD, NeuTraL], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("fit_in", ["float64", "float32"])
def test_equal_rows_are_judged_alike_in_single_precision(backbone, fit_in):
    X = np.zeros((200, 5))
    X[[3, 90]] = np.random.default_rng(0).normal(size=(2, 5))
    for detector in (
        backbone(max_epochs=3, contamination=0.1, random_state=0),
        LOE(
            backbone(max_epochs=3),
            contamination=0.1,
            n_estimators=2,
            evidence=None,
            held_out_folds=2,
            random_state=0,
        ),
    ):
        with config_context(scoring_dtype=fit_in):
            detector.fit(X)
        asked = [{}, {"n_flagged": 2}]
        asked += [{"false_alarm_rate": 0.5}] if isinstance(detector, LOE) else []
        for setting in asked:
            if setting:
                detector.set_threshold(**setting)
            expected = detector.predict(X)
            assert len(set(np.delete(expected, [3, 90]))) == 1
            with config_context(scoring_dtype="float32"):
                np.testing.assert_array_equal(detector.predict(X), expected)
                alone = [detector.predict(X[[row]])[0] for row in (0, 3, 50, 199)]
                assert alone == expected[[0, 3, 50, 199]].tolist()
            for score_in in ("float64", "float32"):
                with config_context(scoring_dtype=score_in):
                    severity = np.delete(detector.severity(X), [3, 90])
                    report = drift_report(detector, X)
                np.testing.assert_allclose(severity, 49.5)  # 198 of 200 rows look the same
                assert (report.ks, report.psi) == (0, 0)


def test_smoothed_scores_are_as_precise_as_those_of_the_detector_at_the_end():
    X = np.repeat(np.random.default_rng(0).normal(size=(20, 5)) + 300, 8, axis=0)
    # Their losses hardly differ for their size, so that scores are rounded by more than their own.
    members = AutoEncoder(max_epochs=1, scaling=None, lr=1e-5)
    detector = LOE(members, contamination=0.1, n_estimators=2, evidence=None, random_state=0)
    detector.fit(X)
    pipeline = make_pipeline(FunctionTransformer(), clone(detector))
    for smoothing in (TemporalSmoothing(clone(detector)), TemporalSmoothing(pipeline)):
        # Rows are clips of one frame, which keep their scores.
        assert smoothing.fit(X).offset_ == detector.set_threshold(contamination=0.1).offset_
        for count in range(8, 160, 8):
            detector.set_threshold(n_flagged=count)
            assert smoothing.set_threshold(n_flagged=count).offset_ == detector.offset_
            with config_context(scoring_dtype="float32"):
                assert n_flagged(smoothing, X) == count
                severity = smoothing.severity(X)
            np.testing.assert_array_equal(severity, smoothing.severity(X))


@pytest.mark.parametrize("asked", [{"n_flagged": 1}, {"contamination": 0.005}])
def test_a_threshold_set_after_a_fit_in_single_precision_splits_no_tie_of_it(asked):
    X = np.random.default_rng(0).normal(size=(200, 4))
    with config_context(scoring_dtype="float32"):
        detector = DeepSVDD(max_epochs=1, random_state=0).fit(X)
    # As the scores of equal rows may come out.
    detector._training_scores = np.concatenate([[-9.0, -9.0 + 1e-6], np.linspace(-2, 0, 198)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "DeepSVDD: n_flagged=1 would split")
        offset = detector.set_threshold(**asked).offset_
    assert np.sum(detector._training_scores < offset) in (0, 2)
    assert np.abs(detector._training_scores[:2] - offset).min() > 5e-6


@pytest.mark.parametrize("found", [True, False])
def test_a_parameter_set_after_the_fit_does_not_count(found):
    """Whether the ratio was found, and is hardly more than a guess, is a matter of the fit."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    ratio, other = ("auto", 0.1) if found else (0.1, "auto")
    detector = LOE(DeepSVDD(max_epochs=2), contamination=ratio, random_state=0, n_estimators=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoSeparateGroupWarning)
        detector.fit(X).set_params(contamination=other)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        detector.set_threshold(false_discovery_rate=0.99)
    assert [each.category for each in caught] == [NoSeparateGroupWarning] * found
    assert detector._has_found_ratio() == found
