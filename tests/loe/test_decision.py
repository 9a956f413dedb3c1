"""set_threshold of LOE: what follows the threshold, and the false discovery rate."""

import copy
import re
import warnings

import numpy as np
import pytest
from conftest import FEW_TREES
from sklearn.base import clone

from lofe_sklearn import LOE, DeepSVDD, NoSeparateGroupWarning, load, save
from lofe_sklearn._cut import threshold
from lofe_sklearn._loe._decision import _too_low
from lofe_sklearn.active import refit

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(0, 1, (270, 6)), RNG.normal(4, 1, (30, 6))])
Y = np.repeat([0, 1], [270, 30])


def loe(**parameters):
    given = {"contamination": 0.1, "init": FEW_TREES, "random_state": 0, **parameters}
    return LOE(DeepSVDD(max_epochs=30), **given)


_ALREADY = {}


@pytest.fixture(params=["probabilities", "held-out scores"])
def detector(request):
    """A fitted LOE, without and with held-out scores."""
    if request.param not in _ALREADY:
        folds = 3 if request.param == "held-out scores" else None
        _ALREADY[request.param] = loe(n_estimators=2, held_out_folds=folds).fit(X)
    return copy.deepcopy(_ALREADY[request.param])


def test_a_known_row_lets_no_tie_of_labels_exceed_a_ratio_that_is_a_guess():
    """The ratio is below 0.05, and 6 % of the rows are equal: none of them is flagged.

    They are the most anomalous ones, but not far from the others.
    """
    rows = np.random.default_rng(0).normal(size=(600, 4))
    rows[:36] = 4.0
    detector = LOE(DeepSVDD(max_epochs=2), evidence=FEW_TREES, n_estimators=2, random_state=0)
    for known in (None, np.arange(600) == 100):
        with pytest.warns(NoSeparateGroupWarning):
            detector.fit(rows, known_normal=known)
        assert (detector.predict(rows) == -1).sum() == (detector.labels_ == -1).sum() == 0


@pytest.mark.parametrize("evidence", [FEW_TREES, None], ids=["forest", "none"])
@pytest.mark.parametrize("n_different", [1, 3])
def test_repeated_rows_that_are_far_from_others_are_a_group(evidence, n_different):
    """They are more than the twentieth that a guess is at most: a tenth, or 6 % and a known row."""
    rows = np.random.default_rng(0).normal(size=(600, 4))
    detector = LOE(DeepSVDD(max_epochs=2), evidence=evidence, n_estimators=2, random_state=0)
    for n_equal, known in ((60, None), (36, np.arange(600) == 100)):
        rows[:n_equal] = 9.0 + 0.5 * (np.arange(n_equal)[:, None] % n_different)
        rows[n_equal:60] = np.random.default_rng(1).normal(size=(60 - n_equal, 4))
        with warnings.catch_warnings():
            warnings.simplefilter("error", NoSeparateGroupWarning)
            detector.fit(rows, known_normal=known)
        group = np.arange(600) < n_equal
        assert detector.contamination_ == pytest.approx(n_equal / 600, abs=1e-3)
        np.testing.assert_array_equal(detector.predict(rows) == -1, group)
        np.testing.assert_array_equal(detector.labels_ == -1, group)
        np.testing.assert_array_equal(detector.anomaly_proba(rows) > 0.5, group)


def test_the_lowest_rate_that_a_message_names_can_be_met():
    """13 / 100 * 106 / 20 is 0.689 and one bit more."""
    rates = np.array([13 / 100 * 106 / 20, 0.8])
    message = _too_low(0.1, np.array([20, 30]), rates, 106)
    assert "The lowest rate that can be met is 0.690, with 20 rows flagged" in message


