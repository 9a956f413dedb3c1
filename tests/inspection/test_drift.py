"""Whether the scores of new rows are distributed as before."""

import pickle

import numpy as np
import pandas as pd
import pytest
from conftest import few_detectors, slow_but
from scipy.stats import ks_2samp
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, load, save
from lofe_sklearn.inspection import drift_report
from lofe_sklearn.inspection._drift import compare_scores
from lofe_sklearn.tabular import table_pipeline

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4))
SAME, MOVED = RNG.normal(size=(100, 4)), RNG.normal(4, 1, size=(100, 4))


def detectors():
    backbone = DeepSVDD(max_epochs=5, random_state=0)
    loe = LOE(DeepSVDD(max_epochs=3), n_estimators=2, contamination=0.1, random_state=0)
    search = LOESearchCV(loe, {"contamination": [0.05, 0.1]}, cv=2)
    labels = np.repeat([0, 1], [140, 10])
    return {
        "backbone": backbone.fit(X),
        "LOE": clone(loe).fit(X),
        "Pipeline": make_pipeline(StandardScaler(), loe).fit(X),
        "LOESearchCV": clone(search).fit(X, labels),
        "Pipeline of a search": make_pipeline(StandardScaler(), search).fit(X, labels),
    }


@pytest.fixture(scope="module")
def fitted():
    return detectors()


@pytest.fixture(scope="module")
def backbone(fitted):
    return fitted["backbone"]


class TestNumbers:
    def test_psi_by_hand(self):
        reference = np.arange(100.0)
        scores = np.concatenate([np.arange(0.0, 10.0), np.arange(0.0, 100.0, 2.0)])
        report = compare_scores(scores, reference)
        np.testing.assert_array_equal(report.edges, np.arange(10.0, 100.0, 10.0))
        # 15 scores in the lowest bin and 5 in each of the others; half a row more everywhere.
        p = np.array([15.5, *[5.5] * 9]) / 65
        np.testing.assert_allclose(report.shares, p)
        np.testing.assert_allclose(report.shares_reference, 0.1)
        expected = np.sum((p - 0.1) * np.log(p / 0.1))
        assert report.psi == pytest.approx(expected)
        assert report.psi == pytest.approx(0.1435, abs=1e-4)

    def test_the_text_has_the_shares_of_the_rows(self):
        """A bin without rows has 0 %, although half a row more is in each of `shares`."""
        text = repr(compare_scores(np.full(40, -1.0), np.arange(100.0)))
        training, new = text.splitlines()[4:6]
        assert training.split() == ["reference"] + ["10.0"] * 10
        assert new.split() == ["new", "100.0"] + ["0.0"] * 9

    def test_the_test_is_that_of_scipy(self):
        scores, reference = RNG.normal(0.3, 1, 80), RNG.normal(size=200)
        report = compare_scores(scores, reference)
        expected = ks_2samp(scores, reference, method="asymp")
        assert (report.ks, report.p_value) == (expected.statistic, expected.pvalue)

    def test_the_test_of_a_handful_of_rows(self):
        report = compare_scores(np.array([1.0]), np.array([0.0]))
        assert (report.ks, report.p_value) == (1, 1)

    def test_a_shift_has_the_index_of_the_normal_distribution(self):
        """Of two normal distributions, PSI without bins is the square of the shift."""
        scores, reference = RNG.normal(0.5, 1, 200_000), RNG.normal(size=200_000)
        assert compare_scores(scores, reference).psi == pytest.approx(0.25, abs=0.03)

    def test_equal_scores(self):
        same = compare_scores(np.ones(40), np.ones(50))
        assert same.ks == 0
        assert same.p_value == 1
        assert same.verdict == "keep"
        assert len(same.shares) == 3  # below, equal, above
        for moved in (0.5, 1.5):
            report = compare_scores(np.full(40, moved), np.ones(50))
            assert report.ks == 1
            assert report.verdict == "refit"

    @pytest.mark.parametrize("side", [-1.0, 1.0])
    def test_both_sides_of_a_tie_are_told_apart(self, side):
        reference = np.concatenate([np.zeros(95), side * np.arange(1, 6)])
        assert compare_scores(reference, reference).psi == 0
        moved = np.concatenate([np.zeros(50), side * np.ones(50)])
        assert compare_scores(moved, reference).verdict == "refit"

    def test_rounding_is_no_drift(self):
        reference = np.repeat([0.1, 0.5, 0.9], 40)
        report = compare_scores(reference + RNG.uniform(-1e-9, 1e-9, 120), reference)
        assert report.psi == 0
        assert report.ks == 0

    def test_rounding_of_single_precision_is_no_drift(self):
        reference = np.repeat([0.1, 0.5, 0.9], 40)
        scores = reference + RNG.choice([-9e-7, 9e-7], 120)
        assert compare_scores(scores, reference).ks > 0
        assert compare_scores(scores, reference, in_single=True).ks == 0

    def test_many_close_scores_are_no_tie_in_single_precision(self):
        reference, scores = RNG.uniform(1, 2, 100_000), RNG.uniform(1.02, 2.02, 100_000)
        expected = compare_scores(scores, reference).ks
        assert expected > 0.015
        assert compare_scores(scores, reference, in_single=True).ks == pytest.approx(expected)

    def test_many_rows_of_a_small_difference(self):
        report = compare_scores(RNG.normal(0.05, 1, 50_000), RNG.normal(size=50_000))
        assert report.p_value < 1e-6
        assert report.verdict == "keep"

    def test_few_rows_of_a_difference_that_may_be_chance(self):
        report = compare_scores(np.arange(40.0) % 5 * 20, np.arange(100.0))
        assert report.psi > 0.25
        assert report.p_value > 0.05
        assert report.verdict == "keep"
        assert "chance" in report.advice

    def test_a_middling_difference(self):
        report = compare_scores(RNG.normal(0.4, 1, 5000), RNG.normal(size=5000))
        assert report.verdict == "watch"
        assert report.drifted

    @pytest.mark.parametrize(("n", "m"), [(29, 200), (200, 29), (1, 1)])
    def test_too_few_rows(self, n, m):
        report = compare_scores(np.full(n, 5.0), np.arange(float(m)))
        assert report.verdict == "unknown"
        assert report.drifted is None
        assert "at least 30" in report.advice

    @pytest.mark.parametrize(("n", "m"), [(30, 100), (200, 1000)])
    def test_false_alarms_are_rare(self, n, m):
        rng = np.random.default_rng(1)
        alarms = [
            compare_scores(rng.normal(size=n), rng.normal(size=m)).drifted for _ in range(400)
        ]
        assert np.mean(alarms) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)

    def test_shifts_are_found(self):
        rng = np.random.default_rng(1)
        found = [
            compare_scores(rng.normal(-0.7, 1, 100), rng.normal(size=500)).drifted
            for _ in range(200)
        ]
        assert np.mean(found) > 0.95


