"""Ratio and threshold where rows come in parts: those of rows in memory, up to the sample."""

import warnings

import numpy as np
import pytest
from conftest import FEW_TREES
from sklearn import clone, config_context
from stored_rows import Counted

from lofe_sklearn import LOE, DeepSVDD, NoSeparateGroupWarning
from lofe_sklearn._training import _score_histogram, _seen_rows

# Of a working memory of 0.5 MiB, rows of more than 32 KiB are not read whole.
LITTLE = {"working_memory": 0.5}
BACKBONE = DeepSVDD(max_epochs=2, batch_size=256, random_state=0)
ENSEMBLE = LOE(BACKBONE, init=FEW_TREES, evidence=None, random_state=0)


@pytest.fixture
def X():
    rows = np.random.default_rng(0).normal(size=(3000, 4))
    rows[::20] += 4
    return rows


@pytest.mark.parametrize("detector", [BACKBONE, ENSEMBLE], ids=["backbone", "loe"])
@pytest.mark.parametrize(
    ("label", "given", "numbers"),
    [
        ("known_anomalies", 0.01, r"150 of 3000 rows anomalous.*0\.05 is used"),
        ("known_normal", 0.3, r"2850 of 3000 rows normal.*0\.05 is used"),
    ],
)
def test_known_labels_bound_the_ratio_of_stored_rows(X, detector, label, given, numbers):
    is_anomaly = np.arange(len(X)) % 20 == 0
    known = {label: is_anomaly if label == "known_anomalies" else ~is_anomaly}
    detector = clone(detector).set_params(contamination=given)
    with config_context(**LITTLE), pytest.warns(UserWarning, match=numbers):
        detector.fit(Counted(X), **known)
    assert np.mean(detector.predict(X) < 0) == pytest.approx(0.05, abs=0.002)
    if isinstance(detector, LOE):
        assert detector.contamination_ == pytest.approx(0.05)
        assert detector.contamination_interval_ == pytest.approx((0.05, 0.05))


def test_ties_of_stored_rows_do_not_raise_a_ratio_that_is_a_guess(X):
    """The ratio is 0.027, and 5.2 % of the rows are equal: none of these is flagged.

    They are not far from others.
    """
    X[:156] = 4.0
    X = np.random.default_rng(0).permutation(X)
    detector = clone(ENSEMBLE).set_params(n_estimators=2)
    for rows in (X, Counted(X)):
        with config_context(**LITTLE), pytest.warns(NoSeparateGroupWarning):
            detector.fit(rows)
        assert np.mean(detector.predict(X) < 0) <= 0.05


def test_repeated_stored_rows_that_are_far_from_others_are_a_group(X):
    """A reading that failed in 8 % of the rows, more than the twentieth that a guess is at most."""
    X[:240] = 30.0
    X = np.random.default_rng(0).permutation(X)
    detector = clone(ENSEMBLE).set_params(n_estimators=2)
    for rows in (X, Counted(X)):
        with config_context(**LITTLE), warnings.catch_warnings():
            warnings.simplefilter("error", NoSeparateGroupWarning)
            detector.fit(rows)
        np.testing.assert_array_equal(detector.predict(X) < 0, X[:, 0] == 30.0)
        # Of stored rows by quantiles of the scores.
        assert detector.contamination_ == pytest.approx(0.08, abs=1e-3)
        assert not detector._is_guess()


@pytest.mark.parametrize("detector", [BACKBONE, ENSEMBLE], ids=["backbone", "loe"])
@pytest.mark.parametrize("way", ["parts", "stored"])
def test_a_number_that_would_split_ties_is_warned_of(X, detector, way):
    equal = X[:1].copy()
    X[:600] = equal
    X = np.random.default_rng(0).permutation(X)
    detector = clone(detector).set_params(contamination=0.05)
    if way == "parts":
        for start in range(0, len(X), 1000):
            detector.partial_fit(X[start : start + 1000])
    else:
        with config_context(**LITTLE):
            detector.fit(Counted(X))
    n_below = int(np.sum(detector.score_samples(X) < detector.score_samples(equal) - 1e-6))
    with pytest.warns(UserWarning, match=f"n_flagged={n_below + 250} would split rows of equal"):
        detector.set_threshold(n_flagged=n_below + 250)
    assert np.sum(detector.predict(X) < 0) == pytest.approx(n_below, abs=20)


def test_no_row_and_all_rows_of_a_source_are_met_exactly(X, monkeypatch):
    monkeypatch.setattr(_score_histogram, "_N_POINTS", 500)
    detector = clone(BACKBONE)
    with config_context(**LITTLE):
        detector.fit(Counted(X))
    scores = detector.score_samples(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n_flagged in (0, len(X)):
            assert np.sum(scores < detector.set_threshold(n_flagged=n_flagged).offset_) == n_flagged
    with pytest.warns(UserWarning, match=r"n_flagged=2 of 3000 .* 500 scores .* about 6\.0 rows"):
        detector.set_threshold(n_flagged=2)


def test_a_number_below_what_a_sample_can_tell_is_warned_of(X, monkeypatch):
    monkeypatch.setattr(_seen_rows, "_MOST", 300)
    detector = clone(BACKBONE).partial_fit(X)
    for n_flagged in (0, 9):
        with pytest.warns(UserWarning, match=f"n_flagged={n_flagged} of 3000 .* 300 scores"):
            detector.set_threshold(n_flagged=n_flagged)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector.set_threshold(n_flagged=20)


def test_rows_of_known_label_do_not_count_in_the_false_discovery_rate(X):
    is_anomaly = np.arange(len(X)) % 20 == 0
    detector = clone(ENSEMBLE).set_params(contamination=0.1)
    detector.partial_fit(X, known_anomalies=is_anomaly)
    own = detector._training_scores[~is_anomaly]
    detector.set_threshold(false_discovery_rate=0.5)
    normal = 1 - detector._posterior.proba(own[own < detector.offset_])
    assert len(normal) > 0
    assert normal.mean() <= 0.5


@pytest.mark.parametrize("read", [np.asarray, Counted], ids=["in memory", "stored"])
def test_known_anomalies_are_a_separate_group_after_the_fit_too(X, read):
    is_anomaly = np.arange(len(X)) % 20 == 0
    detector = clone(ENSEMBLE).set_params(n_estimators=2)
    with config_context(**LITTLE), warnings.catch_warnings():
        warnings.simplefilter("error", NoSeparateGroupWarning)
        detector.fit(read(X), known_anomalies=is_anomaly)
        assert not detector._belief.is_separate
        detector.set_threshold(false_discovery_rate=0.9)


@pytest.mark.parametrize("name", ["labels_", "sample_indices_"])
def test_what_is_not_kept_of_rows_says_so(X, name):
    with pytest.raises(AttributeError, match=f"LOE: {name} are not kept where rows come in"):
        getattr(clone(ENSEMBLE).partial_fit(X), name)