class TestWhatFollows:
    @pytest.mark.parametrize("n_flagged", [0, 1, 12, 60, 300])
    def test_a_number(self, detector, n_flagged):
        scores, interval = detector.score_samples(X), detector.contamination_interval_
        detector.set_threshold(n_flagged=n_flagged)
        assert detector.contamination_ == n_flagged / 300
        np.testing.assert_array_equal(detector.labels_, detector.predict(X))
        assert (detector.labels_ == -1).sum() == n_flagged
        kept = np.flatnonzero(detector.labels_ == 1)
        np.testing.assert_array_equal(detector.sample_indices_, kept)
        assert detector.contamination_interval_ == interval
        np.testing.assert_array_equal(detector.score_samples(X), scores)
        proba = detector.anomaly_proba(X)
        assert np.isfinite(proba).all()
        np.testing.assert_array_equal(np.argsort(-scores), np.argsort(proba))

    @pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
    def test_probabilities_are_those_of_that_share(self, detector, share):
        detector.set_threshold(contamination=share)
        assert detector.contamination_ == share
        means = [detector.anomaly_proba(X).mean()]
        if detector.held_out_scores_ is not None:
            means.append(detector._posterior.proba(detector.held_out_scores_).mean())
        assert np.mean(means) == pytest.approx(share)

    def test_the_share_of_the_fit_gives_its_threshold_and_probabilities(self, detector):
        offset, proba = detector.offset_, detector.anomaly_proba(X)
        detector.set_threshold(n_flagged=3).set_threshold(contamination=0.1)
        assert detector.offset_ == offset
        np.testing.assert_array_equal(detector.anomaly_proba(X), proba)

    def test_known_labels_stand(self):
        known = np.zeros(300, dtype=int)
        known[:10], known[270:275] = 1, -1
        detector = loe(held_out_folds=2).fit(X, known_labels=known)
        for arguments in (
            {"n_flagged": 0},
            {"n_flagged": 300},
            {"contamination": 0.01},
            {"false_discovery_rate": 0.5},
        ):
            detector.set_threshold(**arguments)
            np.testing.assert_array_equal(detector.labels_[known != 0], known[known != 0])
            unknown = known == 0
            np.testing.assert_array_equal(detector.labels_[unknown], detector.predict(X)[unknown])
            assert detector.contamination_ == pytest.approx((detector.predict(X) == -1).mean())

    @pytest.mark.parametrize("method", ["blind", "refine", "soft"])
    def test_of_every_method(self, method):
        detector = loe(method=method).fit(X).set_threshold(n_flagged=25)
        assert (detector.labels_ == -1).sum() == 25

    def test_fit_resample_fits_and_so_resets_it(self, detector):
        cleaned = clone(detector).fit_resample(X)[0]
        detector.set_threshold(n_flagged=100)
        assert len(detector.sample_indices_) == 200
        np.testing.assert_array_equal(detector.fit_resample(X)[0], cleaned)

    @pytest.mark.parametrize("n_flagged", [0, 250])
    def test_refit_takes_a_threshold_at_any_number(self, detector, n_flagged):
        detector.set_threshold(n_flagged=n_flagged)
        masks = {"known_anomalies": np.arange(300) >= 290, "known_normal": np.arange(300) < 10}
        assert 0 < refit(detector, X, **masks).contamination <= 0.5


