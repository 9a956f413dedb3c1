"""`contamination` is read once, and means the same whatever kind of number it is."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn._loe._find_ratio import believe
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
    assert read_contamination(0.1).member_ratios(None, 2, 100) == [0.1, 0.1]
    assert read_contamination(0.1).member_ratios(3, 2, 100) == [0.1] * 3
    pair = read_contamination((0.1, 0.4))
    assert pair.member_ratios(4, 2, 100) == pytest.approx([0.1, 0.1, 0.4, 0.4])
    assert pair.member_ratios(1, 1, 100) == pytest.approx([0.2])
    for form in ("auto", Eval()):
        ratios = read_contamination(form).member_ratios(None, 2, 10_000)
        assert ratios[::2] == ratios[1::2] == pytest.approx(np.geomspace(0.002, 0.4, 4).tolist())


@pytest.mark.parametrize(
    ("n_samples", "lowest"),
    [(2, 0.1), (10, 0.1), (50, 0.04), (500, 0.004), (1_000, 0.002), (10**6, 0.002)],
)
def test_unknown_ratios_reach_down_to_a_few_rows(n_samples, lowest):
    ratios = read_contamination("auto").member_ratios(None, 1, n_samples)
    assert ratios[0] == pytest.approx(lowest)
    assert ratios[-1] == pytest.approx(0.4)
    assert len(ratios) == 8
    np.testing.assert_allclose(np.diff(np.log(ratios)), np.diff(np.log(ratios))[0])


@pytest.mark.parametrize("n_members", range(1, 12))
@pytest.mark.parametrize("n_backbones", [1, 2, 3])
def test_each_backbone_gets_ratios_of_all_sizes(n_members, n_backbones):
    ratios = read_contamination((0.01, 0.25)).member_ratios(n_members, n_backbones, 100)
    assert len(ratios) == n_members
    for k in range(n_backbones):
        own = ratios[k::n_backbones]
        if len(own) == 1:
            assert own == pytest.approx([0.05])
        elif own:
            assert [own[0], own[-1]] == pytest.approx([0.01, 0.25])


def test_each_form_says_what_it_knows_and_finds():
    scores, belief = np.arange(100.0), believe([], 100)
    forms = [0.1, (0.1, 0.4), "auto", Eval(), lambda scores: 0.3]
    read = [read_contamination(form) for form in forms]
    assert [type(one) for one in read] == [Given, Interval, Unknown, Thresholded, Thresholded]
    assert [one.is_known for one in read] == [True, False, False, False, False]
    assert [one.is_open for one in read] == [False, False, True, True, True]
    assert [one.bounds for one in read] == [(0.1, 0.1), (0.1, 0.4), None, None, None]
    found = [one.find(scores, belief) for one in read]
    assert found[2] == belief.found
    values = [one.value for one in found]
    assert values[:2] + values[3:] == pytest.approx([0.1, 0.2, 0.5, 0.3])
    assert [(one.low, one.high) for one in found[:2]] == [(0.1, 0.1), (0.1, 0.4)]


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
