"""`contamination` is read once, and means the same whatever kind of number it is."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn._loe._find_ratio import RATIOS
from lofe_sklearn._loe._ratio import (
    Given,
    Interval,
    Thresholded,
    Unknown,
    read_contamination,
)

NUMBERS = [0.25, Fraction(1, 4), np.float32(0.25), np.float64(0.25), np.float16(0.25)]


class Eval:
    def eval(self, scores):
        return (scores > np.median(scores)).astype(int)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: type(n).__name__)
def test_numbers_of_any_kind(number, contaminated):
    assert read_contamination(number) == Given(0.25)
    assert type(read_contamination(number).contamination) is float
    X, _ = contaminated
    for cls in (DeepSVDD, lambda **given: LOE(DeepSVDD(max_epochs=2), **given)):
        shared = {"random_state": 0} | ({"max_epochs": 2} if cls is DeepSVDD else {"init": None})
        expected = cls(contamination=0.25, **shared).fit(X)
        detector = cls(contamination=number, **shared).fit(X)
        assert detector.offset_ == expected.offset_
        np.testing.assert_array_equal(detector.score_samples(X), expected.score_samples(X))
        assert (detector.predict(X) == -1).mean() == 0.25


def test_the_numbers_of_an_interval(contaminated):
    assert read_contamination([Fraction(1, 100), np.float32(0.25)]) == Interval(0.01, 0.25)
    X, _ = contaminated
    pair = Fraction(1, 50), Fraction(1, 5)
    detector = LOE(DeepSVDD(max_epochs=2), contamination=pair, n_estimators=2, init=None).fit(X)
    assert detector.contaminations_.tolist() == pytest.approx([0.02, 0.2])
    assert detector.contamination_ == pytest.approx(np.sqrt(0.02 * 0.2))


@pytest.mark.parametrize(
    "value",
    [Decimal("0.1"), True, np.True_, 0, 0.6, np.nan, np.inf, "0.1", (0.2, 0.1), (0.1,), None, 1j],
    ids=repr,
)
def test_what_is_no_ratio(value, contaminated):
    for detector in (LOE(DeepSVDD(), contamination=value), DeepSVDD(contamination=value)):
        with pytest.raises(ValueError, match="contamination must be a number in") as caught:
            detector.fit(contaminated[0])
        assert f"got {value!r}" in str(caught.value)
    with pytest.raises(ValueError, match="contamination must be"):
        read_contamination(value)


def test_each_form_says_its_members_ratios():
    assert read_contamination(0.1).member_ratios(None, 2) == [0.1, 0.1]
    assert read_contamination(0.1).member_ratios(3, 2) == [0.1] * 3
    assert read_contamination((0.1, 0.4)).member_ratios(4, 2) == pytest.approx([0.1, 0.1, 0.4, 0.4])
    assert sorted(read_contamination("auto").member_ratios(None, 2)) == sorted([*RATIOS, *RATIOS])
    ratios = read_contamination(Eval()).member_ratios(None, 1)
    assert sorted(ratios) == sorted([*RATIOS, *RATIOS])


def test_each_form_says_what_it_needs_and_finds():
    scores = np.arange(100.0)
    forms = [0.1, (0.1, 0.4), "auto", Eval(), lambda scores: 0.3]
    read = [read_contamination(form) for form in forms]
    assert [type(one) for one in read] == [Given, Interval, Unknown, Thresholded, Thresholded]
    assert [one.needs_folds for one in read] == [False, False, True, False, False]
    assert [one.largest for one in read] == [0.1, 0.4, None, None, None]
    found = [one.find(scores, None).value for one in read]
    assert found[:2] + found[3:] == pytest.approx([0.1, 0.2, 0.5, 0.3])


def test_rows_are_validated_once(contaminated, monkeypatch):
    from lofe_sklearn import _detectors, fit_many

    calls, validate = [], _detectors.validate_data
    monkeypatch.setattr(
        _detectors,
        "validate_data",
        lambda *args, **given: calls.append(1) or validate(*args, **given),
    )
    X, _ = contaminated
    quick = [DeepSVDD(max_epochs=2), AutoEncoder(max_epochs=2)]
    for detector in (quick[0], LOE(quick, n_estimators=5, max_features=0.8, random_state=0)):
        calls.clear()
        detector.fit(X)
        assert len(calls) == 1
    calls.clear()
    fit_many([LOE(quick, contamination=0.1, random_state=seed) for seed in range(4)], X)
    assert len(calls) == 1