class TestDetectors:
    @pytest.mark.parametrize(
        "kind", ["backbone", "LOE", "Pipeline", "LOESearchCV", "Pipeline of a search"]
    )
    def test_training_rows_are_the_reference(self, fitted, kind):
        detector = fitted[kind]
        report = drift_report(detector, X)
        assert report.psi == pytest.approx(0)
        assert report.ks == 0
        assert not report.drifted
        assert report.flagged == report.flagged_reference == np.mean(detector.predict(X) == -1)
        assert (report.n_rows, report.n_reference) == (150, 150)
        moved = drift_report(detector, MOVED)
        assert moved.verdict == "watch"
        assert moved.drifted is None
        assert moved.psi > 1
        assert "reference=rows" in moved.advice
        assert drift_report(detector, MOVED, reference=SAME).verdict == "refit"
        assert moved.flagged == np.mean(detector.predict(MOVED) == -1)

    @few_detectors
    def test_every_detector(self, detector, contaminated):
        rows, _ = contaminated
        detector.fit(rows)
        same = drift_report(detector, rows[::-1])
        assert same.psi == pytest.approx(0)
        assert same.ks == 0
        assert same.flagged == same.flagged_reference
        moved = drift_report(detector, rows * 10 + 50, reference=rows)
        assert moved.verdict == "refit"

    def test_reference_rows(self, backbone):
        report = drift_report(backbone, MOVED, reference=MOVED)
        assert report.psi == 0
        assert report.n_reference == 100
        assert report.flagged == report.flagged_reference
        assert not drift_report(backbone, SAME, reference=X[:50]).drifted

    def test_rows_of_the_same_kind_are_no_drift(self):
        """An autoencoder of few rows scores them much better than others: no drift either."""
        rng = np.random.default_rng(0)
        mixing = rng.normal(size=(4, 8))

        def draw(size):
            return rng.normal(size=(size, 4)) @ mixing + 0.3 * rng.normal(size=(size, 8))

        detector = AutoEncoder(random_state=0).fit(draw(200))
        kept_back = draw(1000)
        assert drift_report(detector, kept_back).psi > 0.25
        reports = [drift_report(detector, draw(100), reference=kept_back) for _ in range(40)]
        assert sum(report.drifted for report in reports) <= 5  # 2 are expected, 5 at the 98th %
        in_sample = [drift_report(detector, draw(100)) for _ in range(40)]
        assert not any(report.drifted for report in in_sample)

    def test_the_threshold_of_now(self, backbone):
        detector = pickle.loads(pickle.dumps(backbone)).set_threshold(n_flagged=3)
        assert drift_report(detector, X).flagged_reference == pytest.approx(3 / 150)

    @pytest.mark.parametrize(
        "kind", slow_but(["LOE", "Pipeline"], ["backbone", "LOE", "Pipeline", "LOESearchCV"])
    )
    def test_after_save_and_load(self, fitted, kind, tmp_path):
        save(fitted[kind], tmp_path / "model.lofe")
        loaded = load(tmp_path / "model.lofe")
        assert repr(drift_report(loaded, SAME)) == repr(drift_report(fitted[kind], SAME))

    def test_tables(self):
        rng = np.random.default_rng(0)

        def table(size, unit):
            amount = rng.normal(20, 2, size) * unit
            return pd.DataFrame({"amount": amount, "shop": rng.choice(["north", "south"], size)})

        detector = table_pipeline(AutoEncoder(max_epochs=20, random_state=0)).fit(table(200, 1))
        kept_back = table(100, 1)
        assert not drift_report(detector, table(100, 1), reference=kept_back).drifted
        assert drift_report(detector, table(100, 1000), reference=kept_back).verdict == "refit"

    def test_the_report_in_words(self, backbone):
        assert "150 training rows" in str(drift_report(backbone, MOVED))
        text = str(drift_report(backbone, MOVED, reference=X))
        for part in ("100 new rows, 150 reference rows", "PSI", "KS", "flagged", "Refit"):
            assert part in text
        assert "flagged" not in str(compare_scores(X[:, 0], X[:, 1]))