class TestFalseDiscoveryRate:
    def test_most_flagged_rows_are_anomalies(self, detector):
        detector.set_threshold(false_discovery_rate=0.3)
        flagged = detector.predict(X) == -1
        assert 20 <= flagged.sum() <= 45
        assert np.mean(Y[flagged] == 0) <= 0.3
        assert detector.contamination_ == flagged.mean()

    def test_a_higher_rate_flags_no_fewer(self, detector):
        counts = []
        for rate in (0.25, 0.3, 0.4, 0.6, 0.8, 0.95):
            counts.append((detector.set_threshold(false_discovery_rate=rate).labels_ == -1).sum())
        assert counts == sorted(counts)
        assert counts[0] < counts[-1]

    def test_of_probabilities_is_their_mean(self):
        detector = loe(n_estimators=2).fit(X)
        proba = np.sort(detector.anomaly_proba(X))[::-1]
        for rate in (0.25, 0.5, 0.8):
            by_hand = max(k for k in range(1, 301) if np.mean(1 - proba[:k]) <= rate)
            assert (detector.set_threshold(false_discovery_rate=rate).labels_ < 0).sum() == by_hand

    def test_of_held_out_scores_is_benjamini_and_hochbergs(self):
        known = np.zeros(300, dtype=int)
        known[:10], known[270:275] = 1, -1
        detector = loe(n_estimators=2, held_out_folds=3).fit(X, known_labels=known)
        scores, held_out = detector.score_samples(X), detector.held_out_scores_
        normal = np.where(known == 0, scores >= detector.offset_, known == 1)
        p_values = []
        for row in np.flatnonzero(known == 0):
            others = np.delete(held_out, row)[np.delete(normal, row)]
            p_values.append((1 + (others <= held_out[row]).sum()) / (1 + len(others)))
        ascending, n = np.sort(p_values), len(p_values)
        for rate in (0.05, 0.1, 0.3, 0.6):
            by_hand = max(k for k in range(1, n + 1) if ascending[k - 1] * n / k <= rate)
            detector.set_threshold(false_discovery_rate=rate)
            flagged = detector.predict(X)[known == 0] == -1
            assert flagged.sum() == by_hand
            assert set(np.flatnonzero(flagged)) == set(np.argsort(scores[known == 0])[:by_hand])

    def test_says_nothing_of_the_probabilities(self, detector):
        proba = detector.anomaly_proba(X)
        detector.set_threshold(n_flagged=200)
        assert not np.allclose(detector.anomaly_proba(X), proba)
        detector.set_threshold(false_discovery_rate=0.4)
        np.testing.assert_array_equal(detector.anomaly_proba(X), proba)

    def test_that_cannot_be_met_says_which_can(self, detector):
        message = (
            r"^LOE: false_discovery_rate=0.0001 cannot be met: 0 of 300 training rows.*The lowest "
            r"rate that can be met is (0\.\d{3}), with (\d+) rows? flagged"
        )
        with pytest.raises(ValueError, match=message) as raised:
            detector.set_threshold(false_discovery_rate=1e-4)
        rate, number = re.search(message, str(raised.value)).groups()
        detector.set_threshold(false_discovery_rate=float(rate))
        assert (detector.predict(X) == -1).sum() == int(number)
        with pytest.raises(ValueError, match="cannot be met"):
            detector.set_threshold(false_discovery_rate=float(rate) - 0.002)

    def test_splits_no_tie(self):
        rows = np.concatenate([X, np.repeat(X[295:], 6, axis=0)])
        detector = loe(n_estimators=2).fit(rows)
        scores = detector.score_samples(rows)
        for rate in np.linspace(0.2, 0.6, 9):
            try:
                detector.set_threshold(false_discovery_rate=rate)
            except ValueError:
                continue
            flagged = detector.predict(rows) == -1
            assert scores[flagged].max() < scores[~flagged].min() - 1e-9
            assert np.mean(1 - detector.anomaly_proba(rows[flagged])) <= rate + 1e-9

    @pytest.mark.parametrize("folds", [None, 3])
    def test_of_a_share_that_is_assumed_warns(self, folds, tmp_path):
        clean = np.random.default_rng(1).normal(size=(200, 5))
        detector = loe(contamination="auto", n_estimators=2, held_out_folds=folds)
        with pytest.warns(NoSeparateGroupWarning):
            detector.fit(clean)
        save(detector, tmp_path / "model.lofe")
        message = r"false_discovery_rate=0\.\d+ is estimated as if 0\.0\d+ .* no separate group"
        for fitted in (detector, load(tmp_path / "model.lofe")):
            with pytest.warns(NoSeparateGroupWarning, match=message):
                fitted.set_threshold(false_discovery_rate=0.95)
            # The rate is not kept: of clean rows all that are flagged are normal.
            assert (fitted.predict(clean) == -1).any()

    def test_of_a_share_that_was_given_or_found_does_not_warn(self, detector):
        known = np.where(np.arange(300) >= 290, -1, 0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            detector.set_threshold(false_discovery_rate=0.4)
            found = loe(contamination="auto", n_estimators=2).fit(X, known_labels=known)
            found.set_threshold(false_discovery_rate=0.6)

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_of_rows_that_are_all_equal(self):
        detector = loe(init=None).fit(np.ones((40, 3)))
        with pytest.raises(ValueError, match="No rate below 1 can be met. Give contamination or"):
            detector.set_threshold(false_discovery_rate=0.5)


def test_thresholds_of_fit_and_set_threshold_are_of_one_rule(detector):
    scores, unit = detector._training_scores, detector._ensemble.scale.unit
    np.testing.assert_allclose(scores, detector.score_samples(X), rtol=1e-6, atol=1e-6)
    assert detector.offset_ == threshold(scores, 0.1, unit=unit)