class TestBadInput:
    def test_no_detector_of_this_package(self):
        with pytest.raises(TypeError, match="drift_report: fitted must be.*got IsolationForest"):
            drift_report(IsolationForest(n_estimators=2).fit(X), X)

    @pytest.mark.parametrize("detector", [LOE(), make_pipeline(StandardScaler(), DeepSVDD())])
    def test_unfitted(self, detector):
        with pytest.raises(NotFittedError):
            drift_report(detector, X)

    def test_a_search_without_a_refit(self):
        loe = LOE(DeepSVDD(max_epochs=1), n_estimators=1, contamination=0.1)
        search = LOESearchCV(loe, {}, cv=2, refit=False).fit(X, np.repeat([0, 1], 75))
        with pytest.raises(ValueError, match="drift_report.*refit=False"):
            drift_report(search, X)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [(X[:, :2], "features"), (X * np.nan, "NaN"), (X[:0], "0 sample")],
    )
    def test_rows_that_cannot_be_scored(self, backbone, rows, message):
        with pytest.raises(ValueError, match=message):
            drift_report(backbone, rows)
        with pytest.raises(ValueError, match=message):
            drift_report(backbone, X, reference=rows)

    def test_no_scores_of_training_rows(self, backbone):
        detector = pickle.loads(pickle.dumps(backbone))
        del detector._training_scores
        with pytest.raises(ValueError, match="no scores of training rows.*reference="):
            drift_report(detector, X)
        assert drift_report(detector, X, reference=X).verdict == "keep"


def test_a_small_flagged_share_is_not_written_as_none():
    reference = np.linspace(0, 1, 4000)
    report = compare_scores(reference, reference, offset=reference[1])
    assert "flagged  0.03 % of the new and 0.03 % of the reference rows" in str(report)
    none = compare_scores(reference, reference, offset=-1.0)
    assert "flagged  0.0 % of the new" in str(none)
